"""What is broken for a while, or for good, loses nothing and deletes nothing."""

import json
from typing import Any

import pytest
from werkzeug import Request

from integration.s3_proxy import Refuse, is_copy
from integration.support import REGION, TEST_EVENT, Destination, Stack, wait_until_idle


def dead_letter_reasons(stack: Stack, destination: Destination) -> list[str]:
    """Take the dead-letter messages; returns their reasons."""
    return [
        dead_letter["MessageAttributes"]["Reason"]["StringValue"]
        for dead_letter in stack.dead_letters(destination)
    ]


def removal_event(bucket: str, key: str) -> str:
    """What S3 publishes when an object is deleted."""
    record = {
        "eventSource": "aws:s3",
        "eventName": "ObjectRemoved:Delete",
        "s3": {"bucket": {"name": bucket}, "object": {"key": key}},
    }
    return json.dumps({"Records": [record]})


def test_access_denied_at_the_destination_is_waited_for(stack: Stack) -> None:
    plain = stack.destinations["plain"]

    def is_copy_to_it(request: Request) -> bool:
        return is_copy(request) and request.path.startswith(f"/{plain.bucket}/")

    refuse = Refuse(is_copy_to_it, 403, "AccessDenied")
    with stack.proxied(refuse):
        keys = [f"denied/{n}" for n in range(5)]
        for key in keys:
            stack.put(key, key.encode())
        stack.eventually("a refusal of each", lambda: refuse.refused >= len(keys))
        stack.eventually(
            "the messages back in the queue", lambda: stack.messages(plain) == len(keys)
        )
        refuse.is_on = False
        stack.wait_until_equal(keys)
        stack.wait_until_quiet()
    assert dead_letter_reasons(stack, plain) == []
    reasons = {line.get("reason") for line in stack.log_lines(plain) if line.get("key") in keys}
    assert reasons == {None, "DstPutObjectNotPermitted"}


def test_without_access_to_the_source_nothing_is_deleted(stack: Stack) -> None:
    renamed, key = stack.destinations["renamed"], "reports/unreadable"
    stack.put(key, b"unreadable")
    stack.wait_until_equal([key])

    def is_read_of_the_source(request: Request) -> bool:
        return request.method in ("GET", "HEAD") and request.path == f"/{stack.source_bucket}/{key}"

    refuse = Refuse(is_read_of_the_source, 403, "AccessDenied")
    with stack.proxied(refuse):
        stack.s3.delete_object(Bucket=stack.source_bucket, Key=key)
        stack.eventually(
            "the refusal in the log",
            lambda: [
                line
                for line in stack.log_lines(renamed)
                if line.get("key") == key and line.get("reason") == "SrcHeadObjectNotPermitted"
            ],
        )
        assert stack.at_destination(renamed, key) is not None
        refuse.is_on = False
        stack.wait_until_gone(renamed, key)
        stack.wait_until_quiet()


def test_without_the_source_bucket_nothing_is_deleted(stacks: dict[str, Stack]) -> None:
    left, sns = stacks["left"], stacks["left"].aws.client("sns", region=REGION)
    [right] = left.destinations.values()
    bucket, keys = left.source_bucket, [f"orphan-{n}" for n in range(3)]
    for key in keys:
        left.put(key, b"orphan")
    left.wait_until_equal(keys)
    wait_until_idle(left, stacks["right"])

    notification = left.s3.get_bucket_notification_configuration(Bucket=bucket)
    del notification["ResponseMetadata"]
    left.s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
    for key in left.keys(bucket):
        left.s3.delete_object(Bucket=bucket, Key=key)
    left.s3.delete_bucket(Bucket=bucket)
    try:
        for key in keys:
            sns.publish(TopicArn=left.topic_arn, Message=removal_event(bucket, key))

        def reasons() -> dict[str, str]:
            found = (line for line in left.log_lines(right) if line.get("key") in keys)
            return {line["key"]: line["reason"] for line in found if "reason" in line}

        left.eventually("a reason for each key", lambda: len(reasons()) == len(keys))
        assert set(reasons().values()) == {"SrcBucketNotFound"}
        assert set(keys) <= left.keys(right.bucket)
    finally:
        # Once the bucket is there again, what is missing in it is known to be missing.
        left.sqs.purge_queue(QueueUrl=right.queue_url)
        place = {"LocationConstraint": REGION}
        left.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=place)
        left.s3.put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration=notification
        )


