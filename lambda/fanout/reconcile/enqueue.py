"""Sends the keys that differ to a destination's queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..common.aws import call
from ..common.errors import AwsError
from ..common.messages import compare_message

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient

KEYS_PER_MESSAGE = 10
"""The function processes the keys of a message together, and retries them all when one fails."""

MESSAGES_PER_CALL = 10
BYTES_PER_CALL = 256 * 1024
"""Limits of SendMessageBatch (SQS Developer Guide, "Message quotas", which has raised the second)."""

SEND_ATTEMPTS = 3


class KeyEnqueuer:
    """Sends keys to one work queue, in as few calls as that takes.

    Attributes:
        queued: the keys that SQS has accepted.
    """

    def __init__(self, sqs: SQSClient, queue_url: str, source_bucket: str) -> None:
        self.queued = 0
        self._sqs = sqs
        self._queue_url = queue_url
        self._bucket = source_bucket
        self._keys: list[str] = []
        self._messages: list[tuple[str, int]] = []
        self._bytes = 0

    def add(self, key: str) -> None:
        """Take a key. It is sent when there is enough to send.

        Raises:
            AwsError: SQS refused messages, or did not answer.
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
        body = compare_message(self._bucket, self._keys)
        if self._bytes + len(body) > BYTES_PER_CALL:
            self._send()
        self._messages.append((body, len(self._keys)))
        self._bytes += len(body)  # ASCII: quote_plus and json leave nothing else
        self._keys = []
        if len(self._messages) == MESSAGES_PER_CALL:
            self._send()

    def _send(self) -> None:
        left = dict(enumerate(self._messages))
        for attempt in range(1, SEND_ATTEMPTS + 1):
            if not left:
                break
            refused = self._send_batch({number: body for number, (body, _) in left.items()})
            self.queued += sum(keys for number, (_, keys) in left.items() if number not in refused)
            left = {number: left[number] for number in refused}
            if left and attempt == SEND_ATTEMPTS:
                raise next(iter(refused.values()))
        self._messages, self._bytes = [], 0

    def _send_batch(self, bodies: dict[int, str]) -> dict[int, AwsError]:
        """Send messages; returns why, for each that SQS did not accept."""
        entries = [
            # With delivery "direct" the queue delays every message that does not say otherwise.
            {"Id": str(number), "MessageBody": body, "DelaySeconds": 0}
            for number, body in bodies.items()
        ]
        url = self._queue_url
        answer = call(self._sqs, "SendMessageBatch", url, QueueUrl=url, Entries=entries)
        return {
            int(entry["Id"]): AwsError.of("SendMessageBatch", url, {"Error": entry})
            for entry in answer.get("Failed", ())
        }
