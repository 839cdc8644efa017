"""Large objects: how they are cut into parts, and when a copy stops.

The cut names the object that the parts are copied from. S3 keeps it: ListParts gives the lengths of an
open upload's parts, and HEAD with ``PartNumber`` those of a finished object's. So an upload that another
invocation began is known again, and a replica whose content nothing can be compared by, without anything
being written into the user's metadata or tags.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from .object_state import ObjectState

MIB = 1024**2

SINGLE_COPY_BYTES = 128 * MIB
"""Up to here one CopyObject is as good: it moves some 72 MiB/s, parts move that much each."""

MIN_PART_BYTES = 56 * MIB
"""With what the cut adds, two parts are always shorter than an object that has parts. So both of the
lengths that name the object are there."""

CUT_SHARE = 8
"""The cut adds up to one eighth of a part: 2 ** 22.8 different lengths at least. Two of them make it as
unlikely to take one object for another one, of equal size and headers, as a 45-bit hash does."""

MIN_CUT_BYTES = 15 * MIB
"""From here on a smaller object can be cut so as well: in three parts, of the 5 MiB that S3 asks for."""

MAX_PARTS = 10_000
LARGEST_PART_BYTES = 5 * 1024 * MIB
"""What S3 takes (User Guide, "Amazon S3 multipart upload limits")."""

MARGIN_SECONDS = (2, 10)
"""What is left of an invocation to return its message: a twentieth of it, within these bounds."""

COMPLETION_SECONDS = 60
"""An upload is not completed in the last minute, or quarter, of the invocation that copied its parts.
To complete one may take minutes (API reference, CompleteMultipartUpload)."""

LATEST_PART_SECONDS = 30
SLOW_BYTES_PER_SECOND = 10_000_000
"""An upload is left by its worker when no part has arrived for so long, and for as long as a part takes
on a slow way between Regions."""


def is_copied_in_parts(size: int | None) -> bool:
    """Whether an object of ``size`` bytes takes more than one CopyObject; False for None."""
    return size is not None and size > SINGLE_COPY_BYTES


def can_be_cut(size: int) -> bool:
    """Whether an object of ``size`` bytes can be copied in parts that tell what it was copied from."""
    return size >= MIN_CUT_BYTES or is_copied_in_parts(size)


def least_part_bytes(size: int) -> int:
    """What a part has at least, the last one apart: so much that there are at most ``MAX_PARTS``."""
    if not is_copied_in_parts(size):
        return size // 3
    return max(MIN_PART_BYTES, -(-size // (MAX_PARTS * MIB)) * MIB)


class Part(NamedTuple):
    """A part that is there.

    Attributes:
        checksums: as (boto3's name, value), such as ``ChecksumCRC64NVME``.
    """

    size: int
    etag: str
    checksums: tuple[tuple[str, str], ...] = ()


def patience_seconds(part_bytes: int) -> float:
    """How long no part of such a length may arrive of an upload on which somebody works."""
    return LATEST_PART_SECONDS + part_bytes / SLOW_BYTES_PER_SECOND


@dataclass(frozen=True, slots=True)
class UploadPlan:
    """How an object is cut into parts, which are numbered from 1.

    Attributes:
        size: bytes of the object.
        first: bytes of the first part.
        other: bytes of every other part but the last.
    """

    size: int
    first: int
    other: int

    @classmethod
    def of(cls, source: ObjectState) -> UploadPlan:
        """How this object is cut. Any other one is cut in another way."""
        least = least_part_bytes(source.size)
        added_to = max(1, min(least // CUT_SHARE, LARGEST_PART_BYTES - least + 1))
        digest = hashlib.sha256(json.dumps(source.identity).encode()).digest()
        first, other = (int.from_bytes(half) % added_to for half in (digest[:16], digest[16:]))
        return cls(source.size, least + first, least + other)

    @property
    def parts(self) -> int:
        """How many parts it has."""
        return 1 - (self.first - self.size) // self.other if self.size > self.first else 1

    def first_byte(self, number: int) -> int:
        """Where a part begins in the object."""
        return self.first + (number - 2) * self.other if number > 1 else 0

    def length(self, number: int) -> int:
        """Bytes of a part; 0 or less of one that it does not have."""
        whole = self.other if number > 1 else self.first
        return min(whole, self.size - self.first_byte(number))

    def copy_range(self, number: int) -> str:
        """A part as UploadPartCopy takes it."""
        first = self.first_byte(number)
        return f"bytes={first}-{first + self.length(number) - 1}"

    def is_of_upload(self, parts: Mapping[int, Part]) -> bool:
        """Whether the parts that are there are cut so, and enough of them to tell."""
        is_so = all(part.size == self.length(number) for number, part in parts.items())
        return is_so and 1 in parts and len(parts) > 1

    def is_of_replica(self, lengths: tuple[int, int]) -> bool:
        """Whether an object is cut so whose first two parts have these lengths."""
        return lengths == (self.length(1), self.length(2))


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
