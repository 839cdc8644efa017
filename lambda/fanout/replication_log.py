"""The replication log: a table with the latest known outcome for each object at each destination.

An outcome is as new as the look at the source that it is about. One that is older than what the table
holds is not written, so that a slow worker cannot hide what a later one has seen. Looks are ordered by
the clocks of the execution environments: where those differ, two looks that lie closer together than
the difference may be taken in the wrong order. The table says what was seen; what is at the destination
does not depend on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from .config import LogTable
from .failures import ReplicationError
from .objects import ObjectState

DAY_SECONDS = 24 * 60 * 60

Status = Literal["COMPLETED", "FAILED", "PENDING"]
"""Source and destination were equal, the last attempt failed, or an upload goes on. S3's words for it
(User Guide, "Getting replication status information")."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One outcome; times in seconds since the epoch, the rest as in ``report.Outcome``."""

    status: Status
    action: str
    key: str
    destination_key: str | None
    event: str
    event_time: float | None
    looked_at: float
    ended_at: float
    source: ObjectState | None
    error: ReplicationError | None


class PutsItems(Protocol):
    """What is needed of DynamoDB's client."""

    def put_item(self, **arguments: Any) -> Any:
        """PutItem."""


class ReplicationLog:
    """Writes outcomes of one destination."""

    def __init__(self, table: LogTable, destination: str, dynamodb: PutsItems) -> None:
        self._table = table
        self._destination = destination
        self._dynamodb = dynamodb

    def write(self, entry: Entry) -> str | None:
        """Write an outcome, unless the table holds a newer one.

        Returns:
            What went wrong; None when it was written or was not the newest.
        """
        try:
            self._dynamodb.put_item(
                TableName=self._table.table_name,
                Item=item(entry, self._destination, self._table.retention_days),
                ConditionExpression="attribute_not_exists(looked_at) OR looked_at <= :looked_at",
                ExpressionAttributeValues={":looked_at": {"S": timestamp(entry.looked_at)}},
            )
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") == "ConditionalCheckFailedException":
                return None
            return str(error)
        except BotoCoreError as error:
            return str(error)
        return None


def item(entry: Entry, destination: str, retention_days: int) -> dict[str, dict[str, str]]:
    """The outcome as DynamoDB takes it.

    ``failed_at`` is there only after a failure, which is what makes the index on it sparse.
    """
    error, source = entry.error, entry.source
    texts = {
        "key": entry.key,
        "destination": destination,
        "status": entry.status,
        "action": entry.action,
        "destination_key": entry.destination_key,
        "event": entry.event,
        "event_at": None if entry.event_time is None else timestamp(entry.event_time),
        "looked_at": timestamp(entry.looked_at),
        "ended_at": timestamp(entry.ended_at),
        "etag": None if source is None else source.etag,
        "version_id": None if source is None else source.version_id,
        "last_modified": None if source is None else source.last_modified,
        "failed_at": timestamp(entry.ended_at) if entry.status == "FAILED" else None,
        "reason": None if error is None else error.reason,
        "explanation": None if error is None else str(error)[:1000],
        "request_id": None if error is None else error.request_id or None,
    }
    numbers = {
        "size": None if source is None else source.size,
        "expires_at": round(entry.ended_at) + retention_days * DAY_SECONDS,
    }
    return {name: {"S": text} for name, text in texts.items() if text is not None} | {
        name: {"N": str(number)} for name, number in numbers.items() if number is not None
    }


def timestamp(seconds: float) -> str:
    """As ISO 8601 writes it, to the millisecond: in the order of time when sorted as text."""
    text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
