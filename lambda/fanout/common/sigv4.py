"""Signatures of S3 requests: AWS Signature Version 4, by the ``Authorization`` header.

S3 API reference, "Signature Calculations for the Authorization Header: Transferring Payload in a Single
Chunk (AWS Signature Version 4)". In S3 a path is encoded once and never normalized (same page, "Task 1:
Create a Canonical Request").
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import quote

from .credentials import Credentials

NOT_SIGNED = frozenset({"expect", "user-agent"})
"""Proxies may change them on the way. ``host`` and all ``x-amz-`` headers have to be signed."""


def encoded(text: str, safe: str = "") -> str:
    """Text in a path or a query: every byte but ``A-Z a-z 0-9 - . _ ~`` as ``%XX``.

    Args:
        safe: characters that stay as well; a key's slashes do.

    Raises:
        UnicodeEncodeError: the text has a character that is none, a lone surrogate.
    """
    return quote(text, safe=safe + "-._~")


def canonical_query(parameters: Mapping[str, str]) -> str:
    """A query as it is signed, which is as good to send."""
    pairs = sorted((encoded(name), encoded(value)) for name, value in parameters.items())
    return "&".join(f"{name}={value}" for name, value in pairs)


def authorization(
    credentials: Credentials,
    region: str,
    method: str,
    path: str,
    query: str,
    headers: Mapping[str, bytes],
) -> str:
    """The value of the ``Authorization`` header.

    Args:
        path: as it is sent: encoded, beginning with a slash.
        query: of ``canonical_query``.
        headers: all headers that are sent, by lower-case names, with ``host``, ``x-amz-date`` (UTC, as
            ``20130524T000000Z``), ``x-amz-content-sha256`` (of the body, in hexadecimal digits) and, for
            temporary credentials, ``x-amz-security-token``.
    """
    names = sorted(headers.keys() - NOT_SIGNED)
    signed = ";".join(names)
    at, body_sha256 = headers["x-amz-date"].decode(), headers["x-amz-content-sha256"]
    canonical = b"\n".join([
        method.encode(),
        path.encode(),
        query.encode(),
        *(name.encode() + b":" + b" ".join(headers[name].split()) for name in names),
        b"",
        signed.encode(),
        body_sha256,
    ])  # fmt: skip
    scope = f"{at[:8]}/{region}/s3/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{at}\n{scope}\n{hashlib.sha256(canonical).hexdigest()}"
    key = _signing_key(credentials.secret_access_key, at[:8], region)
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    return (
        f"AWS4-HMAC-SHA256 Credential={credentials.access_key_id}/{scope}, "
        f"SignedHeaders={signed}, Signature={signature}"
    )


@lru_cache(maxsize=8)
def _signing_key(secret: str, date: str, region: str) -> bytes:
    """The key of a day and a region."""
    key = ("AWS4" + secret).encode()
    for part in (date, region, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
