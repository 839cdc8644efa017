"""What comes of an action."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .failures import ReplicationError
from .object_state import ObjectState
from .upload_plan import Part


@dataclass(frozen=True, slots=True)
class Observed:
    """Both sides, None where there is no object."""

    source: ObjectState | None
    replica: ObjectState | None
    has_delete_marker: bool = False
    """Whether older versions of an absent source object may be there."""


@dataclass(frozen=True, slots=True)
class Copied:
    """The copy was made; ``source_version_id`` is the version that S3 says it copied from."""

    etag: str
    version_id: str | None = None
    source_version_id: str | None = None


@dataclass(frozen=True, slots=True)
class Tagged:
    """The tags were written."""


@dataclass(frozen=True, slots=True)
class Deleted:
    """The replica was deleted."""


@dataclass(frozen=True, slots=True)
class Proof:
    """Whether the source bucket is there and has no such object."""

    is_absent: bool


@dataclass(frozen=True, slots=True)
class Survivor:
    """The newest version of a deleted source object, or None when there is none."""

    source: ObjectState | None
    version_id: str | None = None
    """As S3 lists it, ``null`` included."""


@dataclass(frozen=True, slots=True)
class Cut:
    """The lengths of the replica's first and second part, in bytes."""

    lengths: tuple[int, int]


@dataclass(frozen=True, slots=True)
class ListedUpload:
    """An upload that is neither completed nor aborted.

    Attributes:
        initiator: who began it, as S3 says it.
        begun_at: when it was begun, in seconds since the epoch, to the second.
        idle_seconds: since it was begun or the last of its parts was copied, by S3's clock.
        parts: those that are there, by number; not asked for where the upload is not ours.
    """

    id: str
    initiator: str
    begun_at: float
    idle_seconds: float
    parts: Mapping[int, Part] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Listed:
    """The open uploads of the key.

    Attributes:
        initiator: what S3 calls this function, or None as long as it is not known.
    """

    uploads: tuple[ListedUpload, ...]
    initiator: str | None


@dataclass(frozen=True, slots=True)
class Begun:
    """The upload was begun."""

    upload_id: str


@dataclass(frozen=True, slots=True)
class PartsCopied:
    """What came of copying parts.

    Attributes:
        parts: those that are there, by number.
        has_time: whether the upload may be completed in what is left of the invocation.
        is_changed: whether a part was refused, as the source or the upload is not what it was.
        failure: why a part failed otherwise, or None.
        are_all_over: whether no part is being copied any more.
    """

    parts: Mapping[int, Part] = field(hash=False)
    has_time: bool = True
    is_changed: bool = False
    failure: ReplicationError | None = None
    are_all_over: bool = True


@dataclass(frozen=True, slots=True)
class Aborted:
    """The uploads are gone."""


@dataclass(frozen=True, slots=True)
class Changed:
    """The object was replaced or removed meanwhile. Nothing was written."""


ActionResult = (
    Observed
    | Copied
    | Tagged
    | Deleted
    | Proof
    | Survivor
    | Cut
    | Listed
    | Begun
    | PartsCopied
    | Aborted
    | Changed
)
