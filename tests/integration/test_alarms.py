"""Every alarm goes off, and says where to read on.

Those with a period of a minute are made to go off on the local AWS: the first test causes what they are
for, and the last one looks who was notified. For the others that would take up to 20 minutes; what they
would do is worked out from the metrics that were recorded.
"""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from integration.alarms import publish_embedded_metrics, state
from integration.support import REGION, Destination, Stack
from local_aws.server import REPOSITORY

AT_ONCE = ("queued-dead-letters", "queued-undelivered", "queued-deletes", "kept-direct-losses")
ON_CALL_QUEUE = "on-call-of-the-tests"


def prefix(stack: Stack) -> str:
    """What the names of a module's alarms begin with."""
    return stack.topic_arn.rsplit(":", 1)[-1] + "-"


def alarms(stack: Stack) -> dict[str, dict[str, Any]]:
    """A module's alarms, by what follows the beginning they share."""
    pages = (
        stack.aws.client("cloudwatch", region=REGION)
        .get_paginator("describe_alarms")
        .paginate(AlarmNamePrefix=prefix(stack))
    )
    return {
        alarm["AlarmName"].removeprefix(prefix(stack)): alarm
        for page in pages
        for alarm in page["MetricAlarms"]
    }


def raw_lines(stack: Stack, destination: Destination) -> list[str]:
    """A function's log."""
    pages = stack.aws.client("logs", region=REGION).get_paginator("filter_log_events")
    return [
        event["message"]
        for page in pages.paginate(logGroupName=destination.log_group_name)
        for event in page["events"]
    ]


def test_what_alarms_are_for_happens(versioned: Stack) -> None:
    """The last test of this file looks at what comes of it."""
    queued = versioned.destinations["queued"]
    cloudwatch = versioned.aws.client("cloudwatch", region=REGION)
    sns = versioned.aws.client("sns", region=REGION)
    on_call = versioned.sqs.create_queue(QueueName=ON_CALL_QUEUE)["QueueUrl"]
    on_call_arn = versioned.sqs.get_queue_attributes(QueueUrl=on_call, AttributeNames=["QueueArn"])
    [topic] = alarms(versioned)["queued-delay"]["AlarmActions"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=on_call_arn["Attributes"]["QueueArn"])

    # Messages stay until the alarm has seen them.
    versioned.sqs.send_message(QueueUrl=queued.queue_url, MessageBody="a dead letter")
    undelivered = f"{queued.queue_url}-undelivered"
    versioned.sqs.send_message(QueueUrl=undelivered, MessageBody="not delivered")

    keys = [f"many-deletes/{n}.txt" for n in range(4)]
    for key in keys:
        versioned.put(key, b"deleted soon")
    versioned.wait_until_equal(keys)
    for key in keys:
        versioned.s3.delete_object(Bucket=versioned.source_bucket, Key=key)
    for key in keys:
        versioned.wait_until_gone(queued, key)
    deletes = versioned.eventually(
        "the deletes' metrics",
        lambda: [
            line
            for line in raw_lines(versioned, queued)
            if line.startswith('{"_aws"') and '"DeletesReplicated"' in line
        ],
    )
    assert publish_embedded_metrics(cloudwatch, deletes) >= 2
    for name in ("kept-direct-losses", "events-lost"):
        record(versioned, alarms(versioned)[name], datetime.now(UTC), 1)


@pytest.mark.last
def test_alarms_have_notified_those_on_call(versioned: Stack) -> None:
    expected = {f"{prefix(versioned)}{name}" for name in (*AT_ONCE, "events-lost")}
    on_call = versioned.sqs.get_queue_url(QueueName=ON_CALL_QUEUE)["QueueUrl"]
    notified: dict[str, set[str]] = {}

    def all_notified() -> bool:
        got = versioned.sqs.receive_message(QueueUrl=on_call, MaxNumberOfMessages=10)
        for message in got.get("Messages", ()):
            alarm = json.loads(json.loads(message["Body"])["Message"])
            notified.setdefault(alarm["NewStateValue"], set()).add(alarm["AlarmName"])
        return expected <= notified.get("ALARM", set())

    versioned.eventually(f"each of {expected} notified", all_notified)
    versioned.sqs.delete_queue(QueueUrl=on_call)


def record(stack: Stack, alarm: dict[str, Any], at: datetime, value: float) -> None:
    """Record a value of an alarm's metric, as the service it belongs to would."""
    stack.aws.client("cloudwatch", region=REGION).put_metric_data(
        Namespace=alarm["Namespace"],
        MetricData=[
            {
                "MetricName": alarm["MetricName"],
                "Dimensions": alarm["Dimensions"],
                "Timestamp": at,
                "Value": value,
            }
        ],
    )


