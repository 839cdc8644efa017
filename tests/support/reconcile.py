"""The reconcile function between a model of S3, a model of SQS, and a Lambda that is this class."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from fanout.common.aws import listing_client
from fanout.common.config import Destination, Reconciliation
from fanout.common.log import Log
from fanout.reconcile.run import Reconciler
from fanout.replicate.decode import decode_message

from .aws.sqs import SQS
from .aws.store import STORAGE_CLASS
from .fake_s3 import FakeS3
from .settings import (
    DESTINATION_BUCKET,
    QUEUE_NAME,
    SOURCE_BUCKET,
    SOURCE_REGION,
    environment,
)
from .values import destination

FUNCTION_NAME = "photos-fanout-archive"


class ReconcileFunction:
    """The function, of a module with one destination.

    Attributes:
        destination: as the module has it.
        variables: the environment of the destination's own function.
        queues: the destination's work queue.
        invocations: the events the function invoked itself with.
        seconds: that an invocation has.
    """

    function_name = "photos-fanout-reconcile"
    log_group_name = "/aws/lambda/photos-fanout-reconcile"

    def __init__(
        self, s3: FakeS3, delete_limit: int = 1000, *, may_delete: bool = True, **changed: object
    ) -> None:
        """Make it; ``changed`` are attributes of the destination."""
        self.s3 = s3
        self.destination: Destination = destination(**changed)
        self.variables = environment(**changed)
        self.queues = SQS()
        self.invocations: list[Any] = []
        self.seconds = 900.0
        self._settings = Reconciliation(
            functions={"archive": FUNCTION_NAME},
            delete_extra=may_delete,
            delete_limit=delete_limit,
            region=SOURCE_REGION,
            log_level="INFO",
        )

    def plant(self, kind: str, *keys: str) -> None:
        """Make differences of a kind, or objects that are ``equal``; keys are those of the source."""
        store = self.s3.store
        for key in keys:
            there = self.destination.key_for(key) or key
            if kind == "stale":
                store.make(DESTINATION_BUCKET, there, 1)
            if kind != "extra":
                made = store.make(SOURCE_BUCKET, key, 1)
            if kind == "archived":
                store.put(SOURCE_BUCKET, key, replace(made, headers=((STORAGE_CLASS, "GLACIER"),)))
            if kind in ("equal", "resized", "extra"):
                store.make(DESTINATION_BUCKET, there, 2 if kind == "resized" else 1)

    def run(self, mode: str = "audit", **event: object) -> Any:
        """Invoke the function until the run is at its end; returns the last answer."""
        answer = self.handle({"destination": "archive", "mode": mode, **event})
        while self.invocations:
            answer = self.handle(self.invocations.pop(0))
        return answer

    def handle(self, event: object) -> Any:
        """Invoke the function once; events and answers are JSON."""
        reconciler = Reconciler(
            self._settings, self, listing_client, self.queues.client, Log("INFO")
        )
        answer = reconciler.handle(json.loads(json.dumps(event)), self)
        return json.loads(json.dumps(answer))

    def queued(self) -> list[str]:
        """Take the keys that were queued, as the destination's function reads them."""
        messages = self.queues.queue(QUEUE_NAME).messages
        keys = [e.key for message in messages.values() for e in decode_message(message.body)]
        messages.clear()
        return keys

    def get_remaining_time_in_millis(self) -> int:
        """Of Lambda's context."""
        return round(self.seconds * 1000)

    def get_function_configuration(self, *, FunctionName: str) -> Any:  # noqa: N803
        """Of Lambda."""
        assert FunctionName == FUNCTION_NAME
        return {"Environment": {"Variables": self.variables}}

    def invoke(self, *, FunctionName: str, InvocationType: str, Payload: bytes) -> None:  # noqa: N803
        """Of Lambda."""
        assert (FunctionName, InvocationType) == (self.function_name, "Event")
        assert len(Payload) <= 256 * 1024
        self.invocations.append(json.loads(Payload))


def let_a_second_pass_with_every_key(patch: pytest.MonkeyPatch) -> None:
    """Make the clock of reconcile tick when somebody looks at it, which is once for each key."""
    clock = SimpleNamespace(monotonic=itertools.count(0.0).__next__)
    patch.setattr("fanout.reconcile.run.time", clock)
