"""One invocation: its messages, their keys, and which of them are done.

A message is done when every key in it converged. The function's answer deletes it. Where others of the
batch take longer than is worth waiting for, it is deleted early, so that a crash redelivers only what
was unfinished.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from typing import Any

from ..common.aws import CONCURRENCY
from ..common.config import Config
from ..common.messages import compare_message
from .buckets import Buckets
from .decode import MalformedMessageError, decode_batch_tasks, decode_message, decode_sns_event
from .failures import FailureKind, ReplicationError
from .key_event import EventKind, KeyEvent, is_echo
from .processed import KeyErrors, Processed, longest_wait
from .queue_message import QueueMessage
from .replicator import SUSPECT_RECEIVES, Replicator
from .report import Report
from .work_queue import WorkQueue

EARLY_DELETE_AFTER_SECONDS = 1.0
"""Messages that are done so soon after their batch began are deleted by its answer."""

MAX_RECEIVES = 95
"""A message that was received more often becomes a dead-letter message with that reason. SQS moves it
after 100 receives, without one."""


class DirectDeliveryError(Exception):
    """An invocation by SNS failed. Lambda sends its event to the work queue."""


class BatchProcessor:
    """Handles the invocations of one execution environment."""

    def __init__(self, config: Config, buckets: Buckets, queue: WorkQueue, report: Report) -> None:
        self._config = config
        self._queue = queue
        self._replicator = Replicator(config.destination, buckets, report)
        self._workers = ThreadPoolExecutor(CONCURRENCY, thread_name_prefix="key")

    def handle_queue(
        self, records: list[dict[str, Any]], deadline: float
    ) -> dict[str, list[dict[str, str]]]:
        """Process a batch of SQS messages; returns what ``ReportBatchItemFailures`` expects.

        Args:
            deadline: when the invocation ends, by the monotonic clock, in seconds.
        """
        messages = [QueueMessage.from_record(record) for record in records]
        self._queue.hide_late(messages, deadline - time.monotonic())
        unfinished = len(messages)
        failed = []
        for finished in self._process_groups(messages, deadline):
            unfinished -= len(finished)
            done = []
            for processed in finished:
                if self._settle(processed):
                    done.append(processed.message)
                else:
                    failed.append({"itemIdentifier": processed.message.id})
            if unfinished:
                self._queue.delete(done)
        return {"batchItemFailures": failed}

    def _settle(self, processed: Processed) -> bool:
        """Decide about a message; returns whether it is done with."""
        error = longest_wait(processed.errors)
        if error is None or error.kind is not FailureKind.OBJECT or len(processed.keys) < 2:
            return self._queue.settle(processed.message, error)
        # What else is in it is done.
        bucket = self._config.source.bucket
        are_sent = [
            self._queue.dead_letter(compare_message(bucket, [failed.key]), failed)
            for failed in processed.errors
        ]
        return all(are_sent)

    def handle_sns(self, event: dict[str, Any], deadline: float) -> None:
        """Process an event that SNS delivered without a queue.

        Raises:
            DirectDeliveryError: something is left to do. The event belongs into the work queue.
        """
        newest: dict[str, KeyEvent] = {}
        errors: list[ReplicationError] = []
        try:
            for key_event in self._relevant(decode_sns_event(event)):
                _collect(newest, key_event)
        except MalformedMessageError as malformed:
            errors = [_malformed(malformed)]
        for results in self._converge_all(newest, deadline):
            errors += [error for error in results.values() if error is not None]
        error = longest_wait(errors)
        if error is None:
            return
        body = json.dumps(event)
        if not error.is_failure and self._queue.send(body):
            return
        is_final = error.kind is FailureKind.OBJECT
        if not is_final or not self._queue.dead_letter(body, error):
            raise DirectDeliveryError(f"left for the work queue: {error.reason}")

    def handle_batch_operations(self, event: dict[str, Any], deadline: float) -> dict[str, Any]:
        """Process the tasks of a job of S3 Batch Operations.

        Returns:
            The answer the job expects (User Guide, "Invoke Lambda function"). Tasks that may succeed
            later are answered as temporary failures, which the job retries.
        """
        results = []
        for task_id, key_event in decode_batch_tasks(event).items():
            code, text = self._task_result(key_event, deadline)
            results.append({"taskId": task_id, "resultCode": code, "resultString": text[:1024]})
        return {
            "invocationSchemaVersion": event["invocationSchemaVersion"],
            "treatMissingKeysAs": "PermanentFailure",
            "invocationId": event["invocationId"],
            "results": results,
        }

    def _task_result(self, event: KeyEvent, deadline: float) -> tuple[str, str]:
        if event.bucket != self._config.source.bucket:
            return "PermanentFailure", f"{event.bucket} is not the source bucket"
        error = self._replicator.replicate(event, deadline)
        if error is None:
            return "Succeeded", ""
        body = compare_message(event.bucket, [event.key])
        if not error.is_failure and self._queue.send(body):
            return "Succeeded", ""
        if error.kind is FailureKind.UNKNOWN_OUTCOME:
            # The job may retry before the write lands, and nobody after that.
            self._queue.send(body, after_longest_write=True)
        is_final = error.kind is FailureKind.OBJECT
        return "PermanentFailure" if is_final else "TemporaryFailure", f"{error.reason}: {error}"

    def _process_groups(
        self, messages: list[QueueMessage], deadline: float
    ) -> Iterator[list[Processed]]:
        """Process messages; yield them as they are finished.

        A message that was received often may be the one that kills the process. Such suspects come
        last, each alone, and the one with most receives at the very end. Those that were received too
        often come first: they are given up with a reason before anything can end the process.
        """
        half_time = (time.monotonic() + deadline) / 2
        worn = [message for message in messages if message.receives > MAX_RECEIVES]
        yield [Processed(m, frozenset(), [_received_too_often(m)]) for m in worn]
        yield from self._process([m for m in messages if m.receives < SUSPECT_RECEIVES], deadline)
        suspects = [m for m in messages if SUSPECT_RECEIVES <= m.receives <= MAX_RECEIVES]
        for suspect in sorted(suspects, key=lambda message: message.receives):
            if time.monotonic() > half_time:
                # The time its neighbours took would end the process, and the suspect be blamed.
                yield [Processed(suspect, frozenset(), [_POSTPONED])]
            else:
                yield from self._process([suspect], deadline)

    def _process(self, messages: list[QueueMessage], deadline: float) -> Iterator[list[Processed]]:
        """Converge the keys of some messages; yield messages as they are finished."""
        newest: dict[str, KeyEvent] = {}
        all_processed = [self._begin(message, newest) for message in messages]
        yield [processed for processed in all_processed if not processed.left]
        for results in self._converge_all(newest, deadline):
            yield [processed for processed in all_processed if processed.is_finished_by(results)]

    def _begin(self, message: QueueMessage, newest: dict[str, KeyEvent]) -> Processed:
        """Decode a message and collect its events."""
        try:
            events = self._relevant(decode_message(message.body))
        except MalformedMessageError as malformed:
            return Processed(message, frozenset(), [_malformed(malformed)])
        # Nobody says which of several keys an upload is of.
        upload_id = message.upload_id if len(events) == 1 else None
        for event in events:
            _collect(
                newest,
                replace(
                    event,
                    sent_at=message.sent_at,
                    receives=message.receives,
                    was_put_off=message.was_put_off,
                    upload_id=upload_id,
                ),
            )
        return Processed(message, frozenset(event.key for event in events), [])

    def _relevant(self, events: list[KeyEvent]) -> list[KeyEvent]:
        """Without what does not concern this destination.

        An existing topic can carry the events of other buckets. Deletes and changes of tags may be
        subscribed for another destination of the module. What the function that copies the other way
        wrote is no news.
        """
        bucket, destination = self._config.source.bucket, self._config.destination
        is_followed = {
            EventKind.REMOVAL: destination.replicate_deletes,
            EventKind.TAGGING: destination.replicate_tags,
        }
        return [
            event
            for event in events
            if event.bucket == bucket
            and is_followed.get(event.kind, True)
            and not is_echo(event, destination.echo_ending)
        ]

    def _converge_all(self, newest: dict[str, KeyEvent], deadline: float) -> Iterator[KeyErrors]:
        """Converge some keys at once, each once; yield keys as they are finished."""
        if len(newest) == 1:
            for key, event in newest.items():
                yield {key: self._replicator.replicate(event, deadline)}
            return
        futures: dict[Future[ReplicationError | None], str] = {
            self._workers.submit(self._replicator.replicate, event, deadline): key
            for key, event in newest.items()
        }
        done, pending = wait(futures, EARLY_DELETE_AFTER_SECONDS)
        while done or pending:
            yield {futures[future]: future.result() for future in done}
            done, pending = wait(pending, return_when=FIRST_COMPLETED)


def _collect(newest: dict[str, KeyEvent], event: KeyEvent) -> None:
    """Enter an event: of several of one key the last one counts."""
    before = newest.get(event.key)
    newest[event.key] = event if before is None else before.followed_by(event)


_POSTPONED = ReplicationError(
    FailureKind.UNFINISHED, "CopyUnfinished", "the invocation ends before it is begun"
)


def _received_too_often(message: QueueMessage) -> ReplicationError:
    why = (
        f"received {message.receives} times: the log says why the last ones failed; where it says "
        "nothing, the function's process was killed"
    )
    return ReplicationError(FailureKind.OBJECT, "ReceivedTooOften", why)


def _malformed(error: MalformedMessageError) -> ReplicationError:
    return ReplicationError(FailureKind.OBJECT, "MalformedMessage", str(error))
