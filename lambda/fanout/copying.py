"""What a copy is asked for: the parameters of CopyObject, each for its reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from .config import Destination, Source
from .failures import Kind, ReplicationError
from .protocol import Copy

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import CopyObjectRequestTypeDef

MAX_COPY_BYTES = 5 * 1024**3
"""One CopyObject moves at most 5 GB (API reference, CopyObject)."""


def copy_request(
    action: Copy, source: Source, source_key: str, destination: Destination, destination_key: str
) -> CopyObjectRequestTypeDef:
    """The parameters of the CopyObject that carries out an action.

    Content headers and user metadata are copied by default. Everything else is asked for.

    Raises:
        ReplicationError: the object is larger than one copy moves.
    """
    seen = action.source
    if seen is not None and seen.size > MAX_COPY_BYTES:
        raise ReplicationError(
            Kind.OBJECT, "SrcObjectTooLarge", f"{seen.size} bytes: more than a copy moves"
        )
    copy_source = {"Bucket": source.bucket, "Key": source_key}
    if action.version_id is not None:
        copy_source["VersionId"] = action.version_id
    request: dict[str, Any] = {
        "Bucket": destination.bucket,
        "Key": destination_key,
        "ExpectedBucketOwner": destination.account_id,
        "CopySource": copy_source,
        "CopySourceIfMatch": action.if_match,
        "ExpectedSourceBucketOwner": source.account_id,
    }
    if not destination.replicate_tags:
        # By default the tags are copied, which takes the rights to read and to write them.
        request["TaggingDirective"] = "REPLACE"  # by none
    if destination.acl is not None:
        request["ACL"] = destination.acl
    if destination.kms_key_arn is not None:
        request |= {
            "ServerSideEncryption": "aws:kms",
            "SSEKMSKeyId": destination.kms_key_arn,
            "BucketKeyEnabled": True,
        }
    storage_class = destination.storage_class
    if seen is not None:
        storage_class = destination.wanted.storage_class_for(seen)
        if seen.redirect is not None:
            request["WebsiteRedirectLocation"] = seen.redirect
        if not seen.checksums:
            # A copy inherits the algorithm of its source (API reference, CopyObject). Where that
            # has no full-object checksum the replica gets S3's default, for later comparisons.
            request["ChecksumAlgorithm"] = "CRC64NVME"
    if storage_class is not None:
        request["StorageClass"] = storage_class
    return cast("CopyObjectRequestTypeDef", request)
