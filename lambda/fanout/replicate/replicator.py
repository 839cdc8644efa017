"""One key of one delivery: ``protocol`` decides, ``s3`` acts, and ``report`` records how it ended."""

from __future__ import annotations

from contextlib import suppress
from typing import Protocol

from ..common.config import Destination, ReplicaSettings, SameAs
from ..common.errors import AwsError
from .buckets import Buckets
from .failures import FailureKind, ReplicationError, failure_of
from .key_event import KeyEvent
from .large_objects import LargeObjectCopy
from .outcome import Outcome
from .protocol import (
    Action,
    Changed,
    Copied,
    Copy,
    Delete,
    Deleted,
    Ending,
    FindSurvivor,
    Finish,
    Observe,
    Observed,
    Proof,
    ProveAbsence,
    Queued,
    Result,
    Survivor,
    Tagged,
    WriteTags,
    advance,
    begin,
)
from .report import Report
from .s3 import S3KeyOperations
from .upload_plan import Upload, is_copied_in_parts, upload_message
from .work_queue import WorkQueue

SUSPECT_RECEIVES = 3
"""From this receive on a message is processed alone: it may be the one that kills the process."""


class Replicator:
    """Replicates keys, each in one call; several threads may call at once."""

    def __init__(
        self, destination: Destination, buckets: Buckets, queue: WorkQueue, report: Report
    ) -> None:
        self._destination = destination
        self._buckets = buckets
        self._queue = queue
        self._report = report

    def replicate(self, event: KeyEvent, deadline: float) -> ReplicationError | None:
        """Converge a key.

        Args:
            deadline: when the invocation ends, by the monotonic clock, in seconds.

        Returns:
            Why it is not done, or None.
        """
        destination_key = self._destination.key_for(event.key)
        if destination_key is None and not event.uploads:
            self._report.log.write("DEBUG", action=Ending.SKIPPED, key=event.key)
            return None
        large = self._large_copy(event, destination_key or "", deadline)
        operations = S3KeyOperations(self._buckets, event.key, destination_key or "", large)
        attempt = _Attempt(event, operations, large)
        attempt.run(None if destination_key is None else self._destination.replica_settings)
        self._report.outcome(
            Outcome(
                ending=attempt.finish.ending,
                key=event.key,
                destination_key=destination_key,
                size=attempt.finish.size,
                event_name=event.event_name,
                event_time=event.time,
                receives=event.receives,
                calls=operations.calls,
                observed_at=operations.observed_at,
                notified_at=event.notified_at,
                source=operations.observed_source,
                error=attempt.error,
            )
        )
        return attempt.error

    def _large_copy(
        self, event: KeyEvent, destination_key: str, deadline: float
    ) -> LargeObjectCopy:
        def send(upload: Upload) -> bool:
            return self._queue.send(upload_message(upload, event.bucket, event.key, event.time))

        return LargeObjectCopy(
            self._buckets,
            event.key,
            destination_key,
            event.uploads,
            is_fresh=event.receives == 1,
            deadline=deadline,
            send=send,
        )


class _Attempt:
    """One attempt at a key.

    Attributes:
        finish: how it ended.
        error: why the key is not done, or None.
    """

    def __init__(
        self, event: KeyEvent, operations: S3KeyOperations, large: LargeObjectCopy
    ) -> None:
        self.finish = Finish(Ending.FAILED)
        self.error: ReplicationError | None = None
        self._event = event
        self._operations = operations
        self._large = large

    def run(self, settings: ReplicaSettings | None) -> None:
        """Make it.

        Args:
            settings: None where the key is not replicated any more.
        """
        try:
            self._converge(settings)
            self.error = _failure_of_ending(self.finish.ending, self._event.receives)
        except (AwsError, ReplicationError) as failed:
            self.error = failure_of(failed) if isinstance(failed, AwsError) else failed
            if self.error.kind is FailureKind.OBJECT:  # nobody retries what the messages name
                with suppress(AwsError):
                    self._large.abort_unused()
        except Exception as bug:  # noqa: BLE001 - the one place where any failure is a retry
            kind = FailureKind.TRANSIENT
            self.error = ReplicationError(kind, "InternalError", repr(bug), type(bug).__name__)
        if self.error is not None:
            self.error.key = self._event.key

    def _converge(self, settings: ReplicaSettings | None) -> None:
        if settings is None:
            self.finish = Finish(Ending.SKIPPED)
        else:
            etag = _etag_to_copy(self._event, settings)
            self.finish = converge(self._operations, etag, settings)
        self._large.abort_unused()
        if self.finish.ending.is_converged and self._may_have_left_an_upload():
            self._large.abort_open()

    def _may_have_left_an_upload(self) -> bool:
        """Whether an upload of the key may be open that no message names.

        It was begun by a request without an answer, or by a delivery that was killed before it sent the
        message. A delivery that completes another one aborts it. Here the object was in order without.
        """
        source = self._operations.observed_source
        is_large = source is not None and is_copied_in_parts(source.size)
        if self._event.receives > 1:
            return self._event.is_of_large or is_large
        return self._event.is_of_large and not self._large.is_completed


def _etag_to_copy(event: KeyEvent, settings: ReplicaSettings) -> str | None:
    """The ETag of an event whose object is copied before it is observed, or None."""
    # The class of the source has to be observed before it can be asked for.
    if settings.storage_class is SameAs.SOURCE or event.receives > 1:
        return None
    return event.etag if event.is_small_put else None


def _failure_of_ending(ending: Ending, receives: int) -> ReplicationError | None:
    match ending:
        case Ending.UNSETTLED:
            why = "the object kept changing"
            return ReplicationError(FailureKind.TRANSIENT, "NotSettled", why)
        case Ending.DIFFERS:
            # Another worker's copy of an older state can look like our own, for once.
            kind = FailureKind.TRANSIENT if receives < SUSPECT_RECEIVES else FailureKind.OBJECT
            why = "what was copied from the source does not equal it"
            return ReplicationError(kind, "DstObjectDiffers", why)
    return None


class KeyOperations(Protocol):
    """What ``converge`` needs of ``s3.S3KeyOperations``."""

    def observe(self) -> Observed | Changed: ...
    def copy(self, action: Copy) -> Copied | Changed | Queued: ...
    def write_tags(self, action: WriteTags) -> Tagged | Changed: ...
    def prove_absence(self) -> Proof: ...
    def delete(self) -> Deleted: ...
    def find_survivor(self) -> Survivor | Changed: ...


def converge(operations: KeyOperations, etag: str | None, settings: ReplicaSettings) -> Finish:
    """Make one key at the destination equal to the source.

    Args:
        etag: the ETag of a plain first event, or None; see ``protocol.begin``.

    Returns:
        How it ended.

    Raises:
        AwsError, ReplicationError: a call failed. The key may have been written.
    """
    progress, action = begin(etag)
    while not isinstance(action, Finish):
        progress, action = advance(progress, action, _perform(operations, action), settings)
    return action


def _perform(operations: KeyOperations, action: Action) -> Result:
    match action:
        case Observe():
            return operations.observe()
        case Copy():
            return operations.copy(action)
        case WriteTags():
            return operations.write_tags(action)
        case ProveAbsence():
            return operations.prove_absence()
        case Delete():
            return operations.delete()
        case FindSurvivor():
            return operations.find_survivor()
    raise AssertionError(f"{action} is nothing to do")
