"""What the demo puts, expects and compares."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from rich.console import Console, RenderableType

from demo import screen
from demo.example import Resources
from demo.objects import (
    DESTINATIONS,
    MEGABYTE,
    Destination,
    Upload,
    differences,
    repository_files,
    uploads,
)
from demo.replicas import Replicas
from demo.watch import Watch
from local_aws.server import LocalAws
from local_aws.waiting import NothingMovesError

QUEUE = Destination("overseas", "queue", "us-west-2", key_prefix="there/")
DIRECT = Destination("reports", "direct", "eu-central-1", prefix="reports/")

CONTENT: dict[str, object] = {
    "bytes": (3, "ab"),
    "tags": {"kind": "x"},
    "content-type": "text/plain",
    "x-amz-meta-origin": "here",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small repository."""
    for path in ("main.tf", "docs/guide.md", ".venv/bin/python", "lambda/__pycache__/a.pyc"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(path)
    return tmp_path


def _replicas(destination: Destination = QUEUE, *keys: str) -> Replicas:
    replicas = Replicas(destination, "bucket")
    replicas.expect(keys)
    return replicas


def test_a_destination_takes_the_keys_under_its_prefix_and_puts_its_own_in_front() -> None:
    assert QUEUE.key_for("reports") == "there/reports"
    assert DIRECT.key_for("reports/a") == "reports/a"
    assert DIRECT.key_for("reports") is None
    assert DIRECT.key_for("reports-of-last-year/a") is None


def test_the_files_of_a_repository_are_those_that_are_neither_hidden_nor_generated(
    tree: Path,
) -> None:
    assert repository_files(tree) == ["docs/guide.md", "main.tf"]


def test_what_is_put_is_the_same_in_every_run_and_no_key_comes_twice(tree: Path) -> None:
    put = uploads(tree, 1)
    assert put == uploads(tree, 1)
    assert len({upload.key for upload in put}) == len(put)


def test_what_is_put_has_everything_that_can_get_lost(tree: Path) -> None:
    put = {upload.key: upload for upload in uploads(tree, 1)}
    assert len(put["big/random.bin"].body) == MEGABYTE
    assert put["empty"].body == b""
    assert put["docs/guide.md"].body == b"docs/guide.md"
    assert put["reports/main.tf"].arguments["Metadata"] == {"path": "main.tf"}
    assert any("Tagging" in upload.arguments for upload in put.values())
    for part in ("%2F", "+", " ", "//", "\n", '"', "\u00e9", "e\u0301", "\U0001faa3"):
        assert any(part in key for key in put), part
    assert any(key.endswith("/") for key in put)


def test_the_longest_key_is_as_long_as_s3_allows_and_no_other_is_longer(tree: Path) -> None:
    keys = [upload.key for upload in uploads(tree, 1)]
    lengths = [
        len(there.encode()) for d in DESTINATIONS for key in keys if (there := d.key_for(key))
    ]
    assert max(lengths) == 1024


def test_every_destination_gets_something_and_one_of_them_not_everything(tree: Path) -> None:
    keys = [upload.key for upload in uploads(tree, 1)]
    taken = [sum(d.key_for(key) is not None for key in keys) for d in DESTINATIONS]
    assert min(taken) > 0
    assert min(taken) < len(keys) == max(taken)


@pytest.mark.parametrize(
    ("replica", "expected"),
    [
        (CONTENT, []),
        (CONTENT | {"bytes": (4, "ab")}, ["bytes"]),
        (CONTENT | {"bytes": (3, "cd")}, ["bytes"]),
        (CONTENT | {"tags": {}}, ["tags"]),
        (CONTENT | {"expires": "0"}, ["expires"]),
        ({}, ["bytes", "content-type", "tags", "x-amz-meta-origin"]),
    ],
)
def test_a_replica_that_is_not_equal_is_told_apart(
    replica: dict[str, object], expected: list[str]
) -> None:
    assert differences(CONTENT, replica) == expected


def _line(**fields: object) -> str:
    return json.dumps(fields)


def test_the_delay_of_a_key_is_that_of_the_first_line_about_it() -> None:
    replicas = _replicas(QUEUE, "a")
    for delay in (0.5, 9.0, 0.5):
        replicas.take_log_line(_line(destination_key="there/a", delay_seconds=delay))
    replicas.take_log_line(_line(destination_key="there/other", delay_seconds=0.1))
    replicas.take_log_line(_line(action="skipped", key="b"))
    replicas.take_log_line("START RequestId: 1 Version: $LATEST")
    assert replicas.delays == {"there/a": 0.5}
    assert replicas.is_logged


def test_a_missing_object_is_reported_with_what_the_function_says() -> None:
    replicas = _replicas(QUEUE, "a")
    replicas.take_log_line(
        _line(
            destination_key="there/a",
            delay_seconds=1.0,
            reason="DstBucketNotFound",
            explanation="no such bucket",
        )
    )
    assert not replicas.is_logged
    assert replicas.problems() == [
        "overseas: 'there/a' is missing. DstBucketNotFound: no such bucket",
    ]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "[ERROR] ConfigurationError: LOG_LEVEL is missing\rTraceback (most ...",
            "ConfigurationError: LOG_LEVEL is missing",
        ),
        (
            "RequestId: 1 Error: Runtime exited with error: signal: killed\n",
            "Runtime exited with error: signal: killed",
        ),
    ],
)
def test_a_function_that_does_not_run_is_the_first_thing_reported(line: str, said: str) -> None:
    replicas = _replicas(QUEUE, "a")
    replicas.take_log_line(line)
    assert replicas.problems() == [
        f"overseas: its function says {said}",
        "overseas: 'there/a' is missing.",
    ]
    replicas.arrived = {"there/a": 1}
    assert replicas.problems() == []


