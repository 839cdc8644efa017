"""What tests of several kinds, and the benchmarks, say alike."""

from __future__ import annotations

from typing import Any

PLAIN_DESTINATION: dict[str, object] = {
    "prefixes": [],
    "exclude_prefixes": [],
    "suffixes": [],
    "key_prefix": "",
    "strip_prefix": "",
    "storage_class": None,
    "kms_key_arn": None,
    "acl": None,
    "replicate_deletes": False,
    "replicate_tags": True,
}
"""The attributes in ``DESTINATION``, beside where it is, of one that asks for nothing special."""

EVERYTHING: dict[str, Any] = {
    "CacheControl": "no-store",
    "ContentDisposition": 'attachment; filename="a b.txt"',
    "ContentEncoding": "identity",
    "ContentLanguage": "de-CH",
    "ContentType": "application/x-thing",
    "WebsiteRedirectLocation": "/elsewhere",
    "Metadata": {"author": "nobody", "empty": "", "quoted": "a 'b' \"c\""},
    "Tagging": "team=data&note=a%20b%3Dc",
}
"""What PutObject takes of all that a replica must have too."""
