"""How S3's requests and answers are written: headers, ranges, XML."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote_plus, unquote
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from .http import XML_DECLARATION, Request, Response, http_date
from .store import ENCRYPTION, NULL, Object, S3Error, Store, Tags


def copy_source(request: Request, store: Store) -> Object:
    """The object that a copy names, if it is what the request expects; S3Error if not."""
    bucket, key, version_id = source_of(request)
    try:
        found = store.find(bucket, key, version_id)
    except S3Error as error:
        if error.code == "MethodNotAllowed":
            raise S3Error(400, "InvalidRequest", "a copy of a delete marker") from error
        raise
    wanted = request.headers.get("x-amz-copy-source-if-match")
    if wanted is not None and wanted.strip('"') != found.etag:
        raise S3Error(412, "PreconditionFailed")
    if found.is_archived:
        raise S3Error(403, "InvalidObjectState")
    return found


def source_of(request: Request) -> tuple[str, str, str | None]:
    """Bucket, key and version that a copy names."""
    given, _, query = request.headers["x-amz-copy-source"].partition("?")
    bucket, _, key = unquote(given).lstrip("/").partition("/")
    return bucket, key, dict(parse_qsl(query)).get("versionId")


def described(found: Object, request: Request) -> dict[str, str]:
    """The headers of an object's HEAD and GET answers."""
    headers = {
        "etag": f'"{found.etag}"',
        "last-modified": http_date(found.modified_at),
        "accept-ranges": "bytes",
        ENCRYPTION: "AES256",
        **dict(found.headers),
        **version("x-amz-version-id", found),
    }
    if found.tags:
        headers["x-amz-tagging-count"] = str(len(found.tags))
    # A GET with the checksum of bytes that are not there would be refused by its client.
    is_asked = request.headers.get("x-amz-checksum-mode") == "ENABLED"
    if request.method == "HEAD" and is_asked and found.algorithm:
        headers |= {
            f"x-amz-checksum-{found.algorithm}": found.checksum
            + (f"-{len(found.parts)}" if found.is_composite else ""),
            "x-amz-checksum-type": "COMPOSITE" if found.is_composite else "FULL_OBJECT",
        }
    return headers


def version(header: str, found: Object) -> dict[str, str]:
    """A version id as a header, where there is one."""
    return {} if found.version_id == NULL else {header: found.version_id}


def byte_range(given: str | None, size: int) -> tuple[int, int]:
    """First byte and end (exclusive) of a range; the whole object without one."""
    if given is None:
        return 0, size
    match = re.fullmatch(r"bytes=(\d+)-(\d*)", given)
    if match is None or int(match[1]) >= size:
        raise S3Error(416, "InvalidRange")
    return int(match[1]), min(size, int(match[2]) + 1) if match[2] else size


def copied_range(given: str | None, size: int) -> tuple[int, int]:
    """First byte and end (exclusive) of what a part is copied from; only what is all there is taken."""
    if given is None:
        return 0, size
    match = re.fullmatch(r"bytes=(\d+)-(\d+)", given)
    if match is None or not int(match[1]) <= int(match[2]):
        raise S3Error(400, "InvalidArgument")
    if int(match[1]) >= size:
        raise S3Error(400, "InvalidRequest")
    if int(match[2]) >= size:
        raise S3Error(400, "InvalidArgument")
    return int(match[1]), int(match[2]) + 1


def tags_of_header(request: Request) -> Tags:
    """The tags that a request gives an object."""
    return tuple(parse_qsl(request.headers.get("x-amz-tagging", ""), keep_blank_values=True))


def algorithm_of(request: Request) -> str:
    """The checksum that a request gives an object: S3's default if it asks for none."""
    asked = (
        request.headers.get(f"x-amz-{name}-algorithm") for name in ("checksum", "sdk-checksum")
    )
    return next((name for name in asked if name), "CRC64NVME").lower()


def caller_of(request: Request) -> str:
    """Who signed a request: the access key of its signature (User Guide, "Authenticating requests")."""
    found = re.search(r"Credential=([^/]+)/", request.headers.get("authorization", ""))
    return found[1] if found else ""


def parse(request: Request) -> ElementTree.Element:
    """The body of a request; S3Error if it is not XML."""
    try:
        return ElementTree.fromstring(request.body)
    except ElementTree.ParseError as error:
        raise S3Error(400, "MalformedXML", str(error)) from error


def iso(seconds: float) -> str:
    """A time as S3's XML has it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def element(name: str, text: object) -> str:
    """An element of XML. Characters that it cannot have are there all the same, as S3 has them."""
    written = escape(str(text))
    if not written.isprintable():
        written = re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f]", lambda c: f"&#{ord(c[0])};", written)
    return f"<{name}>{written}</{name}>"


def elements(**texts: object) -> str:
    """Elements with text; those with None are left out."""
    return "".join(element(name, text) for name, text in texts.items() if text is not None)


def nested(name: str, contents: Iterable[str]) -> str:
    """An element for each of some contents."""
    return "".join(f"<{name}>{content}</{name}>" for content in contents)


class Encoding:
    """How a listing writes keys (API reference, ListObjectsV2, ``EncodingType``)."""

    def __init__(self, request: Request) -> None:
        self._is_url = request.query.get("encoding-type") == "url"

    def __call__(self, key: str) -> str:
        """A key as the answer has it."""
        return quote_plus(key, safe="/") if self._is_url else key

    def elements(self) -> str:
        """What the answer says of it."""
        return elements(EncodingType="url" if self._is_url else None)


def xml(name: str, content: str, headers: dict[str, str] | None = None) -> Response:
    """An answer of one XML element."""
    body = f'<{name} xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{content}</{name}>'
    return Response(
        200, XML_DECLARATION + body.encode(), {"content-type": "application/xml", **(headers or {})}
    )


def refused(refusal: S3Error, request: Request) -> Response:
    """An error as S3 answers it: to HEAD without a body."""
    if request.method == "HEAD":
        return Response(refusal.status, headers={"content-length": "0", **refusal.headers})
    content = elements(Code=refusal.code, Message=refusal, Key=request.key or None)
    headers = {"content-type": "application/xml", **refusal.headers}
    return Response(refusal.status, XML_DECLARATION + f"<Error>{content}</Error>".encode(), headers)
