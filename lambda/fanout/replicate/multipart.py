"""The S3 calls of an upload in parts, many parts at once. ``large_objects`` decides what is called.

A part that is copied again does no harm, so nothing but the upload's id is kept between invocations.
"""

from __future__ import annotations

import time
from concurrent.futures import wait
from dataclasses import dataclass
from threading import Lock
from typing import Any
from urllib.parse import unquote_plus

from ..common.errors import AwsError, Side
from .buckets import Buckets, PartWorkers, S3Calls
from .object_state import ObjectState
from .parameters import copy_source, upload_parameters
from .protocol import Copied, Copy
from .upload_plan import TimeBudget, Upload


@dataclass(frozen=True, slots=True)
class CopiedParts:
    """What came of copying parts.

    Attributes:
        etags: of the parts that are there, by number.
        failure: the first call that failed, or None.
        are_all_over: whether no part is still being copied.
    """

    etags: dict[int, str]
    failure: AwsError | None
    are_all_over: bool


class UploadOperations:
    """The calls about the uploads of one key. They raise ``AwsError``."""

    def __init__(
        self, buckets: Buckets, source_key: str, destination_key: str, calls: S3Calls
    ) -> None:
        self._buckets = buckets
        self._source_key = source_key
        self._key = destination_key
        self._calls = calls

    def create(self, source: ObjectState) -> str:
        """Begin an upload; returns its id."""
        client, destination = self._buckets.destination_reads, self._buckets.destination
        request = upload_parameters(source, destination, client) | {"Key": self._key}
        answer = self._calls.retried(Side.DESTINATION, "CreateMultipartUpload", **request)
        return str(answer["UploadId"])

    def list_parts(self, upload: Upload) -> dict[int, str]:
        """The ETags of the parts that are there, by number."""
        found: dict[int, str] = {}
        request: dict[str, Any] = {"Key": self._key, "UploadId": upload.id, "PartNumberMarker": 0}
        is_last = False
        while not is_last:
            page = self._calls.retried(Side.DESTINATION, "ListParts", **request)
            found |= {
                part["PartNumber"]: part["ETag"]
                for part in page.get("Parts", ())
                if upload.has_part(part["PartNumber"], part["Size"])
            }
            is_last = not page.get("IsTruncated")
            request["PartNumberMarker"] = page.get("NextPartNumberMarker")
        return found

    def copy_parts(
        self, upload: Upload, action: Copy, there: dict[int, str], budget: TimeBudget
    ) -> CopiedParts:
        """Copy the parts that are missing, until all are there, one fails or time is up.

        Args:
            there: the ETags of the parts that are there, by number.
        """
        source = self._buckets.source
        request = {
            "Key": self._key,
            "UploadId": upload.id,
            "CopySource": copy_source(source, self._source_key, action.version_id),
            "CopySourceIfMatch": action.if_match,
            "ExpectedSourceBucketOwner": source.account_id,
        }
        copies = _PartCopies(self._calls, request, upload, there, budget)
        return copies.run(self._buckets.parts)

    def complete(self, upload: Upload, etags: dict[int, str]) -> Copied:
        """Make the object of its parts."""
        parts = [{"PartNumber": number, "ETag": etags[number]} for number in sorted(etags)]
        answer = self._calls.sent_once(
            "CompleteMultipartUpload",
            Key=self._key,
            UploadId=upload.id,
            MultipartUpload={"Parts": parts},
        )
        return Copied(etag=answer["ETag"], version_id=answer.get("VersionId"))

    def list_open(self) -> dict[str, str]:
        """When each open upload of the key was begun, by id."""
        # XML cannot hold every character of a key.
        request = {"Prefix": self._key, "EncodingType": "url"}
        answer = self._calls.retried(Side.DESTINATION, "ListMultipartUploads", **request)
        # They come sorted by key, and this one is the first with itself as prefix.
        return {
            upload["UploadId"]: str(upload["Initiated"])
            for upload in answer.get("Uploads", ())
            if unquote_plus(upload["Key"]) == self._key
        }

    def abort(self, destination_key: str, upload_id: str) -> None:
        """Delete an upload and its parts."""
        request = {"Key": destination_key, "UploadId": upload_id}
        self._calls.retried(Side.DESTINATION, "AbortMultipartUpload", **request)


class _PartCopies:
    """Copies the missing parts of one upload."""

    def __init__(
        self,
        calls: S3Calls,
        request: dict[str, Any],
        upload: Upload,
        there: dict[int, str],
        budget: TimeBudget,
    ) -> None:
        self._calls = calls
        self._request = request
        self._upload = upload
        self._budget = budget
        self._etags = dict(there)
        self._missing = [number for number in range(upload.parts, 0, -1) if number not in there]
        self._failure: AwsError | None = None
        self._slowest = 0.0
        self._lock = Lock()

    def run(self, workers: PartWorkers) -> CopiedParts:
        threads = min(workers.streams, len(self._missing))
        running = [workers.pool.submit(self._copy_some) for _ in range(threads)]
        ended, late = wait(running, max(0.0, self._budget.stop_at - time.monotonic()))
        for thread in ended:
            thread.result()
        with self._lock:
            return CopiedParts(dict(self._etags), self._failure, not late)

    def _copy_some(self) -> None:
        while (number := self._take_part()) is not None:
            started = time.monotonic()
            part = {"PartNumber": number, "CopySourceRange": self._upload.copy_range(number)}
            try:
                answer = self._calls.copy_part(**self._request, **part)
            except AwsError as error:
                with self._lock:
                    self._failure = self._failure or error
                return
            with self._lock:
                self._etags[number] = answer["CopyPartResult"]["ETag"]
                self._slowest = max(self._slowest, time.monotonic() - started)

    def _take_part(self) -> int | None:
        with self._lock:
            has_time = self._budget.has_time_for_part(time.monotonic(), self._slowest)
            may_go_on = has_time and self._failure is None and self._missing
            return self._missing.pop() if may_go_on else None
