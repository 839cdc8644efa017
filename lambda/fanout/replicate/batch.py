"""One invocation: its messages, their keys, and which of them are done.

A message is done when every key in it converged. The answer deletes it; where others of its batch take
longer than that is worth waiting for, it is deleted meanwhile: a crash redelivers what was unfinished.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from functools import reduce
from typing import Any

from ..common import messages
from ..common.aws import CONCURRENCY
from ..common.config import Config
from ..common.errors import FailureKind, ReplicationError
from .buckets import COPY_TIMEOUT_SECONDS, Buckets
from .decode import (
    KeyEvent,
    MalformedMessageError,
    decode_batch_tasks,
    decode_message,
    decode_sns_event,
)
from .replicator import SUSPECT_RECEIVES, Replicator
from .report import Report
from .work_queue import QueueMessage, WorkQueue

EARLY_DELETE_AFTER_SECONDS = 1.0
"""Messages that are done so soon after their batch began are deleted by its answer."""


MAX_RECEIVES = 95
"""After so many receives a message becomes a letter that says so. SQS moves it after 100, and says
nothing."""


Finished = tuple[QueueMessage, ReplicationError | None]
"""A message that was worked on, and why it is not done, or None."""


class DirectDeliveryError(Exception):
    """An invocation by SNS failed; Lambda hands its event to the work queue."""


class BatchProcessor:
    """What one execution environment does with the invocations it gets."""

    def __init__(self, config: Config, buckets: Buckets, queue: WorkQueue, report: Report) -> None:
        self._config = config
        self._buckets = buckets
        self._queue = queue
        self._keys = Replicator(config.destination, buckets, queue, report)
        self._workers = ThreadPoolExecutor(CONCURRENCY, thread_name_prefix="key")

    def handle_queue(
        self, records: list[dict[str, Any]], deadline: float
    ) -> dict[str, list[dict[str, str]]]:
        """Work on a batch of SQS messages.

        Args:
            deadline: when the invocation ends, by the monotonic clock, in seconds.

        Returns:
            The answer an event source mapping with ``ReportBatchItemFailures`` expects.
        """
        messages = [QueueMessage.from_record(record) for record in records]
        fresh = [message for message in messages if message.receives < SUSPECT_RECEIVES]
        # Whoever kills the process was received more often than its neighbours: it comes last.
        suspects = sorted(
            (message for message in messages if message.receives >= SUSPECT_RECEIVES),
            key=lambda message: message.receives,
        )
        unfinished = len(messages)
        half_time = (time.monotonic() + deadline) / 2
        failed = []
        for group in (fresh, *([message] for message in suspects)):
            # What its neighbours took would end a suspect's process, and it would be blamed.
            is_late = group is not fresh and time.monotonic() > half_time
            for finished in _put_off(group) if is_late else self._work_on(group, deadline):
                unfinished -= len(finished)
                done = []
                for message, error in finished:
                    if self._queue.settle(message, error):
                        done.append(message)
                    else:
                        failed.append({"itemIdentifier": message.id})
                if unfinished:
                    self._queue.delete(done)
        return {"batchItemFailures": failed}

    def handle_sns(self, event: dict[str, Any], deadline: float) -> None:
        """Work on an event that SNS delivered without a queue.

        Raises:
            DirectDeliveryError: something is left to do; the event belongs into the work queue.
        """
        errors: list[ReplicationError] = []
        try:
            newest: dict[str, tuple[KeyEvent, int]] = {}
            for change in self._ours(decode_sns_event(event)):
                _add(newest, change, receives=1)
            errors = [
                failure
                for results in self._converge_all(newest, deadline)
                for failure in results.values()
                if failure is not None
            ]
        except MalformedMessageError as malformed:
            errors = [_malformed(malformed)]
        if not errors:
            return
        decisive = reduce(_longest_wait, errors)
        if decisive.kind is not FailureKind.OBJECT or not self._queue.dead_letter(
            json.dumps(event), decisive
        ):
            raise DirectDeliveryError(f"left for the work queue: {decisive.reason}")

    def handle_batch_operations(self, event: dict[str, Any], deadline: float) -> dict[str, Any]:
        """Work on the tasks of a job of S3 Batch Operations.

        Returns:
            The answer the job expects (User Guide, "Invoke Lambda function"). Tasks that may succeed
            later are answered as temporary failures, which the job tries again.
        """
        results = []
        for task_id, change in decode_batch_tasks(event).items():
            if change.bucket != self._config.source.bucket:
                code, text = "PermanentFailure", f"{change.bucket} is not the source bucket"
            else:
                error = self._keys.replicate(change, 1, deadline)
                code, text = "Succeeded", ""
                if error is not None:
                    if error.kind is FailureKind.UNKNOWN_OUTCOME:
                        # The job may try again before the write lands, and nobody after that.
                        body = messages.compare_message(change.bucket, [change.key])
                        self._queue.send(body, delay_seconds=COPY_TIMEOUT_SECONDS)
                    is_final = error.kind is FailureKind.OBJECT
                    code = "PermanentFailure" if is_final else "TemporaryFailure"
                    text = f"{error.reason}: {error}"
            results.append({"taskId": task_id, "resultCode": code, "resultString": text[:1024]})
        return {
            "invocationSchemaVersion": event["invocationSchemaVersion"],
            "treatMissingKeysAs": "PermanentFailure",
            "invocationId": event["invocationId"],
            "results": results,
        }

    def _work_on(self, messages: list[QueueMessage], deadline: float) -> Iterator[list[Finished]]:
        """Converge the keys of some messages; yield messages as they are finished."""
        finished: list[Finished] = []
        keys_left: dict[str, set[str]] = {}
        newest: dict[str, tuple[KeyEvent, int]] = {}
        for message in messages:
            if message.receives > MAX_RECEIVES:
                finished.append((message, _given_up(message)))
                continue
            try:
                found = self._ours(decode_message(message.body))
            except MalformedMessageError as malformed:
                finished.append((message, _malformed(malformed)))
                continue
            keys_left[message.id] = {change.key for change in found}
            for change in found:
                _add(newest, replace(change, sent_at=message.sent_at), message.receives)
            if not found:
                finished.append((message, None))
        yield finished
        errors: dict[str, ReplicationError] = {}
        for results in self._converge_all(newest, deadline):
            finished = []
            for message in messages:
                left = keys_left.get(message.id)
                if not left:
                    continue
                for error in (results[key] for key in left & results.keys()):
                    if error is not None:
                        errors[message.id] = _longest_wait(errors.get(message.id, error), error)
                left -= results.keys()
                if not left:
                    finished.append((message, errors.get(message.id)))
            yield finished

    def _ours(self, found: list[KeyEvent]) -> list[KeyEvent]:
        """Without what does not concern this destination.

        Those are the changes of other buckets, since a topic that exists already can carry several,
        and deletes and changes of tags that are subscribed for another destination of the module.
        """
        settings = self._buckets.replica_settings
        return [
            change
            for change in found
            if change.bucket == self._config.source.bucket
            and (settings.replicate_deletes or not change.is_removal)
            and (settings.replicate_tags or not change.is_tagging)
        ]

    def _converge_all(
        self, newest: dict[str, tuple[KeyEvent, int]], deadline: float
    ) -> Iterator[dict[str, ReplicationError | None]]:
        """Converge some keys at once, each once; yield keys as they are finished."""
        if len(newest) == 1:
            for key, (change, receives) in newest.items():
                yield {key: self._keys.replicate(change, receives, deadline)}
            return
        futures: dict[Future[ReplicationError | None], str] = {
            self._workers.submit(self._keys.replicate, change, receives, deadline): key
            for key, (change, receives) in newest.items()
        }
        done, pending = wait(futures, EARLY_DELETE_AFTER_SECONDS)
        while done or pending:
            yield {futures[future]: future.result() for future in done}
            done, pending = wait(pending, return_when=FIRST_COMPLETED)


def _add(newest: dict[str, tuple[KeyEvent, int]], change: KeyEvent, receives: int) -> None:
    """Enter a change: of several of one key the last one counts, and every upload."""
    if change.key in newest:
        before, received = newest[change.key]
        uploads = dict.fromkeys((*before.uploads, *change.uploads))
        was_large = before.is_of_large or change.was_large
        sent_at = max(
            (at for at in (before.sent_at, change.sent_at) if at is not None), default=None
        )
        change = replace(change, uploads=tuple(uploads), was_large=was_large, sent_at=sent_at)
        receives = max(receives, received)
    newest[change.key] = (change, receives)


def _put_off(messages: list[QueueMessage]) -> Iterator[list[Finished]]:
    """Leave messages to the next invocation, as ``BatchProcessor._work_on`` would finish them."""
    later = ReplicationError(
        FailureKind.UNFINISHED, "CopyUnfinished", "the invocation ends before it is begun"
    )
    yield [(message, later) for message in messages]


def _given_up(message: QueueMessage) -> ReplicationError:
    return ReplicationError(
        FailureKind.OBJECT,
        "ReceivedTooOften",
        f"received {message.receives} times: the log says why the last ones failed; where it says "
        "nothing, the function's process was killed",
    )


def _malformed(error: MalformedMessageError) -> ReplicationError:
    return ReplicationError(FailureKind.OBJECT, "MalformedMessage", str(error))


def _longest_wait(one: ReplicationError, other: ReplicationError) -> ReplicationError:
    """Of two failures in one message, the one that decides about it: the one that waits longer."""
    order = [
        FailureKind.UNFINISHED,
        FailureKind.OBJECT,
        FailureKind.TRANSIENT,
        FailureKind.DESTINATION,
        FailureKind.UNKNOWN_OUTCOME,
    ]
    return max(one, other, key=lambda error: order.index(error.kind))
