"""S3's operations as requests and answers of HTTP.

Parameters and results have the names and the shapes that the S3 API reference gives them, operation by
operation; what is in neither table is not used here. Lists that are one element each in XML
(``<Part>...</Part><Part>...``) are named in the plural, as boto3 does.
"""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple
from xml.etree import ElementTree

from .errors import Operation
from .s3_xml import decode_keys, dictionary, document
from .sigv4 import canonical_query, encoded


class _Shape(NamedTuple):
    """What a request looks like, and its answer.

    Attributes:
        subresource: what its query names before the parameters, or "".
        result: the name of what the answer's XML holds; "" where it holds several things; None where the
            answer is none.
    """

    method: str
    subresource: str = ""
    result: str | None = None


SHAPES: Mapping[Operation, _Shape] = {
    "AbortMultipartUpload": _Shape("DELETE"),
    "CompleteMultipartUpload": _Shape("POST", result=""),
    "CopyObject": _Shape("PUT", result="CopyObjectResult"),
    "CreateMultipartUpload": _Shape("POST", "uploads", ""),
    "DeleteObject": _Shape("DELETE"),
    "GetObject": _Shape("GET"),
    "GetObjectTagging": _Shape("GET", "tagging", ""),
    "HeadBucket": _Shape("HEAD"),
    "HeadObject": _Shape("HEAD"),
    "ListMultipartUploads": _Shape("GET", "uploads", ""),
    "ListObjectVersions": _Shape("GET", "versions", ""),
    "ListParts": _Shape("GET", result=""),
    "PutObjectTagging": _Shape("PUT", "tagging"),
    "UploadPartCopy": _Shape("PUT", result="CopyPartResult"),
}

IN_QUERY = {
    "EncodingType": "encoding-type",
    "KeyMarker": "key-marker",
    "PartNumber": "partNumber",
    "PartNumberMarker": "part-number-marker",
    "Prefix": "prefix",
    "UploadId": "uploadId",
    "VersionId": "versionId",
    "VersionIdMarker": "version-id-marker",
}

IN_HEADERS = {
    "ACL": "x-amz-acl",
    "BucketKeyEnabled": "x-amz-server-side-encryption-bucket-key-enabled",
    "CacheControl": "cache-control",
    "ChecksumAlgorithm": "x-amz-checksum-algorithm",
    "ChecksumMode": "x-amz-checksum-mode",
    "ChecksumType": "x-amz-checksum-type",
    "ContentDisposition": "content-disposition",
    "ContentEncoding": "content-encoding",
    "ContentLanguage": "content-language",
    "ContentType": "content-type",
    "CopySourceIfMatch": "x-amz-copy-source-if-match",
    "CopySourceRange": "x-amz-copy-source-range",
    "ExpectedBucketOwner": "x-amz-expected-bucket-owner",
    "ExpectedSourceBucketOwner": "x-amz-source-expected-bucket-owner",
    "Expires": "expires",
    "IfMatch": "if-match",
    "Range": "range",
    "SSEKMSKeyId": "x-amz-server-side-encryption-aws-kms-key-id",
    "ServerSideEncryption": "x-amz-server-side-encryption",
    "StorageClass": "x-amz-storage-class",
    "Tagging": "x-amz-tagging",
    "TaggingDirective": "x-amz-tagging-directive",
    "WebsiteRedirectLocation": "x-amz-website-redirect-location",
}

IN_BODY = {"MultipartUpload": "CompleteMultipartUpload", "Tagging": "Tagging"}
"""Parameters that are dictionaries, and the element they make."""

ANSWERED_IN_HEADERS = {
    "x-amz-copy-source-version-id": "CopySourceVersionId",
    "x-amz-version-id": "VersionId",
}

_NOT_IN_HEADERS = re.compile("[\x00-\x08\x0a-\x1f\x7f]")


class S3Request(NamedTuple):
    """A request before it is addressed and signed.

    Attributes:
        key: encoded, or "".
        query: encoded.
    """

    method: str
    key: str
    query: str
    headers: dict[str, bytes]
    body: bytes


def request_of(operation: Operation, parameters: Mapping[str, Any]) -> S3Request:
    """The request for an operation.

    Args:
        parameters: as the API reference names them. ``Bucket`` is part of the address.

    Raises:
        ValueError: nothing can be sent for one of them. (UnicodeError is one.)
    """
    shape = SHAPES[operation]
    key, headers, body = "", {}, b""
    query = {shape.subresource: ""} if shape.subresource else {}
    for name, value in parameters.items():
        if name == "Bucket":
            continue
        if name == "Key":
            key = encoded(value, safe="/")
        elif name in IN_QUERY:
            query[IN_QUERY[name]] = str(value)
        elif name in IN_BODY and isinstance(value, dict):
            body = document(IN_BODY[name], value)
        elif name == "Metadata":
            for each, text in value.items():
                headers[f"x-amz-meta-{each.lower()}"] = _header(text, "ascii")
        elif name == "CopySource":
            headers["x-amz-copy-source"] = _copy_source(value).encode()
        else:
            headers[IN_HEADERS[name]] = _header(value, "latin-1")
    if operation not in ("HeadBucket", "ListMultipartUploads", "ListObjectVersions") and not key:
        raise ValueError("the key is empty")
    if operation == "ListObjectVersions":
        query["encoding-type"] = "url"
    if operation == "PutObjectTagging":
        checksum = zlib.crc32(body).to_bytes(4, "big")
        headers["x-amz-checksum-crc32"] = base64.b64encode(checksum)
    return S3Request(shape.method, key, canonical_query(query), headers, body)


def result_of(
    operation: Operation, headers: Mapping[str, str], root: ElementTree.Element | None
) -> dict[str, Any]:
    """What an answer says.

    Args:
        root: its XML, where it has a result.
    """
    answer: dict[str, Any] = {
        name: headers[header] for header, name in ANSWERED_IN_HEADERS.items() if header in headers
    }
    if root is not None:
        found = dictionary(root)
        if operation == "ListObjectVersions" and found.get("EncodingType") == "url":
            decode_keys(found)
        name = SHAPES[operation].result
        answer |= {name: found} if name else found
    if "content-length" in headers:
        answer["ContentLength"] = int(headers["content-length"])
    answer["ResponseMetadata"] = {"HTTPHeaders": headers}
    return answer


def _header(value: object, encoding: str) -> bytes:
    if isinstance(value, bool):
        return str(value).lower().encode()
    text = str(value)
    if _NOT_IN_HEADERS.search(text):
        raise ValueError(f"{text!r} cannot be a header")
    return text.encode(encoding)


def _copy_source(source: Mapping[str, str]) -> str:
    path = encoded(f"{source['Bucket']}/{source['Key']}", safe="/")
    version = source.get("VersionId")
    return path if version is None else f"{path}?versionId={encoded(version)}"
