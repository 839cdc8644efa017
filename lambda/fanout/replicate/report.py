"""Reports each outcome: a log line, metrics, and an item of the replication log."""

from __future__ import annotations

import time
from threading import Lock

from ..common import metrics
from ..common.config import Config
from ..common.log import Log
from ..common.metrics import Metrics
from .failures import ReplicationError
from .outcome import Outcome
from .progress import Ending
from .replication_log import PutsItems, ReplicationLog


class Report:
    """Where everything that happened is reported, once; safe for use by several threads.

    Attributes:
        log: for what is about no single attempt.
    """

    def __init__(self, config: Config, dynamodb: PutsItems | None = None) -> None:
        """Take the settings, and the client for the replication log if there is one."""
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
        """Report how an attempt at a key ended."""
        now = time.time()
        event, finish, error = outcome.event, outcome.finish, outcome.error
        delay = None if event.time is None else seconds_between(event.time, now)
        self.log.write(
            "WARNING" if outcome.has_failed else "INFO",
            action=finish.ending,
            destination=self._destination,
            key=event.key,
            destination_key=outcome.destination_key,
            bytes=finish.size,
            delay_seconds=delay,
            event=event.event_name,
            receives=event.receives,
            calls=outcome.calls,
            **({} if error is None else error.explanation()),
        )
        is_logged = self._enter(outcome, now)
        with self._lock:
            self._measure(outcome, delay)
            if not is_logged:
                self._metrics.count(metrics.LOG_FAILURES)

    def dead_letter(self, error: ReplicationError) -> None:
        """Report that a message was given up and is in the dead-letter queue now."""
        self.log.write(
            "ERROR",
            action="dead-letter",
            destination=self._destination,
            key=error.key or None,
            **error.explanation(),
        )
        with self._lock:
            self._metrics.count(metrics.FAILED_OPERATIONS)

    def end(self) -> None:
        """Write the metrics of the invocation."""
        with self._lock:
            lines = list(self._metrics.take(time.time()))
        for line in lines:
            self.log.write_metrics(line)

    def _measure(self, outcome: Outcome, delay: float | None) -> None:
        # An event that finds nothing to do is no delay: its object was there before.
        did_something = outcome.has_failed or outcome.is_pending or outcome.finish.ending.is_write
        if delay is not None and did_something:
            self._metrics.measure(metrics.LATENCY, delay)
        if outcome.error is not None and outcome.has_failed:
            self._metrics.fail(outcome.error.reason)
        elif outcome.finish.ending is Ending.COPIED:
            self._metrics.measure(metrics.BYTES, outcome.finish.size)
        elif outcome.finish.ending is Ending.DELETED:
            self._metrics.count(metrics.REPLICAS_DELETED)

    def _enter(self, outcome: Outcome, now: float) -> bool:
        """Write to the replication log; returns False when that failed, which harms nothing else."""
        if self._replication_log is None or outcome.finish.ending is Ending.SKIPPED:
            return True
        failure = self._replication_log.write(outcome, now)
        if failure is None:
            return True
        self.log.write(
            "ERROR", action="replication-log-failed", key=outcome.event.key, explanation=failure
        )
        return False


def seconds_between(earlier: float, later: float) -> float:
    """To the millisecond; 0 when the clocks disagree about which was first."""
    return round(max(0.0, later - earlier), 3)
