"""Objects and keys that show what can get lost."""

from __future__ import annotations

from typing import Any

BODY = b"abc"
ETAG = "900150983cd24fb0d6963f7d28e17f72"
"""The MD5 of ``BODY``."""

AWKWARD_KEYS = {
    "plain": "dir/file.txt",
    "space": "a key with spaces",
    "plus": "a+b c+d",
    "percent": "100%",
    "encoded": "a%2Fb%20c%2B",
    "nfc": "caf\u00e9",
    "nfd": "cafe\u0301",
    "emoji": "\U0001f680/\U0001f469\u200d\U0001f680",
    "newline": "first\nsecond",
    "quotes": "\"double\" 'single' `back`",
    "ampersand": "a&b=c?versionId=d#e;f",
    "backslash": "a\\b",
    "tab and delete": "tab\tand\x7fdelete",
    "dots": "dots/../and/./dots",
    "others that are safe": "(!*~)",
    "folder": "dir/",
    "double slash": "a//b",
    "leading slash": "/a",
    "1024 bytes": "k" * 1024,
    "1024 bytes of emoji": "\U0001f680" * 256,
}

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
