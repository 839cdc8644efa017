"""What is explored, in which bounds, and what is not."""

from __future__ import annotations

from dataclasses import replace

from model.two_way import TwoWay
from model.world import Operation, Replicas, Scenario, Versioning

WRITE, REWRITE, TAG, UNTAG, DELETE, LOSE = Operation
VERSIONED, UNVERSIONED, SUSPENDED = Versioning

SIMPLE = Scenario(VERSIONED, operations=2, kinds=(WRITE, DELETE))
"""Overwritten, deleted and made anew, with a request that S3 executes though its worker is dead."""

HEADERS = Scenario(VERSIONED, operations=2, kinds=(WRITE, REWRITE, DELETE), abandoned=0)
"""Also written with the same bytes, so the same ETag, and other headers."""

TAGS = Scenario(VERSIONED, operations=2, kinds=(WRITE, TAG, DELETE), put_tags=("t1",), abandoned=0)
"""Also tagged, which neither version id nor ETag nor LastModified shows."""

KEPT = Scenario(
    VERSIONED,
    operations=3,
    kinds=(WRITE, DELETE),
    replicate_deletes=False,
    starts_replicated=False,
    abandoned=0,
)
"""Deletes are not replicated."""

LOST = Scenario(VERSIONED, operations=2, kinds=(WRITE, LOSE))
"""The source bucket goes away; nobody ever deleted the object."""

UPLOADS = Scenario(VERSIONED, operations=2, kinds=(WRITE,), abandoned=0, parts=1)
"""Overwritten, and copied in parts."""

CROWDED = replace(UPLOADS, parts=2, is_known=False, is_second_shared=True, is_foreign=True)
"""By workers that do not know yet which uploads are theirs, while one of somebody else is open."""

MIDDLE = replace(
    UPLOADS, operations=1, kinds=(WRITE, TAG), put_tags=("t1",), is_comparable=False, is_middle=True
)
"""Copied at once, and in parts only when nothing compares the replica."""

SLOW = replace(UPLOADS, parts=2, may_time_out=True)
"""By invocations that may end before the copy does."""

UNSEEN = replace(UPLOADS, are_workers_seen=False, has_budget=False)
"""An upload may look left though somebody works on it, as when a holder outlives its visibility."""


def _incomparable(scenario: Scenario, replicas: Replicas = Replicas.PLAIN) -> Scenario:
    """With content that no checksum and no MD5 compares: only lineage proves it equal."""
    return replace(scenario, is_comparable=False, replicas=replicas)


def _in(versioning: Versioning, *scenarios: Scenario) -> tuple[Scenario, ...]:
    return tuple(replace(scenario, versioning=versioning) for scenario in scenarios)


QUICK = (
    *_in(
        VERSIONED,
        replace(HEADERS, abandoned=1),
        replace(HEADERS, workers=3),
        _incomparable(SIMPLE),
        _incomparable(HEADERS, Replicas.VERSIONED),
        TAGS,
        KEPT,
        replace(TAGS, replicate_deletes=False),
        replace(TAGS, replicate_tags=False),
        LOST,
        CROWDED,
        SLOW,
        UNSEEN,
        replace(UPLOADS, kinds=(WRITE, TAG, UNTAG), put_tags=("t1",)),
        replace(UPLOADS, kinds=(WRITE, REWRITE)),
        replace(UPLOADS, kinds=(WRITE, DELETE), operations=1, abandoned=1),
        replace(UPLOADS, kinds=(WRITE, DELETE), operations=1, workers=3),
        replace(UPLOADS, kinds=(WRITE, DELETE), operations=1, small="A"),
        replace(KEPT, operations=2, parts=1),
        _incomparable(UPLOADS),
        MIDDLE,
        _incomparable(UPLOADS, Replicas.OPAQUE),
        replace(_incomparable(UPLOADS, Replicas.VERSIONED), may_uploads_lose=True),
    ),
    *_in(
        UNVERSIONED,
        CROWDED,
        replace(SLOW, operations=1, kinds=(WRITE, REWRITE, DELETE), abandoned=1),
        replace(UNSEEN, operations=1, kinds=(WRITE, REWRITE, DELETE)),
        replace(_incomparable(UPLOADS), operations=1, kinds=(WRITE, DELETE), abandoned=1),
        HEADERS,
        SIMPLE,
        _incomparable(replace(SIMPLE, abandoned=0)),
        replace(TAGS, kinds=(WRITE, TAG)),
        replace(TAGS, replicate_deletes=False),
        replace(LOST, abandoned=0),
    ),
    *_in(
        SUSPENDED,
        replace(CROWDED, operations=1, kinds=(WRITE, REWRITE, DELETE), abandoned=1),
        replace(SLOW, operations=1),
        replace(_incomparable(UPLOADS), kinds=(WRITE, TAG), operations=1, put_tags=("t1",)),
        HEADERS,
        _incomparable(replace(SIMPLE, abandoned=0)),
        replace(LOST, abandoned=0),
    ),
)
"""In seconds, all together."""

