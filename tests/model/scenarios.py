"""What is explored, in which bounds, and what is not."""

from __future__ import annotations

from dataclasses import replace

from model.world import Operation, Replicas, Scenario, Versioning

WRITE, REWRITE, TAG, DELETE, LOSE = Operation
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
    ),
    *_in(
        UNVERSIONED,
        HEADERS,
        SIMPLE,
        _incomparable(replace(SIMPLE, abandoned=0)),
        replace(TAGS, kinds=(WRITE, TAG)),
        replace(TAGS, replicate_deletes=False),
        replace(LOST, abandoned=0),
    ),
    *_in(
        SUSPENDED,
        HEADERS,
        _incomparable(replace(SIMPLE, abandoned=0)),
        replace(TAGS, kinds=(WRITE, TAG)),
        replace(TAGS, replicate_deletes=False),
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
LARGE = (
    *_in(
        VERSIONED,
        *_LARGE,
        replace(HEADERS, operations=3),
        _incomparable(replace(HEADERS, operations=3)),
        replace(TAGS, operations=3),
        replace(TAGS, operations=3, replicate_deletes=False),
        replace(TAGS, kinds=(WRITE, REWRITE, TAG, DELETE), put_tags=("", "t1"), abandoned=1),
        replace(SIMPLE, abandoned=2),
        replace(KEPT, abandoned=1),
    ),
    *_in(UNVERSIONED, *_LARGE),
    *_in(SUSPENDED, *_LARGE),
    *_in(UNVERSIONED, replace(HEADERS, operations=3)),
    *_in(UNVERSIONED, replace(TAGS, operations=3, kinds=(WRITE, TAG))),
)
"""In minutes. Together with the quick ones."""

NOT_MODELLED = (
    "More than one key: the protocol works on each by itself.",
    "More source operations, workers and abandoned requests than each line says. Messages are"
    " duplicated, reordered and delayed, and workers die, without a bound.",
    "Content beyond two values of one size, headers beyond two sets, tags beyond three.",
    "Storage classes, encryption and website redirects that a destination asks for.",
    "Copies in several parts.",
    "Anybody else who writes at the destination, a replication back among them.",
    "Versions of the source that are deleted one by one; versioning switched on or off meanwhile.",
    "A Date header of another second than the one in which the object was read, or a clock that"
    " differs between S3's servers.",
    "Requests that S3 executes for longer than their message stays invisible; errors that S3"
    " answers and then carries the request out nevertheless.",
    "Messages that are lost: past retention, or moved to the dead-letter queue by SQS.",
    "Workers who fight for ever because each always comes just after the other: when all rests is"
    " shown for workers who work one after the other, as back-off makes them.",
)
