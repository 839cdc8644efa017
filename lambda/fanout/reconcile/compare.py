"""Compares two listings: what to list, the merge of two sorted streams, and what counts as different.

Only the two objects at hand are kept, so memory does not grow with the buckets.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from ..common.config import Destination


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


@dataclass(frozen=True, slots=True)
class ListedObject:
    """An object as a listing shows it.

    Attributes:
        size: in bytes.
        modified: when it was written, as ISO 8601 to the second, which is the grain of a listing.
    """

    key: str
    size: int
    modified: str


@dataclass(frozen=True, slots=True)
class ListedPrefix:
    """A prefix of the source, and what it becomes at the destination."""

    source: str
    destination: str


@dataclass(frozen=True, slots=True)
class ComparedKey:
    """A key of the source, with the object at either side or None."""

    key: str
    source: ListedObject | None
    replica: ListedObject | None


class UnsortedListingError(Exception):
    """A bucket does not list its keys in order, so they cannot be merged."""


def listed_prefixes(destination: Destination, within: str = "") -> list[ListedPrefix]:
    """What has to be listed to find every key of a destination.

    Args:
        within: only keys that start with this.

    Returns:
        Prefixes that do not overlap, in the order of their keys. There are none when nothing that
        starts with ``within`` is replicated.
    """
    asked = {
        prefix if prefix.startswith(within) else within
        for prefix in destination.prefixes or ("",)
        if prefix.startswith(within) or within.startswith(prefix)
    }
    found: list[ListedPrefix] = []
    for prefix in sorted(asked):
        # A prefix sorts directly before the longer ones that it contains.
        if not found or not prefix.startswith(found[-1].source):
            found.append(ListedPrefix(prefix, rewritten_key(destination, prefix)))
    return found


def remaining_prefixes(
    prefixes: Iterable[ListedPrefix], after: str
) -> Iterator[tuple[ListedPrefix, str]]:
    """The prefixes that are left when everything up to and including a source key is done.

    Yields:
        Each prefix with the source key to continue behind, "" for its beginning.
    """
    for prefix in prefixes:
        if after.startswith(prefix.source):
            yield prefix, after
        elif prefix.source > after:
            yield prefix, ""


def rewritten_key(destination: Destination, source_key: str) -> str:
    """The key, or prefix, at the destination, whether or not it is replicated."""
    return destination.key_prefix + source_key.removeprefix(destination.strip_prefix)


def original_key(destination: Destination, key: str) -> str:
    """The source key whose replica a key of the destination would be."""
    return destination.strip_prefix + key.removeprefix(destination.key_prefix)


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
