"""Drives the protocol for one key: the protocol decides, ``s3`` acts."""

from __future__ import annotations

from typing import Protocol

from .objects import Wanted
from .protocol import (
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
    while True:
        match action:
            case Finish():
                return action
            case Look():
                progress, action = advance(progress, action, sides.look(), wanted)
            case Copy():
                progress, action = advance(progress, action, sides.copy(action), wanted)
            case WriteTags():
                progress, action = advance(progress, action, sides.write_tags(action), wanted)
            case ProveAbsence():
                progress, action = advance(progress, action, sides.prove_absence(), wanted)
            case Delete():
                progress, action = advance(progress, action, sides.delete(), wanted)
            case FindSurvivor():
                progress, action = advance(progress, action, sides.find_survivor(), wanted)
