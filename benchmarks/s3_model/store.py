"""What the model holds: objects and uploads without bytes, and S3's rules about them.

Content has a name instead of bytes. A copy has its source's content; an upload whose parts make up all
of one object, in order, has that object's content, and any other one a content of its own.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

MIB = 1024**2
GIB = 1024**3
MAX_COPY_BYTES = 5 * GIB
"""CopyObject and a part: 5 GiB (User Guide, "Amazon S3 multipart upload limits")."""
MIN_PART_BYTES = 5 * MIB
MAX_PARTS = 10_000
MAX_OBJECT_BYTES = 10_000 * MAX_COPY_BYTES

Tags = tuple[tuple[str, str], ...]


class S3Error(Exception):
    """An answer that is an error (API reference, "Error responses")."""

    def __init__(self, status: int, code: str, message: str = "") -> None:
        super().__init__(message or code)
        self.status = status
        self.code = code


@dataclass(frozen=True, slots=True)
class Object:
    """One version of an object.

    Attributes:
        headers: what HEAD answers beyond what is known otherwise: content headers, metadata, class.
        version_id: ``null`` where the bucket is not versioned.
    """

    size: int
    content: str
    etag: str
    headers: tuple[tuple[str, str], ...] = ()
    tags: Tags = ()
    version_id: str = "null"
    modified_at: float = 0.0

    @property
    def checksum(self) -> str:
        """What stands for the full-object CRC64NVME: equal where the content is."""
        return base64.b64encode(hashlib.sha256(self.content.encode()).digest()[:8]).decode()


@dataclass(frozen=True, slots=True)
class Part:
    """A range of an object: ``first`` to ``end`` (exclusive) of ``whole`` bytes."""

    content: str
    first: int
    end: int
    whole: int
    etag: str = ""
    modified_at: float = 0.0

    @property
    def size(self) -> int:
        """In bytes."""
        return self.end - self.first


@dataclass(slots=True)
class Upload:
    """A multipart upload that is open."""

    bucket: str
    key: str
    headers: tuple[tuple[str, str], ...]
    tags: Tags
    initiated_at: float = field(default_factory=time.time)
    parts: dict[int, Part] = field(default_factory=dict)
    asked_for: set[int] = field(default_factory=set)


@dataclass(slots=True)
class Bucket:
    """The versions of each key, newest last."""

    is_versioned: bool = False
    keys: dict[str, list[Object]] = field(default_factory=dict)


def md5(content: str) -> str:
    """What stands for the MD5 of some content."""
    return hashlib.md5(content.encode(), usedforsecurity=False).hexdigest()


class Store:
    """Everything in the model's S3.

    Attributes:
        parts_asked_again: how many parts were copied to a part number that had been asked for.
    """

    def __init__(self) -> None:
        self.buckets: dict[str, Bucket] = {}
        self.uploads: dict[str, Upload] = {}
        self.parts_asked_again = 0
        self._numbers = itertools.count(1)

    def bucket(self, name: str) -> Bucket:
        """Find a bucket; S3Error if there is none."""
        if name not in self.buckets:
            raise S3Error(404, "NoSuchBucket")
        return self.buckets[name]

    def find(self, bucket: str, key: str, version_id: str | None = None) -> Object:
        """Find the current object of a key, or a version; S3Error if there is none."""
        versions = self.bucket(bucket).keys.get(key, [])
        if version_id is None:
            if not versions:
                raise S3Error(404, "NoSuchKey")
            return versions[-1]
        for version in versions:
            if version.version_id == version_id:
                return version
        raise S3Error(404, "NoSuchVersion")

    def make(self, bucket: str, key: str, size: int) -> Object:
        """Put an object of new content."""
        content = f"content {next(self._numbers)}"
        headers = (("content-type", "application/octet-stream"),)
        return self.put(bucket, key, Object(size, content, md5(content), headers))

    def put(self, bucket: str, key: str, made: Object) -> Object:
        """Make an object the current one of its key, under a version id of its own."""
        found = self.bucket(bucket)
        version_id = f"v{next(self._numbers):08}" if found.is_versioned else "null"
        made = replace(made, version_id=version_id, modified_at=time.time())
        if found.is_versioned:
            found.keys.setdefault(key, []).append(made)
        else:
            found.keys[key] = [made]
        return made

    def delete(self, bucket: str, key: str) -> None:
        """Remove a key with all its versions: the model has no delete markers."""
        self.bucket(bucket).keys.pop(key, None)

    def tag(self, bucket: str, key: str, tags: Tags) -> None:
        """Replace the tags of the current object."""
        versions = self.bucket(bucket).keys
        versions[key][-1] = replace(self.find(bucket, key), tags=tags)

    def create_upload(
        self, bucket: str, key: str, headers: tuple[tuple[str, str], ...], tags: Tags
    ) -> str:
        """Open an upload; returns its id."""
        self.bucket(bucket)
        upload_id = f"upload-{next(self._numbers):08}"
        self.uploads[upload_id] = Upload(bucket, key, headers, tags)
        return upload_id

    def upload(self, bucket: str, key: str, upload_id: str) -> Upload:
        """Find an open upload; S3Error if there is none."""
        found = self.uploads.get(upload_id)
        if found is None or (found.bucket, found.key) != (bucket, key):
            raise S3Error(404, "NoSuchUpload")
        return found

    def ask_for_part(self, upload: Upload, number: int) -> None:
        """Note that a part is being copied."""
        if not 1 <= number <= MAX_PARTS:
            raise S3Error(400, "InvalidArgument", "part numbers go from 1 to 10000")
        self.parts_asked_again += number in upload.asked_for
        upload.asked_for.add(number)

    def land_part(self, upload_id: str, number: int, part: Part) -> Part:
        """Put a part into an upload that is still open; S3Error if it is not."""
        if upload_id not in self.uploads:
            raise S3Error(404, "NoSuchUpload")
        etag = md5(f"{part.content} {part.first} {part.end}")
        landed = replace(part, etag=etag, modified_at=time.time())
        self.uploads[upload_id].parts[number] = landed
        return landed

    def complete(self, upload_id: str, upload: Upload, listed: list[tuple[int, str]]) -> Object:
        """Make an object of an upload's parts.

        Args:
            listed: part numbers and ETags, as the request has them.

        Raises:
            S3Error: S3 would refuse the list (API reference, CompleteMultipartUpload).
        """
        numbers = [number for number, _ in listed]
        if not numbers:
            raise S3Error(400, "MalformedXML", "no part is listed")
        if numbers != sorted(set(numbers)):
            raise S3Error(400, "InvalidPartOrder")
        for number, etag in listed:
            if number not in upload.parts or upload.parts[number].etag != etag:
                raise S3Error(400, "InvalidPart", f"part {number} is not there, or not this one")
        parts = [upload.parts[number] for number in numbers]
        if any(part.size < MIN_PART_BYTES for part in parts[:-1]):
            raise S3Error(400, "EntityTooSmall")
        size = sum(part.size for part in parts)
        if size > MAX_OBJECT_BYTES:
            raise S3Error(400, "EntityTooLarge")
        content = _content(parts)
        etag = f"{md5(' '.join(part.etag for part in parts))}-{len(parts)}"
        del self.uploads[upload_id]
        return self.put(
            upload.bucket, upload.key, Object(size, content, etag, upload.headers, upload.tags)
        )

    def abort(self, bucket: str, key: str, upload_id: str) -> None:
        """Drop an open upload; S3Error if there is none."""
        self.upload(bucket, key, upload_id)
        del self.uploads[upload_id]


def _content(parts: list[Part]) -> str:
    """The content of parts in a row: that of an object which they make up, or a new one."""
    end = 0
    for part in parts:
        if (part.content, part.whole, part.first) != (parts[0].content, parts[0].whole, end):
            break
        end = part.end
    else:
        if end == parts[0].whole:
            return parts[0].content
    return " ".join(f"{part.content} {part.first} {part.end}" for part in parts)


def preserved(headers: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Of a request's headers (lower-case names), those that an object keeps."""
    return tuple(
        sorted(
            (name, value)
            for name, value in headers.items()
            if name.startswith("x-amz-meta-") or name in _KEPT
        )
    )


_KEPT = frozenset({
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "expires",
    "x-amz-storage-class",
    "x-amz-website-redirect-location",
})  # fmt: skip
