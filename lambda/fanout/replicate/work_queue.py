"""The destination's work queue and dead-letter queue: what becomes of a message."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..common.aws import call, queue_url
from ..common.config import Config
from ..common.errors import AwsError, Operation
from .failures import FailureKind, ReplicationError
from .queue_message import QueueMessage
from .report import Report

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient

DESTINATION_PATIENCE_SECONDS = 6 * 3600
"""How long a message waits, from its first receive on, for somebody to repair the destination."""

LAST_CHANCE_SECONDS = 6.75 * 24 * 3600
"""An older message becomes a dead-letter message in any case. The queue drops it after seven days."""

MAX_ENTRIES = 10
"""Of a batch call (API reference, DeleteMessageBatch)."""

TRANSIENT_BACKOFF_SECONDS = (1, 60)
DESTINATION_BACKOFF_SECONDS = (15, 900)

LATE_SECONDS = 5
"""A message that was received so long before its invocation began is hidden anew. While a function is
throttled, Lambda holds what it has received, up to the visibility timeout (Lambda Operator Guide,
"Handling errors for an SQS event source")."""

OUTAGE_RECEIVES = 10
OUTAGE_BACKOFF_SECONDS = (60, 300)
"""What does not pass by then is an outage. At this pace an event waits for seven hours."""


class WorkQueue:
    """The queue calls. A call that fails costs nothing but a redelivery, so it is logged."""

    def __init__(self, config: Config, sqs: SQSClient, report: Report) -> None:
        self._destination = config.destination.name
        self._longest_write_seconds = config.longest_write_seconds
        self._sqs = sqs
        self._report = report
        self._account_id = config.source.account_id
        self._name = config.queue_name
        self._dead_letter_name = config.dead_letter_queue_name

    def delete(self, messages: list[QueueMessage]) -> None:
        """Remove messages that are done, so that a crash does not redeliver them."""
        self._call_for_each("DeleteMessageBatch", messages)

    def hide_late(self, messages: list[QueueMessage], seconds_left: float) -> None:
        """Hide messages anew that were received long before this invocation began.

        They were hidden for long enough from then on. A message must stay hidden until what a killed
        invocation asked for last has landed.

        Args:
            seconds_left: until the invocation ends.
        """
        now = time.time()
        hidden = math.ceil(seconds_left) + self._longest_write_seconds
        late = [
            message
            for message in messages
            if message.received_at is None or now - message.received_at > LATE_SECONDS
        ]
        self._call_for_each("ChangeMessageVisibilityBatch", late, VisibilityTimeout=hidden)

    def send(self, body: str, *, after_longest_write: bool = False) -> bool:
        """Put a message into the work queue; returns whether it is there.

        Args:
            after_longest_write: it is delayed until a write that was sent now must have landed.
        """
        # With delivery "direct" the queue delays every message that does not say otherwise.
        delay = self._longest_write_seconds if after_longest_write else 0
        return self._call("SendMessage", self._name, MessageBody=body, DelaySeconds=delay)

    def _put_off(self, message: QueueMessage, upload_id: str | None) -> bool:
        """Send a message anew, so that it is received at once and this receive does not count."""
        return self._call(
            "SendMessage",
            self._name,
            MessageBody=message.body,
            MessageAttributes=_as_attributes(message.attributes_to_go_on(upload_id)),
            DelaySeconds=0,
        )

    def settle(self, message: QueueMessage, error: ReplicationError | None) -> bool:
        """Decide about a message that was processed; returns whether it is done with.

        It is if it converged, was put off, or is a dead-letter message now. If not, it becomes visible
        again: after its back-off or, after a write of unknown outcome, when that must have landed.
        """
        if error is None:
            return True
        if is_given_up(error.kind, message, time.time()):
            return self.dead_letter(message.body, error)
        if error.kind is FailureKind.UNFINISHED and self._put_off(message, error.upload_id):
            return True
        if error.kind is FailureKind.UNKNOWN_OUTCOME:
            hidden = self._longest_write_seconds
        else:
            hidden = backoff_seconds(error.kind, message.receives, random.random)
        self._call(
            "ChangeMessageVisibility",
            self._name,
            ReceiptHandle=message.receipt,
            VisibilityTimeout=hidden,
        )
        return False

    def dead_letter(self, body: str, error: ReplicationError) -> bool:
        """Put a message with a reason into the dead-letter queue; returns whether it is there."""
        attributes = {
            "Reason": error.reason,
            "Error": _sendable(error.error) or error.reason,
            "Explanation": _sendable(str(error)) or "-",
            "Key": _sendable(error.key) or "-",
            "Destination": self._destination,
            "RequestId": _sendable(error.request_id) or "-",
        }
        sent = self._call(
            "SendMessage",
            self._dead_letter_name,
            MessageBody=body,
            MessageAttributes=_as_attributes(attributes),
        )
        if sent:
            self._report.dead_letter(error)
        return sent

    def _call_for_each(
        self, operation: Operation, messages: list[QueueMessage], **more: object
    ) -> None:
        for first in range(0, len(messages), MAX_ENTRIES):
            entries = [
                {"Id": str(number), "ReceiptHandle": message.receipt} | more
                for number, message in enumerate(messages[first : first + MAX_ENTRIES])
            ]
            self._call(operation, self._name, Entries=entries)

    def _call(self, operation: Operation, queue_name: str, **arguments: object) -> bool:
        url = queue_url(self._sqs, self._account_id, queue_name)
        try:
            call(self._sqs, operation, url, QueueUrl=url, **arguments)
        except AwsError as error:
            self._report.log.write("ERROR", action="queue-call-failed", explanation=str(error))
            return False
        return True


def _as_attributes(values: dict[str, str]) -> dict[str, dict[str, str]]:
    return {name: {"DataType": "String", "StringValue": value} for name, value in values.items()}


def _sendable(text: str) -> str:
    """As much of a text as an attribute takes.

    SQS refuses most control characters, and the message with them (API reference, SendMessage). S3's
    explanations can hold the key, and so anything.
    """
    return "".join(c if c.isprintable() else " " for c in text[:1000]).strip()


def is_given_up(kind: FailureKind, message: QueueMessage, now: float) -> bool:
    """Whether a message that failed becomes a dead-letter message.

    Args:
        now: seconds since the epoch.
    """
    match kind:
        case FailureKind.OBJECT:
            return True
        case FailureKind.UNFINISHED | FailureKind.WAITING:
            return False
    waited, age = now - message.first_received_at, now - message.sent_at
    is_overdue = kind is FailureKind.DESTINATION and waited > DESTINATION_PATIENCE_SECONDS
    return is_overdue or age > LAST_CHANCE_SECONDS


def backoff_seconds(kind: FailureKind, receives: int, rand: Callable[[], float]) -> int:
    """How long a failed message stays invisible, in seconds.

    The time doubles with every receive between the two bounds of the failure's kind. It is spread over
    the upper half, so that messages that failed together are not retried together. What is unfinished
    continues at once.
    """
    if kind is FailureKind.UNFINISHED:
        return 0
    low, high = {
        FailureKind.WAITING: TRANSIENT_BACKOFF_SECONDS,
        FailureKind.TRANSIENT: TRANSIENT_BACKOFF_SECONDS,
        FailureKind.DESTINATION: DESTINATION_BACKOFF_SECONDS,
    }[kind]
    if kind is FailureKind.TRANSIENT and receives > OUTAGE_RECEIVES:
        low, high = OUTAGE_BACKOFF_SECONDS
    ceiling = min(high, low << min(receives - 1, 16))
    return round(ceiling * (0.5 + rand() / 2))
