"""What the demo puts, where it has to arrive, and when a replica is equal to its source."""

import math
import mimetypes
import os
import random
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Destination:
    """A destination and the keys it takes.

    Attributes:
        prefix: only keys that begin so arrive.
        key_prefix: what stands in front of the key there.
    """

    name: str
    lane: str
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


@dataclass(frozen=True, slots=True)
class Upload:
    """An object to put.

    Attributes:
        arguments: what PutObject takes besides bucket, key and body.
    """

    key: str
    body: bytes = field(repr=False)
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Content:
    """Everything of an object that a replica has to have as well.

    Attributes:
        sha256: of the bytes that were read, in hexadecimal.
        headers: content headers and user metadata by lower-case name.
    """

    size: int
    sha256: str
    headers: Mapping[str, str]
    tags: Mapping[str, str]


def uploads(repository: Path, big_megabytes: int) -> list[Upload]:
    """All objects of the demo.

    Args:
        repository: folder whose files are put, once more under `reports/` if they are Terraform's.
        big_megabytes: size of the big object in millions of bytes.

    Raises:
        OSError: a file cannot be read.
    """
    tree = [
        Upload(key, (repository / path).read_bytes(), _file_arguments(path))
        for path in repository_files(repository)
        for key in (path, f"reports/{path}")
        if key == path or path.endswith(".tf")
    ]
    awkward = [
        Upload(
            f"{folder}names/{name}", b"" if name.endswith("/") else name.encode() * 10, _EVERYTHING
        )
        for folder in ("", "reports/")
        for name in AWKWARD_NAMES
    ]
    others = [
        Upload("empty", b"", {}),
        Upload("moved.html", b"", {"WebsiteRedirectLocation": "/elsewhere"}),
        # Almost the prefix of the destination "reports".
        Upload("reports", b"not a report", {}),
        Upload("reports-of-last-year/summary.txt", b"not a report", {}),
    ]
    big = Upload(
        "big/random.bin",
        random.Random(0).randbytes(big_megabytes * MEGABYTE),
        {"ContentType": "application/octet-stream", "Metadata": {"seed": "0"}},
    )
    mixed = [*others, big, *awkward, *tree]
    random.Random(0).shuffle(mixed)  # the same in every run, and no lane has all its work at once
    return mixed


def repository_files(repository: Path) -> list[str]:
    """The paths git knows or would add, else (no git) all that are not hidden or generated."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=repository,
            capture_output=True,
            check=True,
        ).stdout
        paths = [os.fsdecode(path) for path in listed.split(b"\0") if path]
    except (OSError, subprocess.CalledProcessError):
        paths = []
    found = paths or list(_walk(repository))
    return sorted({path for path in found if (repository / path).is_file()})


def differences(source: Content, replica: Content) -> list[str]:
    """Names of what is not equal: `bytes`, `tags`, header names; empty when all is."""
    found = []
    if (source.size, source.sha256) != (replica.size, replica.sha256):
        found.append("bytes")
    found += sorted(
        name
        for name in source.headers.keys() | replica.headers.keys()
        if source.headers.get(name) != replica.headers.get(name)
    )
    if source.tags != replica.tags:
        found.append("tags")
    return found


def percentile(values: Sequence[float], percent: float) -> float | None:
    """The smallest value that `percent` of all do not exceed; None when there are none."""
    if not values:
        return None
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


def _walk(repository: Path) -> Iterator[str]:
    for folder, folders, names in os.walk(repository):
        folders[:] = [name for name in folders if not name.startswith((".", "__"))]
        for name in names:
            yield (Path(folder) / name).relative_to(repository).as_posix()


def _file_arguments(path: str) -> dict[str, Any]:
    """A Content-Type where there is one to guess; Terraform's files also have metadata and tags."""
    content_type, _ = mimetypes.guess_type(path)
    arguments: dict[str, Any] = {"ContentType": content_type} if content_type else {}
    if path.endswith(".tf"):
        arguments |= {
            "CacheControl": "no-cache",
            "Metadata": {"path": path},
            "Tagging": urlencode({"language": "terraform"}),
        }
    return arguments
