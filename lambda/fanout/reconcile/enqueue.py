"""Sends a destination's function the keys that differ, as few calls as that takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..common import messages
from ..common.errors import CallError, call_errors_of

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient

KEYS_PER_MESSAGE = 10
"""The function works on the keys of a message together, and a message that fails comes back whole."""

MESSAGES_PER_CALL = 10
BYTES_PER_CALL = 256 * 1024
"""Limits of SendMessageBatch (SQS Developer Guide, "Message quotas", which has raised the second)."""

SEND_ATTEMPTS = 3


class KeyEnqueuer:
    """Sends hints to one work queue, as few calls as that takes.

    Attributes:
        queued: the keys that SQS has accepted.
    """

    def __init__(self, sqs: SQSClient, queue_url: str, source_bucket: str) -> None:
        self.queued = 0
        self._sqs = sqs
        self._queue_url = queue_url
        self._bucket = source_bucket
        self._keys: list[str] = []
        self._bodies: list[tuple[str, int]] = []
        self._bytes = 0

    def add(self, key: str) -> None:
        """Take a key; it is sent when there is enough to send.

        Raises:
            CallError: SQS refused messages, or did not answer.
        """
        self._keys.append(key)
        if len(self._keys) == KEYS_PER_MESSAGE:
            self._close_message()

    def flush(self) -> None:
        """Send everything that was taken. Raises as ``add``."""
        if self._keys:
            self._close_message()
        self._send()

    def _close_message(self) -> None:
        message = messages.compare_message(self._bucket, self._keys)
        if self._bytes + len(message) > BYTES_PER_CALL:
            self._send()
        self._bodies.append((message, len(self._keys)))
        self._bytes += len(message)  # ASCII: quote_plus and json leave nothing else
        self._keys = []
        if len(self._bodies) == MESSAGES_PER_CALL:
            self._send()

    def _send(self) -> None:
        left = dict(enumerate(self._bodies))
        for attempt in range(1, SEND_ATTEMPTS + 1):
            if not left:
                break
            failed = self._send_batch({n: message for n, (message, _) in left.items()})
            self.queued += sum(keys for n, (_, keys) in left.items() if n not in failed)
            left = {n: sent for n, sent in left.items() if n in failed}
            if left and attempt == SEND_ATTEMPTS:
                why = next(iter(failed.values()))
                raise CallError(f"SendMessageBatch to {self._queue_url}", why)
        self._bodies, self._bytes = [], 0

    def _send_batch(self, bodies: dict[int, str]) -> dict[int, str]:
        """Send some messages; returns why, for each that was not accepted."""
        entries: list[Any] = [
            # In the direct lane the queue delays what it is not told otherwise about.
            {"Id": str(n), "MessageBody": body, "DelaySeconds": 0}
            for n, body in bodies.items()
        ]
        with call_errors_of(f"SendMessageBatch to {self._queue_url}"):
            answer = self._sqs.send_message_batch(QueueUrl=self._queue_url, Entries=entries)
        return {
            int(entry["Id"]): f"{entry['Code']}: {entry.get('Message', '')}"
            for entry in answer.get("Failed", ())
        }
