"""What the demo puts, expects and compares."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from demo import screen
from demo.objects import (
    DESTINATIONS,
    MEGABYTE,
    Content,
    Destination,
    Upload,
    differences,
    percentile,
    repository_files,
    uploads,
)
from demo.sides import Side

QUEUE = Destination("overseas", "queue", "us-west-2", key_prefix="there/")
DIRECT = Destination("reports", "direct", "eu-central-1", prefix="reports/")

CONTENT = Content(
    size=3,
    sha256="ab",
    headers={"content-type": "text/plain", "x-amz-meta-origin": "here"},
    tags={"kind": "x"},
)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small repository that git does not know."""
    for path in ("main.tf", "docs/guide.md", ".venv/bin/python", "lambda/__pycache__/a.pyc"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(path)
    return tmp_path


def _side(destination: Destination = QUEUE, *keys: str) -> Side:
    side = Side(destination, "bucket", "log group")
    side.expect(keys)
    return side


def test_a_destination_takes_the_keys_under_its_prefix_and_puts_its_own_in_front() -> None:
    assert QUEUE.key_for("reports") == "there/reports"
    assert DIRECT.key_for("reports/a") == "reports/a"
    assert DIRECT.key_for("reports") is None
    assert DIRECT.key_for("reports-of-last-year/a") is None


def test_the_files_of_a_repository_without_git_are_those_that_nothing_generated(
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
        (replace(CONTENT, size=4), ["bytes"]),
        (replace(CONTENT, sha256="cd"), ["bytes"]),
        (replace(CONTENT, headers={"content-type": "text/plain"}), ["x-amz-meta-origin"]),
        (replace(CONTENT, headers=dict(CONTENT.headers) | {"expires": "0"}), ["expires"]),
        (replace(CONTENT, tags={}), ["tags"]),
        (Content(0, "", {}, {}), ["bytes", "content-type", "x-amz-meta-origin", "tags"]),
    ],
)
def test_a_replica_that_is_not_equal_is_told_apart(replica: Content, expected: list[str]) -> None:
    assert differences(CONTENT, replica) == expected


def test_a_percentile_is_one_of_the_values() -> None:
    assert percentile([], 50) is None
    assert percentile([7.0], 99) == 7.0
    assert percentile([3.0, 1.0, 2.0, 4.0], 50) == 2.0
    assert percentile([float(number) for number in range(1, 101)], 99) == 99.0


def _line(**fields: object) -> str:
    return json.dumps(fields)


def test_the_delay_of_a_key_is_that_of_the_first_line_about_it() -> None:
    side = _side(QUEUE, "a")
    for delay in (0.5, 9.0, 0.5):
        side.take_log_line(_line(destination_key="there/a", delay_seconds=delay))
    side.take_log_line(_line(destination_key="there/other", delay_seconds=0.1))
    side.take_log_line(_line(action="skipped", key="b"))
    side.take_log_line("START RequestId: 1 Version: $LATEST")
    assert side.delays == {"there/a": 0.5}
    assert side.is_logged


def test_a_missing_object_is_reported_with_what_the_function_says() -> None:
    side = _side(QUEUE, "a")
    side.take_log_line(
        _line(
            destination_key="there/a",
            delay_seconds=1.0,
            reason="DstBucketNotFound",
            explanation="no such bucket",
        )
    )
    assert not side.is_logged
    assert side.problems() == [
        "overseas: 'there/a' is missing. DstBucketNotFound: no such bucket",
    ]


def test_a_function_that_does_not_start_is_the_first_thing_reported() -> None:
    side = _side(QUEUE, "a")
    side.take_log_line("[ERROR] ConfigurationError: LOG_LEVEL is missing\rTraceback (most ...")
    assert side.problems()[0] == (
        "overseas: its function says ConfigurationError: LOG_LEVEL is missing"
    )
    side.arrived = {"there/a": 1}
    assert side.problems() == []


def test_what_differs_and_what_should_not_be_there_is_reported() -> None:
    side = _side(QUEUE, "a", "b")
    side.arrived = {"there/a": 1, "there/b": 2, "b": 2}
    side.compared = {"there/a": [], "there/b": ["tags", "bytes"]}
    assert side.verified == 1
    assert side.problems() == [
        "overseas: 'there/b' differs in tags, bytes",
        "overseas: 'b' should not be there",
    ]
    assert not screen.is_equal([side])


def test_what_was_not_compared_does_not_count_as_equal() -> None:
    side = _side(QUEUE, "a")
    side.arrived = {"there/a": 1}
    assert not screen.is_equal([side])
    side.compared = {"there/a": []}
    assert screen.is_equal([side])


def test_the_table_fits_into_80_columns() -> None:
    side = _side(Destination("overseas", "direct", "eu-central-1"), *map(str, range(999)))
    side.arrived = {str(key): 999_900 for key in range(999)} | {"unwanted": 0}
    side.compared = {str(key): [] for key in range(999)}
    side.delays = {"1": 99.94, "2": 0.01}
    output = io.StringIO()
    Console(file=output, width=80).print(screen.table([side]))
    lines = output.getvalue().splitlines()
    assert "…" not in output.getvalue()
    assert len(lines) == 5  # header, rule, row, two lines of caption
    for cell in ("eu-central-1", "999/999", "998.9", "0.01 s", "99.9 s"):
        assert cell in lines[2]


def test_the_summary_says_what_is_wrong_as_far_as_it_fits() -> None:
    put = [Upload(str(number), b"x", {}) for number in range(12)]
    side = _side(QUEUE, *(upload.key for upload in put))
    text = screen.summary([side, side], put).plain.splitlines()
    assert len(text) == 2 * (screen.SHOWN_PROBLEMS + 1) + 1
    assert text[-2:] == [
        "  ... 8 more",
        "12 objects, 0.0 MB, 24 replicas: 24 missing, different or unwanted.",
    ]
