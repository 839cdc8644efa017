"""One key of one delivery: ``protocol`` decides, ``s3`` acts, and ``report`` records how it ended."""

from __future__ import annotations

from contextlib import suppress
from typing import Protocol

from ..common.config import Destination, ReplicaSettings, SameAs
from ..common.errors import AwsError
from . import protocol
from .buckets import Buckets
from .failures import FailureKind, ReplicationError, failure_of
from .key_event import KeyEvent
from .large_objects import LargeObjectCopy
from .outcome import Outcome
from .protocol import Ending, Finish
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
        self._settings = destination.replica_settings
        self._buckets = buckets
        self._queue = queue
        self._report = report

    def replicate(self, event: KeyEvent, deadline: float) -> ReplicationError | None:
        """Converge a key; returns why it is not done, or None.

        Args:
            deadline: when the invocation ends, by the monotonic clock, in seconds.
        """
        destination_key = self._destination.key_for(event.key)
        if destination_key is None and not event.uploads:
            self._report.log.write("DEBUG", action=Ending.SKIPPED, key=event.key)
            return None
        large = self._large_copy(event, destination_key or "", deadline)
        operations = S3KeyOperations(self._buckets, event.key, destination_key or "", large)
        is_replicated = destination_key is not None
        finish, error = self._attempt(event, operations, large, is_replicated=is_replicated)
        self._report.outcome(
            Outcome(
                event=event,
                destination_key=destination_key,
                finish=finish,
                calls=operations.calls,
                observed_at=operations.observed_at,
                source=operations.observed_source,
                error=error,
            )
        )
        return error

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
            is_fresh=event.is_first_delivery,
            deadline=deadline,
            send=send,
        )

    def _attempt(
        self,
        event: KeyEvent,
        operations: S3KeyOperations,
        large: LargeObjectCopy,
        *,
        is_replicated: bool,
    ) -> tuple[Finish, ReplicationError | None]:
        finish = Finish(Ending.FAILED)
        try:
            if is_replicated:
                etag = _etag_to_copy(event, self._settings)
                finish = converge(operations, etag, self._settings)
            else:
                finish = Finish(Ending.SKIPPED)
            large.abort_unused()
            may_be_left = _may_have_left_an_upload(event, operations, large)
            if finish.ending.is_converged and may_be_left:
                large.abort_open()
            error = _failure_of_ending(finish.ending, event.receives)
        except (AwsError, ReplicationError) as failed:
            error = failure_of(failed) if isinstance(failed, AwsError) else failed
            if error.kind is FailureKind.OBJECT:  # nobody retries what the messages name
                with suppress(AwsError):
                    large.abort_unused()
        except Exception as bug:  # noqa: BLE001 - the one place where any failure is a retry
            kind = FailureKind.TRANSIENT
            error = ReplicationError(kind, "InternalError", repr(bug), type(bug).__name__)
        if error is not None:
            error.key = event.key
        return finish, error


def _etag_to_copy(event: KeyEvent, settings: ReplicaSettings) -> str | None:
    """The ETag of an event whose object is copied before it is observed, or None."""
    # The class of the source has to be observed before it can be asked for.
    if settings.storage_class is SameAs.SOURCE or not event.is_first_delivery:
        return None
    return event.etag if event.is_small_put else None


def _may_have_left_an_upload(
    event: KeyEvent, operations: S3KeyOperations, large: LargeObjectCopy
) -> bool:
    """Whether an upload of the key may be open that no message names.

    It was begun by a request without an answer, or by a delivery that was killed before it sent the
    message. A delivery that completes another one aborts it. Here the object was in order without.
    """
    if event.is_first_delivery:
        return event.is_of_large and large.completed is None
    source = operations.observed_source
    return event.is_of_large or (source is not None and is_copied_in_parts(source.size))


def _failure_of_ending(ending: Ending, receives: int) -> ReplicationError | None:
    if ending is Ending.UNSETTLED:
        why = "the object kept changing"
        return ReplicationError(FailureKind.TRANSIENT, "NotSettled", why)
    if ending is Ending.DIFFERS:
        # Another worker's copy of an older state can look like our own, for once.
        kind = FailureKind.TRANSIENT if receives < SUSPECT_RECEIVES else FailureKind.OBJECT
        why = "what was copied from the source does not equal it"
        return ReplicationError(kind, "DstObjectDiffers", why)
    return None


class KeyOperations(Protocol):
    """What ``converge`` needs of ``s3.S3KeyOperations``."""

    def observe(self) -> protocol.Observed | protocol.Changed: ...
    def copy(
        self, action: protocol.Copy
    ) -> protocol.Copied | protocol.Changed | protocol.Queued: ...
    def write_tags(self, action: protocol.WriteTags) -> protocol.Tagged | protocol.Changed: ...
    def prove_absence(self) -> protocol.Proof: ...
    def delete(self) -> protocol.Deleted: ...
    def find_survivor(self) -> protocol.Survivor | protocol.Changed: ...


def converge(operations: KeyOperations, etag: str | None, settings: ReplicaSettings) -> Finish:
    """Make one key at the destination equal to the source; returns how it ended.

    Args:
        etag: the ETag of a plain first event, or None; see ``protocol.begin``.

    Raises:
        AwsError, ReplicationError: a call failed. The key may have been written.
    """
    progress, action = protocol.begin(etag)
    while not isinstance(action, Finish):
        result = _perform(operations, action)
        progress, action = protocol.advance(progress, action, result, settings)
    return action


def _perform(operations: KeyOperations, action: protocol.Action) -> protocol.ActionResult:
    match action:
        case protocol.Observe():
            return operations.observe()
        case protocol.Copy():
            return operations.copy(action)
        case protocol.WriteTags():
            return operations.write_tags(action)
        case protocol.ProveAbsence():
            return operations.prove_absence()
        case protocol.Delete():
            return operations.delete()
        case protocol.FindSurvivor():
            return operations.find_survivor()
    raise AssertionError(f"{action} is nothing to do")
