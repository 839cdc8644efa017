"""Copies of large objects: which upload is begun, continued, completed or aborted, and when."""

from __future__ import annotations

import time
from collections.abc import Callable

from ..common.errors import AwsError
from .buckets import Buckets, S3Calls
from .failures import FailureKind, ReplicationError, failure_of, is_changed
from .multipart import CopiedParts, UploadOperations
from .object_state import ObjectState, character_not_in_xml
from .protocol import Changed, Copied, Copy, Queued
from .upload_plan import MAX_COMPLETIONS, TimeBudget, Upload, older_uploads


class LargeObjectCopy:
    """The copies in parts of one key. Not for use by several threads.

    Attributes:
        calls: the S3 requests that were made.
        completed: the last upload that was completed, and the older ones aborted; or None.
    """

    def __init__(
        self,
        buckets: Buckets,
        source_key: str,
        destination_key: str,
        uploads: tuple[Upload, ...],
        *,
        is_fresh: bool,
        deadline: float,
        send: Callable[[Upload], bool],
    ) -> None:
        """Take over what the messages of a key name.

        Args:
            uploads: the uploads that the messages name.
            is_fresh: whether they were received for the first time, so that no part is there yet.
            deadline: when the invocation ends, by the monotonic clock, in seconds.
            send: sends the message that names an upload; returns whether it was sent.
        """
        self.calls = S3Calls(buckets)
        self._buckets = buckets
        self._operations = UploadOperations(buckets, source_key, destination_key, self.calls)
        self._key = destination_key
        self._uploads = list(uploads)
        self.completed: Upload | None = None
        self._is_fresh = is_fresh
        self._budget = TimeBudget.of(time.monotonic(), deadline)
        self._send = send

    def copy(self, action: Copy) -> Copied | Changed | Queued:
        """Continue the upload that was begun for this object, or begin one.

        Raises:
            AwsError: a call failed.
            ReplicationError: it cannot be copied, or time is up (``FailureKind.UNFINISHED``).
        """
        source = action.source
        assert source is not None, "a copy in parts takes its attributes from the object"
        upload = next((u for u in self._uploads if u.is_of(source, self._key)), None)
        if upload is None:
            return self._begin(source)
        try:
            return self._continue(upload, action)
        except AwsError as error:
            if is_changed(error):
                self._abort(upload)
                return Changed()
            if failure_of(error).kind is FailureKind.OBJECT:
                self._abort(upload)
            raise

    def abort_unused(self) -> None:
        """Abort the uploads that were named and are not needed. Raises ``AwsError``."""
        for upload in list(self._uploads):
            try:
                self._abort(upload)
            except AwsError as error:
                # Where replicas had another key before, the role may have lost its permission.
                # Reconcile counts what stays open.
                is_denied = failure_of(error).kind is FailureKind.DESTINATION
                if upload.destination_key == self._key or not is_denied:
                    raise

    def abort_open(self) -> None:
        """Abort every upload of the key: the object is in order, and nobody may know of them.

        Whoever still copies parts of one finds it gone and compares again. Raises ``AwsError``.
        """
        for upload_id in self._operations.list_open():
            self._abort_upload(self._key, upload_id)

    def _begin(self, source: ObjectState) -> Queued:
        before = self.completed
        attempts = before.attempt if before and before.is_of(source, self._key) else 0
        self._refuse(attempts)
        upload_id = self._operations.create(source)
        upload = Upload.of(source, self._key, upload_id, attempts + 1)
        if not self._send(upload):
            self._abort(upload)
            why = "the message naming the upload was not sent"
            raise ReplicationError(FailureKind.TRANSIENT, "QueueUnavailable", why)
        return Queued()

    def _refuse(self, attempts: int) -> None:
        if attempts >= MAX_COMPLETIONS:
            why = f"what was copied from the source does not equal it, {MAX_COMPLETIONS} times"
            raise ReplicationError(FailureKind.OBJECT, "DstObjectDiffers", why)
        if unreadable := character_not_in_xml(self._key):
            why = (
                "the object has to be copied in parts, and S3's answers to that hold its key in XML, "
                f"which has no character {unreadable!r}"
            )
            raise ReplicationError(FailureKind.OBJECT, "RequestInvalid", why)

    def _continue(self, upload: Upload, action: Copy) -> Copied:
        # An upload that is older now stays older, so no part has to wait for the list.
        open_uploads = self._buckets.parallel_calls.submit(self._operations.list_open)
        there = {} if self._is_fresh else self._operations.list_parts(upload)
        copied = self._operations.copy_parts(upload, action, there, self._budget)
        new = len(copied.etags) - len(there)
        if copied.failure is not None:
            # A part that lands after the upload is aborted would stay.
            if copied.are_all_over or not is_changed(copied.failure):
                raise copied.failure
            raise _unfinished(upload, copied)
        is_late = new > 0 and time.monotonic() > self._budget.complete_until
        if len(copied.etags) < upload.parts or is_late:
            raise _unfinished(upload, copied, is_stuck=new == 0)
        older = older_uploads(upload, open_uploads.result())
        answer = self._operations.complete(upload, copied.etags)
        self._uploads.remove(upload)
        self.completed = upload
        for upload_id in older:
            self._abort_upload(self._key, upload_id)
        return answer

    def _abort(self, upload: Upload) -> None:
        self._abort_upload(upload.destination_key, upload.id)
        if upload in self._uploads:
            self._uploads.remove(upload)

    def _abort_upload(self, key: str, upload_id: str) -> None:
        try:
            self._operations.abort(key, upload_id)
        except AwsError as error:
            if not is_changed(error):  # somebody else completed or aborted it
                raise


def _unfinished(upload: Upload, copied: CopiedParts, *, is_stuck: bool = False) -> ReplicationError:
    message = (
        f"{len(copied.etags)} of {upload.parts} parts are there; the next invocation continues"
    )
    if is_stuck:
        message += "; none was copied in this one: if that repeats, raise function.timeout_seconds"
    kind = FailureKind.TRANSIENT if is_stuck else FailureKind.UNFINISHED
    return ReplicationError(kind, "CopyUnfinished", message)
