"""Waiting that ends when what is waited for is there, or when nothing moves any more.

Not by the clock: how long something takes depends on what else the machine does. A wait gives up a
while after the last thing moved, and says what is known about why.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

QUIET_SECONDS = 90.0
"""So long nothing may move. A busy machine needs seconds to start a process, not minutes."""

LONGEST_SECONDS = 3600.0
"""Only against what moves for ever and gets nowhere."""

_FIRST_PAUSE_SECONDS = 0.02
# A look is work for the local AWS too, which has to get on with what is waited for.
_LONGEST_PAUSE_SECONDS = 0.3
_SECONDS_BETWEEN_STATES = 2.0

_SECONDS_BETWEEN_REPORTS = 10.0

T = TypeVar("T")

report: Callable[[str], object] = str
"""Called with what is waited for, now and then during a long wait."""


class NothingMovesError(AssertionError):
    """What was waited for did not come, and nothing moves that could bring it."""


def eventually(
    what: str,
    look: Callable[[], T | None],
    *,
    state: Callable[[], object] = lambda: None,
    explain: Callable[[], str] = str,
    held_back_seconds: Callable[[], float] = float,
) -> T:
    """Look until there is something to see.

    Args:
        what: what is waited for; said when it never comes.
        look: returns None (or another false value) as long as it is not there.
        state: returns another value whenever something has moved. It may raise, when nothing can
            move any more.
        explain: says what is known about why nothing moves.
        held_back_seconds: how long something may be held back at the moment, on purpose and unseen.

    Raises:
        NothingMovesError: it did not come.
    """
    begun = moved = asked = reported = time.monotonic()
    before = state()
    pause = _FIRST_PAUSE_SECONDS
    while not (seen := look()):
        now = time.monotonic()
        if now - asked > _SECONDS_BETWEEN_STATES:
            asked = now
            if (after := state()) != before:
                before, moved = after, now
        if now - reported > _SECONDS_BETWEEN_REPORTS:
            reported = now
            report(what)
        quiet = now - moved
        if quiet > QUIET_SECONDS and quiet > QUIET_SECONDS + held_back_seconds():
            raise NothingMovesError(
                f"{what}: not there, and nothing has moved for {quiet:.0f} s. {explain()}".strip()
            )
        if now - begun > LONGEST_SECONDS:
            raise NothingMovesError(
                f"{what}: not there after {now - begun:.0f} s, though something moves. {explain()}"
            )
        time.sleep(pause)
        pause = min(1.5 * pause, _LONGEST_PAUSE_SECONDS)
    return seen
