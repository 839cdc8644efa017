"""One key of one delivery: ``protocol`` decides, ``s3`` acts, and ``report`` records how it ended."""

from __future__ import annotations

from contextlib import suppress
from typing import Protocol

from ..common.config import Destination, ReplicaSettings, SameAs
from ..common.errors import AwsError
from . import actions, answers, protocol
from .actions import Action
from .buckets import Buckets
from .failures import FailureKind, ReplicationError, failure_of
from .key_event import KeyEvent
from .outcome import Outcome
from .progress import Ending, Finish, KeyProgress, Leftovers
from .report import Report
from .s3 import S3KeyOperations

SUSPECT_RECEIVES = 3
"""From this receive on a message is processed alone: it may be the one that kills the process."""


class Replicator:
    """Replicates keys, each in one call; several threads may call at once."""

    def __init__(self, destination: Destination, buckets: Buckets, report: Report) -> None:
        self._destination = destination
        self._settings = destination.replica_settings
        self._buckets = buckets
        self._report = report

    def replicate(self, event: KeyEvent, deadline: float) -> ReplicationError | None:
        """Converge a key; returns why it is not done, or None.

        Args:
            deadline: when the invocation ends, by the monotonic clock, in seconds.
        """
        destination_key = self._destination.key_for(event.key)
        if destination_key is None:
            self._report.log.write("DEBUG", action=Ending.SKIPPED, key=event.key)
            return None
        operations = S3KeyOperations(self._buckets, event.key, destination_key, deadline)
        finish, error = self._attempt(event, operations)
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

    def _attempt(
        self, event: KeyEvent, operations: S3KeyOperations
    ) -> tuple[Finish, ReplicationError | None]:
        finish = Finish(Ending.FAILED)
        leftovers = _leftovers_of(event)
        try:
            etag = _etag_to_copy(event, self._settings)
            begun = protocol.begin(etag, event.upload_id, leftovers)
            finish = converge(operations, begun, self._settings)
            error = _failure_of_finish(finish, event.receives)
        except AwsError as failed:
            error = failure_of(failed)
            if error.kind is FailureKind.OBJECT and leftovers is not Leftovers.NONE:
                begun = protocol.begin_cleaning(finish, event.upload_id)
                with suppress(AwsError):  # nobody retries
                    converge(operations, begun, self._settings)
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


def _leftovers_of(event: KeyEvent) -> Leftovers:
    if event.is_of_large:
        return Leftovers.ANY
    return Leftovers.NONE if event.is_first_delivery else Leftovers.OF_LARGE


def _failure_of_finish(finish: Finish, receives: int) -> ReplicationError | None:
    match finish.ending:
        case Ending.FAILED:
            return finish.failure
        case Ending.WAITING:
            why = "another delivery copies the parts of the object"
            return ReplicationError(FailureKind.WAITING, "CopyUnfinished", why)
        case Ending.UNFINISHED:
            return _unfinished(finish)
        case Ending.UNSETTLED:
            why = "the object kept changing"
            return ReplicationError(FailureKind.TRANSIENT, "NotSettled", why)
        case Ending.DIFFERS:
            # Another worker's copy of an older state can look like our own, for once.
            kind = FailureKind.TRANSIENT if receives < SUSPECT_RECEIVES else FailureKind.OBJECT
            why = "what was copied from the source does not equal it"
            return ReplicationError(kind, "DstObjectDiffers", why)
    return None


def _unfinished(finish: Finish) -> ReplicationError:
    there, whole = finish.parts or (0, 0)
    why = f"{there} of {whole} parts are there; the next invocation continues"
    if finish.upload_id is None:
        why += "; none was copied in this one: if that repeats, raise function.timeout_seconds"
        return ReplicationError(FailureKind.TRANSIENT, "CopyUnfinished", why)
    error = ReplicationError(FailureKind.UNFINISHED, "CopyUnfinished", why)
    error.upload_id = finish.upload_id
    return error


class UploadOperations(Protocol):
    """What ``converge`` needs of ``multipart.S3UploadOperations``."""

    def list(self, action: actions.ListUploads) -> answers.Listed: ...
    def begin(self, action: actions.BeginUpload) -> answers.Begun: ...
    def copy_parts(self, action: actions.CopyParts) -> answers.PartsCopied: ...
    def complete(self, action: actions.CompleteUpload) -> answers.Copied | answers.Changed: ...
    def abort(self, action: actions.AbortUploads) -> answers.Aborted: ...
    def read_cut(self, action: actions.ReadCut) -> answers.Cut | answers.Changed: ...


class KeyOperations(Protocol):
    """What ``converge`` needs of ``s3.S3KeyOperations``."""

    @property
    def uploads(self) -> UploadOperations: ...
    def observe(self) -> answers.Observed | answers.Changed: ...
    def copy(self, action: actions.Copy) -> answers.Copied | answers.Changed: ...
    def write_tags(self, action: actions.WriteTags) -> answers.Tagged | answers.Changed: ...
    def prove_absence(self) -> answers.Proof: ...
    def delete(self) -> answers.Deleted: ...
    def find_survivor(self) -> answers.Survivor | answers.Changed: ...


def converge(
    operations: KeyOperations, begun: tuple[KeyProgress, Action], settings: ReplicaSettings
) -> Finish:
    """Make one key at the destination equal to the source; returns how it ended.

    Args:
        begun: what ``protocol.begin`` decided.

    Raises:
        AwsError: a call failed. The key may have been written.
    """
    progress, action = begun
    while not isinstance(action, Finish):
        result = _perform(operations, action)
        progress, action = protocol.advance(progress, action, result, settings)
    return action


def _perform(operations: KeyOperations, action: Action) -> answers.ActionResult:
    match action:
        case actions.Observe():
            return operations.observe()
        case actions.Copy():
            return operations.copy(action)
        case actions.WriteTags():
            return operations.write_tags(action)
        case actions.ProveAbsence():
            return operations.prove_absence()
        case actions.Delete():
            return operations.delete()
        case actions.FindSurvivor():
            return operations.find_survivor()
        case actions.ReadCut():
            return operations.uploads.read_cut(action)
        case actions.ListUploads():
            return operations.uploads.list(action)
        case actions.BeginUpload():
            return operations.uploads.begin(action)
        case actions.CopyParts():
            return operations.uploads.copy_parts(action)
        case actions.CompleteUpload():
            return operations.uploads.complete(action)
        case actions.AbortUploads():
            return operations.uploads.abort(action)
    raise AssertionError(f"{action} is nothing to do")