def test_every_alarm_says_where_to_read_on(versioned: Stack) -> None:
    headings = re.findall(r"^## (.*)$", (REPOSITORY / "docs/operations.md").read_text(), re.M)
    anchors = {heading.lower().replace(" ", "-") for heading in headings}
    for alarm in alarms(versioned).values():
        assert str(alarm["AlarmDescription"]).split("See docs/operations.md#")[1] in anchors


def test_an_object_that_comes_late_sets_off_the_alarm_on_the_delay(versioned: Stack) -> None:
    queued, key = versioned.destinations["queued"], "late.txt"
    cloudwatch = versioned.aws.client("cloudwatch", region=REGION)
    alarm = alarms(versioned)["queued-delay"]
    assert alarm["Threshold"] == 15 * 60
    versioned.put(key, b"late")
    versioned.wait_until_equal([key])
    publish_embedded_metrics(cloudwatch, raw_lines(versioned, queued))
    assert state(cloudwatch, alarm, datetime.now(UTC)) == "OK"

    # As if its event had been held back for 20 minutes.
    versioned.s3.delete_object(Bucket=queued.bucket, Key=key)
    happened = datetime.now(UTC) - timedelta(minutes=20)
    seen = set(raw_lines(versioned, queued))
    event = {
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "eventTime": happened.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "s3": {"bucket": {"name": versioned.source_bucket}, "object": {"key": key}},
    }
    versioned.sqs.send_message(
        QueueUrl=queued.queue_url, MessageBody=json.dumps({"Records": [event]})
    )
    versioned.wait_until_equal([key])
    new = versioned.eventually(
        "the delay's metric",
        lambda: [
            line
            for line in raw_lines(versioned, queued)
            if line not in seen and "ReplicationLatency" in line
        ],
    )
    publish_embedded_metrics(cloudwatch, new)
    now = datetime.now(UTC) + timedelta(seconds=1)
    assert state(cloudwatch, alarm, now) == "ALARM"
    assert state(cloudwatch, alarm, now + timedelta(minutes=19)) == "ALARM"
    assert state(cloudwatch, alarm, now + timedelta(minutes=21)) == "OK"


def test_an_error_counts_for_the_alarm_on_errors_and_alone_does_not_set_it_off(
    versioned: Stack,
) -> None:
    queued, alarm = versioned.destinations["queued"], alarms(versioned)["queued-errors"]
    cloudwatch = versioned.aws.client("cloudwatch", region=REGION)
    answer = versioned.functions.invoke(
        FunctionName=queued.function_name, Payload=json.dumps({"tasks": [{}]})
    )
    assert "FunctionError" in answer

    def values() -> list[float]:
        query = {name: alarm[name] for name in ("Namespace", "MetricName", "Dimensions")} | {
            "Statistics": ["Sum"],
            "Period": alarm["Period"],
        }
        now = datetime.now(UTC)
        found = cloudwatch.get_metric_statistics(
            **query, StartTime=now - timedelta(minutes=30), EndTime=now + timedelta(seconds=1)
        )
        return [point["Sum"] for point in found["Datapoints"]]

    versioned.eventually("the error's metric", lambda: sum(values()) > 0)
    # One alone comes back by itself.
    assert state(cloudwatch, alarm, datetime.now(UTC) + timedelta(seconds=1)) == "OK"


# How many of the last 5-minute periods have to have the value.
@pytest.mark.parametrize(
    ("name", "value", "periods"),
    [
        ("queued-waiting", 901, 1),
        ("queued-throttles", 1, 3),
        ("kept-throttles", 7, 3),
        ("mirrored-errors", 1, 3),
        ("queued-errors", 1, 3),
        ("reconcile-errors", 1, 1),
    ],
)
def test_what_lasts_sets_off_its_alarm_and_what_passes_does_not(
    versioned: Stack, name: str, value: float, periods: int
) -> None:
    cloudwatch = versioned.aws.client("cloudwatch", region=REGION)
    alarm = alarms(versioned)[name]
    # A day ago, where nothing else was recorded.
    start = datetime.now(UTC) - timedelta(days=1)
    for period in range(periods):
        assert state(cloudwatch, alarm, start + timedelta(minutes=5 * period)) == "OK"
        record(versioned, alarm, start + timedelta(minutes=5 * period + 1), value)
    assert state(cloudwatch, alarm, start + timedelta(minutes=5 * periods)) == "ALARM"
    record(versioned, alarm, start + timedelta(minutes=5 * periods + 1), 0)
    assert state(cloudwatch, alarm, start + timedelta(minutes=5 * periods + 5)) == "OK"
