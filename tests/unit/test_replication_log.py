"""The replication log: what an outcome becomes, and which of two stays."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import permutations
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from fanout.replicate.batch import DirectDeliveryError
from fanout.replicate.failures import FailureKind
from fanout.replicate.outcome import Outcome
from fanout.replicate.progress import Ending
from fanout.replicate.replication_log import iso_timestamp

from support.aws.dynamodb import Table
from support.events import EVENT_SECONDS, s3_event, sns_event, sqs_record
from support.function import Bench, Function
from support.objects import BODY
from support.settings import FOREVER, environment
from support.values import failure, outcome, state

NewBench = Callable[..., Bench]

LOGGING = {"REPLICATION_LOG": json.dumps({"table_name": "log", "retention_days": 7})}


def written(*outcomes: Outcome, name: str = "archive", table: Table | None = None) -> Table:
    """The table after some outcomes, each reported by an invocation of its own."""
    table = table or Table()
    for each in outcomes:
        Function(environ=environment(name=name) | LOGGING, table=table).report.outcome(each)
    return table


def failed(
    kind: FailureKind = FailureKind.TRANSIENT, reason: str = "S3Unavailable", **about: Any
) -> Outcome:
    """An attempt that failed."""
    return outcome(Ending.FAILED, error=failure(kind, reason), **about)


def test_a_replica_is_logged_with_the_identity_of_its_source() -> None:
    source = state(etag='"abc"', version_id="v1", size=len(BODY))

    assert written(outcome(source=source, event_time=EVENT_SECONDS - 2)).item == {
        "key": "key",
        "destination": "archive",
        "status": "COMPLETED",
        "action": "copied",
        "destination_key": "key",
        "event": "ObjectCreated:Put",
        "event_at": iso_timestamp(EVENT_SECONDS - 2),
        "as_of": iso_timestamp(EVENT_SECONDS + 1),
        "ended_at": iso_timestamp(EVENT_SECONDS),
        "etag": '"abc"',
        "version_id": "v1",
        "last_modified": source.last_modified,
        "size": str(len(BODY)),
        "expires_at": str(round(EVENT_SECONDS) + 7 * 86400),
    }


def test_a_failure_is_logged_with_its_reason_and_is_in_the_index_until_it_is_over() -> None:
    table = written(failed())

    assert table.item["status"] == "FAILED"
    assert table.item["reason"] == "S3Unavailable"
    assert (table.item["explanation"], table.item["request_id"]) == ("because", "REQUEST1")
    assert table.item["failed_at"] == table.item["ended_at"]  # what the index is on

    written(outcome(observed_at=EVENT_SECONDS + 5), table=table)

    assert table.item["status"] == "COMPLETED"
    assert "failed_at" not in table.item


@pytest.mark.parametrize(
    "pending",
    [
        failed(FailureKind.WAITING, "CopyUnfinished"),
        failed(FailureKind.UNFINISHED, "CopyUnfinished"),
    ],
)
def test_an_upload_that_continues_is_pending_and_no_failure(pending: Outcome) -> None:
    item = written(pending).item

    assert item["status"] == "PENDING"
    assert "failed_at" not in item


def test_a_key_that_the_destination_does_not_replicate_any_more_is_left_out() -> None:
    assert written(outcome(Ending.SKIPPED, destination_key=None)).items == {}


COPIED = outcome(observed_at=EVENT_SECONDS + 1.5)


@pytest.mark.parametrize(
    ("outcomes", "stays"),
    [
        # One worker for each; a slow one ends after those that observed later.
        (
            [
                COPIED,
                failed(observed_at=EVENT_SECONDS + 1.501),
                outcome(Ending.DELETED, observed_at=EVENT_SECONDS + 61.5),
            ],
            "deleted",
        ),
        # A message that was delivered twice is deleted by the one that succeeds.
        ([COPIED, failed(observed_at=EVENT_SECONDS + 9, notified_at=EVENT_SECONDS)], "copied"),
        ([COPIED, failed(observed_at=EVENT_SECONDS + 9, notified_at=EVENT_SECONDS + 1)], "copied"),
        ([COPIED, failed(observed_at=EVENT_SECONDS + 9, notified_at=EVENT_SECONDS + 2)], "failed"),
    ],
)
def test_in_whatever_order_workers_end_the_outcome_that_is_newest_stays(
    outcomes: list[Outcome], stays: str
) -> None:
    for order in permutations(outcomes):
        assert written(*order).item["action"] == stays


@pytest.mark.parametrize(
    "first",
    [(FailureKind.DESTINATION, "SrcAccessDenied"), (FailureKind.UNFINISHED, "CopyUnfinished")],
)
def test_of_two_deliveries_of_one_message_the_last_failure_stays(
    first: tuple[FailureKind, str],
) -> None:
    last = FailureKind.DESTINATION, "DstAccessDenied"
    item = written(
        *(
            failed(*error, observed_at=EVENT_SECONDS + seconds, notified_at=EVENT_SECONDS)
            for seconds, error in ((900, first), (1800, last))
        )
    ).item

    assert (item["status"], item["reason"]) == ("FAILED", "DstAccessDenied")


def test_a_failure_is_as_of_when_the_last_message_about_its_key_was_sent(
    new_bench: NewBench,
) -> None:
    table = Table()
    bench = new_bench(environment() | LOGGING, table=table)
    bench.endings = {"key": failure(FailureKind.TRANSIENT)}
    event = s3_event("key")

    with pytest.raises(DirectDeliveryError):
        bench.processor.handle_sns(sns_event(event), FOREVER)
    assert table.item["as_of"] == iso_timestamp(EVENT_SECONDS)

    bench.process(
        sqs_record(event, name="later", sent_at=EVENT_SECONDS + 7),
        sqs_record(event, name="earlier", sent_at=EVENT_SECONDS + 3),
    )
    assert table.item["as_of"] == iso_timestamp(EVENT_SECONDS + 7)


def test_destinations_and_keys_have_an_item_each() -> None:
    table = Table()
    for name in ("archive", "nearby"):
        written(*(outcome(key=key) for key in ("one", "k" * 1024)), name=name, table=table)

    assert len(table.items) == 4


def test_what_is_unknown_is_left_out(log: Callable[[], list[dict[str, Any]]]) -> None:
    item = written(outcome(event_time=None)).item

    assert not item.keys() & {"event_at", "etag", "version_id", "size", "reason", "failed_at"}
    [line] = log()
    assert "delay_seconds" not in line


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (code, ClientError({"Error": {"Code": code, "Message": "no"}}, "PutItem"))
        for code in ("ResourceNotFoundException", "ThrottlingException")
    ]
    + [("EndpointConnectionError", EndpointConnectionError(endpoint_url="https://dynamodb"))],
    ids=["missing table", "throttled", "unreachable"],
)
def test_a_log_that_cannot_be_written_fails_nothing_and_is_reported(
    code: str, error: Exception, log: Callable[[], list[dict[str, Any]]]
) -> None:
    report = Function(environ=environment() | LOGGING, table=Table(error)).report
    report.outcome(outcome())
    report.end()

    done, not_logged, line = log()
    assert done["action"] == "copied"
    assert not_logged["level"] == "ERROR"
    assert (not_logged["action"], not_logged["key"]) == ("replication-log-failed", "key")
    assert not_logged["explanation"].startswith(f"PutItem of log: {code}: ")
    assert line["ReplicationLogFailures"] == 1
    assert line["BytesReplicated"] == [len(BODY)]


def test_an_older_outcome_is_no_failure_of_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    written(outcome(observed_at=EVENT_SECONDS + 9), outcome(observed_at=EVENT_SECONDS + 1))

    assert "replication-log-failed" not in capsys.readouterr().out


def test_without_a_replication_log_nothing_is_written() -> None:
    table = Table()
    Function(table=table).report.outcome(outcome())

    assert table.items == {}


@pytest.mark.parametrize(
    ("earlier", "later"), [(0.0, 0.001), (9.9994, 10), (1e9 - 1, 1e9), (1.7e9, 1.7e9 + 0.5)]
)
def test_times_sort_as_text(earlier: float, later: float) -> None:
    assert iso_timestamp(earlier) < iso_timestamp(later)
