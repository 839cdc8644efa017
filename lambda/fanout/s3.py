"""The S3 calls, one method per action of the protocol. Nothing here decides.

Every call names the account it expects to own the bucket, so that a bucket deleted and taken over by
somebody else is refused instead of read or written (User Guide, "Verifying bucket ownership").
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    ProxyConnectionError,
)
from botocore.parsers import ResponseParserError

from .clients import Buckets
from .copying import copy_request
from .failures import Kind, ReplicationError, from_response
from .objects import ObjectState, Tags, object_state, version_id
from .protocol import (
    Changed,
    Copied,
    Copy,
    Deleted,
    Proof,
    Seen,
    Survivor,
    Tagged,
    WriteTags,
)

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client


class Pair:
    """One key at both sides. Not for use by several threads.

    Attributes:
        calls: how many S3 requests were made.
    """

    def __init__(self, buckets: Buckets, source_key: str, destination_key: str) -> None:
        self.source_key = source_key
        self.destination_key = destination_key
        self.calls = 0
        self._buckets = buckets
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

    def look(self) -> Seen | Changed:
        """HEAD both sides at once, and read tags where there are any.

        Raises:
            ReplicationError: a side did not answer.
        """
        self.calls += 2
        buckets = self._buckets
        at_source = buckets.side_calls.submit(
            _head, buckets.source_reads, self._at_source, "HeadObject of the source"
        )
        replica = _head(
            buckets.destination_reads, self._at_destination, "HeadObject of the destination"
        )
        source = at_source.result()
        try:
            return Seen(
                source=self._tagged(source, buckets.source_reads, self._at_source, "source"),
                replica=self._tagged(
                    replica, buckets.destination_reads, self._at_destination, "destination"
                ),
                has_delete_marker=source.is_delete_marker,
            )
        except _GoneError:
            return Changed()

    def copy(self, action: Copy) -> Copied | Changed:
        """Copy the object by one CopyObject.

        Raises:
            ReplicationError: it was refused, or nobody knows whether it was made.
        """
        buckets = self._buckets
        request = copy_request(
            action, buckets.source, self.source_key, buckets.destination, self.destination_key
        )
        self.calls += 1
        try:
            answer = buckets.writes.copy_object(**request)
            etag = answer["CopyObjectResult"]["ETag"]
        except ClientError as error:
            if _status(error) in (404, 412) and _code(error) != "NoSuchBucket":
                return Changed()
            if action.source is None and _code(error) in ("InvalidRequest", "NoSuchBucket"):
                return Changed()  # too large, SSE-C, either bucket: a look tells which
            raise _refused(error, "CopyObject") from error
        except (BotoCoreError, ResponseParserError, KeyError) as error:
            raise _not_answered(error, "CopyObject", is_write=True) from error
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
        self.calls += 1
        try:
            self._buckets.writes.put_object_tagging(
                **self._at_destination,  # type: ignore[arg-type]
                Tagging={"TagSet": [{"Key": key, "Value": value} for key, value in action.tags]},
            )
        except ClientError as error:
            if _code(error) in ("NoSuchKey", "MethodNotAllowed"):  # gone, or a delete marker
                return Changed()
            raise _refused(error, "PutObjectTagging") from error
        except BotoCoreError as error:
            raise _not_answered(error, "PutObjectTagging", is_write=True) from error
        return Tagged()

    def prove_absence(self) -> Proof:
        """Ask by GET, whose answer tells a missing object from a missing bucket.

        Raises:
            ReplicationError: anything but the object or ``NoSuchKey`` came back.
        """
        self.calls += 1
        try:
            answer = self._buckets.source_reads.get_object(
                **self._at_source,  # type: ignore[arg-type]
                Range="bytes=0-0",
            )
        except ClientError as error:
            if _code(error) == "NoSuchKey":
                return Proof(is_absent=True)
            if _code(error) in ("InvalidRange", "InvalidObjectState"):  # empty, or archived
                return Proof(is_absent=False)
            raise from_response(error.response, "GetObject of the source") from error
        except BotoCoreError as error:
            raise _not_answered(error, "GetObject of the source", is_write=False) from error
        answer["Body"].close()
        return Proof(is_absent=False)

    def delete(self) -> Deleted:
        """Delete the replica.

        Raises:
            ReplicationError: as ``copy``.
        """
        self.calls += 1
        try:
            self._buckets.writes.delete_object(**self._at_destination)  # type: ignore[arg-type]
        except ClientError as error:
            raise _refused(error, "DeleteObject") from error
        except BotoCoreError as error:
            raise _not_answered(error, "DeleteObject", is_write=True) from error
        return Deleted()

    def find_survivor(self) -> Survivor | Changed:
        """List the versions of the source object and look at the newest.

        Raises:
            ReplicationError: the source did not answer.
        """
        reads, call = self._buckets.source_reads, "ListObjectVersions of the source"
        pages = reads.get_paginator("list_object_versions").paginate(
            Bucket=self._at_source["Bucket"],
            ExpectedBucketOwner=self._at_source["ExpectedBucketOwner"],
            Prefix=self.source_key,
        )
        version = None
        try:
            for page in pages:
                self.calls += 1
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
        except ClientError as error:
            raise from_response(error.response, call) from error
        except BotoCoreError as error:
            raise _not_answered(error, call, is_write=False) from error
        if version is None:
            return Survivor(None)
        self.calls += 1
        at_version = {**self._at_source, "VersionId": version}
        head = _head(reads, at_version, "HeadObject of the source")
        if head.state is None:
            return Changed()
        try:
            return Survivor(self._tagged(head, reads, at_version, "source"), version)
        except _GoneError:
            return Changed()

    def _tagged(
        self, head: Head, client: S3Client, where: dict[str, str], side: str
    ) -> ObjectState | None:
        if head.state is None or not head.has_tags or not self._buckets.wanted.replicate_tags:
            return head.state
        self.calls += 1
        return replace(head.state, tags=_tags(client, where, f"GetObjectTagging of the {side}"))


@dataclass(frozen=True, slots=True)
class Head:
    """A HEAD answer; it says how many tags there are, not which."""

    state: ObjectState | None
    has_tags: bool = False
    is_delete_marker: bool = False


class _GoneError(Exception):
    """An object whose HEAD was answered is not there any more."""


def _head(client: S3Client, where: dict[str, str], call: str) -> Head:
    try:
        answer = client.head_object(**where, ChecksumMode="ENABLED")  # type: ignore[arg-type]
    except ClientError as error:
        if _status(error) == 404:
            headers = error.response["ResponseMetadata"]["HTTPHeaders"]
            # While versioning is suspended a delete replaces the newest object by a marker ``null``:
            # what survives then is older than what has been deleted.
            return Head(
                None,
                is_delete_marker=headers.get("x-amz-delete-marker") == "true"
                and version_id(headers.get("x-amz-version-id")) is not None,
            )
        if _status(error) == 400:
            raise _explained(client, where, error, call) from error
        raise from_response(error.response, call) from error
    except BotoCoreError as error:
        raise _not_answered(error, call, is_write=False) from error
    headers = dict(answer["ResponseMetadata"]["HTTPHeaders"])
    expires = cast("dict[str, str]", answer).get("ExpiresString")
    if expires is not None:  # boto3 takes the header away when it is no date
        headers["expires"] = expires
    return Head(object_state(headers), int(headers.get("x-amz-tagging-count", "0")) > 0)


def _explained(
    client: S3Client, where: dict[str, str], error: ClientError, call: str
) -> ReplicationError:
    """Ask again by GET: a HEAD answer has no body, so that 400 can mean SSE-C or an old token."""
    try:
        client.get_object(**where, Range="bytes=0-0")["Body"].close()  # type: ignore[arg-type]
    except ClientError as explained:
        return from_response(explained.response, call)
    except BotoCoreError as unexplained:
        return _not_answered(unexplained, call, is_write=False)
    return from_response(error.response, call)


def _tags(client: S3Client, where: dict[str, str], call: str) -> Tags:
    try:
        answer = client.get_object_tagging(**where)  # type: ignore[arg-type]
    except ClientError as error:
        if _status(error) in (404, 405):  # deleted, or a delete marker now
            raise _GoneError from error
        raise from_response(error.response, call) from error
    except BotoCoreError as error:
        raise _not_answered(error, call, is_write=False) from error
    return tuple(sorted((tag["Key"], tag["Value"]) for tag in answer["TagSet"]))


def _refused(error: ClientError, call: str) -> ReplicationError:
    """A write that was refused, if it is S3 that says so.

    An answer that was cut off, or is somebody else's between here and S3, is a server error without
    a code of S3's in it: the write may go on.
    """
    if not 300 <= _status(error) < 500 and not _code(error).isalpha():
        return _not_answered(error, call, is_write=True)
    return from_response(error.response, call)


def _code(error: ClientError) -> str:
    return error.response.get("Error", {}).get("Code", "")


def _status(error: ClientError) -> int:
    return error.response["ResponseMetadata"]["HTTPStatusCode"]


_NEVER_SENT = (
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    NoCredentialsError,
    ProxyConnectionError,
)


def _not_answered(error: Exception, call: str, *, is_write: bool) -> ReplicationError:
    name = type(error).__name__
    if isinstance(error, ParamValidationError):
        return ReplicationError(Kind.OBJECT, "RequestInvalid", f"{call}: {error}", name)
    if is_write and not isinstance(error, _NEVER_SENT):
        return ReplicationError(
            Kind.UNKNOWN_OUTCOME, "OutcomeUnknown", f"{call}: no answer came: {error}", name
        )
    return ReplicationError(Kind.TRANSIENT, "S3Unreachable", f"{call}: {error}", name)
