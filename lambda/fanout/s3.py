"""The S3 calls: HEAD, GetObjectTagging, CopyObject, PutObjectTagging. Nothing here decides.

Every call names the account it expects to own the bucket, so that a bucket deleted and taken over by
somebody else is refused instead of read or written (User Guide, "Verifying bucket ownership").
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import botocore.session
from botocore.config import Config as ClientConfig
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

from .config import Destination, Source
from .failures import Kind, ReplicationError, from_response
from .objects import ObjectState, Tags, object_state
from .protocol import Changed, Copied, Copy, Seen, Tagged, WriteTags

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_s3.type_defs import CopyObjectRequestTypeDef

MAX_COPY_BYTES = 5 * 1024**3
"""One CopyObject moves at most 5 GB (API reference, CopyObject)."""

COPY_TIMEOUT_SECONDS = 850
"""A copy is waited for longer than S3 takes for it, because one that we give up on can still land,
after a newer one: 5 GiB at 7 MB/s, a slow cross-Region copy, take 770 s."""

CONNECT_TIMEOUT_SECONDS = 3
READ_TIMEOUT_SECONDS = 10


class Buckets:
    """Both sides of one replication: the clients, made once per process.

    Reads are retried by the client. Writes are not: of a write that is sent twice, the first can
    land last.
    """

    def __init__(self, source: Source, destination: Destination, concurrency: int) -> None:
        """Make the clients.

        Args:
            concurrency: how many keys are worked on at the same time.
        """
        self.source = source
        self.destination = destination
        session = botocore.session.Session()
        reads = ClientConfig(
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            read_timeout=READ_TIMEOUT_SECONDS,
            retries={"mode": "standard", "total_max_attempts": 3},
            max_pool_connections=2 * concurrency,
        )
        writes = ClientConfig(
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            read_timeout=COPY_TIMEOUT_SECONDS,
            retries={"mode": "standard", "total_max_attempts": 1},
            max_pool_connections=concurrency,
            tcp_keepalive=True,
        )

        def client(region: str, config: ClientConfig) -> S3Client:
            return cast("S3Client", session.create_client("s3", region_name=region, config=config))

        self.source_reads = client(source.region, reads)
        self.destination_reads = (
            self.source_reads
            if destination.region == source.region
            else client(destination.region, reads)
        )
        self.writes = client(destination.region, writes)
        self.side_calls = ThreadPoolExecutor(concurrency, thread_name_prefix="source-head")


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

    def look(self) -> Seen:
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
        return Seen(
            source=self._tagged(source, buckets.source_reads, self._at_source, "source"),
            replica=self._tagged(
                replica, buckets.destination_reads, self._at_destination, "destination"
            ),
        )

    def copy(self, action: Copy) -> Copied | Changed:
        """Copy the object by one CopyObject.

        Raises:
            ReplicationError: it was refused, or nobody knows whether it was made.
        """
        source, buckets = action.source, self._buckets
        if source is not None and source.size > MAX_COPY_BYTES:
            raise ReplicationError(
                Kind.OBJECT, "SrcObjectTooLarge", f"{source.size} bytes: more than a copy moves"
            )
        copy_source = {"Bucket": buckets.source.bucket, "Key": self.source_key}
        request: dict[str, Any] = {
            **self._at_destination,
            "CopySource": copy_source,
            "CopySourceIfMatch": action.if_match,
            "ExpectedSourceBucketOwner": buckets.source.account_id,
        }
        if buckets.destination.storage_class is not None:
            request["StorageClass"] = buckets.destination.storage_class
        if source is not None:
            if source.version_id is not None:
                copy_source["VersionId"] = source.version_id
            if source.redirect is not None:
                request["WebsiteRedirectLocation"] = source.redirect
            if not source.checksums:
                # A copy inherits the algorithm of the source; where that has no full-object
                # checksum, the replica gets S3's default, so that later looks can compare.
                request["ChecksumAlgorithm"] = "CRC64NVME"
        self.calls += 1
        try:
            answer = buckets.writes.copy_object(**cast("CopyObjectRequestTypeDef", request))
        except ClientError as error:
            if _status(error) in (404, 412) and error.response["Error"]["Code"] != "NoSuchBucket":
                return Changed()
            raise from_response(error.response, "CopyObject") from error
        except BotoCoreError as error:
            raise _not_answered(error, "CopyObject", is_write=True) from error
        return Copied(
            etag=answer["CopyObjectResult"]["ETag"],
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
            if error.response["Error"]["Code"] == "NoSuchKey":
                return Changed()
            raise from_response(error.response, "PutObjectTagging") from error
        except BotoCoreError as error:
            raise _not_answered(error, "PutObjectTagging", is_write=True) from error
        return Tagged()

    def _tagged(
        self, head: Head | None, client: S3Client, where: dict[str, str], side: str
    ) -> ObjectState | None:
        if head is None:
            return None
        if not head.has_tags:
            return head.state
        self.calls += 1
        return replace(head.state, tags=_tags(client, where, f"GetObjectTagging of the {side}"))


@dataclass(frozen=True, slots=True)
class Head:
    """A HEAD answer; it says how many tags there are, not which."""

    state: ObjectState
    has_tags: bool


def _head(client: S3Client, where: dict[str, str], call: str) -> Head | None:
    try:
        answer = client.head_object(**where, ChecksumMode="ENABLED")  # type: ignore[arg-type]
    except ClientError as error:
        if _status(error) == 404:
            return None
        raise from_response(error.response, call) from error
    except BotoCoreError as error:
        raise _not_answered(error, call, is_write=False) from error
    headers = dict(answer["ResponseMetadata"]["HTTPHeaders"])
    expires = cast("dict[str, str]", answer).get("ExpiresString")
    if expires is not None:  # boto3 takes the header away when it is no date
        headers["expires"] = expires
    return Head(object_state(headers), int(headers.get("x-amz-tagging-count", "0")) > 0)


def _tags(client: S3Client, where: dict[str, str], call: str) -> Tags:
    try:
        answer = client.get_object_tagging(**where)  # type: ignore[arg-type]
    except ClientError as error:
        if _status(error) == 404:
            return ()
        raise from_response(error.response, call) from error
    except BotoCoreError as error:
        raise _not_answered(error, call, is_write=False) from error
    return tuple(sorted((tag["Key"], tag["Value"]) for tag in answer["TagSet"]))


def _status(error: ClientError) -> int:
    return error.response["ResponseMetadata"]["HTTPStatusCode"]


_NEVER_SENT = (
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    NoCredentialsError,
    ProxyConnectionError,
)


def _not_answered(error: BotoCoreError, call: str, *, is_write: bool) -> ReplicationError:
    name = type(error).__name__
    if isinstance(error, ParamValidationError):
        return ReplicationError(Kind.OBJECT, "RequestInvalid", f"{call}: {error}", name)
    if is_write and not isinstance(error, _NEVER_SENT):
        return ReplicationError(
            Kind.UNKNOWN_OUTCOME, "OutcomeUnknown", f"{call}: no answer came: {error}", name
        )
    return ReplicationError(Kind.TRANSIENT, "S3Unreachable", f"{call}: {error}", name)
