"""The S3 calls of an upload in parts, one method per action of the protocol. ``uploads`` decides.

A part that is copied again does no harm, so nothing is kept between invocations but what S3 has.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import wait
from datetime import datetime
from threading import Lock
from typing import Any
from urllib.parse import unquote_plus

from ..common.errors import AwsError, Side, UnsendableError
from .actions import AbortUploads, BeginUpload, CompleteUpload, CopyParts, ListUploads, ReadCut
from .answers import Aborted, Begun, Changed, Copied, Cut, Listed, ListedUpload, PartsCopied
from .buckets import Buckets, PartWorkers, S3Calls
from .failures import failure_of, is_changed
from .object_state import character_not_in_xml, http_seconds
from .parameters import completion_parameters, copy_source, upload_parameters
from .upload_plan import Part, TimeBudget, UploadPlan


class S3UploadOperations:
    """The uploads of one key. Its methods raise ``AwsError``."""

    def __init__(
        self,
        buckets: Buckets,
        source_key: str,
        destination_key: str,
        calls: S3Calls,
        deadline: float,
    ) -> None:
        """Take the key.

        Args:
            deadline: when the invocation ends, by the monotonic clock, in seconds.
        """
        self._buckets = buckets
        self._source_key = source_key
        self._key = destination_key
        self._calls = calls
        self._budget = TimeBudget.of(time.monotonic(), deadline)

    def list(self, action: ListUploads) -> Listed:
        """The key's open uploads, and the parts of those that this function has begun."""
        # XML cannot hold every character of a key.
        request = {"Prefix": self._key, "EncodingType": "url"}
        answer = self._calls.retried(Side.DESTINATION, "ListMultipartUploads", **request)
        now = http_seconds(answer["ResponseMetadata"]["HTTPHeaders"]["date"]) or 0
        # They come sorted by key, and this one is the first with itself as prefix.
        of_key = [
            upload
            for upload in answer.get("Uploads", ())
            if unquote_plus(upload["Key"]) == self._key
        ]
        for upload in of_key:
            if upload["UploadId"] == action.begun:
                self._buckets.initiator = _initiator(upload) or None
        return Listed(
            tuple(self._open_upload(upload, action.begun, now) for upload in of_key),
            self._buckets.initiator,
        )

    def _open_upload(self, upload: dict[str, Any], begun: str | None, now: float) -> ListedUpload:
        upload_id, initiator = upload["UploadId"], _initiator(upload)
        begun_at = last_at = _seconds(upload["Initiated"])
        parts: dict[int, Part] = {}
        if upload_id != begun and initiator == self._buckets.initiator:
            for part in self._list_parts(upload_id):
                parts[part["PartNumber"]] = Part(part["Size"], part["ETag"], _checksums(part))
                last_at = max(last_at, _seconds(part["LastModified"]))
        return ListedUpload(upload_id, initiator, begun_at, now - last_at, parts)

    def _list_parts(self, upload_id: str) -> Iterator[dict[str, Any]]:
        request: dict[str, Any] = {"Key": self._key, "UploadId": upload_id, "PartNumberMarker": 0}
        is_last = False
        while not is_last:
            try:
                page = self._calls.retried(Side.DESTINATION, "ListParts", **request)
            except AwsError as error:
                if is_changed(error):  # completed or aborted since it was listed
                    return
                raise
            yield from page.get("Parts", ())
            is_last = not page.get("IsTruncated")
            request["PartNumberMarker"] = page.get("NextPartNumberMarker")

    def begin(self, action: BeginUpload) -> Begun:
        """Begin an upload."""
        if unreadable := character_not_in_xml(self._key):
            why = (
                "the object has to be copied in parts, and S3's answers to that hold its key in XML, "
                f"which has no character {unreadable!r}"
            )
            raise UnsendableError("CreateMultipartUpload", Side.DESTINATION, "KeyNotInXml", why)
        request: dict[str, Any] = {"Key": self._key}
        if action.copy is not None:
            request |= upload_parameters(action.copy.source, self._buckets.destination)
        answer = self._calls.retried(Side.DESTINATION, "CreateMultipartUpload", **request)
        return Begun(str(answer["UploadId"]))

    def copy_parts(self, action: CopyParts) -> PartsCopied:
        """Copy the parts that are missing, until all are there, one fails or time is up."""
        source = self._buckets.source
        request = {
            "Key": self._key,
            "UploadId": action.upload_id,
            "CopySource": copy_source(source, self._source_key, action.copy.version_id),
            "CopySourceIfMatch": action.copy.source.etag,
            "ExpectedSourceBucketOwner": source.account_id,
        }
        copies = _PartCopies(self._calls, request, action.copy.plan, action.there, self._budget)
        return copies.run(self._buckets.parts)

    def complete(self, action: CompleteUpload) -> Copied | Changed:
        """Make the object of its parts."""
        request = completion_parameters(action.parts)
        try:
            answer = self._calls.sent_once(
                "CompleteMultipartUpload", Key=self._key, UploadId=action.upload_id, **request
            )
        except AwsError as error:
            if is_changed(error):
                return Changed()
            raise
        return Copied(etag=answer["ETag"], version_id=answer.get("VersionId"))

    def abort(self, action: AbortUploads) -> Aborted:
        """Delete uploads and their parts."""
        for upload_id in action.ids:
            request = {"Key": self._key, "UploadId": upload_id}
            try:
                self._calls.retried(Side.DESTINATION, "AbortMultipartUpload", **request)
            except AwsError as error:
                if not is_changed(error):  # somebody else completed or aborted it
                    raise
        return Aborted()

    def read_cut(self, action: ReadCut) -> Cut | Changed:
        """The lengths of the replica's first two parts."""
        lengths = []
        for number in (1, 2):
            request = {"Key": self._key, "IfMatch": action.replica.etag, "PartNumber": number}
            try:
                answer = self._calls.retried(Side.DESTINATION, "HeadObject", **request)
            except AwsError as error:
                if is_changed(error):
                    return Changed()
                raise
            lengths.append(int(answer["ContentLength"]))
        return Cut((lengths[0], lengths[1]))


