"""What the model holds: objects and uploads, and S3's rules about them.

Content has a name, by which it is compared; bytes are there where somebody put some. A copy has its
source's content; an upload whose parts make up all of one object, in order, has that object's content,
and any other one a content of its own.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

MIB = 1024**2
GIB = 1024**3
MAX_COPY_BYTES = 5 * GIB
"""CopyObject and a part: 5 GiB (User Guide, "Amazon S3 multipart upload limits")."""
MIN_PART_BYTES = 5 * MIB
MAX_PARTS = 10_000
MAX_OBJECT_BYTES = 10_000 * MAX_COPY_BYTES

NULL = "null"
"""The version id of what was written while versioning was off or suspended."""

ENCRYPTION = "x-amz-server-side-encryption"
STORAGE_CLASS = "x-amz-storage-class"
ARCHIVES = ("GLACIER", "DEEP_ARCHIVE")

COPIED = frozenset({
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "expires",
})  # fmt: skip
"""What a copy takes from its source by itself, with the user's metadata."""

ASKED_FOR = frozenset({
    ENCRYPTION,
    f"{ENCRYPTION}-aws-kms-key-id",
    STORAGE_CLASS,
    "x-amz-website-redirect-location",
})  # fmt: skip
"""What an object has only if the request that writes it says so."""

Headers = tuple[tuple[str, str], ...]
Tags = tuple[tuple[str, str], ...]


class S3Error(Exception):
    """An answer that is an error (API reference, "Error responses")."""

    def __init__(
        self, status: int, code: str, message: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message or code)
        self.status = status
        self.code = code
        self.headers = headers or {}


@dataclass(frozen=True, slots=True)
class Object:
    """One version of an object, or a delete marker.

    Attributes:
        content: stands for the bytes; the MD5 of them where they are known.
        headers: what HEAD answers beyond what is known otherwise: content headers, metadata, class.
        algorithm: of its checksum; None where it has none.
        parts: their lengths, where it was uploaded in parts.
        is_composite: whether its checksum is one of those of its parts.
        version_id: ``null`` where the bucket is not versioned.
    """

    size: int
    content: str
    etag: str
    body: bytes | None = field(default=None, repr=False)
    headers: Headers = ()
    tags: Tags = ()
    algorithm: str | None = "crc64nvme"
    version_id: str = NULL
    modified_at: float = 0.0
    is_delete_marker: bool = False
    parts: tuple[int, ...] = ()
    is_composite: bool = False

    @property
    def checksum(self) -> str:
        """What stands for the full-object checksum: equal where the content is."""
        return base64.b64encode(hashlib.sha256(self.content.encode()).digest()[:8]).decode()

    @property
    def is_archived(self) -> bool:
        """Whether its bytes cannot be read."""
        return dict(self.headers).get(STORAGE_CLASS) in ARCHIVES


@dataclass(frozen=True, slots=True)
class Part:
    """A range of an object, ``first`` to ``end`` (exclusive)."""

    source: Object
    first: int
    end: int
    etag: str = ""
    modified_at: float = 0.0

    @property
    def size(self) -> int:
        """In bytes."""
        return self.end - self.first


@dataclass(slots=True)
class Upload:
    """A multipart upload that is open.

    Attributes:
        busy_until: when S3 has moved all that was asked for, if it limits one object; monotonic.
    """

    bucket: str
    key: str
    headers: Headers
    tags: Tags
    algorithm: str | None
    initiated_at: float
    initiator: str
    parts: dict[int, Part] = field(default_factory=dict)
    asked_for: set[int] = field(default_factory=set)
    busy_until: float = 0.0


@dataclass(slots=True)
class Bucket:
    """The versions of each key, newest last.

    Attributes:
        versioning: as S3 says it: "", ``Enabled`` or ``Suspended``.
        owner: an account. Who does not say that it expects this one is refused; None: nobody is.
        region: requests that go to another one are refused; None: none is.
    """

    versioning: str = ""
    owner: str | None = None
    region: str | None = None
    keys: dict[str, list[Object]] = field(default_factory=dict)

    def listed(self, prefix: str, after: str) -> Iterator[tuple[str, Object]]:
        """The current objects behind a key, in S3's order."""
        for key in sorted(self.keys, key=str.encode):
            newest = self.keys[key][-1]
            if (
                key.startswith(prefix)
                and key.encode() > after.encode()
                and not newest.is_delete_marker
            ):
                yield key, newest

    def versions(self, prefix: str) -> Iterator[tuple[str, Object]]:
        """All versions, newest first, by their keys."""
        for key in sorted(self.keys, key=str.encode):
            if key.startswith(prefix):
                yield from ((key, version) for version in reversed(self.keys[key]))


def md5(content: str | bytes) -> str:
    """The MD5 of some bytes, or what stands for that of some content."""
    given = content.encode() if isinstance(content, str) else content
    return hashlib.md5(given, usedforsecurity=False).hexdigest()


def new_object(body: bytes, headers: Headers, tags: Tags, algorithm: str | None) -> Object:
    """An object with bytes."""
    content = md5(body)
    return Object(len(body), content, content, body, headers, tags, algorithm)


