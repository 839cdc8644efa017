"""What the function says: one JSON line per object on standard output."""

from __future__ import annotations

import json
import sys
import time
from threading import Lock

from .config import LOG_LEVELS


class Log:
    """Writes log lines of at least one level.

    A line stays one line and one JSON object whatever a key holds: control characters, quotes and
    everything beyond ASCII are escaped.
    """

    def __init__(self, level: str) -> None:
        self._threshold = LOG_LEVELS.index(level)
        self._lock = Lock()

    def write(self, level: str, **fields: object) -> None:
        """Write one line.

        Args:
            level: one of ``LOG_LEVELS``.
            fields: JSON values; a field that is None is left out.
        """
        if LOG_LEVELS.index(level) < self._threshold:
            return
        line = json.dumps(
            {"level": level} | {name: value for name, value in fields.items() if value is not None}
        )
        with self._lock:
            sys.stdout.write(line + "\n")
            sys.stdout.flush()


def delay_seconds(event_time: float | None) -> float | None:
    """Seconds since the event, to the millisecond; None when the event has no time."""
    return None if event_time is None else round(max(0.0, time.time() - event_time), 3)
