"""The replicate function, wired as its handler wires it: between a model of S3 and a model of SQS."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest
from fanout.common.config import ReplicaSettings, load
from fanout.replicate.actions import Action, Copy
from fanout.replicate.batch import BatchProcessor
from fanout.replicate.buckets import Buckets
from fanout.replicate.failures import ReplicationError
from fanout.replicate.progress import Ending, Finish, KeyProgress
from fanout.replicate.replication_log import PutsItems
from fanout.replicate.report import Report
from fanout.replicate.s3 import S3KeyOperations
from fanout.replicate.work_queue import WorkQueue

from .aws.figures import MIB
from .aws.sqs import SQS, Message, Queue
from .events import EVENT_SECONDS, sqs_record
from .fake_s3 import FakeS3
from .objects import BODY
from .settings import FOREVER, environment


class Function:
    """The function, and what its messages become.

    Attributes:
        environ: its environment.
        queues: its work queue and its dead-letter queue.
    """

    def __init__(
        self,
        s3: FakeS3 | None = None,
        environ: Mapping[str, str] | None = None,
        *,
        sqs: Any = None,
        table: PutsItems | None = None,
        **changed: object,
    ) -> None:
        """Make it.

        Args:
            s3: None where nothing is asked of S3.
            environ: by default, with one destination that asks for nothing special.
            sqs: the client for its queues, by default that of ``queues``.
            table: the client for the replication log, where there is one.
            changed: attributes of the destination, in place of ``environ``.
        """
        self.environ = environment(**changed) if environ is None else dict(environ)
        self.config = load(self.environ)
        self.queues = SQS(now=lambda: EVENT_SECONDS)
        self.report = Report(self.config, table)
        wanted = self.config.destination
        if s3 is None:
            self.clients: Any = SimpleNamespace(
                destination=wanted, replica_settings=wanted.replica_settings
            )
        else:
            self.clients = s3.to(wanted)
        self.clients.source = self.config.source
        work_queue = WorkQueue(self.config, sqs or self.queues.client, self.report)
        self.processor = BatchProcessor(
            self.config, cast(Buckets, self.clients), work_queue, self.report
        )

    def process(self, *records: dict[str, Any], deadline: float = FOREVER) -> list[str]:
        """Process a batch; returns the ids of the messages that failed."""
        answer = self.processor.handle_queue(list(records), deadline)
        assert list(answer) == ["batchItemFailures"]
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    def receive(self, *bodies: object, deadline: float = FOREVER, **about: Any) -> list[str]:
        """Process a batch of messages with some bodies; ``about`` is as for ``sqs_record``."""
        records = (sqs_record(body, name=f"message-{n}", **about) for n, body in enumerate(bodies))
        return self.process(*records, deadline=deadline)

    def invoke(self, event: dict[str, Any]) -> Any:
        """Invoke the handler, as Lambda does."""
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.environ.items():
                patch.setenv(name, value)
            from fanout.replicate import handler  # reads the environment, once

            patch.setattr(handler, "_PROCESSOR", self.processor)
            patch.setattr(handler, "_REPORT", self.report)
            return handler.handle(event, self)

    def get_remaining_time_in_millis(self) -> int:
        """Of Lambda's context."""
        return 900_000

    def sent(self) -> str:
        """Take the only message of the work queue."""
        return self.queues.queue(self.config.queue_name).take()

    @property
    def work(self) -> Queue:
        """The work queue."""
        return self.queues.queue(self.config.queue_name)

    def receive_work(self, most: int) -> list[dict[str, Any]]:
        """Receive messages of the work queue."""
        return self.queues.receive(self.work, most)

    @property
    def dead_letters(self) -> list[Message]:
        """The dead-letter messages."""
        return list(self.queues.queue(self.config.dead_letter_queue_name).messages.values())

    @property
    def dead_letter(self) -> Message:
        """The only dead-letter message."""
        [found] = self.dead_letters
        return found

    @property
    def hidden_for(self) -> list[int]:
        """For how long messages that failed were hidden, in seconds."""
        return [call["VisibilityTimeout"] for call in self.queues.calls("ChangeMessageVisibility")]

    @property
    def deleted(self) -> list[str]:
        """The receipts of the messages that were deleted before the answer."""
        return [
            entry["ReceiptHandle"]
            for call in self.queues.calls("DeleteMessageBatch")
            for entry in call["Entries"]
        ]


def let_large_begin_at(patch: pytest.MonkeyPatch, threshold: int) -> None:
    """Let larger objects be copied in parts, of 1 MiB, by the function and the model."""
    patch.setattr("fanout.replicate.upload_plan.SINGLE_COPY_BYTES", threshold)
    for constant in (
        "fanout.replicate.upload_plan.MIN_PART_BYTES",
        "support.aws.store.MIN_PART_BYTES",
    ):
        patch.setattr(constant, MIB)


KeyEnding = Finish | BaseException | Callable[[], Finish]


class Bench(Function):
    """The function without S3: its keys end as a test says.

    Attributes:
        endings: how a key converges; a key without an ending is copied.
        etags: the ETag each key was begun with.
    """

    def __init__(self, environ: Mapping[str, str] | None = None, **about: Any) -> None:
        super().__init__(None, environ, **about)
        self.endings: dict[str, KeyEnding] = {}
        self.etags: dict[str, str | None] = {}

    def converge(
        self,
        operations: S3KeyOperations,
        begun: tuple[KeyProgress, Action],
        settings: ReplicaSettings,
    ) -> Finish:
        """In place of ``replicator.converge``."""
        key, (_, action) = operations.source_key, begun
        assert settings == self.config.destination.replica_settings
        self.etags[key] = action.if_match.strip('"') if isinstance(action, Copy) else None
        ending = self.endings.get(key, Finish(Ending.COPIED, len(BODY)))
        try:
            if isinstance(ending, BaseException):
                raise ending
            return ending() if callable(ending) else ending
        except ReplicationError as failure:
            return Finish(Ending.FAILED, failure=failure)
        finally:
            self.queues.journal.append(("converged", key))

    @property
    def converged(self) -> list[str]:
        """The keys, in the order in which they ended."""
        return [what for call, what in self.queues.journal if call == "converged"]
