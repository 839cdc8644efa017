"""What a delivery can do for one key: ``protocol`` and ``uploads`` decide, others carry out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .object_state import ObjectState, Tags
from .progress import Finish
from .upload_plan import Part, UploadPlan


@dataclass(frozen=True, slots=True)
class Observe:
    """Observe both sides. Answered by ``Observed``, or by ``Changed`` when an object vanished."""


@dataclass(frozen=True, slots=True)
class Copy:
    """Copy the source object by one CopyObject if its ETag is still this one.

    Answered by ``Copied`` or ``Changed``.

    Attributes:
        source: the object as it was observed, or None when it was not.
        version_id: the version to copy; None for the current one.
    """

    if_match: str
    source: ObjectState | None = None
    version_id: str | None = None


@dataclass(frozen=True, slots=True)
class WriteTags:
    """Replace the replica's tags. Answered by ``Tagged``, or by ``Changed`` when the replica is gone."""

    tags: Tags


@dataclass(frozen=True, slots=True)
class ProveAbsence:
    """Make sure the source bucket has no such object. Answered by ``Proof``."""


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete the replica. Answered by ``Deleted``."""


@dataclass(frozen=True, slots=True)
class FindSurvivor:
    """Find the newest version of a deleted source object. Answered by ``Survivor`` or ``Changed``."""

    replica: ObjectState | None
    """The destination object as it was just observed."""


@dataclass(frozen=True, slots=True)
class ReadCut:
    """Read how the replica's parts are cut, which tells what they were copied from.

    Answered by ``Cut``, or by ``Changed`` when the replica was replaced.
    """

    source: ObjectState
    version_id: str | None
    replica: ObjectState


@dataclass(frozen=True, slots=True)
class LargeCopy:
    """A copy in parts.

    Attributes:
        version_id: the version to copy; None for the current one. Then a part is refused as soon as the
            object is overwritten, and no more of it is copied than what is under way.
    """

    source: ObjectState
    version_id: str | None

    @property
    def plan(self) -> UploadPlan:
        """How it is cut."""
        return UploadPlan.of(self.source)


@dataclass(frozen=True, slots=True)
class ListUploads:
    """List the key's open uploads at the destination. Answered by ``Listed``.

    Attributes:
        copy: what is to be copied; None to clean up behind deliveries that were cut short.
        begun: the upload that this delivery has just begun, which has no part yet.
        then: how the delivery ends that cleans up.
    """

    copy: LargeCopy | None
    begun: str | None = None
    then: Finish | None = None


@dataclass(frozen=True, slots=True)
class BeginUpload:
    """Begin an upload. Answered by ``Begun``; the rest is as in ``ListUploads``."""

    copy: LargeCopy | None
    then: Finish | None = None


@dataclass(frozen=True, slots=True)
class CopyParts:
    """Copy the parts of an upload that are not there. Answered by ``PartsCopied``."""

    copy: LargeCopy
    upload_id: str
    there: Mapping[int, Part] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class CompleteUpload:
    """Make the object of its parts. Answered by ``Copied``, or ``Changed`` when the upload is gone."""

    copy: LargeCopy
    upload_id: str
    parts: Mapping[int, Part] = field(hash=False)


@dataclass(frozen=True, slots=True)
class AbortUploads:
    """Delete uploads and their parts. Answered by ``Aborted``, also when they are gone."""

    ids: tuple[str, ...]
    then: Action
    """What to do next."""


UploadAction = ListUploads | BeginUpload | CopyParts | CompleteUpload | AbortUploads
Action = (
    Observe
    | Copy
    | WriteTags
    | ProveAbsence
    | Delete
    | FindSurvivor
    | ReadCut
    | UploadAction
    | Finish
)
