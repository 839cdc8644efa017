"""What the demo puts, where it has to arrive, and when a replica is equal to its source."""

import mimetypes
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

MEGABYTE = 1_000_000


class Destination(NamedTuple):
    """A destination and the keys it takes.

    Attributes:
        prefix: only keys that begin so arrive.
        key_prefix: what stands in front of the key there.
    """

    name: str
    delivery: str
    region: str
    prefix: str = ""
    key_prefix: str = ""

    def key_for(self, source_key: str) -> str | None:
        """The key of a source object's replica; None when the object must not arrive."""
        return self.key_prefix + source_key if source_key.startswith(self.prefix) else None


# examples/basic, written down a second time on purpose: what is expected must not come from the
# code whose work is looked at.
DESTINATIONS = (
    Destination("nearby", "queue", "eu-central-1"),
    Destination("overseas", "queue", "us-west-2", key_prefix="from-eu-central-1/"),
    Destination("reports", "direct", "eu-central-1", prefix="reports/"),
)
SOURCE_REGION = "eu-central-1"

# Not the tests: more of the same.
_FILES = ("*", "docs/**/*", "examples/**/*", "lambda/**/*")

# As long as a key can be that still fits when "from-eu-central-1/" is put in front of it.
_LONG_NAME = "long/" + "k" * (1024 - len("from-eu-central-1/reports/names/long/"))

AWKWARD_NAMES = (
    "two words.txt",
    "1+1=2.txt",
    "percent%2Fslash%20and%zz.txt",
    "caf\u00e9, composed.txt",
    "cafe\u0301, decomposed.txt",
    "bucket \U0001faa3.txt",
    "double//slash.txt",
    "folder/",
    "two\nlines.txt",
    "\"double\" and 'single' quotes.txt",
    "[a](b)*c?d#e&f;g$h@i~.txt",
    "back\\slash.txt",
    _LONG_NAME,
)

# Every kind of header and metadata that belongs to an object.
_EVERYTHING = {
    "ContentType": "text/plain; charset=utf-8",
    "ContentDisposition": 'attachment; filename="a name.txt"',
    "ContentEncoding": "identity",
    "ContentLanguage": "de, en",
    "CacheControl": "public, max-age=31536000, immutable",
    "Metadata": {"origin": "make demo", "note": "a+b=c & d/e"},
    "Tagging": urlencode({"kind": "awkward name", "sum": "1 + 1 = 2", "path": "a/b:c@d"}),
}


class Upload(NamedTuple):
    """An object to put.

    Attributes:
        arguments: what PutObject takes besides bucket, key and body.
    """

    key: str
    body: bytes
    arguments: Mapping[str, Any]


def uploads(repository: Path, big_megabytes: int) -> list[Upload]:
    """All objects of the demo.

    Args:
        repository: folder whose files are put, those of Terraform also below `reports/`.
        big_megabytes: size of the big object in millions of bytes.

    Raises:
        OSError: a file cannot be read.
    """
    tree = []
    for path in repository_files(repository):
        body = (repository / path).read_bytes()
        content_type, _ = mimetypes.guess_type(path)
        arguments = {"ContentType": content_type or "text/plain", "Metadata": {"path": path}}
        tree.append(Upload(path, body, arguments))
        if path.endswith(".tf"):
            tags = {"Tagging": "language=terraform"}
            tree.append(Upload(f"reports/{path}", body, arguments | tags))
    awkward = [
        Upload(f"{folder}names/{name}", name.encode() * 10, _EVERYTHING)
        for folder in ("", "reports/")
        for name in AWKWARD_NAMES
    ]
    others = [
        Upload("empty", b"", {}),
        Upload("moved.html", b"", {"WebsiteRedirectLocation": "/elsewhere"}),
        # Almost the prefix of the destination "reports".
        Upload("reports", b"not a report", {}),
        Upload("reports-of-last-year/summary.txt", b"not a report", {}),
        Upload(
            "big/random.bin",
            random.Random(0).randbytes(big_megabytes * MEGABYTE),
            {"ContentType": "application/octet-stream", "Metadata": {"seed": "0"}},
        ),
    ]
    mixed = [*others, *awkward, *tree]
    random.Random(0).shuffle(mixed)  # the same in every run; work for all destinations at any time
    return mixed


def repository_files(repository: Path) -> list[str]:
    """The paths of what a reader of the repository looks at: nothing hidden, nothing generated."""
    found = {path for pattern in _FILES for path in repository.glob(pattern) if path.is_file()}
    paths = {path.relative_to(repository) for path in found}
    return sorted(
        path.as_posix()
        for path in paths
        if not any(part.startswith((".", "__pycache__")) for part in path.parts)
    )


def differences(source: Mapping[str, object], replica: Mapping[str, object]) -> list[str]:
    """Names of what a replica has not as its source has it; empty when it is equal."""
    names = source.keys() | replica.keys()
    return sorted(name for name in names if source.get(name) != replica.get(name))
