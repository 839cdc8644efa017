"""Log lines on standard output, where Lambda takes them from."""

from __future__ import annotations

import json
import sys
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
        self._print(
            json.dumps(
                {"level": level}
                | {name: value for name, value in fields.items() if value is not None}
            )
        )

    def write_metrics(self, line: dict[str, object]) -> None:
        """Write one line for CloudWatch, whatever the level, and as short as it can be."""
        self._print(json.dumps(line, separators=(",", ":")))

    def _print(self, text: str) -> None:
        with self._lock:
            sys.stdout.write(text + "\n")
            sys.stdout.flush()
