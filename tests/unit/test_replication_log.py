"""The replication log: what an outcome becomes, and which of two stays."""

from __future__ import annotations

import dataclasses
import json
from itertools import permutations
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from fanout.common.config import LogTable
from fanout.replicate.batch import DirectDeliveryError
from fanout.replicate.failures import FailureKind
from fanout.replicate.protocol import Ending
from fanout.replicate.replication_log import iso_timestamp
from fanout.replicate.report import Report

from .builders import (
    BODY,
    EVENT_SECONDS,
    FOREVER,
    SOURCE_REGION,
    Bench,
    config,
    failure,
    outcome,
    s3_event,
    sns_event,
    sqs_record,
    state,
)

DAY_SECONDS = 86400
TABLE = LogTable("log", retention_days=7)
SETTINGS = dataclasses.replace(config(), replication_log=TABLE)


@pytest.fixture
def table(_moto: None) -> Any:
    """An empty table with the keys and the index of the module's."""
    dynamodb = boto3.client("dynamodb", region_name=SOURCE_REGION)
    dynamodb.create_table(
        TableName="log",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[
            {"AttributeName": "key", "KeyType": "HASH"},
            {"AttributeName": "destination", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "S"}
            for name in ("key", "destination", "failed_at")
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "failures",
                "KeySchema": [
                    {"AttributeName": "destination", "KeyType": "HASH"},
                    {"AttributeName": "failed_at", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )
    yield dynamodb
    dynamodb.delete_table(TableName="log")


def items(dynamodb: Any, **arguments: Any) -> list[dict[str, Any]]:
    """What the table, or its index, holds."""
    return [
        {name: value.get("S", value.get("N")) for name, value in found.items()}
        for found in dynamodb.scan(TableName="log", **arguments)["Items"]
    ]


def test_a_replica_is_told_with_the_identity_of_its_source(
    table: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fanout.replicate.report.time.time", lambda: EVENT_SECONDS + 2)
    source = state(etag='"abc"', version_id="v1", size=len(BODY))

    Report(SETTINGS, table).outcome(outcome(source=source))

    assert items(table) == [
        {
            "key": "key",
            "destination": "archive",
            "status": "COMPLETED",
            "action": "copied",
            "destination_key": "key",
            "event": "ObjectCreated:Put",
            "event_at": iso_timestamp(EVENT_SECONDS),
            "as_of": iso_timestamp(EVENT_SECONDS + 1),
            "ended_at": iso_timestamp(EVENT_SECONDS + 2),
            "etag": '"abc"',
            "version_id": "v1",
            "last_modified": source.last_modified,
            "size": str(len(BODY)),
            "expires_at": str(round(EVENT_SECONDS + 2) + 7 * DAY_SECONDS),
        }
    ]


def test_a_failure_is_told_with_its_reason_and_is_in_the_index_until_it_is_over(
    table: Any,
) -> None:
    report = Report(SETTINGS, table)
    report.outcome(
        outcome(ending=Ending.FAILED, error=failure(FailureKind.TRANSIENT, "S3Unavailable"))
    )

    (failed,) = items(table, IndexName="failures")
    assert (failed["status"], failed["reason"]) == ("FAILED", "S3Unavailable")
    assert (failed["explanation"], failed["request_id"]) == ("because", "REQUEST1")
    assert failed["failed_at"] == failed["ended_at"]

    report.outcome(outcome(observed_at=EVENT_SECONDS + 5))

    assert items(table, IndexName="failures") == []
    assert [found["status"] for found in items(table)] == ["COMPLETED"]


@pytest.mark.parametrize(
    "changed",
    [
        {"ending": Ending.QUEUED},
        {"ending": Ending.FAILED, "error": failure(FailureKind.UNFINISHED, "CopyUnfinished")},
    ],
)
def test_an_upload_that_goes_on_is_pending_and_no_failure(
    table: Any, changed: dict[str, Any]
) -> None:
    Report(SETTINGS, table).outcome(outcome(**changed))

    assert [found["status"] for found in items(table)] == ["PENDING"]
    assert items(table, IndexName="failures") == []


def test_a_key_that_the_destination_does_not_want_any_more_is_left_out(table: Any) -> None:
    Report(SETTINGS, table).outcome(outcome(ending=Ending.SKIPPED, destination_key=None))

    assert items(table) == []


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_in_whatever_order_workers_end_the_outcome_of_the_last_look_stays(
    table: Any, order: tuple[int, ...]
) -> None:
    # One worker for each look; a slow one ends after those that looked later.
    outcomes = [
        outcome(ending=Ending.COPIED, observed_at=EVENT_SECONDS + 1.001),
        outcome(
            ending=Ending.FAILED,
            observed_at=EVENT_SECONDS + 1.002,
            error=failure(FailureKind.TRANSIENT),
        ),
        outcome(ending=Ending.DELETED, observed_at=EVENT_SECONDS + 61.5),
    ]
    for n in order:
        Report(SETTINGS, table).outcome(outcomes[n])

    assert [found["action"] for found in items(table)] == ["deleted"]


@pytest.mark.parametrize("order", list(permutations(range(2))))
@pytest.mark.parametrize(
    ("told_after_seconds", "stays"), [(0, "copied"), (1, "copied"), (2, "failed")]
)
def test_a_failure_hides_no_success_that_came_after_what_it_was_told_of(
    table: Any, order: tuple[int, ...], told_after_seconds: float, stays: str
) -> None:
    # A message that was delivered twice is deleted by the one that succeeds.
    outcomes = [
        outcome(ending=Ending.COPIED, observed_at=EVENT_SECONDS + 1.5),
        outcome(
            ending=Ending.FAILED,
            error=failure(FailureKind.TRANSIENT),
            observed_at=EVENT_SECONDS + 9,
            notified_at=EVENT_SECONDS + told_after_seconds,
        ),
    ]
    for n in order:
        Report(SETTINGS, table).outcome(outcomes[n])

    assert [found["action"] for found in items(table)] == [stays]


def test_a_message_that_fails_again_is_told_again(
    table: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seconds, reason in ((10, "SrcAccessDenied"), (20, "DstAccessDenied")):
        monkeypatch.setattr(
            "fanout.replicate.report.time.time", lambda at=seconds: EVENT_SECONDS + at
        )
        error = failure(FailureKind.DESTINATION, reason)
        Report(SETTINGS, table).outcome(
            outcome(
                ending=Ending.FAILED,
                error=error,
                observed_at=EVENT_SECONDS + seconds,
                notified_at=EVENT_SECONDS,
            )
        )

    (failed,) = items(table)
    assert (failed["reason"], failed["failed_at"]) == (
        "DstAccessDenied",
        iso_timestamp(EVENT_SECONDS + 20),
    )


def test_a_failure_is_from_when_the_last_message_about_its_key_was_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Bench(config=SETTINGS, endings={"key": failure(FailureKind.TRANSIENT)})
    monkeypatch.setattr("fanout.replicate.replicator.converge", bench.converge)
    event = s3_event("key")

    bench.failures(
        sqs_record(event, name="later", sent_at=EVENT_SECONDS + 7),
        sqs_record(event, name="earlier", sent_at=EVENT_SECONDS + 3),
    )
    with pytest.raises(DirectDeliveryError):
        bench.replicator.handle_sns(sns_event(event), FOREVER)

    queued, direct = (call["Item"]["as_of"]["S"] for call in bench.calls("put_item"))
    assert queued == iso_timestamp(EVENT_SECONDS + 7)
    assert direct == iso_timestamp(EVENT_SECONDS)


def test_a_copy_in_parts_that_goes_on_and_then_fails_is_told_to_have_failed(table: Any) -> None:
    report = Report(SETTINGS, table)
    unfinished, denied = (
        failure(FailureKind.UNFINISHED, "CopyUnfinished"),
        failure(FailureKind.DESTINATION, "DstAccessDenied"),
    )
    for seconds, error in ((900, unfinished), (1800, denied)):
        report.outcome(
            outcome(
                ending=Ending.FAILED,
                error=error,
                observed_at=EVENT_SECONDS + seconds,
                notified_at=EVENT_SECONDS,
            )
        )

    assert [found["status"] for found in items(table)] == ["FAILED"]


def test_destinations_and_keys_have_an_item_each(table: Any) -> None:
    for name in ("archive", "nearby"):
        there = dataclasses.replace(SETTINGS.destination, name=name)
        report = Report(dataclasses.replace(SETTINGS, destination=there), table)
        for key in ("one", "two", "k" * 1024, "\U0001f680" * 256):
            report.outcome(outcome(key=key))

    assert len(items(table)) == 8


def test_what_is_unknown_is_left_out() -> None:
    entry_fields: list[dict[str, dict[str, str]]] = []

    class Table:
        def put_item(self, **arguments: Any) -> None:
            entry_fields.append(arguments["Item"])

    Report(SETTINGS, Table()).outcome(outcome(event_time=None))

    (fields,) = entry_fields
    assert not fields.keys() & {"event_at", "etag", "version_id", "size", "reason", "failed_at"}


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (code, ClientError({"Error": {"Code": code, "Message": "no"}}, "PutItem"))
        for code in ("ResourceNotFoundException", "ThrottlingException")
    ]
    + [("EndpointConnectionError", EndpointConnectionError(endpoint_url="https://dynamodb"))],
    ids=["missing table", "throttled", "unreachable"],
)
def test_a_log_that_cannot_be_written_fails_nothing_and_is_told(
    code: str, error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    class Table:
        def put_item(self, **_: Any) -> None:
            raise error

    report = Report(SETTINGS, Table())
    report.outcome(outcome())
    report.end()

    done, failed, line = (json.loads(text) for text in capsys.readouterr().out.splitlines())
    assert done["action"] == "copied"
    assert (failed["level"], failed["action"], failed["key"]) == (
        "ERROR",
        "replication-log-failed",
        "key",
    )
    assert failed["explanation"].startswith(f"PutItem of log: {code}: ")
    assert line["ReplicationLogFailures"] == 1
    assert line["BytesReplicated"] == [len(BODY)]


def test_an_older_outcome_is_no_failure_of_the_log(
    table: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    report = Report(SETTINGS, table)
    report.outcome(outcome(observed_at=EVENT_SECONDS + 9))
    report.outcome(outcome(observed_at=EVENT_SECONDS + 1))
    report.end()

    assert "replication-log-failed" not in capsys.readouterr().out


def test_without_a_table_nothing_is_written(bench: Bench) -> None:
    bench.report.outcome(outcome())

    assert bench.calls("put_item") == []


@pytest.mark.parametrize(
    ("earlier", "later"), [(0.0, 0.001), (9.9994, 10), (1e9 - 1, 1e9), (1.7e9, 1.7e9 + 0.5)]
)
def test_times_sort_as_text(earlier: float, later: float) -> None:
    assert iso_timestamp(earlier) < iso_timestamp(later)
