"""The S3 calls, one method per action of the protocol. Nothing here decides.

Every call names the account it expects to own the bucket, so that a bucket deleted and taken over by
somebody else is refused instead of read or written (User Guide, "Verifying bucket ownership").
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from botocore.exceptions import ClientError

from ..common.errors import code_of, failures_of, not_answered, status_of
from .buckets import Buckets
from .multipart import NOT_IN_XML, MultipartCopy
from .object_state import ObjectState, Tags, unique_version_id
from .protocol import (
    Changed,
    Copied,
    Copy,
    Deleted,
    Observed,
    Proof,
    Queued,
    Survivor,
    Tagged,
    WriteTags,
)
from .requests import copy_request
from .upload_plan import SINGLE_COPY_BYTES

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client


class S3KeyOperations:
    """One key at both sides. Not for use by several threads.

    Attributes:
        observed_at: when the last look began, or the first request before there was any; seconds since
            the epoch.
        observed_source: the source object that look saw, or None.
    """

    def __init__(
        self, buckets: Buckets, source_key: str, destination_key: str, multipart: MultipartCopy
    ) -> None:
        self.source_key = source_key
        self.destination_key = destination_key
        self.observed_at = time.time()
        self.observed_source: ObjectState | None = None
        self._calls = 0
        self._buckets = buckets
        self._multipart = multipart
        self._at_source = {
            "Bucket": buckets.source.bucket,
            "Key": source_key,
            "ExpectedBucketOwner": buckets.source.account_id,
        }
        self._at_destination = {
            "Bucket": buckets.destination.bucket,
            "Key": destination_key,
            "ExpectedBucketOwner": buckets.destination.account_id,
        }

    @property
    def is_copied_in_parts(self) -> bool:
        """Whether an upload was completed, and the older ones aborted."""
        return self._multipart.is_completed

    @property
    def calls(self) -> int:
        """How many S3 requests were made."""
        return self._calls + self._multipart.calls

    def observe(self) -> Observed | Changed:
        """HEAD both sides at once, and read tags where there are any.

        Raises:
            ReplicationError: a side did not answer.
        """
        self._calls += 2
        self.observed_at, self.observed_source = time.time(), None
        buckets = self._buckets
        at_source = buckets.side_calls.submit(
            _head, buckets.source_reads, self._at_source, "HeadObject of the source"
        )
        replica = _head(
            buckets.destination_reads, self._at_destination, "HeadObject of the destination"
        )
        source = at_source.result()
        try:
            self.observed_source = self._tagged(
                source, buckets.source_reads, self._at_source, "source"
            )
            return Observed(
                source=self.observed_source,
                replica=self._tagged(
                    replica, buckets.destination_reads, self._at_destination, "destination"
                ),
                has_delete_marker=source.is_delete_marker,
            )
        except _GoneError:
            return Changed()

    def copy(self, action: Copy) -> Copied | Changed | Queued:
        """Copy the object by one CopyObject, or a large one in parts.

        Raises:
            ReplicationError: it was refused, nobody knows whether it was made, or it is unfinished.
        """
        if action.source is not None and action.source.size > SINGLE_COPY_BYTES:
            return self._multipart.copy(action)
        buckets = self._buckets
        request = copy_request(
            action, buckets.source, self.source_key, buckets.destination, self.destination_key
        )
        self._calls += 1
        with failures_of("CopyObject", is_write=True):
            try:
                answer = buckets.writes.copy_object(**request)
                etag = answer["CopyObjectResult"]["ETag"]
            except ClientError as error:
                if status_of(error) in (404, 412) and code_of(error) != "NoSuchBucket":
                    return Changed()
                if action.source is None and code_of(error) in ("InvalidRequest", "NoSuchBucket"):
                    return Changed()  # too large, SSE-C, either bucket: a look tells which
                raise
            except KeyError as error:
                raise not_answered(error, "CopyObject", is_write=True) from error
        return Copied(
            etag=etag,
            version_id=answer.get("VersionId"),
            source_version_id=answer.get("CopySourceVersionId"),
        )

    def write_tags(self, action: WriteTags) -> Tagged | Changed:
        """Replace the replica's tags.

        Raises:
            ReplicationError: as ``copy``.
        """
        self._calls += 1
        tags = [{"Key": key, "Value": value} for key, value in action.tags]
        with failures_of("PutObjectTagging", is_write=True):
            try:
                self._buckets.writes.put_object_tagging(
                    **self._at_destination,  # type: ignore[arg-type]
                    Tagging={"TagSet": tags},  # type: ignore[typeddict-item]
                )
            except ClientError as error:
                if code_of(error) in ("NoSuchKey", "MethodNotAllowed"):  # gone, or a delete marker
                    return Changed()
                raise
        return Tagged()

    def prove_absence(self) -> Proof:
        """Ask by GET, whose answer tells a missing object from a missing bucket.

        Raises:
            ReplicationError: anything but the object or ``NoSuchKey`` came back.
        """
        self._calls += 1
        with failures_of("GetObject of the source"):
            try:
                answer = self._buckets.source_reads.get_object(
                    **self._at_source,  # type: ignore[arg-type]
                    Range="bytes=0-0",
                )
            except ClientError as error:
                if code_of(error) == "NoSuchKey":
                    return Proof(is_absent=True)
                if code_of(error) in ("InvalidRange", "InvalidObjectState"):  # empty, or archived
                    return Proof(is_absent=False)
                if code_of(error) == "404" and NOT_IN_XML.search(self.source_key):
                    # The answer holds the key and cannot be read. With the bucket there it is the key
                    # that is not.
                    self._calls += 1
                    self._buckets.source_reads.head_bucket(
                        Bucket=self._at_source["Bucket"],
                        ExpectedBucketOwner=self._at_source["ExpectedBucketOwner"],
                    )
                    return Proof(is_absent=True)
                raise
        answer["Body"].close()
        return Proof(is_absent=False)

    def delete(self) -> Deleted:
        """Delete the replica.

        Raises:
            ReplicationError: as ``copy``.
        """
        self._calls += 1
        with failures_of("DeleteObject", is_write=True):
            self._buckets.writes.delete_object(**self._at_destination)  # type: ignore[arg-type]
        return Deleted()

    def find_survivor(self) -> Survivor | Changed:
        """List the versions of the source object and look at the newest.

        Raises:
            ReplicationError: the source did not answer.
        """
        reads = self._buckets.source_reads
        pages = reads.get_paginator("list_object_versions").paginate(
            Bucket=self._at_source["Bucket"],
            ExpectedBucketOwner=self._at_source["ExpectedBucketOwner"],
            Prefix=self.source_key,
        )
        version = None
        with failures_of("ListObjectVersions of the source"):
            for page in pages:
                self._calls += 1
                found = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
                # Keys come in order and this one is the first with itself as prefix; its versions
                # come newest first.
                version = next(
                    (
                        v["VersionId"]
                        for v in page.get("Versions", ())
                        if v["Key"] == self.source_key
                    ),
                    None,
                )
                if version is not None or any(v["Key"] != self.source_key for v in found):
                    break
        if version is None:
            return Survivor(None)
        self._calls += 1
        at_version = {**self._at_source, "VersionId": version}
        head = _head(reads, at_version, "HeadObject of the source")
        if head.state is None:
            return Changed()
        try:
            return Survivor(self._tagged(head, reads, at_version, "source"), version)
        except _GoneError:
            return Changed()

    def _tagged(
        self, head: HeadAnswer, client: S3Client, where: dict[str, str], side: str
    ) -> ObjectState | None:
        if (
            head.state is None
            or not head.has_tags
            or not self._buckets.replica_settings.replicate_tags
        ):
            return head.state
        self._calls += 1
        return replace(head.state, tags=_tags(client, where, f"GetObjectTagging of the {side}"))


@dataclass(frozen=True, slots=True)
class HeadAnswer:
    """A HEAD answer; it says how many tags there are, not which."""

    state: ObjectState | None
    has_tags: bool = False
    is_delete_marker: bool = False


class _GoneError(Exception):
    """An object whose HEAD was answered is not there any more."""


def _head(client: S3Client, where: dict[str, str], call: str) -> HeadAnswer:
    with failures_of(call):
        try:
            answer = client.head_object(**where, ChecksumMode="ENABLED")  # type: ignore[arg-type]
        except ClientError as error:
            if status_of(error) == 404:
                headers = error.response["ResponseMetadata"]["HTTPHeaders"]
                # While versioning is suspended a delete replaces the newest object by a marker
                # ``null``: what survives then is older than what has been deleted.
                return HeadAnswer(
                    None,
                    is_delete_marker=headers.get("x-amz-delete-marker") == "true"
                    and unique_version_id(headers.get("x-amz-version-id")) is not None,
                )
            if status_of(error) == 400:
                # An answer to HEAD has no body, so that this can mean SSE-C or an old token.
                client.get_object(**where, Range="bytes=0-0")["Body"].close()  # type: ignore[arg-type]
            raise
    headers = dict(answer["ResponseMetadata"]["HTTPHeaders"])
    expires = cast("dict[str, str]", answer).get("ExpiresString")
    if expires is not None:  # boto3 takes the header away when it is no date
        headers["expires"] = expires
    return HeadAnswer(
        ObjectState.from_headers(headers), int(headers.get("x-amz-tagging-count", "0")) > 0
    )


def _tags(client: S3Client, where: dict[str, str], call: str) -> Tags:
    with failures_of(call):
        try:
            answer = client.get_object_tagging(**where)  # type: ignore[arg-type]
        except ClientError as error:
            if status_of(error) in (404, 405):  # deleted, or a delete marker now
                raise _GoneError from error
            raise
    return tuple(sorted((tag["Key"], tag["Value"]) for tag in answer["TagSet"]))
