"""How S3's requests and answers are written: headers, ranges, XML."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from urllib.parse import parse_qsl, unquote
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from .http import XML_DECLARATION, Request, Response, http_date
from .store import Object, S3Error, Store, Tags

PAGE = 1000
"""Keys or parts in one answer (API reference, ListObjectsV2, ListParts)."""


def copy_source(request: Request, store: Store) -> Object:
    """The object that a copy names, if it is what the request expects; S3Error if not."""
    given, _, query = request.headers["x-amz-copy-source"].partition("?")
    bucket, _, key = unquote(given).lstrip("/").partition("/")
    found = store.find(bucket, key, dict(parse_qsl(query)).get("versionId"))
    wanted = request.headers.get("x-amz-copy-source-if-match")
    if wanted is not None and wanted.strip('"') != found.etag:
        raise S3Error(412, "PreconditionFailed")
    return found


def described(found: Object, request: Request) -> dict[str, str]:
    """The headers of an object's HEAD and GET answers."""
    headers = {
        "etag": f'"{found.etag}"',
        "last-modified": http_date(found.modified_at),
        "accept-ranges": "bytes",
        "x-amz-server-side-encryption": "AES256",
        **dict(found.headers),
        **version("x-amz-version-id", found),
    }
    if found.tags:
        headers["x-amz-tagging-count"] = str(len(found.tags))
    # A GET with the checksum of bytes that are not there would be refused by its client.
    if request.method == "HEAD" and request.headers.get("x-amz-checksum-mode") == "ENABLED":
        headers |= {
            "x-amz-checksum-crc64nvme": found.checksum,
            "x-amz-checksum-type": "FULL_OBJECT",
        }
    return headers


def version(header: str, found: Object) -> dict[str, str]:
    """A version id as a header, where there is one."""
    return {} if found.version_id == "null" else {header: found.version_id}


def byte_range(given: str | None, size: int) -> tuple[int, int]:
    """First byte and end (exclusive) of a range; the whole object without one."""
    if given is None:
        return 0, size
    match = re.fullmatch(r"bytes=(\d+)-(\d*)", given)
    if match is None or int(match[1]) >= size:
        raise S3Error(416, "InvalidRange")
    return int(match[1]), min(size, int(match[2]) + 1) if match[2] else size


def tags_of_header(request: Request) -> Tags:
    """The tags that a request gives an object."""
    return tuple(parse_qsl(request.headers.get("x-amz-tagging", ""), keep_blank_values=True))


def parse(request: Request) -> ElementTree.Element:
    """The body of a request; S3Error if it is not XML."""
    try:
        return ElementTree.fromstring(request.body)
    except ElementTree.ParseError as error:
        raise S3Error(400, "MalformedXML", str(error)) from error


def iso(seconds: float) -> str:
    """A time as S3's XML has it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def xml(name: str, content: str, headers: dict[str, str] | None = None) -> Response:
    """An answer of one XML element."""
    body = f'<{name} xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{content}</{name}>'
    return Response(
        200, XML_DECLARATION + body.encode(), {"content-type": "application/xml", **(headers or {})}
    )


def refused(refusal: S3Error, request: Request) -> Response:
    """An error as S3 answers it: to HEAD without a body."""
    if request.method == "HEAD":
        return Response(refusal.status, headers={"content-length": "0"})
    body = f"<Error><Code>{refusal.code}</Code><Message>{escape(str(refusal))}</Message></Error>"
    headers = {"content-type": "application/xml"}
    return Response(refusal.status, XML_DECLARATION + body.encode(), headers)
