"""Compares two listings: the merge of two sorted streams, and what counts as different.

Only the two objects at hand are kept, so memory does not grow with the buckets.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from ..common.config import Destination
from .listing import ListedObject, original_key


class ListingDifference(StrEnum):
    """How a key differs."""

    MISSING = "missing"
    """There is no replica."""
    RESIZED = "resized"
    """The replica has another size."""
    STALE = "stale"
    """The source object was written in a later second than the replica."""
    EXTRA = "extra"
    """There is a replica, and no source object."""
    ARCHIVED = "archived"
    """As the first three, and the source object cannot be copied before it is restored. The event of
    its restore has it copied."""


@dataclass(frozen=True, slots=True)
class ComparedKey:
    """A key of the source, with the object at either side or None."""

    key: str
    source: ListedObject | None
    replica: ListedObject | None


class UnsortedListingError(Exception):
    """A bucket does not list its keys in order, so they cannot be merged."""


def merge_listings(
    sources: Iterable[ListedObject], replicas: Iterable[ListedObject], destination: Destination
) -> Iterator[ComparedKey]:
    """Pair two listings of one prefix. Each key of a replica starts with ``key_prefix``.

    S3 lists keys in the order of their UTF-8 bytes (User Guide, "Listing object keys
    programmatically"). That is the order of code points (RFC 3629, section 1), and so of Python's
    strings. Directory buckets do not, so it is checked. Rewriting replaces the beginning that all keys
    of a destination share, and keeps the order.

    Raises:
        UnsortedListingError: a listing is not in order.
    """
    ours = _in_order((item.key, item) for item in sources)
    theirs = _in_order((original_key(destination, item.key), item) for item in replicas)
    source, replica = next(ours, None), next(theirs, None)
    while source is not None or replica is not None:
        if replica is None or (source is not None and source[0] < replica[0]):
            assert source is not None
            yield ComparedKey(source[0], source[1], None)
            source = next(ours, None)
        elif source is None or replica[0] < source[0]:
            yield ComparedKey(replica[0], None, replica[1])
            replica = next(theirs, None)
        else:
            yield ComparedKey(source[0], source[1], replica[1])
            source, replica = next(ours, None), next(theirs, None)


def compare_listed(compared: ComparedKey, destination: Destination) -> ListingDifference | None:
    """How a key differs; None where it does not, or is not replicated.

    A listing shows no content, metadata or tags. An object that was written later may still be equal.
    The destination's function compares it before it copies.
    """
    if destination.key_for(compared.key) is None:
        return None
    source, replica = compared.source, compared.replica
    if source is None:
        return ListingDifference.EXTRA
    difference = _difference(source, replica)
    return ListingDifference.ARCHIVED if difference and source.is_archived else difference


def _difference(source: ListedObject, replica: ListedObject | None) -> ListingDifference | None:
    if replica is None:
        return ListingDifference.MISSING
    if source.size != replica.size:
        return ListingDifference.RESIZED
    return ListingDifference.STALE if source.modified > replica.modified else None


def _in_order(keyed: Iterable[tuple[str, ListedObject]]) -> Iterator[tuple[str, ListedObject]]:
    last: str | None = None
    for key, item in keyed:
        if last is not None and key <= last:
            raise UnsortedListingError(
                f"{item.key!r} is listed out of order: both buckets must be general purpose buckets"
            )
        last = key
        yield key, item
