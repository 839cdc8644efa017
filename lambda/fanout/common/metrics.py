"""Metrics in CloudWatch's embedded metric format: log lines that CloudWatch reads values from.

No API is called and no permission is needed. One line per invocation holds the values of all its
objects. With a line per object, most of what CloudWatch Logs ingests ($0.50 per GB) would be the names
of the metrics. Each metric of each combination of dimensions costs $0.30 a month for the hours in which
it is written. So there are few, and those that count rare things are written only when they happen.

S3 Replication's names where it has one (User Guide, "Using S3 Replication metrics").
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

NAMESPACE = "S3Fanout"

MAX_VALUES = 100
"""Values one line can hold of a metric (CloudWatch User Guide, "Specification: Embedded metric
format", target members)."""

LATENCY = "ReplicationLatency"
"""From the event to the end of the attempt that wrote the replica, or failed."""
BYTES = "BytesReplicated"
"""Of each object that was copied; its sample count is the number of objects."""
REPLICAS_DELETED = "DeletesReplicated"
FAILED_OPERATIONS = "OperationsFailedReplication"
"""Events that have become dead-letter messages."""
FAILED_ATTEMPTS = "FailedAttempts"
"""By reason; an event that is retried counts each time."""
LOG_FAILURES = "ReplicationLogFailures"
"""Outcomes that could not be written to the replication log."""

REPLICATION_UNITS = {LATENCY: "Seconds", BYTES: "Bytes"} | dict.fromkeys(
    (REPLICAS_DELETED, FAILED_OPERATIONS, FAILED_ATTEMPTS, LOG_FAILURES), "Count"
)
"""Every metric, with the unit CloudWatch shows it in."""


def metrics_line(
    now: float, dimensions: dict[str, str], metrics: dict[str, Any], units: dict[str, str]
) -> dict[str, Any]:
    """One log line with some metrics (CloudWatch User Guide, "Specification: Embedded metric format").

    Args:
        now: seconds since the epoch.
        dimensions: whose combination the metrics are for.
        metrics: by their names, a value or up to ``MAX_VALUES`` of them.
        units: of at least these metrics.
    """
    directive = {
        "Namespace": NAMESPACE,
        "Dimensions": [list(dimensions)],
        "Metrics": [{"Name": name, "Unit": units[name]} for name in metrics],
    }
    metadata = {"Timestamp": round(now * 1000), "CloudWatchMetrics": [directive]}
    return {"_aws": metadata, **dimensions, **metrics}


def dimensions_of(source_bucket: str, destination: str) -> dict[str, str]:
    """The dimensions of a destination."""
    return {"SourceBucket": source_bucket, "Destination": destination}


class Metrics:
    """The measurements of one invocation. Not for use by several threads."""

    def __init__(self, source_bucket: str, destination: str) -> None:
        self._dimensions = dimensions_of(source_bucket, destination)
        self._values: dict[str, list[float]] = {}
        self._counts: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()

    def measure(self, metric: str, value: float) -> None:
        """Add one value whose distribution matters."""
        self._values.setdefault(metric, []).append(value)

    def count(self, metric: str) -> None:
        """Add one to a metric of which only the sum matters."""
        self._counts[metric] += 1

    def fail(self, reason: str) -> None:
        """Add a failed attempt."""
        self._reasons[reason] += 1

    def take(self, now: float) -> Iterator[dict[str, Any]]:
        """The lines for what was measured since the last time; none when that is nothing.

        Args:
            now: seconds since the epoch, the time of all values.
        """
        values, counts, reasons = self._values, self._counts, self._reasons
        self._values, self._counts, self._reasons = {}, Counter(), Counter()
        rest: dict[str, Any] = dict(counts)
        for start in range(0, max(map(len, values.values()), default=0), MAX_VALUES):
            some = {name: all_[start : start + MAX_VALUES] for name, all_ in values.items()}
            yield self._line(now, {name: part for name, part in some.items() if part} | rest)
            rest = {}
        if rest:
            yield self._line(now, rest)
        for reason, count in reasons.items():
            yield self._line(now, {FAILED_ATTEMPTS: count}, Reason=reason)

    def _line(self, now: float, metrics: dict[str, Any], **more: str) -> dict[str, Any]:
        return metrics_line(now, self._dimensions | more, metrics, REPLICATION_UNITS)
