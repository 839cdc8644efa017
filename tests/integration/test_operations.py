"""What an operator does: every command of docs/operations.md and of the outputs, and what it shows.

That nothing differs from the configuration afterwards is what the tests of plans see.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from integration.s3_proxy import Refuse, is_copy
from integration.support import REGION, TEST_EVENT, Destination, Stack, planned_changes
from local_aws.server import REPOSITORY

DOCUMENT = REPOSITORY / "docs/operations.md"


def documented() -> Iterator[tuple[str, str]]:
    """The commands of the document that need nothing but the local AWS, and what is said before."""
    text = DOCUMENT.read_text()
    for match in re.finditer(r"([^\n]+)\n\n```sh\n(.*?)```", text, re.S):
        paragraph = text[: match.end(1)].rsplit("\n\n", 1)[-1]
        if "*needs AWS*" not in paragraph:
            yield paragraph, match[2]


def command(about: str) -> str:
    """The documented command whose paragraph says so."""
    [found] = [command for paragraph, command in documented() if about in paragraph]
    return found


def variables(stack: Stack, destination: Destination, key: str = "a key") -> dict[str, str]:
    """What the document's commands use."""
    return {
        "DESTINATION": destination.name,
        "SOURCE_BUCKET": stack.source_bucket,
        "QUEUE_URL": destination.queue_url,
        "DEAD_LETTER_QUEUE_URL": destination.dead_letter_queue_url,
        "FUNCTION": destination.function_name,
        "LOG_GROUP": destination.log_group_name,
        "TABLE": stack.replication_log_table_name,
        "KEY": key,
    }


def entries(stack: Stack, key: str) -> dict[str, dict[str, Any]]:
    """What the documented query says of an object, by destination."""
    some = next(iter(stack.destinations.values()))
    printed = stack.run(command("what is known of the object"), **variables(stack, some, key))
    return {entry["destination"]: entry for entry in json.loads(printed)}


def logged(stack: Stack, key: str) -> dict[str, tuple[str, str]]:
    """Status and action of an object by destination, without the CLI, which takes long to start."""
    found = stack.aws.client("dynamodb", region=REGION).query(
        TableName=stack.replication_log_table_name,
        KeyConditionExpression="#k = :key",
        ExpressionAttributeNames={"#k": "key"},
        ExpressionAttributeValues={":key": {"S": key}},
    )
    return {
        item["destination"]["S"]: (item["status"]["S"], item["action"]["S"])
        for item in found["Items"]
    }


def test_every_documented_command_runs(versioned: Stack) -> None:
    kept = versioned.destinations["kept"]
    undelivered = f"{kept.queue_url}-undelivered"
    for _ in range(2):
        versioned.sqs.send_message(QueueUrl=undelivered, MessageBody=TEST_EVENT)
    commands = list(documented())
    assert len(commands) >= 10
    # What one of them sends is not left to the last test, which waits until all is done.
    with versioned.delays_of_direct_delivery("0"):
        for _, line in commands:
            versioned.run(line, **variables(versioned, kept))
    left = versioned.sqs.get_queue_attributes(QueueUrl=undelivered, AttributeNames=["All"])
    assert left["Attributes"]["ApproximateNumberOfMessages"] == "0"
    assert left["Attributes"]["ApproximateNumberOfMessagesNotVisible"] == "0"


def test_the_log_says_where_an_object_is(versioned: Stack) -> None:
    key = "where/is 'it' \"now\"? \u00fc $HOME \\.txt"
    versioned.put(key, b"here", Tagging="a=b")
    version = versioned.s3.head_object(Bucket=versioned.source_bucket, Key=key)["VersionId"]
    destinations = versioned.destinations.keys()
    versioned.eventually(
        "an outcome at every destination", lambda: logged(versioned, key).keys() == destinations
    )
    assert {(e["status"], e["version"]) for e in entries(versioned, key).values()} == {
        ("COMPLETED", version)
    }

    versioned.s3.delete_object(Bucket=versioned.source_bucket, Key=key)
    versioned.eventually(
        "the delete in the log",
        lambda: (
            {name: action for name, (_, action) in logged(versioned, key).items()}
            == {"kept": "copied", "mirrored": "deleted", "queued": "deleted"}
        ),
    )


def test_the_log_says_what_has_failed_until_it_is_replicated(versioned: Stack) -> None:
    queued, key = versioned.destinations["queued"], "failed-in-the-last-hour.txt"

    def failures() -> list[dict[str, Any]]:
        printed = versioned.run(
            command("failed at a destination in the last hour"), **variables(versioned, queued)
        )
        return [entry for entry in json.loads(printed) if entry["key"] == key]

    refuse = Refuse(
        lambda request: is_copy(request) and request.path == f"/{queued.bucket}/{key}",
        403,
        "AccessDenied",
    )
    with versioned.proxied(refuse):
        versioned.put(key, b"refused")
        versioned.eventually(
            "the failure", lambda: logged(versioned, key).get("queued") == ("FAILED", "failed")
        )
        [failed] = failures()
        assert failed["reason"] == "DstPutObjectNotPermitted"
        said = versioned.run(command("Look at why attempts fail"), **variables(versioned, queued))
        assert "DstPutObjectNotPermitted" in said
        refuse.is_on = False
        versioned.eventually(
            "the replica", lambda: logged(versioned, key).get("queued") == ("COMPLETED", "copied")
        )
    assert failures() == []


def test_a_destination_is_paused_and_resumed_by_the_documented_commands(stack: Stack) -> None:
    plain, key = stack.destinations["plain"], "paused-by-command"
    stack.wait_until_quiet()
    stack.run(plain.pause_command)

    def is_disabled() -> bool:
        [mapping] = stack.functions.list_event_source_mappings(FunctionName=plain.function_name)[
            "EventSourceMappings"
        ]
        return bool(mapping["State"] == "Disabled")

    try:
        stack.eventually("the mapping disabled", is_disabled)
        assert planned_changes(stack.tf.plan(output=True)) == {
            'module.fanout.aws_lambda_event_source_mapping.work["plain"]': ["update"]
        }
        stack.put(key, b"paused")
        stack.eventually("the event in the queue", lambda: stack.messages(plain) == 1)
        assert stack.at_destination(plain, key) is None
    finally:
        stack.run(plain.resume_command)
    stack.wait_until_equal([key])


def test_with_direct_delivery_pausing_takes_the_concurrency_away(stack: Stack) -> None:
    """The local AWS loses events of a function without concurrency: nothing is put here."""
    reports = stack.destinations["reports"]

    def concurrency() -> int | None:
        found = stack.functions.get_function_concurrency(FunctionName=reports.function_name)
        return found.get("ReservedConcurrentExecutions")  # type: ignore[no-any-return]

    stack.wait_until_quiet()
    stack.run(reports.pause_command)
    try:
        assert concurrency() == 0
    finally:
        stack.run(reports.resume_command)
    assert concurrency() is None


def test_the_dashboard_is_what_cloudwatch_takes(versioned: Stack) -> None:
    cloudwatch = versioned.aws.client("cloudwatch", region=REGION)
    body = json.loads(
        cloudwatch.get_dashboard(DashboardName=versioned.dashboard_name)["DashboardBody"]
    )
    assert len(body["widgets"]) >= 8
    for widget in body["widgets"]:
        assert widget["properties"]["region"] == REGION
        assert len(widget["properties"]["metrics"]) <= 500
