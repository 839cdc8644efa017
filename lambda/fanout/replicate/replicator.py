"""One key of one delivery: ``protocol`` decides, ``s3`` acts, and ``report`` tells how that ended."""

from __future__ import annotations

from contextlib import suppress
from typing import Protocol

from ..common.config import Destination, ReplicaSettings, SameAs
from ..common.errors import FailureKind, ReplicationError
from .buckets import Buckets
from .decode import KeyEvent
from .multipart import MultipartCopy
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
from .upload_plan import SINGLE_COPY_BYTES, Upload, upload_message
from .work_queue import WorkQueue

SUSPECT_RECEIVES = 3
"""From this receive on a message is worked on alone: it may be the one that kills the process."""


class Replicator:
    """Replicates keys, each in one call; several threads may call at once."""

    def __init__(
        self, destination: Destination, buckets: Buckets, queue: WorkQueue, report: Report
    ) -> None:
        self._destination = destination
        self._buckets = buckets
        self._queue = queue
        self._report = report

    def replicate(
        self, change: KeyEvent, receives: int, deadline: float
    ) -> ReplicationError | None:
        """Converge a key that changed.

        Args:
            receives: how often the messages about it were received.
            deadline: when the invocation ends, by the monotonic clock, in seconds.

        Returns:
            Why it is not done, or None.
        """
        destination_key = self._destination.key_for(change.key)
        if destination_key is None and not change.uploads:
            self._report.log.write("DEBUG", action=Ending.SKIPPED, key=change.key)
            return None

        def send(upload: Upload) -> bool:
            return self._queue.send(upload_message(upload, change.bucket, change.key, change.time))

        multipart = MultipartCopy(
            self._buckets,
            change.key,
            destination_key or "",
            change.uploads,
            is_fresh=receives == 1,
            deadline=deadline,
            send=send,
        )
        pair = S3KeyOperations(self._buckets, change.key, destination_key or "", multipart)
        finish = Finish(Ending.FAILED)
        error: ReplicationError | None = None
        try:
            if destination_key is None:  # not wanted any more
                finish = Finish(Ending.SKIPPED)
            else:
                finish = converge(
                    pair, self._copied_at_once(change, receives), self._buckets.replica_settings
                )
            multipart.abort_unused()
            if finish.ending.is_converged and _may_have_left_an_upload(change, receives, pair):
                multipart.abort_open()
            error = _ended_badly(finish, receives)
        except ReplicationError as failure:
            error = failure
            if (
                failure.kind is FailureKind.OBJECT
            ):  # nobody will come back for what the messages name
                with suppress(ReplicationError):
                    multipart.abort_unused()
        except Exception as bug:  # noqa: BLE001 - the one place where any failure is a retry
            error = ReplicationError(
                FailureKind.TRANSIENT, "InternalError", repr(bug), type(bug).__name__
            )
        if error is not None:
            error.key = change.key
        self._report.outcome(
            Outcome(
                ending=finish.ending,
                key=change.key,
                destination_key=destination_key,
                size=finish.size,
                event_name=change.event_name,
                event_time=change.time,
                receives=receives,
                calls=pair.calls,
                observed_at=pair.observed_at,
                notified_at=change.notified_at,
                source=pair.observed_source,
                error=error,
            )
        )
        return error

    def _copied_at_once(self, change: KeyEvent, receives: int) -> str | None:
        """The ETag of a change whose object is copied before anybody looks, or None."""
        # The class of the source has to be seen before it can be asked for.
        if self._buckets.replica_settings.storage_class is SameAs.SOURCE:
            return None
        return change.etag if change.is_small_put and receives == 1 else None


def _may_have_left_an_upload(change: KeyEvent, receives: int, pair: S3KeyOperations) -> bool:
    """Whether an upload of the key may be open that no message names.

    It was begun by a request without an answer, or by a delivery that was cut short before it sent the
    message. A delivery that completes another one aborts it; here the object was in order without.
    """
    source = pair.observed_source
    is_large = source is not None and source.size > SINGLE_COPY_BYTES
    if receives > 1:
        return change.is_of_large or is_large
    return change.is_of_large and not pair.is_copied_in_parts


def _ended_badly(finish: Finish, receives: int) -> ReplicationError | None:
    match finish.ending:
        case Ending.UNSETTLED:
            return ReplicationError(FailureKind.TRANSIENT, "NotSettled", "the object kept changing")
        case Ending.DIFFERS:
            # Another worker's copy of an older state can look like our own, for once.
            kind = FailureKind.TRANSIENT if receives < SUSPECT_RECEIVES else FailureKind.OBJECT
            return ReplicationError(
                kind, "DstObjectDiffers", "what was copied from the source does not equal it"
            )
    return None


class KeyOperations(Protocol):
    """What ``converge`` needs of ``s3.S3KeyOperations``."""

    def observe(self) -> Observed | Changed: ...
    def copy(self, action: Copy) -> Copied | Changed | Queued: ...
    def write_tags(self, action: WriteTags) -> Tagged | Changed: ...
    def prove_absence(self) -> Proof: ...
    def delete(self) -> Deleted: ...
    def find_survivor(self) -> Survivor | Changed: ...


def converge(sides: KeyOperations, etag: str | None, settings: ReplicaSettings) -> Finish:
    """Make one key at the destination equal to the source.

    Args:
        etag: the ETag of a plain first event, or None; see ``protocol.begin``.

    Returns:
        How it ended.

    Raises:
        ReplicationError: a call failed; the key may have been written.
    """
    progress, action = begin(etag)
    while not isinstance(action, Finish):
        progress, action = advance(progress, action, _perform(sides, action), settings)
    return action


def _perform(sides: KeyOperations, action: Action) -> Result:
    match action:
        case Observe():
            return sides.observe()
        case Copy():
            return sides.copy(action)
        case WriteTags():
            return sides.write_tags(action)
        case ProveAbsence():
            return sides.prove_absence()
        case Delete():
            return sides.delete()
        case FindSurvivor():
            return sides.find_survivor()
    raise AssertionError(f"{action} is nothing to do")
