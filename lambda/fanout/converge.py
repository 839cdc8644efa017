"""Drives the protocol for one key: the protocol decides, ``s3`` acts."""

from __future__ import annotations

from typing import Protocol

from .objects import Wanted
from .protocol import (
    Action,
    Changed,
    Copied,
    Copy,
    Delete,
    Deleted,
    FindSurvivor,
    Finish,
    Look,
    Proof,
    ProveAbsence,
    Queued,
    Result,
    Seen,
    Survivor,
    Tagged,
    WriteTags,
    advance,
    begin,
)


class Sides(Protocol):
    """What ``converge`` needs of ``s3.Pair``."""

    def look(self) -> Seen | Changed: ...
    def copy(self, action: Copy) -> Copied | Changed | Queued: ...
    def write_tags(self, action: WriteTags) -> Tagged | Changed: ...
    def prove_absence(self) -> Proof: ...
    def delete(self) -> Deleted: ...
    def find_survivor(self) -> Survivor | Changed: ...


def converge(sides: Sides, etag: str | None, wanted: Wanted) -> Finish:
    """Make one key at the destination equal to the source.

    Args:
        etag: the ETag of a plain first event, or None; see ``protocol.begin``.

    Returns:
        How it ended.

    Raises:
        ReplicationError: a call failed; the key may have been written.
    """
    progress, action = begin(etag)
    while not isinstance(action, Finish):
        progress, action = advance(progress, action, _perform(sides, action), wanted)
    return action


def _perform(sides: Sides, action: Action) -> Result:
    match action:
        case Look():
            return sides.look()
        case Copy():
            return sides.copy(action)
        case WriteTags():
            return sides.write_tags(action)
        case ProveAbsence():
            return sides.prove_absence()
        case Delete():
            return sides.delete()
        case FindSurvivor():
            return sides.find_survivor()
    raise AssertionError(f"{action} is nothing to do")
