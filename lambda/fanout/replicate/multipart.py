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
from .buckets import Buckets, S3Calls
from .object_state import ObjectState
from .protocol import Copied, Copy
from .requests import copy_source, upload_request
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
        self._call = calls.make
        self._bucket = {
            "Bucket": buckets.destination.bucket,
            "ExpectedBucketOwner": buckets.destination.account_id,
        }
        self._object = self._bucket | {"Key": destination_key}

    def create(self, source: ObjectState) -> str:
        """Begin an upload; returns its id."""
        client = self._buckets.destination_reads
        request = self._object | upload_request(source, self._buckets.destination, client)
        answer = self._call(client, "CreateMultipartUpload", Side.DESTINATION, **request)
        return str(answer["UploadId"])

    def list_parts(self, upload: Upload) -> dict[int, str]:
        """The ETags of the parts that are there, by number."""
        found: dict[int, str] = {}
        request = self._object | {"UploadId": upload.id, "PartNumberMarker": 0}
        is_last = False
        while not is_last:
            page = self._call(
                self._buckets.destination_reads, "ListParts", Side.DESTINATION, **request
            )
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
        request = self._object | {
            "UploadId": upload.id,
            "CopySource": copy_source(self._buckets.source, self._source_key, action.version_id),
            "CopySourceIfMatch": action.if_match,
            "ExpectedSourceBucketOwner": self._buckets.source.account_id,
        }
        return _PartCopies(self._buckets, self._call, request, upload, there, budget).run()

    def complete(self, upload: Upload, etags: dict[int, str]) -> Copied:
        """Make the object of its parts."""
        parts = [{"PartNumber": number, "ETag": etags[number]} for number in sorted(etags)]
        answer = self._call(
            self._buckets.writes,
            "CompleteMultipartUpload",
            Side.DESTINATION,
            **self._object,
            UploadId=upload.id,
            MultipartUpload={"Parts": parts},
        )
        return Copied(etag=answer["ETag"], version_id=answer.get("VersionId"))

    def list_open(self) -> dict[str, str]:
        """When each open upload of the key was begun, by id."""
        answer = self._call(
            self._buckets.destination_reads,
            "ListMultipartUploads",
            Side.DESTINATION,
            **self._bucket,
            Prefix=self._key,
            EncodingType="url",  # XML cannot hold every character of a key
        )
        # They come sorted by key, and this one is the first with itself as prefix.
        return {
            upload["UploadId"]: str(upload["Initiated"])
            for upload in answer.get("Uploads", ())
            if unquote_plus(upload["Key"]) == self._key
        }

    def abort(self, destination_key: str, upload_id: str) -> None:
        """Delete an upload and its parts."""
        self._call(
            self._buckets.destination_reads,
            "AbortMultipartUpload",
            Side.DESTINATION,
            **self._bucket,
            Key=destination_key,
            UploadId=upload_id,
        )


class _PartCopies:
    """Copies the missing parts of one upload."""

    def __init__(
        self,
        buckets: Buckets,
        call: Any,
        request: dict[str, Any],
        upload: Upload,
        there: dict[int, str],
        budget: TimeBudget,
    ) -> None:
        self._workers = buckets.parts
        self._call = call
        self._request = request
        self._upload = upload
        self._budget = budget
        self._etags = dict(there)
        missing = [number for number in range(1, upload.parts + 1) if number not in there]
        self._threads = min(self._workers.streams, len(missing))
        self._missing = iter(missing)
        self._failure: AwsError | None = None
        self._slowest = 0.0
        self._lock = Lock()

    def run(self) -> CopiedParts:
        running = [self._workers.pool.submit(self._copy_some) for _ in range(self._threads)]
        ended, late = wait(running, max(0.0, self._budget.stop_at - time.monotonic()))
        for thread in ended:
            thread.result()
        with self._lock:
            return CopiedParts(dict(self._etags), self._failure, not late)

    def _copy_some(self) -> None:
        while (number := self._take_part()) is not None:
            started = time.monotonic()
            try:
                answer = self._call(
                    self._workers.client,
                    "UploadPartCopy",
                    Side.DESTINATION,
                    **self._request,
                    PartNumber=number,
                    CopySourceRange=self._upload.copy_range(number),
                )
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
            return next(self._missing, None) if has_time and self._failure is None else None