class Store:
    """Everything in the model's S3.

    Attributes:
        now: the clock, in seconds since the epoch.
        parts_asked_again: how many parts were copied to a part number that had been asked for.
    """

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self.now = now
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
            if versions[-1].is_delete_marker:
                raise S3Error(404, "NoSuchKey", headers=marker(versions[-1]))
            return versions[-1]
        for version in versions:
            if version.version_id == version_id:
                if version.is_delete_marker:
                    raise S3Error(405, "MethodNotAllowed", headers=marker(version))
                return version
        raise S3Error(404, "NoSuchVersion")

    def make(self, bucket: str, key: str, size: int) -> Object:
        """Put an object of new content, without bytes."""
        content = md5(f"content {next(self._numbers)}")
        headers = (("content-type", "application/octet-stream"),)
        return self.put(bucket, key, Object(size, content, content, headers=headers))

    def put(self, bucket: str, key: str, made: Object) -> Object:
        """Make an object the current one of its key, under a version id of its own."""
        found, number = self.bucket(bucket), next(self._numbers)
        version_id = f"v{number:08}" if found.versioning == "Enabled" else NULL
        if dict(made.headers).get(ENCRYPTION, "AES256") != "AES256":
            in_parts = f"-{len(made.parts)}" if made.parts else ""
            made = replace(made, etag=md5(f"encrypted {number}") + in_parts)
        made = replace(made, version_id=version_id, modified_at=self.now())
        versions = found.keys.setdefault(key, [])
        if version_id == NULL:  # replaces what has that id
            versions[:] = [version for version in versions if version.version_id != NULL]
        versions.append(made)
        return made

    def delete(self, bucket: str, key: str, version_id: str | None = None) -> Object | None:
        """Delete a key, with a delete marker where there are versions; or one version for good.

        Returns the marker, or the version that is gone, if there was one.
        """
        found = self.bucket(bucket)
        if version_id is None and found.versioning:
            return self.put(bucket, key, Object(0, "", "", is_delete_marker=True))
        versions = found.keys.pop(key, [])
        gone = next((v for v in versions if v.version_id == (version_id or NULL)), None)
        if left := [v for v in versions if v is not gone]:
            found.keys[key] = left
        return gone

    def tag(self, bucket: str, key: str, tags: Tags) -> None:
        """Replace the tags of the current object."""
        tagged = replace(self.find(bucket, key), tags=tags)
        self.buckets[bucket].keys[key][-1] = tagged

    def create_upload(
        self,
        bucket: str,
        key: str,
        headers: Headers = (),
        tags: Tags = (),
        algorithm: str | None = None,
        initiator: str = "somebody",
    ) -> str:
        """Open an upload; returns its id."""
        self.bucket(bucket)
        upload_id, now = f"upload-{next(self._numbers):08}", self.now()
        self.uploads[upload_id] = Upload(bucket, key, headers, tags, algorithm, now, initiator)
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
        etag = md5(f"{part.source.content} {part.first} {part.end}")
        landed = replace(part, etag=etag, modified_at=self.now())
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
        content, body = _joined(parts)
        etag = f"{md5(' '.join(part.etag for part in parts))}-{len(parts)}"
        del self.uploads[upload_id]
        made = Object(
            size,
            content,
            etag,
            body,
            upload.headers,
            upload.tags,
            upload.algorithm,
            parts=tuple(part.size for part in parts),
        )
        return self.put(upload.bucket, upload.key, made)

    def abort(self, bucket: str, key: str, upload_id: str) -> None:
        """Drop an open upload; S3Error if there is none."""
        self.upload(bucket, key, upload_id)
        del self.uploads[upload_id]


def marker(version: Object) -> dict[str, str]:
    """What an answer says of a delete marker."""
    return {"x-amz-delete-marker": "true", "x-amz-version-id": version.version_id}


def _joined(parts: list[Part]) -> tuple[str, bytes | None]:
    """The content of parts in a row, with its bytes: that of an object they make up, or a new one."""
    whole, end = parts[0].source, 0
    for part in parts:
        if (part.source.content, part.first) != (whole.content, end):
            break
        end = part.end
    else:
        if end == whole.size:
            return whole.content, whole.body
    bodies = [p.source.body[p.first : p.end] for p in parts if p.source.body is not None]
    if len(bodies) == len(parts):
        body = b"".join(bodies)
        return md5(body), body
    return md5(" ".join(f"{part.source.content} {part.first} {part.end}" for part in parts)), None


def copied(headers: Mapping[str, str]) -> Headers:
    """Of headers (lower-case names), what a copy takes from its source."""
    return _sorted(headers, lambda name: name in COPIED or name.startswith("x-amz-meta-"))


def asked_for(headers: Mapping[str, str]) -> Headers:
    """Of a request's headers, what an object has only because of them."""
    return _sorted(headers, lambda name: name in ASKED_FOR)


def _sorted(headers: Mapping[str, str], is_kept: Callable[[str], bool]) -> Headers:
    return tuple(sorted((name, value) for name, value in headers.items() if is_kept(name)))
