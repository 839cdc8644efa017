"""What a copy is asked for: parameters of CopyObject and CreateMultipartUpload, each for a reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from ..common.config import Destination, Source
from .actions import Copy
from .object_state import CONTENT_HEADERS, METADATA_PREFIX, ObjectState, storage_class_for
from .upload_plan import Part


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


def upload_parameters(source: ObjectState, destination: Destination) -> dict[str, Any]:
    """The parameters of CreateMultipartUpload, bucket and key apart.

    A copy in parts carries nothing over by itself (API reference, UploadPartCopy).
    """
    request = _asked_for(destination, source)
    request["Metadata"] = {}
    for name, value in source.headers:
        if name.startswith(METADATA_PREFIX):
            request["Metadata"][name.removeprefix(METADATA_PREFIX)] = value
        else:
            request[CONTENT_HEADERS[name]] = value
    if destination.replicate_tags and source.tags:
        tags = urlencode(source.tags)
        # Tags that do not fit into the header are written afterwards, as any that differ.
        if len(tags) <= MAX_TAGS_HEADER:
            request["Tagging"] = tags
    return request | _checksum_of_whole(source)


def _checksum_of_whole(source: ObjectState) -> dict[str, str]:
    """Ask for a checksum that can be compared with the source's: of the whole object, and of its kind.

    S3 has one for three algorithms. CRC64NVME is always of that type (User Guide, "Checking object
    integrity").
    """
    algorithms = {algorithm for algorithm, _ in source.checksums}
    other = next((a for a in ("crc32c", "crc32") if a in algorithms), None)
    if "crc64nvme" in algorithms or other is None:
        return {"ChecksumAlgorithm": "CRC64NVME"}
    return {"ChecksumAlgorithm": other.upper(), "ChecksumType": "FULL_OBJECT"}


def completion_parameters(parts: Mapping[int, Part]) -> dict[str, Any]:
    """The parameters of CompleteMultipartUpload, bucket, key and id apart.

    S3 compares the checksums of the parts with those of what it has.
    """
    listed = [
        {"PartNumber": number, "ETag": parts[number].etag} | dict(parts[number].checksums)
        for number in sorted(parts)
    ]
    return {"MultipartUpload": {"Parts": listed}, "ChecksumType": "FULL_OBJECT"}


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