def test_what_differs_and_what_should_not_be_there_is_reported() -> None:
    replicas = _replicas(QUEUE, "a", "b")
    replicas.arrived = {"there/a": 1, "there/b": 2, "b": 2}
    replicas.compared = {"there/a": [], "there/b": ["tags", "bytes"]}
    assert replicas.equal == 1
    assert replicas.problems() == [
        "overseas: 'there/b' differs in tags, bytes",
        "overseas: 'b' should not be there",
    ]
    assert not screen.is_equal([replicas])


def test_what_was_not_compared_does_not_count_as_equal() -> None:
    replicas = _replicas(QUEUE, "a")
    replicas.arrived = {"there/a": 1}
    assert not screen.is_equal([replicas])
    replicas.compared = {"there/a": []}
    assert screen.is_equal([replicas])


def _shown(shown: RenderableType) -> str:
    output = io.StringIO()
    Console(file=output, width=80).print(shown)
    return output.getvalue()


def test_the_report_fits_into_80_columns_and_explains_every_column() -> None:
    replicas = _replicas(Destination("overseas", "direct", "eu-central-1"), *map(str, range(999)))
    replicas.arrived = {str(key): 999_900 for key in range(999)} | {"unwanted": 0}
    replicas.compared = {str(key): [] for key in range(999)}
    # The median and the 99th of a hundred, one of which is far off.
    replicas.delays = {str(key): key / 100 for key in range(1, 100)} | {"0": 1000.0}
    text = _shown(screen.report([replicas], [Upload("a", b"", {})]))
    assert "\u2026" not in text
    columns, _, row, _, *legend = text[text.index("destination delivery") :].splitlines()
    for cell in ("eu-central-1", "999/999", "998.9", "0.50 s", "0.99 s"):
        assert cell in row
    explained = " ".join(line[:10] for line in legend) + "MB"
    for column in ("delivery", "arrived", "MB", "p50", "p99", "equal", "extra"):
        assert column in columns
        assert column in explained


def test_the_verdict_says_what_is_wrong_as_far_as_it_fits() -> None:
    replicas = _replicas(QUEUE, *map(str, range(12)))
    text = screen.verdict([replicas, replicas], "Gave up.").plain.splitlines()
    assert text[0] == "Gave up."
    assert len(text) == 1 + 2 * (screen.SHOWN_PROBLEMS + 1) + 1
    assert text[-2:] == ["  ... 8 more", "Of 24 replicas, 24 are missing, different or extra."]


def test_what_terraform_prints_becomes_how_far_it_is_and_what_it_waits_for() -> None:
    resources = Resources()
    resources.take("Terraform used the selected providers")
    assert resources.describe() == ""
    for line in (
        "Plan: 3 to add, 0 to change, 0 to destroy.",
        "aws_s3_bucket.nearby: Creating...",
        'module.fanout.aws_sqs_queue.work["nearby"]: Creating...',
        'module.fanout.aws_sqs_queue.work["over"]: Creating...',
        "aws_s3_bucket.nearby: Creation complete after 1s [id=nearby]",
        'module.fanout.aws_sqs_queue.work["nearby"]: Still creating... [10s elapsed]',
    ):
        resources.take(line)
    assert resources.describe() == "1 of 3 resources\n  waiting for 2 sqs_queue"


class _DeadAws:
    """An AWS in which nothing is replicated: what is put stays alone."""

    def client(self, *_: str, **_named: str) -> Any:
        """All services in one."""
        counts = {f"ApproximateNumberOfMessages{x}": "7" for x in ("", "NotVisible", "Delayed")}
        content = {
            "Body": SimpleNamespace(iter_chunks=lambda _: []),
            "ContentLength": 0,
            "ResponseMetadata": {"HTTPHeaders": {}},
        }
        return SimpleNamespace(
            get_paginator=lambda _: SimpleNamespace(paginate=lambda **_: [{"events": []}]),
            put_object=lambda **_: None,
            get_queue_attributes=lambda **_: {"Attributes": counts},
            get_object=lambda **_: content,
            get_object_tagging=lambda **_: {"TagSet": []},
        )

    def eventually(self, what: str, look: Callable[[], object]) -> None:
        """Nothing moves."""
        assert not look()
        raise NothingMovesError(f"{what}: not there")


def test_when_nothing_moves_the_demo_gives_up_and_says_where_the_messages_are() -> None:
    names = [destination.name for destination in DESTINATIONS]
    made = dict.fromkeys(("queue_url", "dead_letter_queue_url", "log_group_name"), "x")
    outputs = {
        "source_bucket": "source",
        "destination_buckets": dict.fromkeys(names, "bucket"),
        "destinations": dict.fromkeys(names, made),
    }
    watch = Watch(cast("LocalAws", _DeadAws()), outputs)
    with ThreadPoolExecutor(1) as threads:
        watch.run([Upload("a", b"", {})], threads, lambda: None)
    assert watch.gave_up
    assert "all replicas: not there" in watch.gave_up
    assert "nearby: 7 waiting" in watch.gave_up
    assert [len(replicas.missing) for replicas in watch.destinations] == [1, 1, 0]