def _initiator(upload: Mapping[str, Any]) -> str:
    return str(upload.get("Initiator", {}).get("ID", ""))


def _seconds(timestamp: str) -> float:
    return datetime.fromisoformat(timestamp).timestamp()


def _checksums(part: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple(
        (name, value)
        for name, value in part.items()
        if name.startswith("Checksum") and name != "ChecksumType"
    )


class _PartCopies:
    """Copies the missing parts of one upload."""

    def __init__(
        self,
        calls: S3Calls,
        request: dict[str, Any],
        plan: UploadPlan,
        there: Mapping[int, Part],
        budget: TimeBudget,
    ) -> None:
        self._calls = calls
        self._request = request
        self._plan = plan
        self._budget = budget
        self._parts = dict(there)
        self._missing = [number for number in range(plan.parts, 0, -1) if number not in there]
        self._failure: AwsError | None = None
        self._slowest = 0.0
        self._lock = Lock()

    def run(self, workers: PartWorkers) -> PartsCopied:
        threads = min(workers.streams, len(self._missing))
        running = [workers.pool.submit(self._copy_some) for _ in range(threads)]
        ended, late = wait(running, max(0.0, self._budget.stop_at - time.monotonic()))
        for thread in ended:
            thread.result()
        with self._lock:
            parts, failure = dict(self._parts), self._failure
        return PartsCopied(
            parts,
            has_time=time.monotonic() <= self._budget.complete_until,
            is_changed=failure is not None and is_changed(failure),
            failure=None if failure is None or is_changed(failure) else failure_of(failure),
            are_all_over=not late,
        )

    def _copy_some(self) -> None:
        while (number := self._take_part()) is not None:
            started = time.monotonic()
            part = {"PartNumber": number, "CopySourceRange": self._plan.copy_range(number)}
            try:
                answer = self._calls.copy_part(**self._request, **part)
            except AwsError as error:
                with self._lock:
                    self._failure = self._failure or error
                return
            copied = answer["CopyPartResult"]
            with self._lock:
                length = self._plan.length(number)
                self._parts[number] = Part(length, copied["ETag"], _checksums(copied))
                self._slowest = max(self._slowest, time.monotonic() - started)

    def _take_part(self) -> int | None:
        with self._lock:
            has_time = self._budget.has_time_for_part(time.monotonic(), self._slowest)
            may_go_on = has_time and self._failure is None and self._missing
            return self._missing.pop() if may_go_on else None
