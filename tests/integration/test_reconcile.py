"""What events did not bring, reconcile finds and the functions repair; nothing else is touched."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from integration.support import Destination, Stack

FOLDER = "reports/reconcile/"


def reconcile(stack: Stack, **event: Any) -> dict[str, Any]:
    """Invoke the function until the run is at its end."""
    while True:
        answered = stack.functions.invoke(
            FunctionName=function_name(stack), Payload=json.dumps(event)
        )
        answer: dict[str, Any] = json.loads(answered["Payload"].read())
        assert "FunctionError" not in answered, answer
        assert "error" not in answer, answer
        if answer["complete"]:
            return answer
        event = answer["next"]


def function_name(stack: Stack) -> str:
    """The name of a module's function that compares, which is like those of its destinations."""
    destination = next(iter(stack.destinations.values()))
    queue_name = destination.queue_url.rsplit("/", 1)[-1]
    return f"{queue_name.removesuffix(destination.name)}reconcile"


@contextmanager
def no_events(stack: Stack) -> Iterator[None]:
    """Let nobody hear of what happens to the source."""
    before = stack.s3.get_bucket_notification_configuration(Bucket=stack.source_bucket)
    before.pop("ResponseMetadata")
    stack.s3.put_bucket_notification_configuration(
        Bucket=stack.source_bucket, NotificationConfiguration={}
    )
    try:
        yield
    finally:
        stack.s3.put_bucket_notification_configuration(
            Bucket=stack.source_bucket, NotificationConfiguration=before
        )


def counts(answer: dict[str, Any]) -> tuple[int, ...]:
    """How many are missing, resized, stale and extra."""
    return tuple(answer["differences"][kind] for kind in ("missing", "resized", "stale", "extra"))


@pytest.fixture
def renamed(stack: Stack) -> Destination:
    """A destination with prefixes, that are renamed, and whose deletes are replicated."""
    return stack.destinations["renamed"]


def test_what_was_there_before_is_brought_to_a_destination_of_either_delivery(
    versioned: Stack,
) -> None:
    keys = [f"{FOLDER}before/{n:03}.txt" for n in range(60)]
    with no_events(versioned):
        for key in keys:
            versioned.put(key, key.encode(), Metadata={"key": key[-7:]}, Tagging="a=b")
    wanted = {"mode": "repair", "prefix": f"{FOLDER}before/"}
    for name in versioned.destinations:
        answer = reconcile(versioned, destination=name, **wanted)
        assert counts(answer) == (60, 0, 0, 0)
        assert answer["queued"] == 60
    versioned.wait_until_equal(keys)
    for name in versioned.destinations:
        answer = reconcile(versioned, destination=name, **wanted)
        assert counts(answer) == (0, 0, 0, 0)
        assert answer["queued"] == 0
        assert answer["listed"] == {"source": 60, "destination": 60}


def test_exactly_what_differs_is_found_and_repaired(stack: Stack, renamed: Destination) -> None:
    folder = f"{FOLDER}differences/"
    keys = [f"{folder}{n:02}" for n in range(20)]
    for key in keys:
        stack.put(key, key.encode())
    stack.wait_until_equal(keys)
    stack.wait_until_quiet()
    there = [str(renamed.key_for(key)) for key in keys]
    extra = [str(renamed.key_for(f"{folder}extra/{n}")) for n in range(3)]
    beside = ["archive", "archived/x", "reports/reconcile/differences/00", "zzz"]
    with no_events(stack):
        for key in there[:2]:
            stack.s3.delete_object(Bucket=renamed.bucket, Key=key)
        for key in there[2:5]:
            stack.s3.put_object(Bucket=renamed.bucket, Key=key, Body=b"another size")
        for key in [*extra, *beside]:
            stack.s3.put_object(Bucket=renamed.bucket, Key=key, Body=b"not ours")
        written = stack.s3.head_object(Bucket=renamed.bucket, Key=there[5])["LastModified"]
        stack.eventually("another second", lambda: time.time() > written.timestamp() + 1)
        for key in keys[5:9]:
            stack.put(key, key.encode()[::-1])
        stack.put(f"{folder}archived", b"not to be read", StorageClass="GLACIER")
    asked = {"destination": "renamed", "prefix": folder}

    answer = reconcile(stack, mode="audit", **asked)
    assert counts(answer) == (2, 3, 4, 3)
    assert answer["examples"] == {
        "missing": keys[:2],
        "resized": keys[2:5],
        "stale": keys[5:9],
        "extra": extra,
        "archived": [f"{folder}archived"],
    }
    assert answer["queued"] == 0

    answer = reconcile(stack, mode="repair", **asked)
    assert counts(answer) == (2, 3, 4, 3)
    assert answer["queued"] == 9
    for key in keys:
        stack.eventually(
            f"{key} equal",
            lambda key=key: stack.at_destination(renamed, key) == stack.at_source(key),  # type: ignore[misc]
        )
    stack.wait_until_quiet()
    assert set(extra) | set(beside) <= stack.keys(renamed.bucket)

    answer = reconcile(stack, mode="repair", delete_extra=True, **asked)
    assert counts(answer) == (0, 0, 0, 3)
    assert answer["queued"] == answer["deletes_queued"] == 3
    stack.eventually("extra objects gone", lambda: not set(extra) & stack.keys(renamed.bucket))
    stack.wait_until_quiet()
    assert set(there) | set(beside) <= stack.keys(renamed.bucket)
    assert counts(reconcile(stack, mode="audit", **asked)) == (0, 0, 0, 0)


def test_the_command_of_the_output_audits(stack: Stack) -> None:
    for name, destination in stack.destinations.items():
        answer, _ = json.JSONDecoder().raw_decode(stack.run(destination.reconcile_command))
        assert (answer["destination"], answer["mode"]) == (name, "audit")
        assert answer["listed"]["source"] >= 0


def test_a_run_for_all_begins_one_for_each_destination(stack: Stack) -> None:
    group = f"/aws/lambda/{function_name(stack)}"
    stack.functions.invoke(
        FunctionName=function_name(stack),
        Payload=json.dumps({"destination": "all", "mode": "audit", "prefix": f"{FOLDER}all/"}),
    )

    def ended() -> set[str]:
        pages = stack.aws.client("logs", region="eu-central-1").get_paginator("filter_log_events")
        lines = [
            json.loads(event["message"])
            for page in pages.paginate(logGroupName=group)
            for event in page["events"]
            if event["message"].startswith("{")
        ]
        return {
            line["destination"]
            for line in lines
            if line.get("action") == "reconciled" and line["prefix"] == f"{FOLDER}all/"
        }

    stack.eventually("every destination reconciled", lambda: ended() == set(stack.destinations))
