"""What a copy is asked for: parameters of CopyObject and CreateMultipartUpload, each for a reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from ..common.config import Destination, Source
from .actions import Copy
from .object_state import CONTENT_HEADERS, METADATA_PREFIX, ObjectState, storage_class_for
from .upload_plan import Part

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client


def copy_parameters(
    action: Copy, source: Source, source_key: str, destination: Destination, destination_key: str
) -> dict[str, Any]:
    """The parameters of the CopyObject that carries out an action.

    Content headers and user metadata are copied by default. Everything else is asked for.
    """
    observed = action.source
    request = {
        "Bucket": destination.bucket,
        "Key": destination_key,
        "ExpectedBucketOwner": destination.account_id,
        "CopySource": copy_source(source, source_key, action.version_id),
        "CopySourceIfMatch": action.if_match,
        "ExpectedSourceBucketOwner": source.account_id,
    } | _asked_for(destination, observed)
    if not destination.replicate_tags:
        # By default the tags are copied, which takes permission to read and to write them.
        request["TaggingDirective"] = "REPLACE"  # by none
    if observed is not None:
        if observed.redirect is not None:
            request["WebsiteRedirectLocation"] = observed.redirect
        if not observed.checksums:
            # A copy inherits the algorithm of its source (API reference, CopyObject). Where the
            # source has no full-object checksum, the replica gets S3's default for later comparisons.
            request["ChecksumAlgorithm"] = "CRC64NVME"
    return request


MAX_TAGS_HEADER = 4096
"""Bytes of tags in a header. Ten tags of 128 and 256 characters can take 34,560 bytes once they are
encoded. All headers of a request together have 8 KB, user metadata 2 of them (S3 User Guide, "Working
with object metadata")."""

EXPIRES_PARAMETER = "ExpiresText"
"""Stands for ``Expires``, which boto3 takes as a time only; see ``send_expires_as_it_is``."""


def upload_parameters(
    source: ObjectState, destination: Destination, client: S3Client
) -> dict[str, Any]:
    """The parameters of CreateMultipartUpload, bucket and key apart.

    A copy in parts carries nothing over by itself (API reference, UploadPartCopy).

    Args:
        client: shows what the runtime's boto3 knows.
    """
    request = _asked_for(destination, source)
    request["Metadata"] = {}
    for name, value in source.headers:
        if name.startswith(METADATA_PREFIX):
            request["Metadata"][name.removeprefix(METADATA_PREFIX)] = value
        else:
            request[EXPIRES_PARAMETER if name == "expires" else CONTENT_HEADERS[name]] = value
    if destination.replicate_tags and source.tags:
        tags = urlencode(source.tags)
        # Tags that do not fit into the header are written afterwards, as any that differ.
        if len(tags) <= MAX_TAGS_HEADER:
            request["Tagging"] = tags
    return request | _checksum_of_whole(source, client)


def _checksum_of_whole(source: ObjectState, client: S3Client) -> dict[str, str]:
    """Ask for a checksum that can be compared with the source's: of the whole object, and of its kind.

    S3 has one for three algorithms. CRC64NVME is always of that type (User Guide, "Checking object
    integrity").
    """
    algorithms = {algorithm for algorithm, _ in source.checksums}
    other = next((a for a in ("crc32c", "crc32") if a in algorithms), None)
    if "crc64nvme" in algorithms or other is None or not _knows_types(client, "Create"):
        return {"ChecksumAlgorithm": "CRC64NVME"}
    return {"ChecksumAlgorithm": other.upper(), "ChecksumType": "FULL_OBJECT"}


def completion_parameters(parts: Mapping[int, Part], client: S3Client) -> dict[str, Any]:
    """The parameters of CompleteMultipartUpload, bucket, key and id apart.

    S3 compares the checksums of the parts with those of what it has.

    Args:
        client: shows what the runtime's boto3 knows.
    """
    listed = [
        {"PartNumber": number, "ETag": parts[number].etag} | dict(parts[number].checksums)
        for number in sorted(parts)
    ]
    request: dict[str, Any] = {"MultipartUpload": {"Parts": listed}}
    if _knows_types(client, "Complete"):
        request["ChecksumType"] = "FULL_OBJECT"
    return request


def _knows_types(client: S3Client, beginning: str) -> bool:
    """Whether an operation of uploads has ``ChecksumType``, which is newer than some runtimes."""
    model = client.meta.service_model.operation_model(f"{beginning}MultipartUpload")
    return model.input_shape is not None and "ChecksumType" in model.input_shape.members


def send_expires_as_it_is(client: S3Client) -> None:
    """Let CreateMultipartUpload take ``EXPIRES_PARAMETER``, and send it as it is, a date or not."""

    def take(params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
        context[EXPIRES_PARAMETER] = params.pop(EXPIRES_PARAMETER, None)

    def send(params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
        if context.get(EXPIRES_PARAMETER) is not None:
            params["headers"]["Expires"] = context[EXPIRES_PARAMETER]

    client.meta.events.register("before-parameter-build.s3.CreateMultipartUpload", take)
    client.meta.events.register("before-call.s3.CreateMultipartUpload", send)


def copy_source(source: Source, key: str, version_id: str | None) -> dict[str, str]:
    """What to copy, as both calls take it."""
    copied = {"Bucket": source.bucket, "Key": key}
    if version_id is not None:
        copied["VersionId"] = version_id
    return copied


def _asked_for(destination: Destination, source: ObjectState | None) -> dict[str, Any]:
    """What the destination asks for, whatever the object is."""
    request: dict[str, Any] = {}
    if destination.acl is not None:
        request["ACL"] = destination.acl
    if destination.kms_key_arn is not None:
        request |= {
            "ServerSideEncryption": "aws:kms",
            "SSEKMSKeyId": destination.kms_key_arn,
            "BucketKeyEnabled": True,
        }
    storage_class = storage_class_for(source, destination.replica_settings)
    if storage_class is not None:
        request["StorageClass"] = storage_class
    return request
