"""What is explored, in which bounds, and what is not."""

from __future__ import annotations

from dataclasses import replace

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


def _incomparable(scenario: Scenario, replicas: Replicas = Replicas.PLAIN) -> Scenario:
    """With content that no checksum and no MD5 compares: only lineage proves it equal."""
    return replace(scenario, is_comparable=False, replicas=replicas)


def _alone(scenario: Scenario) -> Scenario:
    """With deliveries one after the other, broken off anywhere, and one part after the other."""
    return replace(scenario, workers=1, parts=2)


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
        UPLOADS,
        replace(UPLOADS, operations=1, kinds=(WRITE, DELETE), abandoned=1),
        replace(UPLOADS, operations=1, kinds=(WRITE, DELETE), small="A"),
        replace(
            _incomparable(UPLOADS, Replicas.VERSIONED),
            operations=1,
            kinds=(WRITE, DELETE),
            may_uploads_lose=True,
        ),
        _alone(replace(UPLOADS, kinds=(WRITE, TAG, UNTAG), put_tags=("t1",))),
    ),
    *_in(
        UNVERSIONED,
        _alone(_incomparable(UPLOADS)),
        HEADERS,
        SIMPLE,
        _incomparable(replace(SIMPLE, abandoned=0)),
        replace(TAGS, kinds=(WRITE, TAG)),
        replace(TAGS, replicate_deletes=False),
        replace(LOST, abandoned=0),
    ),
    *_in(
        SUSPENDED,
        _alone(replace(UPLOADS, operations=1, kinds=(WRITE, REWRITE, DELETE), abandoned=1)),
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
    _incomparable(UPLOADS),
    replace(UPLOADS, kinds=(WRITE, REWRITE)),
    replace(UPLOADS, kinds=(WRITE, DELETE)),
    _alone(replace(UPLOADS, kinds=(WRITE, REWRITE, DELETE), abandoned=1)),
    _alone(replace(UPLOADS, kinds=(WRITE, TAG, DELETE), put_tags=("t1",), abandoned=1)),
    _alone(replace(_incomparable(UPLOADS), abandoned=1)),
    replace(_incomparable(UPLOADS), operations=1, abandoned=1),
)
LARGE = (
    *_in(
        VERSIONED,
        *_LARGE_UPLOADS,
        replace(UPLOADS, kinds=(WRITE, DELETE), abandoned=1),
        replace(UPLOADS, operations=1, kinds=(WRITE, REWRITE, DELETE), abandoned=1),
        replace(UPLOADS, kinds=(WRITE, DELETE), small="A"),
        replace(UPLOADS, uploads=3),
        replace(UPLOADS, operations=1, workers=3),
        replace(UPLOADS, parts=2),
        replace(UPLOADS, kinds=(WRITE, TAG), put_tags=("t1",)),
        replace(_incomparable(UPLOADS, Replicas.VERSIONED), may_uploads_lose=True),
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
    *_in(UNVERSIONED, replace(_incomparable(UPLOADS, Replicas.OPAQUE), may_uploads_lose=True)),
    *_in(SUSPENDED, *_LARGE, *_LARGE_UPLOADS),
    *_in(SUSPENDED, replace(TAGS, kinds=(WRITE, TAG)), replace(TAGS, replicate_deletes=False)),
    *_in(UNVERSIONED, replace(HEADERS, operations=3)),
    *_in(UNVERSIONED, replace(TAGS, operations=3, kinds=(WRITE, TAG))),
)
"""In minutes. Together with the quick ones."""

NOT_MODELLED = (
    "More than one key: the protocol works on each by itself.",
    "More source operations, workers and abandoned requests than each line says. Messages are"
    " duplicated, reordered and delayed, and workers die, without a bound.",
    "Content beyond two values, headers beyond two sets, tags beyond three.",
    "Storage classes, encryption and website redirects that a destination asks for.",
    "More uploads, at any time, than each line says, and more parts. A part that is copied after its"
    " worker died: it is as if it were there before, or refused. Uploads that no message names, which"
    " nobody goes on with. A completion that S3 refuses because a part was copied anew meanwhile.",
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
