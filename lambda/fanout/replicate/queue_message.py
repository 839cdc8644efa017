"""A message of the work queue, and what it carries along when it is put off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

HISTORY_ATTRIBUTE = "FanoutHistory"
"""The attribute of a message that was put off: receives that count, when it was first sent, when it was
first received (seconds since the epoch)."""

UPLOAD_ATTRIBUTE = "FanoutUpload"
"""Its attribute with the id of the multipart upload that the next delivery continues."""


@dataclass(frozen=True, slots=True)
class QueueMessage:
    """One SQS message of a batch.

    Attributes:
        receives: how often it was received, this time included. Those that put it off do not count.
        sent_at: when it was sent for the first time, in seconds since the epoch.
        first_received_at: likewise.
        received_at: when it was received now, or None where that is not known.
        was_put_off: whether it was sent anew since it was first sent.
        upload_id: the multipart upload that the delivery before this one left to it, or None.
    """

    id: str
    receipt: str
    body: str
    receives: int
    sent_at: float
    first_received_at: float
    received_at: float | None
    was_put_off: bool
    upload_id: str | None

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> QueueMessage:
        """Read one record of the event an SQS event source mapping invokes with."""
        attributes = record["attributes"]
        receives = int(attributes["ApproximateReceiveCount"])
        sent_at = int(attributes["SentTimestamp"]) / 1000
        first_received_at = int(attributes["ApproximateFirstReceiveTimestamp"]) / 1000
        earlier = _history(record, sent_at, first_received_at)
        counted, first_sent_at, first_at = earlier or (0, sent_at, first_received_at)
        return cls(
            id=record["messageId"],
            receipt=record["receiptHandle"],
            body=record["body"],
            receives=counted + receives,
            sent_at=first_sent_at,
            first_received_at=first_at,
            received_at=first_received_at if receives == 1 else None,
            was_put_off=earlier is not None,
            upload_id=_attribute(record, UPLOAD_ATTRIBUTE),
        )

    def attributes_to_go_on(self, upload_id: str | None) -> dict[str, str]:
        """The attributes of the message that is sent in its place."""
        history = f"{self.receives - 1} {self.sent_at} {self.first_received_at}"
        return {HISTORY_ATTRIBUTE: history} | (
            {} if upload_id is None else {UPLOAD_ATTRIBUTE: upload_id}
        )


def _attribute(record: dict[str, Any], name: str) -> str | None:
    found: str | None = record.get("messageAttributes", {}).get(name, {}).get("stringValue")
    return found


def _history(
    record: dict[str, Any], sent_at: float, received_at: float
) -> tuple[int, float, float] | None:
    """The history of a message, or None where there is none that can be true.

    Whoever may publish to the topic can write one, which harms only that message.

    Args:
        sent_at: when it was sent anew.
        received_at: when it was received first since.
    """
    try:
        counted, first_sent_at, first_received_at = (
            _attribute(record, HISTORY_ATTRIBUTE) or ""
        ).split(" ")
        found = int(counted), float(first_sent_at), float(first_received_at)
    except ValueError:
        return None
    is_possible = found[0] >= 0 and 0 <= found[1] <= sent_at and 0 <= found[2] <= received_at
    return found if is_possible else None
