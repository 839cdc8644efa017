"""What the function says: log lines on standard output, metrics, and the replication log."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass
from threading import Lock

from . import metrics
from .config import LOG_LEVELS, Config
from .failures import Kind, ReplicationError
from .metrics import Metrics
from .objects import ObjectState
from .replication_log import Entry, PutsItems, ReplicationLog, Status

WRITES = ("copied", "tagged", "deleted")
"""The actions after which a replica is newer than before."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one attempt at one key ended.

    Attributes:
        action: as in ``protocol.Finish``; ``failed`` where a call failed, ``skipped`` where the
            destination does not want the key any more.
        destination_key: None likewise.
        size: the object's size in bytes, 0 where there is none.
        event: S3's name of the event.
        event_time: seconds since the epoch, or None when the event has no time.
        receives: how often its message was received, this time included.
        calls: S3 requests made.
        looked_at: when the source was last looked at, or the attempt began; seconds since the epoch.
        source: the source object as it was seen then, or None.
        error: why it is not done; None when it is.
    """

    action: str
    key: str
    destination_key: str | None
    size: int
    event: str
    event_time: float | None
    receives: int
    calls: int
    looked_at: float
    source: ObjectState | None = None
    error: ReplicationError | None = None

    @property
    def has_failed(self) -> bool:
        """Whether something went wrong; an upload that is given on has not."""
        return self.error is not None and self.error.kind is not Kind.UNFINISHED

    @property
    def is_pending(self) -> bool:
        """Whether an upload goes on."""
        return self.action == "queued" or (self.error is not None and not self.has_failed)


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


class Report:
    """Where everything that happened is told, once; safe for use by several threads.

    Attributes:
        log: for what is about no single attempt.
    """

    def __init__(self, config: Config, dynamodb: PutsItems | None = None) -> None:
        """Make it.

        Args:
            config: names the destination, the log level and the replication log, if there is one.
            dynamodb: the client for the replication log; None where there is none.
        """
        self.log = Log(config.log_level)
        self._destination = config.destination.name
        self._metrics = Metrics(config.source.bucket, config.destination.name)
        self._replication_log = (
            None
            if dynamodb is None or config.replication_log is None
            else ReplicationLog(config.replication_log, config.destination.name, dynamodb)
        )
        self._lock = Lock()

    def outcome(self, outcome: Outcome) -> None:
        """Tell how an attempt at a key ended."""
        now = time.time()
        delay = None if outcome.event_time is None else seconds_between(outcome.event_time, now)
        error = outcome.error
        self.log.write(
            "WARNING" if outcome.has_failed else "INFO",
            action=outcome.action,
            destination=self._destination,
            key=outcome.key,
            destination_key=outcome.destination_key,
            bytes=outcome.size,
            delay_seconds=delay,
            event=outcome.event,
            receives=outcome.receives,
            calls=outcome.calls,
            **({} if error is None else error.explanation()),
        )
        logged = self._enter(outcome, now)
        with self._lock:
            # An event that finds nothing to do is no delay: its object was there before.
            if delay is not None and (
                outcome.has_failed or outcome.is_pending or outcome.action in WRITES
            ):
                self._metrics.measure(metrics.LATENCY, delay)
            if error is not None and outcome.has_failed:
                self._metrics.fail(error.reason)
            elif outcome.action == "copied":
                self._metrics.measure(metrics.BYTES, outcome.size)
            elif outcome.action == "deleted":
                self._metrics.count(metrics.DELETES)
            if not logged:
                self._metrics.count(metrics.LOG_FAILURES)

    def letter(self, error: ReplicationError) -> None:
        """Tell that a message was given up and is a dead letter now."""
        self.log.write(
            "ERROR",
            action="dead-letter",
            destination=self._destination,
            key=error.key or None,
            **error.explanation(),
        )
        with self._lock:
            self._metrics.count(metrics.LETTERS)

    def end(self) -> None:
        """Write the metrics of the invocation."""
        with self._lock:
            lines = list(self._metrics.take(time.time()))
        for line in lines:
            self.log.write_metrics(line)

    def _enter(self, outcome: Outcome, now: float) -> bool:
        """Write to the replication log; returns False when that failed, which harms nothing else."""
        if self._replication_log is None or outcome.action == "skipped":
            return True
        failure = self._replication_log.write(
            Entry(
                status=_status(outcome),
                action=outcome.action,
                key=outcome.key,
                destination_key=outcome.destination_key,
                event=outcome.event,
                event_time=outcome.event_time,
                looked_at=outcome.looked_at,
                ended_at=now,
                source=outcome.source,
                error=outcome.error,
            )
        )
        if failure is None:
            return True
        self.log.write(
            "ERROR", action="replication-log-failed", key=outcome.key, explanation=failure
        )
        return False


def _status(outcome: Outcome) -> Status:
    if outcome.has_failed:
        return "FAILED"
    return "PENDING" if outcome.is_pending else "COMPLETED"


def seconds_between(earlier: float, later: float) -> float:
    """To the millisecond; 0 when the clocks disagree about which was first."""
    return round(max(0.0, later - earlier), 3)
