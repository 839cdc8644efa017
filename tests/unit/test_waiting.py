"""Waits end when nothing moves any more, and stages of which nothing moves are ended."""

from __future__ import annotations

import itertools
import os
import sys
import time
from pathlib import Path

import pytest

import stages
from local_aws import waiting
from local_aws.waiting import NothingMovesError, eventually


class Clock:
    """Stands still but for the pauses of who waits."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """In place of the time module in `waiting`."""
    made = Clock()
    monkeypatch.setattr(waiting, "time", made)
    return made


def test_what_is_there_is_given_back_at_once(clock: Clock) -> None:
    assert eventually("it", lambda: "there") == "there"
    assert clock.now == 1000.0


def test_a_wait_lasts_as_long_as_something_moves(clock: Clock) -> None:
    seen = eventually(
        "it", lambda: clock.now > 1000 + 20 * waiting.QUIET_SECONDS, state=lambda: clock.now // 60
    )
    assert seen


def test_a_wait_ends_when_nothing_moves_and_says_what_is_known(clock: Clock) -> None:
    with pytest.raises(
        NothingMovesError, match=r"^it: not there, .* has moved for 9\d s\. broken$"
    ):
        eventually("it", lambda: None, explain=lambda: "broken")
    assert clock.now < 1000 + waiting.QUIET_SECONDS + 5


def test_what_is_held_back_on_purpose_is_waited_for_longer(clock: Clock) -> None:
    with pytest.raises(NothingMovesError):
        eventually("it", lambda: None, held_back_seconds=lambda: 100.0)
    assert clock.now > 1000 + waiting.QUIET_SECONDS + 100


def test_what_moves_for_ever_is_given_up_too(clock: Clock) -> None:
    turns = itertools.count()
    with pytest.raises(NothingMovesError, match="though something moves"):
        eventually("it", lambda: None, state=lambda: next(turns))
    assert clock.now > 1000 + waiting.LONGEST_SECONDS


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Stages that keep their logs apart, and are taken for hung within a second."""
    monkeypatch.setattr(stages, "LOGS", tmp_path)
    monkeypatch.setattr(stages, "REPOSITORY", tmp_path)
    monkeypatch.setattr(stages, "QUIET_SECONDS", 1.0)
    monkeypatch.setattr(stages, "SECONDS_FOR_STACKS", 1.0)


def run(stage: stages.Stage, folder: Path) -> str:
    """Run a stage to its end; returns what it told."""
    reports = folder / "reports"
    reports.mkdir()
    stage.begin({"PATH": os.defpath}, reports)
    told: list[str] = []
    while stage.is_running:
        stages.families([stage])
        told += [text.plain for text in stage.advance()]
        time.sleep(0.05)
    return "\n".join(told)


@pytest.mark.usefixtures("quick")
def test_a_stage_that_hangs_is_ended_and_named_with_the_place_where_it_stands(
    tmp_path: Path,
) -> None:
    program = "import faulthandler, time; faulthandler.enable(); time.sleep(600)"
    stage = stages.Stage("sleepy", [[sys.executable, "-c", program]])
    told = run(stage, tmp_path)
    assert not stage.passed
    assert "sleepy: " in told
    assert "HANGS: nothing has moved for 1 s" in told
    assert 'File "<string>", line 1 in <module>' in told


@pytest.mark.usefixtures("quick")
def test_the_processor_time_of_all_commands_is_added_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stages, "QUIET_SECONDS", 600.0)
    program = "import time\nwhile time.process_time() < 0.5: pass"
    stage = stages.Stage("busy", [[sys.executable, "-c", program]] * 2)
    assert "busy: passed" in run(stage, tmp_path)
    assert stage.cpu_seconds >= 1.0


@pytest.mark.usefixtures("quick")
def test_a_command_that_fails_is_shown_with_what_it_printed(tmp_path: Path) -> None:
    commands = [[sys.executable, "-c", "import sys; sys.exit('no luck')"], ["never"]]
    stage = stages.Stage("failing", commands)
    told = run(stage, tmp_path)
    assert "failing: FAILED" in told
    assert "no luck" in told
