"""Log lines are data: one line, one JSON object, whatever a key holds."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from fanout.common.config import LOG_LEVELS
from fanout.common.log import Log
from fanout.common.metrics import REPLICATION_UNITS
from fanout.replicate.failures import FailureKind
from fanout.replicate.progress import Ending, Finish
from fanout.replicate.report import seconds_between
from hypothesis import example, given, settings
from hypothesis import strategies as st

from support.aws.dynamodb import Table
from support.aws.sqs import denied
from support.events import s3_event
from support.function import Bench
from support.settings import environment
from support.values import failure

DOCUMENT = Path(__file__).resolve().parents[2] / "docs/logs.md"

ANY_TEXT = st.text(st.characters(exclude_categories=()))
"""With what UTF-8 cannot carry: lone surrogates."""


def written(threshold: str, level: str, **fields: object) -> str:
    """What one call writes."""
    with redirect_stdout(io.StringIO()) as out:
        Log(threshold).write(level, **fields)
    return out.getvalue()


@settings(max_examples=30)
@given(text=ANY_TEXT)
@example("first\nsecond\r\nthird\x0bfourth\x1cfifth\x85sixth\u2028seventh")
@example('", "level": "ERROR", "x": "')
@example("\\\"'`$(){}\t\x00\x1b[31m\x7f")
@example("\ud800 \udfff")
@example('{"action": "copied"}\n{"action": "copied"}')
def test_whatever_a_key_holds_its_line_is_one_json_object(text: str) -> None:
    line = written("INFO", "INFO", key=text, explanation=text)

    assert line.isascii()
    assert line.endswith("\n")
    assert [line] == line.splitlines(keepends=True)
    assert json.loads(line) == {"level": "INFO", "key": text, "explanation": text}


def test_a_field_that_is_none_is_left_out_and_zero_is_not() -> None:
    line = written("INFO", "INFO", bytes=0, reason=None, key="")

    assert json.loads(line) == {"level": "INFO", "bytes": 0, "key": ""}


@pytest.mark.parametrize("threshold", LOG_LEVELS)
@pytest.mark.parametrize("level", LOG_LEVELS)
def test_a_line_below_the_level_is_not_written(threshold: str, level: str) -> None:
    order = ["DEBUG", "INFO", "WARNING", "ERROR"]

    assert bool(written(threshold, level)) == (order.index(level) >= order.index(threshold))


@pytest.mark.parametrize(
    ("earlier", "later", "expected"), [(98.5, 100, 1.5), (99.9994, 100, 0.001), (130, 100, 0.0)]
)
def test_a_delay_is_rounded_to_milliseconds_and_never_negative(
    earlier: float, later: float, expected: float
) -> None:
    assert seconds_between(earlier, later) == expected


# docs/logs.md


def documented(heading: str) -> dict[str, list[str]]:
    """The rows of the table whose first column is called so, by the names in that column."""
    text = DOCUMENT.read_text().split(f"| {heading} |", 1)[1].split("\n\n", 1)[0]
    rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in text.splitlines()[2:]]
    return {name: row[1:] for row in rows for name in re.findall(r"`([\w-]+)`", row[0])}


TYPES = {"string": str, "number": (int, float)}
FAILED = (
    Ending.FAILED,
    Ending.UNSETTLED,
    Ending.DIFFERS,
    Ending.WAITING,
    Ending.UNFINISHED,
)
ATTEMPTS = [ending for ending in Ending if ending is not Ending.SKIPPED]


def test_every_line_is_as_documented(
    new_bench: Callable[..., Bench], log: Callable[[], list[dict[str, Any]]]
) -> None:
    replication_log = {"REPLICATION_LOG": '{"table_name": "log", "retention_days": 1}'}
    environ = environment(prefixes=["k/"]) | {"LOG_LEVEL": "DEBUG"} | replication_log
    bench = new_bench(environ, table=Table(denied("PutItem")))
    bench.queues.refuse("ChangeMessageVisibility")
    bench.endings = {f"k/{ending}": Finish(ending, 1) for ending in ATTEMPTS}
    bench.endings["k/unfinished"] = Finish(Ending.UNFINISHED, 1, "upload", (1, 2))
    bench.endings["k/failed"] = failure(FailureKind.TRANSIENT)
    bench.endings["k/dead letter"] = failure(FailureKind.OBJECT)
    bench.receive(*map(s3_event, [*bench.endings, "other"]))

    fields, actions = documented("field"), documented("action")
    lines = log()
    assert {line["action"] for line in lines} == actions.keys()
    assert {name for line in lines for name in line} == fields.keys()
    for line in lines:
        assert actions[line["action"]][0] == f"`{line['level']}`", line
        kinds = {"every line", f"`{line['action']}`"}
        if line["action"] in ATTEMPTS:
            kinds |= {"attempts"} | ({"failed attempts"} if line["action"] in FAILED else set())
        for name, value in line.items():
            type_name, where, _ = fields[name]
            assert isinstance(value, TYPES[type_name]), (name, value)  # type: ignore[arg-type]
            assert kinds & set(where.split(", ")), f"{name} is not documented for {line['action']}"


def test_every_metric_is_documented_with_its_unit() -> None:
    assert {name: row[0] for name, row in documented("metric").items()} == REPLICATION_UNITS
