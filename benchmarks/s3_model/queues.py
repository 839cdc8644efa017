"""SQS, as far as one function needs it: the JSON protocol, receive counts and visibility."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import json
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

from .figures import Figures
from .http import Request, Response

TARGET = "AmazonSQS."


@dataclass(slots=True)
class Message:
    """A message in a queue. Times in seconds since the epoch."""

    id: str
    body: str
    sent_at: float
    visible_at: float
    receives: int = 0


@dataclass(slots=True)
class Queue:
    """A queue and the time for which a received message stays hidden, in seconds."""

    messages: dict[str, Message]
    visibility: float = 30


class SQS:
    """Answers SQS's requests. A queue is made by its first use.

    Attributes:
        calls: how many of each operation were made.
    """

    def __init__(self, figures: Figures) -> None:
        self.calls: Counter[str] = Counter()
        self.queues: dict[str, Queue] = {}
        self._figures = figures
        self._numbers = itertools.count(1)

    def queue(self, name: str) -> Queue:
        """Find a queue, or make it."""
        return self.queues.setdefault(name, Queue({}))

    def send(self, queue: Queue, body: str, delay: float = 0) -> Message:
        """Put a message into a queue."""
        now = time.time()
        message = Message(f"message-{next(self._numbers):08}", body, now, now + delay)
        queue.messages[message.id] = message
        return message

    async def answer(self, request: Request) -> Response:
        """Answer a request, after the time that SQS would take."""
        name = request.headers["x-amz-target"].removeprefix(TARGET)
        self.calls[name] += 1
        given = json.loads(request.body)
        queue = self.queue(given["QueueUrl"].rpartition("/")[2])
        await asyncio.sleep(self._figures.queue)
        match name:
            case "SendMessage":
                message = self.send(queue, given["MessageBody"], given.get("DelaySeconds", 0))
                return _json(200, {"MessageId": message.id, "MD5OfMessageBody": _md5(message.body)})
            case "DeleteMessage":
                self.delete(queue, [given["ReceiptHandle"]])
                return _json(200, {})
            case "DeleteMessageBatch":
                entries = given["Entries"]
                self.delete(queue, [entry["ReceiptHandle"] for entry in entries])
                done = [{"Id": entry["Id"]} for entry in entries]
                return _json(200, {"Successful": done, "Failed": []})
            case "ChangeMessageVisibility":
                if given["ReceiptHandle"] in queue.messages:
                    message = queue.messages[given["ReceiptHandle"]]
                    message.visible_at = time.time() + given["VisibilityTimeout"]
                return _json(200, {})
        return _json(400, {"__type": "com.amazonaws.sqs#UnsupportedOperation"})

    async def receive(self, queue: Queue, most: int) -> list[dict[str, Any]]:
        """Hand messages over as to an event source mapping: as records of its event."""
        await asyncio.sleep(self._figures.queue)
        now = time.time()
        ready = (message for message in queue.messages.values() if message.visible_at <= now)
        found = list(itertools.islice(ready, most))
        for message in found:
            message.visible_at = now + queue.visibility
            message.receives += 1
        return [
            {
                "messageId": message.id,
                "receiptHandle": message.id,
                "body": message.body,
                "attributes": {
                    "ApproximateReceiveCount": str(message.receives),
                    "SentTimestamp": str(round(message.sent_at * 1000)),
                    "ApproximateFirstReceiveTimestamp": str(round(now * 1000)),
                    "SenderId": "model",
                },
                "messageAttributes": {},
                "md5OfBody": _md5(message.body),
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:eu-central-1:000000000000:work",
                "awsRegion": "eu-central-1",
            }
            for message in found
        ]

    def delete(self, queue: Queue, receipts: list[str]) -> None:
        """Remove messages, where they still are."""
        for receipt in receipts:
            queue.messages.pop(receipt, None)


def _md5(body: str) -> str:
    return hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()


def _json(status: int, content: dict[str, Any]) -> Response:
    headers = {"content-type": "application/x-amz-json-1.0"}
    return Response(status, json.dumps(content).encode(), headers)
