"""Carries out multipart copies: many parts at once, for as long as the invocation lasts.

Parts are copied again without harm, so that nothing but the upload's id is kept between invocations.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import wait
from contextlib import suppress
from threading import Lock
from typing import Any
from urllib.parse import unquote_plus

from botocore.exceptions import ClientError

from ..common.errors import FailureKind, ReplicationError, code_of, failures_of, status_of
from .buckets import Buckets
from .protocol import Changed, Copied, Copy, Queued
from .requests import copy_source, upload_request
from .upload_plan import Upload

MARGIN_SECONDS = (2, 10)
"""What is left of an invocation for giving its message back: a twentieth of it, within these bounds."""

COMPLETION_SECONDS = 60
"""An upload is not completed in the last minute, or quarter, of the invocation that copied its parts: to
complete one may take minutes (API reference, CompleteMultipartUpload)."""

NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""S3 writes such a character into its answers all the same (API reference, ListObjectsV2,
``EncodingType``), and boto3 cannot read them."""

MAX_COMPLETIONS = 3
"""Uploads of one object that were completed and did not equal it. Another worker's copy of an older
state can land after one, for once."""


class MultipartCopy:
    """The copies in parts of one key. Not for use by several threads.

    Attributes:
        calls: how many S3 requests were made.
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
            send: sends the message that names an upload; returns whether that went well.
        """
        self.calls = 0
        self._buckets = buckets
        self._source_key = source_key
        self._key = destination_key
        self._at: dict[str, Any] = {
            "Bucket": buckets.destination.bucket,
            "Key": destination_key,
            "ExpectedBucketOwner": buckets.destination.account_id,
        }
        self._uploads = list(uploads)
        self._completed: Upload | None = None
        self._is_fresh = is_fresh
        left = deadline - time.monotonic()
        shortest, longest = MARGIN_SECONDS
        self._stop_at = deadline - max(shortest, min(longest, left / 20))
        self._complete_until = deadline - min(COMPLETION_SECONDS, left / 4)
        self._send = send

    @property
    def is_completed(self) -> bool:
        """Whether an upload was completed, and those that were begun before it aborted."""
        return self._completed is not None

    def copy(self, action: Copy) -> Copied | Changed | Queued:
        """Carry on with the upload that was made for this object, or begin one.

        Raises:
            ReplicationError: it was refused, or the time is up (``FailureKind.UNFINISHED``).
        """
        source = action.source
        assert source is not None, "a copy in parts takes its attributes from the object"
        upload = next((u for u in self._uploads if u.is_of(source, self._key)), None)
        if upload is None:
            return self._begin(action)
        try:
            # What was begun earlier stays so, so that no part has to wait for this.
            older = self._buckets.side_calls.submit(self._older_uploads, upload)
            parts = {} if self._is_fresh else self._list_parts(upload)
            before = len(parts)
            self._copy_parts(upload, action, parts)
            if len(parts) > before and time.monotonic() > self._complete_until:
                raise _unfinished(upload, len(parts), len(parts) - before)
            return self._complete(upload, parts, older.result())
        except _ChangedError:
            self._abort(upload)
            return Changed()
        except ReplicationError as error:
            if error.kind is FailureKind.OBJECT:
                self._abort(upload)
            raise

    def abort_unused(self) -> None:
        """Abort the uploads that were named and are not needed.

        Raises:
            ReplicationError: S3 did not do so.
        """
        for upload in list(self._uploads):
            try:
                self._abort(upload)
            except ReplicationError as error:
                # Where replicas had another key before, the role may have no right to it any more.
                # Reconcile counts what is left open.
                if upload.destination_key == self._key or error.kind is not FailureKind.DESTINATION:
                    raise

    def abort_open(self) -> None:
        """Abort every upload of the key: the object is in order, and nobody may know of them.

        Whoever still works on one finds it gone and looks again.

        Raises:
            ReplicationError: S3 did not do so.
        """
        for upload_id, _ in self._open_uploads():
            self._abort_upload(self._key, upload_id)

    def _begin(self, action: Copy) -> Changed | Queued:
        source = action.source
        assert source is not None
        before = self._completed
        attempts = before.attempt if before and before.is_of(source, self._key) else 0
        if attempts >= MAX_COMPLETIONS:
            raise ReplicationError(
                FailureKind.OBJECT,
                "DstObjectDiffers",
                f"what was copied from the source does not equal it, {MAX_COMPLETIONS} times",
            )
        if unreadable := NOT_IN_XML.search(self._key):
            raise ReplicationError(
                FailureKind.OBJECT,
                "RequestInvalid",
                f"the object has to be copied in parts, and S3's answers to that hold its key in XML, "
                f"which has no character {unreadable[0]!r}",
            )
        client = self._buckets.destination_reads
        request = upload_request(source, self._buckets.destination, client)
        answer = self._call(
            client.create_multipart_upload, "CreateMultipartUpload", **self._at, **request
        )
        upload = Upload.of(source, self._key, answer["UploadId"], attempts + 1)
        if not self._send(upload):
            self._abort(upload)
            raise ReplicationError(
                FailureKind.TRANSIENT,
                "QueueUnavailable",
                "the message naming the upload was not sent",
            )
        return Queued()

    def _list_parts(self, upload: Upload) -> dict[int, str]:
        """The ETags of the parts that are there, by their number."""
        found: dict[int, str] = {}
        marker = 0
        while True:
            page = self._call(
                self._buckets.destination_reads.list_parts,
                "ListParts",
                **self._at,
                UploadId=upload.id,
                PartNumberMarker=marker,
            )
            found |= {
                part["PartNumber"]: part["ETag"]
                for part in page.get("Parts", ())
                if part["PartNumber"] <= upload.parts
                and part["Size"] == upload.length(part["PartNumber"])
            }
            if not page.get("IsTruncated"):
                return found
            marker = page["NextPartNumberMarker"]

    def _copy_parts(self, upload: Upload, action: Copy, parts: dict[int, str]) -> None:
        """Copy what is missing, and enter it in ``parts``."""
        buckets = self._buckets
        request = self._at | {
            "UploadId": upload.id,
            "CopySource": copy_source(buckets.source, self._source_key, action.version_id),
            "CopySourceIfMatch": action.if_match,
            "ExpectedSourceBucketOwner": buckets.source.account_id,
        }
        missing = iter([number for number in range(1, upload.parts + 1) if number not in parts])
        count = upload.parts - len(parts)
        lock = Lock()
        failures: list[Exception] = []
        slowest = 0.0

        def copy_some() -> None:
            nonlocal slowest
            while True:
                with lock:
                    started = time.monotonic()
                    # A part that would not be done in time would be copied twice.
                    if failures or started + 1.25 * slowest > self._stop_at:
                        return
                    number = next(missing, None)
                if number is None:
                    return
                try:
                    answer = self._call(
                        buckets.parts.client.upload_part_copy,
                        "UploadPartCopy",
                        **request,
                        PartNumber=number,
                        CopySourceRange=upload.copy_range(number),
                    )
                except (_ChangedError, ReplicationError) as error:
                    with lock:
                        failures.append(error)
                    return
                with lock:
                    parts[number] = answer["CopyPartResult"]["ETag"]
                    slowest = max(slowest, time.monotonic() - started)

        workers = buckets.parts
        running = [workers.pool.submit(copy_some) for _ in range(min(workers.streams, count))]
        ended, still_running = wait(running, max(0.0, self._stop_at - time.monotonic()))
        for worker in ended:
            worker.result()
        with lock:
            copied = len(parts)
            if not failures and copied < upload.parts:
                failures.append(_unfinished(upload, copied, copied + count - upload.parts))
            if failures:
                # A part that lands after the upload is aborted would stay.
                if still_running and isinstance(failures[0], _ChangedError):
                    raise _unfinished(upload, copied, 1)
                raise failures[0]

    def _complete(self, upload: Upload, parts: dict[int, str], older: list[str]) -> Copied:
        listed = [{"PartNumber": number, "ETag": parts[number]} for number in sorted(parts)]
        answer = self._call(
            self._buckets.writes.complete_multipart_upload,
            "CompleteMultipartUpload",
            **self._at,
            UploadId=upload.id,
            MultipartUpload={"Parts": listed},
        )
        self._uploads.remove(upload)
        self._completed = upload
        for upload_id in older:
            self._abort_upload(self._key, upload_id)
        return Copied(etag=answer["ETag"], version_id=answer.get("VersionId"))

    def _older_uploads(self, upload: Upload) -> list[str]:
        """The ids of the uploads of this key that were begun before this one, or in the same second.

        The message of one may never have been sent: its process was killed, or did not get to know of
        it. If it was, its receiver finds the upload gone and looks again.
        """
        found = dict(self._open_uploads())
        begun = found.pop(upload.id, "")
        return [upload_id for upload_id, initiated in found.items() if initiated <= begun]

    def _open_uploads(self) -> Iterator[tuple[str, str]]:
        """The ids of the uploads of this key that are open, each with when it was begun."""
        listed = self._call(
            self._buckets.destination_reads.list_multipart_uploads,
            "ListMultipartUploads",
            Bucket=self._at["Bucket"],
            ExpectedBucketOwner=self._at["ExpectedBucketOwner"],
            Prefix=self._key,
            EncodingType="url",  # XML cannot hold every character of a key
        )
        # They come sorted by key, and this one is the first with itself as prefix.
        for upload in listed.get("Uploads", ()):
            if unquote_plus(upload["Key"]) == self._key:
                yield upload["UploadId"], str(upload["Initiated"])

    def _abort(self, upload: Upload) -> None:
        self._abort_upload(upload.destination_key, upload.id)
        if upload in self._uploads:
            self._uploads.remove(upload)

    def _abort_upload(self, key: str, upload_id: str) -> None:
        with suppress(_ChangedError):  # completed or aborted by somebody else
            self._call(
                self._buckets.destination_reads.abort_multipart_upload,
                "AbortMultipartUpload",
                **self._at | {"Key": key},
                UploadId=upload_id,
            )

    def _call(self, method: Callable[..., Any], operation: str, **arguments: Any) -> Any:
        self.calls += 1
        # An upload is completed once, and replaces what is there. All else is as good twice.
        is_write = operation == "CompleteMultipartUpload"
        with failures_of(operation, is_write=is_write):
            try:
                return method(**arguments)
            except ClientError as error:
                if status_of(error) in (404, 412) and code_of(error) != "NoSuchBucket":
                    raise _ChangedError from error
                raise


class _ChangedError(Exception):
    """The source object or the upload is not there any more."""


def _unfinished(upload: Upload, there: int, copied: int) -> ReplicationError:
    message = f"{there} of {upload.parts} parts are there; the next invocation goes on"
    if copied == 0:
        message += "; none was copied in this one: if that goes on, raise function.timeout_seconds"
    return ReplicationError(FailureKind.UNFINISHED, "CopyUnfinished", message)
