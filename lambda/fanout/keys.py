"""One key of one delivery: converge it, and say how that ended."""

from __future__ import annotations

from contextlib import suppress

from .clients import Buckets
from .config import Destination
from .converge import converge
from .decode import Change
from .failures import Kind, ReplicationError
from .multipart import SINGLE_COPY_BYTES, Upload, message_body
from .outcome import Outcome
from .parts import MultipartCopy
from .protocol import Finish
from .queue import WorkQueue
from .report import Report
from .s3 import Pair

CONVERGED = ("copied", "tagged", "deleted", "current", "absent")

SUSPECT_RECEIVES = 3
"""From this receive on a message is worked on alone: it may be the one that kills the process."""


class Keys:
    """Replicates keys, each in one call; several threads may call at once."""

    def __init__(
        self, destination: Destination, buckets: Buckets, queue: WorkQueue, report: Report
    ) -> None:
        self._destination = destination
        self._buckets = buckets
        self._queue = queue
        self._report = report

    def replicate(self, change: Change, receives: int, deadline: float) -> ReplicationError | None:
        """Converge a key that changed.

        Args:
            receives: how often the messages about it were received.
            deadline: when the invocation ends, by the monotonic clock, in seconds.

        Returns:
            Why it is not done, or None.
        """
        destination_key = self._destination.key_for(change.key)
        if destination_key is None and not change.uploads:
            self._report.log.write("DEBUG", action="skipped", key=change.key)
            return None

        def send(upload: Upload) -> bool:
            return self._queue.send(message_body(upload, change.bucket, change.key, change.time))

        multipart = MultipartCopy(
            self._buckets,
            change.key,
            destination_key or "",
            change.uploads,
            is_fresh=receives == 1,
            deadline=deadline,
            send=send,
        )
        pair = Pair(self._buckets, change.key, destination_key or "", multipart)
        finish = Finish("failed")
        error: ReplicationError | None = None
        try:
            if destination_key is None:  # not wanted any more
                finish = Finish("skipped")
            else:
                finish = converge(
                    pair, self._copied_at_once(change, receives), self._buckets.wanted
                )
            multipart.abort_unused()
            if finish.action in CONVERGED and _may_have_left_an_upload(change, receives, pair):
                multipart.abort_open()
            error = _ended_badly(finish, receives)
        except ReplicationError as failure:
            error = failure
            if failure.kind is Kind.OBJECT:  # nobody will come back for what the messages name
                with suppress(ReplicationError):
                    multipart.abort_unused()
        except Exception as bug:  # noqa: BLE001 - the one place where any failure is a retry
            error = ReplicationError(Kind.TRANSIENT, "InternalError", repr(bug), type(bug).__name__)
        if error is not None:
            error.key = change.key
        self._report.outcome(
            Outcome(
                action=finish.action,
                key=change.key,
                destination_key=destination_key,
                size=finish.size,
                event=change.event,
                event_time=change.time,
                receives=receives,
                calls=pair.calls,
                looked_at=pair.looked_at,
                told_at=change.told_at,
                source=pair.seen_source,
                error=error,
            )
        )
        return error

    def _copied_at_once(self, change: Change, receives: int) -> str | None:
        """The ETag of a change whose object is copied before anybody looks, or None."""
        # The class of the source has to be seen before it can be asked for.
        if self._buckets.wanted.storage_class == "SOURCE":
            return None
        return change.etag if change.is_small_put and receives == 1 else None


def _may_have_left_an_upload(change: Change, receives: int, pair: Pair) -> bool:
    """Whether an upload of the key may be open that no message names.

    It was begun by a request without an answer, or by a delivery that was cut short before it sent the
    message. A delivery that completes another one aborts it; here the object was in order without.
    """
    source = pair.seen_source
    is_large = source is not None and source.size > SINGLE_COPY_BYTES
    if receives > 1:
        return change.is_of_large or is_large
    return change.is_of_large and not pair.is_copied_in_parts


def _ended_badly(finish: Finish, receives: int) -> ReplicationError | None:
    match finish.action:
        case "unsettled":
            return ReplicationError(Kind.TRANSIENT, "NotSettled", "the object kept changing")
        case "differs":
            # Another worker's copy of an older state can look like our own, for once.
            kind = Kind.TRANSIENT if receives < SUSPECT_RECEIVES else Kind.OBJECT
            return ReplicationError(
                kind, "DstObjectDiffers", "what was copied from the source does not equal it"
            )
    return None