GARBAGE: list[Any] = [
    "no JSON at all",
    "[]",
    json.dumps({"Records": []}),
    json.dumps({"Records": [{"eventSource": "aws:ec2"}]}),
    json.dumps({"Records": [{"eventSource": "aws:s3", "s3": {"object": {}}}]}),
    json.dumps({"Type": "Notification", "Message": "{"}),
]


def test_garbage_becomes_dead_letters_and_the_rest_goes_on(stack: Stack) -> None:
    plain = stack.destinations["plain"]
    assert stack.dead_letters(plain) == []
    sns = stack.aws.client("sns", region=REGION)
    for garbage in [*GARBAGE, TEST_EVENT]:
        stack.sqs.send_message(QueueUrl=plain.queue_url, MessageBody=garbage)
        sns.publish(TopicArn=stack.topic_arn, Message=garbage)
    stack.put("after/garbage", b"after")
    stack.wait_until_equal(["after/garbage"])
    stack.wait_until_quiet()
    dead_letters = stack.dead_letters(plain)
    assert sorted(dead_letter["Body"] for dead_letter in dead_letters) == sorted(GARBAGE * 2)
    for dead_letter in dead_letters:
        attributes = dead_letter["MessageAttributes"]
        assert attributes["Reason"]["StringValue"] == "MalformedMessage"
        assert attributes["Destination"]["StringValue"] == "plain"
        assert attributes["Explanation"]["StringValue"]


def test_garbage_becomes_dead_letters_in_direct_delivery_too(versioned: Stack) -> None:
    kept = versioned.destinations["kept"]
    sns = versioned.aws.client("sns", region=REGION)
    for garbage in [*GARBAGE, TEST_EVENT]:
        sns.publish(TopicArn=versioned.topic_arn, Message=garbage)
    dead_letters: list[str] = []

    def all_there() -> bool:
        dead_letters.extend(dead_letter_reasons(versioned, kept))
        return len(dead_letters) >= len(GARBAGE)

    versioned.eventually("a dead-letter message for each", all_there)
    assert dead_letters == ["MalformedMessage"] * len(GARBAGE)
    for other in versioned.destinations.values():
        versioned.dead_letters(other)


@pytest.mark.parametrize("name", ["plain", "reports"])
def test_a_dead_letter_that_the_documented_command_redrives_is_replicated(
    stack: Stack, name: str
) -> None:
    destination, key = stack.destinations[name], f"reports/archived-{name}"

    def is_copy_of_it(request: Request) -> bool:
        return is_copy(request) and request.path == f"/{destination.bucket}/{key}"

    refuse = Refuse(is_copy_of_it, 403, "InvalidObjectState")
    with stack.proxied(refuse):
        stack.put(key, b"archived")
        dead_letter = stack.eventually("the dead-letter message", lambda: peek(stack, destination))
        assert dead_letter["MessageAttributes"]["Reason"]["StringValue"] == "SrcObjectArchived"
        refuse.is_on = False
        with stack.queue_attributes(destination, DelaySeconds="0"):
            shown = stack.run(destination.list_dead_letters_command)
            assert "SrcObjectArchived" in shown
            assert key in shown
            stack.run(destination.redrive_command)
            stack.wait_until_equal([key])
            stack.wait_until_quiet()
    assert stack.dead_letters(destination) == []


def peek(stack: Stack, destination: Destination) -> dict[str, Any] | None:
    """Read a dead-letter message without taking it."""
    got = stack.sqs.receive_message(
        QueueUrl=destination.dead_letter_queue_url,
        MessageAttributeNames=["All"],
        VisibilityTimeout=0,
    )
    return next(iter(got.get("Messages", ())), None)
