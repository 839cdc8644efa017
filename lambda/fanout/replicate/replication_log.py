"""The replication log: a table with the latest known outcome for each object at each destination.

An outcome is as new as the observation that found both sides equal. Any other is as new as the message
about the change. One that is older than what the table holds is not written, so a slow worker cannot
hide what a later one has observed. The order is that of the execution environments' clocks: two
observations that lie closer together than the clocks differ may be in the wrong order. The table
records what was observed. It has no influence on what is at the destination.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from ..common.aws import call
from ..common.config import LogTable
from ..common.errors import AwsError
from .outcome import Outcome, ReplicationStatus

DAY_SECONDS = 24 * 60 * 60


class PutsItems(Protocol):
    """What is needed of DynamoDB's client."""

    def put_item(self, **arguments: Any) -> Any:
        """PutItem."""


@dataclass(frozen=True)
class ReplicationLog:
    """Writes outcomes of one destination."""

    table: LogTable
    destination: str
    dynamodb: PutsItems

    def write(self, outcome: Outcome, ended_at: float) -> str | None:
        """Write an outcome, unless the table holds a newer one.

        Args:
            ended_at: seconds since the epoch.

        Returns:
            What went wrong; None when it was written or was not the newest.
        """
        name, retention_days = self.table.table_name, self.table.retention_days
        try:
            call(
                self.dynamodb,
                "PutItem",
                name,
                TableName=name,
                Item=log_item(outcome, ended_at, self.destination, retention_days),
                ConditionExpression="attribute_not_exists(as_of) OR as_of <= :as_of",
                ExpressionAttributeValues={":as_of": {"S": iso_timestamp(outcome.as_of)}},
            )
        except AwsError as error:
            is_older = error.code == "ConditionalCheckFailedException"
            return None if is_older else str(error)
        return None


def log_item(
    outcome: Outcome, ended_at: float, destination: str, retention_days: int
) -> dict[str, dict[str, str]]:
    """The outcome as DynamoDB takes it.

    ``failed_at`` is there only after a failure, which is what makes the index on it sparse.
    """
    event, error, source = outcome.event, outcome.error, outcome.source
    has_failed = outcome.status is ReplicationStatus.FAILED
    texts = {
        "key": event.key,
        "destination": destination,
        "status": outcome.status,
        "action": outcome.finish.ending,
        "destination_key": outcome.destination_key,
        "event": event.event_name,
        "event_at": None if event.time is None else iso_timestamp(event.time),
        "as_of": iso_timestamp(outcome.as_of),
        "ended_at": iso_timestamp(ended_at),
        "etag": None if source is None else source.etag,
        "version_id": None if source is None else source.version_id,
        "last_modified": None if source is None else source.last_modified,
        "failed_at": iso_timestamp(ended_at) if has_failed else None,
        "reason": None if error is None else error.reason,
        "explanation": None if error is None else str(error)[:1000],
        "request_id": None if error is None else error.request_id or None,
    }
    numbers = {
        "size": None if source is None else source.size,
        "expires_at": round(ended_at) + retention_days * DAY_SECONDS,
    }
    return {name: {"S": text} for name, text in texts.items() if text is not None} | {
        name: {"N": str(number)} for name, number in numbers.items() if number is not None
    }


def iso_timestamp(seconds: float) -> str:
    """As ISO 8601 writes it, to the millisecond: in the order of time when sorted as text."""
    text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
