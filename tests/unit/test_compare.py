"""The merge of two listings finds what a comparison of two sets finds, and keeps nothing."""

from __future__ import annotations

import itertools

import pytest
from fanout.common.config import Destination
from fanout.reconcile.compare import (
    ListingDifference,
    UnsortedListingError,
    compare_listed,
    merge_listings,
)
from fanout.reconcile.listing import (
    ListedObject,
    ListedPrefix,
    listed_prefixes,
    remaining_prefixes,
    rewritten_key,
)
from hypothesis import given
from hypothesis import strategies as st

from support.values import destination

# Where code points, UTF-16 and UTF-8 bytes disagree about the order, and where prefixes end.
KEYS = st.text(alphabet="ab/ +\x01\x7fé\uffff\U0001f680", min_size=1, max_size=6)
OBJECTS = st.dictionaries(
    KEYS,
    st.tuples(st.integers(0, 2), st.sampled_from(["2026-01-02T03:04:05", "2026-01-02T03:04:06"])),
)
PREFIXES = st.lists(st.text(alphabet="ab/é", min_size=1, max_size=3), max_size=3)


@st.composite
def destinations(draw: st.DrawFn) -> Destination:
    """Destinations with every rule about keys."""
    prefixes = draw(PREFIXES)
    common = prefixes[0] if prefixes else ""
    for prefix in prefixes:
        while not prefix.startswith(common):
            common = common[:-1]
    return destination(
        prefixes=prefixes,
        strip_prefix=common[: draw(st.integers(0, 3))],
        key_prefix=draw(st.sampled_from(["", "a", "b/", "é/"])),
        exclude_prefixes=draw(PREFIXES),
        suffixes=draw(st.lists(st.sampled_from(["a", "/", "\U0001f680"]), max_size=2)),
    )


def listing(objects: dict[str, tuple[int, str]], prefix: str) -> list[ListedObject]:
    """What S3 lists of a prefix."""
    return [
        ListedObject(key, *objects[key])
        for key in sorted(objects, key=str.encode)
        if key.startswith(prefix)
    ]


def merged(
    wanted: Destination,
    sources: dict[str, tuple[int, str]],
    replicas: dict[str, tuple[int, str]],
    within: str = "",
    after: str = "",
) -> dict[str, ListingDifference]:
    """The differences, by source key, as reconcile finds them."""
    found = {}
    for segment, behind in remaining_prefixes(listed_prefixes(wanted, within), after):
        for pairing in merge_listings(
            (o for o in listing(sources, segment.source) if o.key.encode() > behind.encode()),
            (
                o
                for o in listing(replicas, segment.destination)
                if not behind or o.key.encode() > rewritten_key(wanted, behind).encode()
            ),
            wanted,
        ):
            assert pairing.key not in found
            if kind := compare_listed(pairing, wanted):
                found[pairing.key] = kind
    return found


def compared(
    wanted: Destination,
    sources: dict[str, tuple[int, str]],
    replicas: dict[str, tuple[int, str]],
    within: str = "",
) -> dict[str, ListingDifference]:
    """The same, by looking up every key."""
    found = {}
    expected = {wanted.key_for(key): key for key in sources} | {None: ""}
    for there, key in expected.items():
        if there is None or not key.startswith(within):
            continue
        if there not in replicas:
            found[key] = ListingDifference.MISSING
        elif sources[key][0] != replicas[there][0]:
            found[key] = ListingDifference.RESIZED
        elif sources[key][1] > replicas[there][1]:
            found[key] = ListingDifference.STALE
    for there in replicas:
        if there.startswith(wanted.key_prefix) and there not in expected:
            key = wanted.strip_prefix + there.removeprefix(wanted.key_prefix)
            if wanted.key_for(key) == there and key.startswith(within):
                found[key] = ListingDifference.EXTRA
    return found


