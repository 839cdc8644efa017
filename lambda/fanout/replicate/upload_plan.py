"""Objects that are copied in parts: how they are cut, and the message that names an upload.

A multipart upload is begun by the invocation that finds the object missing, and carried out by the one
that receives a message naming it. So an upload is never known to one process alone: should that be
killed, the message comes back, and whoever gets it goes on from the parts that are there.
"""

from __future__ import annotations

import json
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

UPLOAD_MESSAGE = "s3FanoutUpload"
UPLOAD_MESSAGE_VERSION = 1


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
        return cls(
            id=upload_id,
            destination_key=destination_key,
            identity=_as_json(source),
            size=source.size,
            part_bytes=part_bytes(source.size),
            attempt=attempt,
        )

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
        """A part as UploadPartCopy wants it."""
        first = self.first_byte(number)
        return f"bytes={first}-{first + self.length(number) - 1}"

    def is_of(self, source: ObjectState, destination_key: str) -> bool:
        """Whether this is what a copy of the object would be made by."""
        is_whole = self.size == source.size
        return (
            is_whole
            and self.destination_key == destination_key
            and self.identity == _as_json(source)
        )


def part_bytes(size: int) -> int:
    """Bytes of a part of an object of ``size`` bytes: whole MiB, and no more than ``MAX_PARTS``."""
    return max(MIN_PART_BYTES, -(-size // (MAX_PARTS * MIB)) * MIB)


def upload_message(upload: Upload, bucket: str, key: str, time: float | None) -> str:
    """The message that names an upload.

    Args:
        bucket: of the source.
        key: of the source object.
        time: of the event that it began with, in seconds since the epoch.
    """
    return json.dumps({
        UPLOAD_MESSAGE: UPLOAD_MESSAGE_VERSION,
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
        ValueError, KeyError, TypeError, OverflowError: it is none that ``message_body`` writes.
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