_LARGE = (
    SIMPLE,
    LOST,
    replace(HEADERS, workers=3),
    replace(_incomparable(HEADERS), abandoned=1),
    replace(_incomparable(HEADERS, Replicas.VERSIONED), abandoned=1),
    replace(_incomparable(HEADERS, Replicas.OPAQUE), abandoned=1),
    replace(TAGS, abandoned=1),
    replace(TAGS, abandoned=1, replicate_deletes=False),
    replace(TAGS, kinds=(WRITE, TAG), is_copy_torn=True),
)
_LARGE_UPLOADS = (
    replace(UPLOADS, kinds=(WRITE, DELETE), abandoned=1),
    replace(_incomparable(UPLOADS), kinds=(WRITE, DELETE), abandoned=1),
    replace(_incomparable(UPLOADS, Replicas.VERSIONED), parts=2, may_uploads_lose=True),
    replace(UPLOADS, kinds=(WRITE, REWRITE), parts=2),
    replace(UPLOADS, kinds=(WRITE, TAG), put_tags=("t1",)),
    replace(_incomparable(SLOW), is_foreign=True),
    replace(UNSEEN, kinds=(WRITE, DELETE), abandoned=1),
    replace(MIDDLE, operations=2),
    replace(SLOW, operations=2),
)
LARGE = (
    *_in(
        VERSIONED,
        *_LARGE_UPLOADS,
        replace(UPLOADS, operations=3, kinds=(WRITE, DELETE)),
        replace(UPLOADS, operations=1, kinds=(WRITE, REWRITE, DELETE), workers=3, uploads=3),
        replace(UPLOADS, kinds=(WRITE, DELETE), small="A", abandoned=1),
        replace(KEPT, parts=1),
        replace(TAGS, kinds=(WRITE, TAG, UNTAG, DELETE)),
        *_LARGE,
        replace(HEADERS, operations=3),
        _incomparable(replace(HEADERS, operations=3)),
        replace(TAGS, operations=3),
        replace(TAGS, operations=3, replicate_deletes=False),
        replace(TAGS, kinds=(WRITE, REWRITE, TAG, DELETE), put_tags=("", "t1"), abandoned=1),
        replace(SIMPLE, abandoned=2),
        replace(KEPT, abandoned=1),
    ),
    *_in(UNVERSIONED, *_LARGE, *_LARGE_UPLOADS),
    *_in(UNVERSIONED, replace(_incomparable(UPLOADS, Replicas.OPAQUE), kinds=(WRITE, DELETE))),
    *_in(SUSPENDED, *_LARGE, *_LARGE_UPLOADS),
    *_in(SUSPENDED, replace(TAGS, kinds=(WRITE, TAG)), replace(TAGS, replicate_deletes=False)),
    *_in(UNVERSIONED, replace(HEADERS, operations=3)),
    *_in(UNVERSIONED, replace(TAGS, operations=3, kinds=(WRITE, TAG))),
)
"""In minutes. Together with the quick ones."""

_CHANGED = tuple(
    Scenario(versioning, operations=2, kinds=kinds, put_tags=tags)
    for versioning in (UNVERSIONED, SUSPENDED)
    for kinds, tags in (
        ((WRITE, DELETE), ("",)),
        ((WRITE, REWRITE), ("",)),
        ((WRITE, TAG), ("t1",)),
    )
)
TWO_WAY = (
    *(TwoWay(scenario, has_faults=True) for scenario in _CHANGED),
    *(TwoWay(scenario, writers="AB") for scenario in _CHANGED[:2]),
)
"""Two buckets that replicate each other, one writer at one side or one at each."""

NOT_MODELLED = (
    "More than one key: the protocol works on each by itself.",
    "More source operations, workers and abandoned requests than each line says. Messages are"
    " duplicated, reordered and delayed, and workers die, without a bound.",
    "Content beyond two values, headers beyond two sets, tags beyond three.",
    "Storage classes, encryption and website redirects that a destination asks for.",
    "More uploads, at any time, than each line says, and more parts. A part that is copied after its"
    " worker died: it is as if it were there before, or refused. A completion that S3 refuses because a"
    " part was copied anew meanwhile. A message that leaves an upload to whoever receives it and is"
    " received twice: then two may copy the same parts. An upload that a delivery of an event without a"
    " size left open, and whose object is gone or small when that comes back.",
    "Anybody else who writes at the destination. A replication back is modelled for small objects of"
    " unversioned and suspended buckets, with one worker in each direction, and with writers at both"
    " sides only where nobody dies and no message is received twice.",
    "Versions of the source that are deleted one by one; versioning switched on or off meanwhile.",
    "A Date header of another second than the one in which the object was read, or a clock that"
    " differs between S3's servers.",
    "Requests that S3 executes for longer than their message stays invisible.",
    "Messages that are lost: past retention, or moved to the dead-letter queue by SQS.",
    "Workers who fight for ever because each always comes just after the other: when all rests is"
    " shown for workers who work one after the other, as back-off makes them.",
)