@given(destinations(), OBJECTS, OBJECTS, st.sampled_from(["", "a", "ab", "a/é"]))
def test_a_merge_finds_what_a_comparison_of_sets_finds(
    wanted: Destination,
    sources: dict[str, tuple[int, str]],
    others: dict[str, tuple[int, str]],
    within: str,
) -> None:
    replicas = others | {
        there: state for key, state in others.items() if (there := wanted.key_for(key))
    }
    assert merged(wanted, sources, replicas, within) == compared(wanted, sources, replicas, within)


@given(destinations(), OBJECTS, OBJECTS, KEYS)
def test_what_is_left_after_a_key_is_what_comes_behind_it(
    wanted: Destination,
    sources: dict[str, tuple[int, str]],
    replicas: dict[str, tuple[int, str]],
    after: str,
) -> None:
    whole = merged(wanted, sources, replicas)
    left = {key: kind for key, kind in whole.items() if key.encode() > after.encode()}
    assert merged(wanted, sources, replicas, after=after) == left


def test_prefixes_within_others_are_listed_once() -> None:
    wanted = destination(prefixes=["b/c/", "a/", "b/", "a/x/"], key_prefix="to/")
    assert listed_prefixes(wanted) == [ListedPrefix("a/", "to/a/"), ListedPrefix("b/", "to/b/")]


@pytest.mark.parametrize(
    ("within", "expected"),
    [
        ("raw/2024/01/", [ListedPrefix("raw/2024/01/", "old/2024/01/")]),
        ("raw/", [ListedPrefix("raw/2024/", "old/2024/"), ListedPrefix("raw/2025/", "old/2025/")]),
        ("cooked/", []),
    ],
)
def test_a_part_is_listed_where_it_meets_the_prefixes(
    within: str, expected: list[ListedPrefix]
) -> None:
    wanted = destination(
        prefixes=["raw/2024/", "raw/2025/"], strip_prefix="raw/", key_prefix="old/"
    )
    assert listed_prefixes(wanted, within) == expected


def test_a_replica_written_in_the_same_second_is_not_stale() -> None:
    wanted = destination()
    second, next_second = "2026-01-02T03:04:05", "2026-01-02T03:04:06"
    assert merged(wanted, {"k": (1, second)}, {"k": (1, second)}) == {}
    assert merged(wanted, {"k": (1, second)}, {"k": (1, next_second)}) == {}
    assert merged(wanted, {"k": (1, next_second)}, {"k": (1, second)}) == {
        "k": ListingDifference.STALE
    }


def test_what_others_put_beside_the_replicas_is_no_difference() -> None:
    wanted = destination(
        prefixes=["a/"], suffixes=[".jpg"], exclude_prefixes=["a/tmp/"], key_prefix="ours/"
    )
    others = [
        "theirs/a/x.jpg",
        "ours/b/x.jpg",
        "ours/a/x.txt",
        "ours/a/tmp/x.jpg",
        "ours/",
        "a/x.jpg",
    ]
    state = (1, "2026-01-02T03:04:05")
    assert merged(wanted, {}, dict.fromkeys(others, state)) == {}
    assert merged(wanted, {}, {"ours/a/x.jpg": state}) == {"a/x.jpg": ListingDifference.EXTRA}


def test_a_listing_that_is_not_in_order_is_not_merged() -> None:
    keys = [ListedObject(key, 1, "2026-01-02T03:04:05") for key in ("b", "a")]
    with pytest.raises(UnsortedListingError, match="'a' is listed out of order"):
        list(merge_listings(keys, [], destination()))
    with pytest.raises(UnsortedListingError):
        list(merge_listings([], keys, destination()))


def test_a_merge_takes_no_more_than_it_needs() -> None:
    taken = 0

    def endless(start: int) -> itertools.count[int]:
        return itertools.count(start)

    def objects() -> itertools.chain[ListedObject]:
        nonlocal taken

        def made(n: int) -> ListedObject:
            nonlocal taken
            taken += 1
            return ListedObject(f"{n:09}", 1, "2026-01-02T03:04:05")

        return itertools.chain(made(n) for n in endless(0))

    assert len(list(itertools.islice(merge_listings(objects(), objects(), destination()), 5))) == 5
    assert taken <= 12
