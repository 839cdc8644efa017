"""A pytest plugin that tells `stages.py` of each test when it begins and when it ends.

It writes a line of JSON for each to the file that FANOUT_REPORT names.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from local_aws import waiting

FILE = Path(os.environ["FANOUT_REPORT"])


_TOLD: set[str] = set()
_SHOWN_CHARACTERS = 6000


def _shortened(text: str) -> str:
    """Its beginning and its end."""
    if len(text) <= _SHOWN_CHARACTERS:
        return text
    half = _SHOWN_CHARACTERS // 2
    return f"{text[:half]}\n[...]\n{text[-half:]}"


def _tell(**what: object) -> None:
    with FILE.open("a") as file:
        file.write(json.dumps(what) + "\n")


def _tell_what_is_waited_for(what: str) -> None:
    _tell(waits_for=what)


waiting.report = _tell_what_is_waited_for


def pytest_collection_finish(session: pytest.Session) -> None:
    """Say how many tests there are."""
    _tell(collected=len(session.items))


def pytest_runtest_logstart(nodeid: str) -> None:
    """Say which test begins."""
    _tell(began=nodeid)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Say how a test ended: after its call, or where its set-up or clean-up failed."""
    if report.failed:
        printed = "".join(f"\n--- {title} ---\n{text}" for title, text in report.sections)
        why = f"{report.longreprtext}{printed}"
        if why in _TOLD:  # a set-up that fails does so for every test
            why = "As before."
        _TOLD.add(why)
        _tell(failed=f"{report.nodeid} ({report.when})", why=_shortened(why))
    elif report.when == "call" or report.skipped:
        _tell(ended=report.nodeid, outcome=report.outcome, seconds=report.duration)
    elif report.when == "setup":
        _tell(set_up=report.nodeid, seconds=report.duration)
