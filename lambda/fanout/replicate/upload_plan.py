"""Large objects: how they are cut into parts, when a copy stops, and the message that names an upload.

The invocation that finds a large object missing begins a multipart upload and sends a message that
names it. Whoever receives the message copies the parts. So no upload is known to one process alone: if
that one is killed, the message becomes visible again, and the next receiver continues from the parts
that are there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .object_state import ObjectState

MIB = 1024**2

SINGLE_COPY_BYTES = 128 * MIB
"""Up to here one CopyObject is as good: it moves some 72 MiB/s, parts move that much each."""

MIN_PART_BYTES = 64 * MIB
MAX_PARTS = 10_000
SMALLEST_PART_BYTES = 5 * MIB
LARGEST_PART_BYTES = 5 * 1024 * MIB
"""What S3 takes (User Guide, "Amazon S3 multipart upload limits")."""

MAX_COMPLETIONS = 3
"""Uploads of one object that were completed and did not equal it. It happens once when another
worker's copy of an older state lands after one."""

MARGIN_SECONDS = (2, 10)
"""What is left of an invocation to return its message: a twentieth of it, within these bounds."""

COMPLETION_SECONDS = 60
"""An upload is not completed in the last minute, or quarter, of the invocation that copied its parts.
To complete one may take minutes (API reference, CompleteMultipartUpload)."""

UPLOAD_VERSION_FIELD = "s3FanoutUpload"
UPLOAD_MESSAGE_VERSION = 1


def is_copied_in_parts(size: int | None) -> bool:
    """Whether an object of ``size`` bytes takes more than one CopyObject; False for None."""
    return size is not None and size > SINGLE_COPY_BYTES


def part_bytes(size: int) -> int:
    """Bytes of a part of an object of ``size`` bytes: whole MiB, and no more than ``MAX_PARTS``."""
    return max(MIN_PART_BYTES, -(-size // (MAX_PARTS * MIB)) * MIB)


@dataclass(frozen=True, slots=True)
class Upload:
    """A multipart upload at the destination, and the source object it is made from.

    Attributes:
        identity: the identity of the source object (``ObjectState.identity``), as JSON.
        size: bytes of the source object.
        part_bytes: of every part but the last.
        attempt: 1, and one more than that of the upload that was completed in vain just before.
    """

    id: str
    destination_key: str
    identity: str
    size: int
    part_bytes: int
    attempt: int = 1

    @classmethod
    def of(
        cls, source: ObjectState, destination_key: str, upload_id: str, attempt: int = 1
    ) -> Upload:
        """An upload that has just been created."""
        size = source.size
        return cls(upload_id, destination_key, _as_json(source), size, part_bytes(size), attempt)

    @property
    def parts(self) -> int:
        """How many parts it has. They are numbered from 1."""
        return -(-self.size // self.part_bytes)

    def first_byte(self, number: int) -> int:
        """Where a part begins in the object."""
        return (number - 1) * self.part_bytes

    def length(self, number: int) -> int:
        """Bytes of a part."""
        return min(self.part_bytes, self.size - self.first_byte(number))

    def copy_range(self, number: int) -> str:
        """A part as UploadPartCopy takes it."""
        first = self.first_byte(number)
        return f"bytes={first}-{first + self.length(number) - 1}"

    def has_part(self, number: int, size: int) -> bool:
        """Whether a listed part is one of this plan."""
        return number <= self.parts and size == self.length(number)

    def is_of(self, source: ObjectState, destination_key: str) -> bool:
        """Whether a copy of this object continues with the upload."""
        return (
            self.size == source.size
            and self.destination_key == destination_key
            and self.identity == _as_json(source)
        )


def older_uploads(upload: Upload, open_uploads: Mapping[str, str]) -> list[str]:
    """Of a key's open uploads (when each was begun, by id) those that are not younger than this one.

    The message of one may never have been sent: its process was killed, or never received its id. If
    it was sent, its receiver finds the upload gone and compares again.
    """
    begun = open_uploads.get(upload.id, "")
    return [id_ for id_, other in open_uploads.items() if id_ != upload.id and other <= begun]


@dataclass(frozen=True, slots=True)
class TimeBudget:
    """When a copy in parts has to stop, by the monotonic clock, in seconds.

    Attributes:
        stop_at: from here on no part is waited for.
        complete_until: from here on an upload whose parts were copied just now is not completed.
    """

    stop_at: float
    complete_until: float

    @classmethod
    def of(cls, now: float, deadline: float) -> TimeBudget:
        """That of an invocation which ends at ``deadline``."""
        shortest, longest = MARGIN_SECONDS
        left = deadline - now
        return cls(
            stop_at=deadline - max(shortest, min(longest, left / 20)),
            complete_until=deadline - min(COMPLETION_SECONDS, left / 4),
        )

    def has_time_for_part(self, now: float, slowest: float) -> bool:
        """Whether one more part can be copied, after the slowest took so many seconds.

        A part that is not done in time is copied twice.
        """
        return now + 1.25 * slowest <= self.stop_at


def upload_message(upload: Upload, bucket: str, key: str, time: float | None) -> str:
    """The message that names an upload of a source object.

    Args:
        time: of the event that it began with, in seconds since the epoch.
    """
    return json.dumps({
        UPLOAD_VERSION_FIELD: UPLOAD_MESSAGE_VERSION,
        "bucket": bucket,
        "key": key,
        "time": time,
        "upload": {
            "id": upload.id,
            "destinationKey": upload.destination_key,
            "source": json.loads(upload.identity),
            "size": upload.size,
            "partBytes": upload.part_bytes,
            "attempt": upload.attempt,
        },
    })  # fmt: skip


def parse_upload(content: Any) -> Upload:
    """Read the ``upload`` of a message.

    Raises:
        ValueError, KeyError, TypeError, OverflowError: ``upload_message`` did not write it.
    """
    upload = Upload(
        id=str(content["id"]),
        destination_key=str(content["destinationKey"]),
        identity=json.dumps(content["source"]),
        size=int(content["size"]),
        part_bytes=int(content["partBytes"]),
        attempt=int(content["attempt"]),
    )
    is_possible = SMALLEST_PART_BYTES <= upload.part_bytes <= LARGEST_PART_BYTES
    if not is_possible or not 1 <= upload.parts <= MAX_PARTS:
        raise ValueError(f"{upload.size} bytes in parts of {upload.part_bytes}")
    return upload


def _as_json(source: ObjectState) -> str:
    return json.dumps(source.identity)
