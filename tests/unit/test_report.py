"""Log lines are data: one line, one JSON object, whatever a key holds."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout

import pytest
from fanout.config import LOG_LEVELS
from fanout.report import Log, delay_seconds
from hypothesis import example, given
from hypothesis import strategies as st

ANY_TEXT = st.text(st.characters(exclude_categories=()))
"""With what UTF-8 cannot carry: lone surrogates."""


def written(threshold: str, level: str, **fields: object) -> str:
    """What one call writes."""
    with redirect_stdout(io.StringIO()) as out:
        Log(threshold).write(level, **fields)
    return out.getvalue()


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
    ("event_time", "expected"), [(None, None), (98.5, 1.5), (99.9994, 0.001), (130.0, 0.0)]
)
def test_a_delay_is_rounded_to_milliseconds_and_never_negative(
    monkeypatch: pytest.MonkeyPatch, event_time: float | None, expected: float | None
) -> None:
    monkeypatch.setattr("fanout.report.time.time", lambda: 100.0)

    assert delay_seconds(event_time) == expected
