"""SQS, as far as the functions need it: receive counts, visibility, and what it refuses."""

from __future__ import annotations

import itertools
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from types import SimpleNamespace
from typing import Any

from botocore import xform_name
from botocore.exceptions import ClientError

from ..events import as_text, sqs_record
from .figures import Figures
from .http import Call, Request, Response

TARGET = "AmazonSQS."
ENDPOINT = "https://sqs.eu-west-1.amazonaws.com"
OPERATIONS = (
    "SendMessage",
    "SendMessageBatch",
    "DeleteMessage",
    "DeleteMessageBatch",
    "ChangeMessageVisibility",
    "ChangeMessageVisibilityBatch",
)

MAX_ENTRIES = 10
MAX_BATCH_BYTES = 256 * 1024
"""Of a batch call (SQS Developer Guide, "Message quotas", before it raised the second)."""

UNSENDABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What SQS takes neither in a body nor in an attribute (API reference, SendMessage)."""


@dataclass(slots=True)
class Message:
    """A message in a queue. Times in seconds since the epoch."""

    id: str
    body: str
    attributes: dict[str, str]
    sent_at: float
    visible_at: float
    receives: int = 0
    first_received_at: float = 0.0


@dataclass(slots=True)
class Queue:
    """A queue and the time for which a received message stays hidden, in seconds."""

    messages: dict[str, Message] = field(default_factory=dict)
    visibility: float = 30

    def take(self) -> str:
        """Remove the only message; returns its body."""
        [message] = self.messages.values()
        self.messages.clear()
        return message.body


def denied(operation: str) -> ClientError:
    """What a client raises that may not do something."""
    return ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, operation)


class SQS:
    """Holds messages, and writes down the calls. A queue is made by its first use.

    Attributes:
        client: is called like boto3's.
        journal: each call that was made, as operation and arguments, refused ones apart.
        not_accepted: the entries that each of the next batches is told to have failed, by their ids.
    """

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self.journal: list[tuple[str, Any]] = []
        self.not_accepted: list[set[str]] = []
        self._now = now
        self._queues: dict[str, Queue] = {}
        self._refused: dict[str, Exception] = {}
        self._numbers = itertools.count(1)
        self.client: Any = SimpleNamespace(
            meta=SimpleNamespace(endpoint_url=ENDPOINT),
            **{xform_name(name): partial(self.call, name) for name in OPERATIONS},
        )

    def queue(self, name: str) -> Queue:
        """A queue, by its name or URL."""
        return self._queues.setdefault(name.rpartition("/")[2], Queue())

    def calls(self, operation: str) -> list[dict[str, Any]]:
        """The arguments of an operation, each time it was called."""
        return [arguments for name, arguments in self.journal if name == operation]

    def refuse(self, operation: str, error: Exception | None = None) -> None:
        """Let every call of an operation fail, by default because it is not permitted."""
        self._refused[operation] = error or denied(operation)

    def accept(self) -> None:
        """Refuse nothing any more."""
        self._refused.clear()

    def call(self, operation: str, **given: Any) -> dict[str, Any]:
        """Carry out a call with boto3's parameters; returns its answer."""
        if operation in self._refused:
            raise self._refused[operation]
        self.journal.append((operation, given))
        queue = self.queue(given["QueueUrl"])
        match operation:
            case "SendMessage":
                return {"MessageId": self._accept(queue, given).id}
            case "SendMessageBatch":
                return self._send_batch(queue, given["Entries"])
            case "DeleteMessage":
                self.delete(queue, [given["ReceiptHandle"]])
            case "DeleteMessageBatch":
                self.delete(queue, [entry["ReceiptHandle"] for entry in given["Entries"]])
                done = [{"Id": entry["Id"]} for entry in given["Entries"]]
                return {"Successful": done, "Failed": []}
            case "ChangeMessageVisibility" if given["ReceiptHandle"] in queue.messages:
                message = queue.messages[given["ReceiptHandle"]]
                message.visible_at = self._now() + given["VisibilityTimeout"]
            case "ChangeMessageVisibilityBatch":
                for entry in given["Entries"]:
                    if found := queue.messages.get(entry["ReceiptHandle"]):
                        found.visible_at = self._now() + entry["VisibilityTimeout"]
        return {}

    def answer(self, request: Request, figures: Figures) -> Call:
        """Answer a request of SQS's JSON protocol; yields the seconds that SQS would take."""
        yield figures.queue
        operation = request.headers["x-amz-target"].removeprefix(TARGET)
        content = self.call(operation, **json.loads(request.body))
        headers = {"content-type": "application/x-amz-json-1.0"}
        return Response(200, json.dumps(content).encode(), headers)

    def send(self, queue: Queue, body: object, **about: Any) -> Message:
        """Put a message into a queue; no call that counts."""
        return self._accept(queue, {"MessageBody": as_text(body), **about})

    def receive(self, queue: Queue, most: int) -> list[dict[str, Any]]:
        """Hand messages over as to an event source mapping: as records of its event."""
        now = self._now()
        ready = (message for message in queue.messages.values() if message.visible_at <= now)
        found = list(itertools.islice(ready, most))
        for message in found:
            message.visible_at = now + queue.visibility
            message.receives += 1
            message.first_received_at = message.first_received_at or now
        return [
            sqs_record(
                message.body,
                name=message.id,
                receipt=message.id,
                receives=message.receives,
                sent_at=message.sent_at,
                waited=message.first_received_at - message.sent_at,
                attributes=message.attributes,
            )
            for message in found
        ]

    def delete(self, queue: Queue, receipts: list[str]) -> None:
        """Remove messages, where they still are; no call that counts."""
        for receipt in receipts:
            queue.messages.pop(receipt, None)

    def _accept(self, queue: Queue, given: dict[str, Any]) -> Message:
        attributes = {
            name: attribute["StringValue"]
            for name, attribute in given.get("MessageAttributes", {}).items()
            if attribute["DataType"] == "String"
        }
        for text in (given["MessageBody"], *attributes.values()):
            if not text or UNSENDABLE.search(text):
                raise _invalid("InvalidMessageContents", repr(text))
        now, name = self._now(), f"message-{next(self._numbers):08}"
        visible_at = now + given.get("DelaySeconds", 0)
        message = Message(name, given["MessageBody"], attributes, now, visible_at)
        queue.messages[name] = message
        return message

    def _send_batch(self, queue: Queue, entries: list[dict[str, Any]]) -> dict[str, Any]:
        size = sum(len(entry["MessageBody"].encode()) for entry in entries)
        if not 0 < len(entries) <= MAX_ENTRIES or size > MAX_BATCH_BYTES:
            raise _invalid("BatchRequestTooLong", f"{len(entries)} entries, {size} bytes")
        failed = self.not_accepted.pop(0) if self.not_accepted else set()
        accepted = [entry for entry in entries if entry["Id"] not in failed]
        return {
            "Successful": [
                {"Id": entry["Id"], "MessageId": self._accept(queue, entry).id}
                for entry in accepted
            ],
            "Failed": [
                {"Id": name, "Code": "InternalError", "SenderFault": False}
                for name in sorted(failed)
            ],
        }


def _invalid(code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "SendMessage")
