"""Metrics are log lines that CloudWatch understands, and every value is in exactly one of them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from fanout.common import metrics
from fanout.common.metrics import MAX_VALUES, REPLICATION_UNITS, Metrics
from fanout.replicate.failures import FailureKind
from fanout.replicate.progress import Ending, Finish
from hypothesis import example, given, settings
from hypothesis import strategies as st

from support.events import s3_event
from support.function import Bench, Function, KeyEnding
from support.settings import SOURCE_BUCKET, environment
from support.values import failure, outcome

SCHEMA = jsonschema.Draft7Validator(
    json.loads(Path(__file__).with_name("emf.schema.json").read_text())
)
NOW = 1_700_000_000.1234

Point = tuple[str, tuple[tuple[str, str], ...], float]


def points(line: dict[str, Any]) -> list[Point]:
    """The values CloudWatch reads from a line, as (metric, dimensions, value).

    Checks what the specification demands and its schema does not: that targets are there, and what
    they are ("Target members").
    """
    SCHEMA.validate(line)
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


@settings(max_examples=30)
@example(
    measured=[(metrics.LATENCY, float(n)) for n in range(2 * MAX_VALUES + 1)],
    counted=[metrics.REPLICAS_DELETED],
    failed=["NotSettled"],
)
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


LATENCY = {"ReplicationLatency": [2.0]}


@pytest.mark.parametrize(
    ("ending", "expected"),
    [
        (Finish(Ending.COPIED, 7), LATENCY | {"BytesReplicated": [7]}),
        (Finish(Ending.COPIED, 0), LATENCY | {"BytesReplicated": [0]}),
        (Finish(Ending.TAGGED, 7), LATENCY),
        (Finish(Ending.DELETED), LATENCY | {"DeletesReplicated": [1]}),
        # Nothing was behind, or nobody knows yet whether it is.
        (Finish(Ending.CURRENT, 7), {}),
        (Finish(Ending.ABSENT), {}),
        (Finish(Ending.WAITING, 7), LATENCY),
        (Finish(Ending.OVERTAKEN, 7), {}),
        (failure(FailureKind.UNFINISHED, "CopyUnfinished"), LATENCY),
        (Finish(Ending.UNSETTLED), LATENCY | {"FailedAttempts/NotSettled": [1]}),
        *((failure(kind, "S3Unavailable"), LATENCY | {"FailedAttempts/S3Unavailable": [1]})
          for kind in (FailureKind.TRANSIENT, FailureKind.DESTINATION, FailureKind.UNKNOWN_OUTCOME)),
        (
            failure(FailureKind.OBJECT, "SrcObjectArchived"),
            LATENCY | {"FailedAttempts/SrcObjectArchived": [1], "OperationsFailedReplication": [1]},
        ),
    ],
)  # fmt: skip
def test_an_attempt_is_measured_by_what_it_did(
    bench: Bench,
    log: Callable[[], list[dict[str, Any]]],
    ending: KeyEnding,
    expected: dict[str, list[float]],
) -> None:
    bench.endings = {"key": ending}
    bench.receive(s3_event("key", time="2026-01-02T03:04:03.678Z"))
    bench.report.end()

    found: dict[str, list[float]] = {}
    for line in log():
        for metric, dimensions, value in points(line) if "_aws" in line else []:
            (_, bucket), (_, destination), *reason = dimensions
            assert (bucket, destination) == (SOURCE_BUCKET, "archive")
            found.setdefault("/".join([metric, *(text for _, text in reason)]), []).append(value)
    assert found == expected


def test_a_dead_letter_that_could_not_be_sent_is_not_counted(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.queues.refuse("SendMessage")
    bench.endings = {"key": failure(FailureKind.OBJECT)}
    bench.receive(s3_event("key"))
    bench.report.end()

    assert "OperationsFailedReplication" not in capsys.readouterr().out


def test_metrics_are_written_at_every_log_level_if_there_are_any(
    log: Callable[[], list[dict[str, Any]]],
) -> None:
    report = Function(environ=environment() | {"LOG_LEVEL": "ERROR"}).report
    report.end()
    report.outcome(outcome())
    report.end()

    [line] = log()
    assert points(line)
