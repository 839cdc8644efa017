"""Metrics are log lines that CloudWatch understands, and every value is in exactly one of them."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from fanout.common import metrics
from fanout.common.metrics import MAX_VALUES, REPLICATION_UNITS, Metrics
from fanout.replicate.failures import FailureKind
from fanout.replicate.protocol import Ending, Finish
from fanout.replicate.report import Report
from hypothesis import given
from hypothesis import strategies as st

from .builders import (
    EVENT_SECONDS,
    SOURCE_BUCKET,
    Bench,
    config,
    failure,
    outcome,
    s3_event,
    sqs_record,
)

SCHEMA = json.loads(Path(__file__).with_name("emf.schema.json").read_text())
NOW = 1_700_000_000.1234

Point = tuple[str, tuple[tuple[str, str], ...], float]


def points(line: dict[str, Any]) -> list[Point]:
    """The values CloudWatch reads from a line, as (metric, dimensions, value).

    Checks what the specification demands and its schema does not: that targets are there, and what
    they are ("Target members").
    """
    jsonschema.validate(line, SCHEMA)
    found: list[Point] = []
    for directive in line["_aws"]["CloudWatchMetrics"]:
        assert directive["Namespace"] == "S3Fanout"
        assert len(directive["Metrics"]) <= 100
        for dimension_set in directive["Dimensions"]:
            assert all(isinstance(line[name], str) for name in dimension_set)
            dimensions = tuple((name, line[name]) for name in dimension_set)
            for metric in directive["Metrics"]:
                assert metric["Unit"] == REPLICATION_UNITS[metric["Name"]]
                target = line[metric["Name"]]
                values = target if isinstance(target, list) else [target]
                assert 1 <= len(values) <= 100
                assert all(type(value) in (int, float) for value in values)
                found += [(metric["Name"], dimensions, value) for value in values]
    assert found, "a line without values costs and says nothing"
    return found


HERE = (("SourceBucket", "photos"), ("Destination", "nearby"))


@given(
    measured=st.lists(
        st.tuples(st.sampled_from([metrics.LATENCY, metrics.BYTES]), st.floats(0, 1e9)),
        max_size=3 * MAX_VALUES,
    ),
    counted=st.lists(
        st.sampled_from([metrics.REPLICAS_DELETED, metrics.FAILED_OPERATIONS]), max_size=5
    ),
    failed=st.lists(st.sampled_from(["NotSettled", "DstBucketNotFound"]), max_size=5),
)
def test_every_value_is_in_one_valid_line(
    measured: list[tuple[str, float]], counted: list[str], failed: list[str]
) -> None:
    gathered = Metrics("photos", "nearby")
    for metric, value in measured:
        gathered.measure(metric, value)
    for metric in counted:
        gathered.count(metric)
    for reason in failed:
        gathered.fail(reason)

    taken = [json.loads(json.dumps(line)) for line in gathered.take(NOW)]

    expected: Counter[Point] = Counter((metric, HERE, value) for metric, value in measured)
    expected += Counter((metric, HERE, n) for metric, n in Counter(counted).items())
    expected += Counter(
        ("FailedAttempts", (*HERE, ("Reason", reason)), n) for reason, n in Counter(failed).items()
    )
    assert Counter(point for line in taken for point in points(line)) == expected
    assert {line["_aws"]["Timestamp"] for line in taken} <= {1_700_000_000_123}
    assert list(gathered.take(NOW)) == [], "what was taken is not told again"


def test_the_objects_of_an_invocation_share_a_line() -> None:
    gathered = Metrics("photos", "nearby")
    for n in range(10):
        gathered.measure(metrics.LATENCY, n)
        gathered.measure(metrics.BYTES, n)
    gathered.count(metrics.REPLICAS_DELETED)

    assert len(list(gathered.take(NOW))) == 1


# What is measured of an attempt


def told(
    bench: Bench, capsys: pytest.CaptureFixture[str], ending: Any, **about: Any
) -> dict[str, list[float]]:
    """The metrics of an invocation with one message whose key ends so."""
    bench.endings = {"key": ending}
    bench.failures(sqs_record(s3_event("key"), **about))
    bench.report.end()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    found: dict[str, list[float]] = {}
    for line in lines:
        for metric, dimensions, value in points(line) if "_aws" in line else []:
            given_dimensions = dict(dimensions)
            assert given_dimensions.pop("SourceBucket") == SOURCE_BUCKET
            assert given_dimensions.pop("Destination") == "archive"
            name = "/".join([metric, *given_dimensions.values()])
            found.setdefault(name, []).append(value)
    return found


@pytest.fixture(autouse=True)
def _two_seconds_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fanout.replicate.report.time.time", lambda: EVENT_SECONDS + 2)


@pytest.mark.parametrize(
    ("finish", "expected"),
    [
        (Finish(Ending.COPIED, 7), {"ReplicationLatency": [2.0], "BytesReplicated": [7]}),
        (Finish(Ending.COPIED, 0), {"ReplicationLatency": [2.0], "BytesReplicated": [0]}),
        (Finish(Ending.TAGGED, 7), {"ReplicationLatency": [2.0]}),
        (Finish(Ending.DELETED), {"ReplicationLatency": [2.0], "DeletesReplicated": [1]}),
        # Nothing was behind, or nobody knows yet whether it is.
        (Finish(Ending.CURRENT, 7), {}),
        (Finish(Ending.ABSENT), {}),
        (Finish(Ending.QUEUED, 7), {"ReplicationLatency": [2.0]}),
        (Finish(Ending.UNSETTLED), {"ReplicationLatency": [2.0], "FailedAttempts/NotSettled": [1]}),
    ],
)
def test_an_attempt_that_ends_is_measured_by_what_it_did(
    bench: Bench,
    capsys: pytest.CaptureFixture[str],
    finish: Finish,
    expected: dict[str, list[float]],
) -> None:
    assert told(bench, capsys, finish) == expected


@pytest.mark.parametrize(
    "kind", [FailureKind.TRANSIENT, FailureKind.DESTINATION, FailureKind.UNKNOWN_OUTCOME]
)
def test_a_failed_attempt_is_measured_too(
    bench: Bench, capsys: pytest.CaptureFixture[str], kind: FailureKind
) -> None:
    assert told(bench, capsys, failure(kind, "S3Unavailable"), receives=9) == {
        "ReplicationLatency": [2.0],
        "FailedAttempts/S3Unavailable": [1],
    }


def test_an_upload_that_the_next_invocation_goes_on_with_has_not_failed(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(bench, capsys, failure(FailureKind.UNFINISHED, "CopyUnfinished")) == {
        "ReplicationLatency": [2.0]
    }


def test_a_letter_is_counted_once(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(bench, capsys, failure(FailureKind.OBJECT, "SrcObjectArchived")) == {
        "ReplicationLatency": [2.0],
        "FailedAttempts/SrcObjectArchived": [1],
        "OperationsFailedReplication": [1],
    }


def test_a_letter_that_could_not_be_sent_is_not_counted(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.refused = {"send_message"}

    assert "OperationsFailedReplication" not in told(bench, capsys, failure(FailureKind.OBJECT))


def test_where_nothing_was_measured_nothing_is_written(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.report.end()

    assert capsys.readouterr().out == ""


def test_metrics_are_written_at_every_log_level(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report(dataclasses.replace(config(), log_level="ERROR"))
    report.outcome(outcome())
    report.end()

    (line,) = (json.loads(text) for text in capsys.readouterr().out.splitlines())
    assert points(line)
