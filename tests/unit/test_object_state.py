"""What S3's headers say of an object, and when two objects are equal."""

from __future__ import annotations

from typing import Any

import pytest
from fanout.common.config import ReplicaSettings, SameAs
from fanout.replicate.object_state import (
    Difference,
    Lineage,
    ObjectState,
    compare_objects,
    storage_class_for,
)
from hypothesis import given
from hypothesis import strategies as st

from .builders import ETAG, HEAD_HEADERS, state

OPAQUE = '"0123456789abcdef0123456789abcdef-7"'
"""An ETag of a multipart upload, which says nothing about content."""

AT_ONCE = "Fri, 02 Jan 2026 03:04:05 GMT"


def between(
    source: ObjectState,
    replica: ObjectState | None,
    lineage: Lineage | None = None,
    **wanted: Any,
) -> Difference:
    """``difference``; ``wanted`` is what the destination asks for, nothing special by default."""
    return compare_objects(source, replica, lineage, ReplicaSettings(**wanted))


# Reading


def test_an_object_is_read_from_its_headers() -> None:
    headers = HEAD_HEADERS | {
        "x-amz-version-id": "V1",
        "x-amz-checksum-crc64nvme": "c64",
        "x-amz-checksum-type": "FULL_OBJECT",
        "x-amz-storage-class": "GLACIER_IR",
        "x-amz-server-side-encryption": "aws:kms",
        "x-amz-server-side-encryption-aws-kms-key-id": "arn:key",
        "x-amz-meta-Z": "last",
        "x-amz-meta-a": "first",
        "cache-control": "no-cache",
        "x-amz-request-id": "REQUEST1",
    }

    assert ObjectState.from_headers(headers) == ObjectState(
        etag=f'"{ETAG}"',
        size=3,
        last_modified="Fri, 02 Jan 2026 03:04:05 GMT",
        version_id="V1",
        checksums=frozenset({("crc64nvme", "c64")}),
        headers=(
            ("cache-control", "no-cache"),
            ("content-type", "text/plain"),
            ("x-amz-meta-Z", "last"),
            ("x-amz-meta-a", "first"),
        ),
        storage_class="GLACIER_IR",
        encryption="aws:kms",
        kms_key_id="arn:key",
        answered_at="Fri, 02 Jan 2026 03:04:09 GMT",
    )


@pytest.mark.parametrize(
    "header",
    [
        "cache-control",
        "content-disposition",
        "content-encoding",
        "content-language",
        "content-type",
        "expires",
        "x-amz-website-redirect-location",
        "x-amz-meta-anything",
    ],
)
def test_every_header_a_reader_would_get_counts(header: str) -> None:
    with_it = ObjectState.from_headers(HEAD_HEADERS | {header: "here"})

    assert (header, "here") in with_it.headers
    assert between(with_it, ObjectState.from_headers(HEAD_HEADERS)) is Difference.OBJECT


@pytest.mark.parametrize(
    "header",
    [
        "x-amz-request-id",
        "x-amz-expiration",
        "x-amz-replication-status",
        "x-amz-server-side-encryption",
        "x-amz-storage-class",
        "accept-ranges",
    ],
)
def test_headers_that_are_about_the_place_do_not_count(header: str) -> None:
    one, other = (
        ObjectState.from_headers(HEAD_HEADERS | {header: value}) for value in ("AES256", "other")
    )

    assert one.headers == other.headers


def test_the_version_id_null_identifies_nothing() -> None:
    assert ObjectState.from_headers(HEAD_HEADERS | {"x-amz-version-id": "null"}).version_id is None
    assert ObjectState.from_headers(HEAD_HEADERS).version_id is None


@pytest.mark.parametrize(
    "headers",
    [
        {"x-amz-checksum-crc32": "abc=-3"},
        {"x-amz-checksum-crc32": "abc=", "x-amz-checksum-type": "COMPOSITE"},
        {"x-amz-checksum-type": "FULL_OBJECT"},
    ],
)
def test_a_checksum_of_checksums_is_none_of_the_content(headers: dict[str, str]) -> None:
    assert ObjectState.from_headers(HEAD_HEADERS | headers).checksums == frozenset()


def test_without_a_date_an_answer_could_be_of_the_second_of_the_change() -> None:
    undated = {name: value for name, value in HEAD_HEADERS.items() if name != "date"}

    assert not ObjectState.from_headers(undated).identity_is_unique
    assert ObjectState.from_headers(HEAD_HEADERS).identity_is_unique


# Equality


def test_a_missing_replica_is_an_object_to_write() -> None:
    assert between(state(), None) is Difference.OBJECT


def test_a_replica_with_content_headers_and_tags_of_its_source_is_equal() -> None:
    one = state(headers={"content-type": "a/b"}, tags=(("t", "1"),))

    assert between(one, one) is Difference.NOTHING


def test_where_and_when_a_replica_is_kept_does_not_matter() -> None:
    replica = state(
        last_modified="Sat, 03 Jan 2026 03:04:05 GMT", version_id="R1", storage_class="DEEP_ARCHIVE"
    )

    assert between(state(version_id="S1"), replica) is Difference.NOTHING


@pytest.mark.parametrize(
    "replica",
    [
        state(size=4),
        state(etag='"other"'),
        state(headers={"content-type": "a/b"}),
        state(size=4, tags=(("t", "1"),)),
    ],
    ids=["size", "content", "headers", "size and tags"],
)
def test_a_replica_that_differs_is_written(replica: ObjectState) -> None:
    assert between(state(), replica) is Difference.OBJECT


@pytest.mark.parametrize("tags", [(), (("t", "2"),), (("t", "1"), ("u", "1"))])
def test_tags_that_differ_are_written_alone(tags: tuple[tuple[str, str], ...]) -> None:
    assert between(state(tags=(("t", "1"),)), state(tags=tags)) is Difference.TAGS


@pytest.mark.parametrize(
    ("wanted", "source_class", "replica_class", "written"),
    [
        (None, "STANDARD", "STANDARD", False),
        (None, "STANDARD_IA", "STANDARD", False),
        (None, "STANDARD", "GLACIER", False),
        ("GLACIER_IR", "STANDARD", "STANDARD", True),
        ("GLACIER_IR", "STANDARD", "GLACIER_IR", False),
        ("GLACIER_IR", "STANDARD", "DEEP_ARCHIVE", False),
        ("DEEP_ARCHIVE", "STANDARD", "STANDARD", True),
        ("STANDARD", "STANDARD_IA", "STANDARD", False),
        ("STANDARD", "STANDARD", "GLACIER_IR", False),
        (SameAs.SOURCE, "STANDARD", "STANDARD", False),
        (SameAs.SOURCE, "STANDARD", "GLACIER_IR", False),
        (SameAs.SOURCE, "STANDARD_IA", "STANDARD", True),
        (SameAs.SOURCE, "STANDARD_IA", "STANDARD_IA", False),
        (SameAs.SOURCE, "STANDARD_IA", "GLACIER", False),
        (SameAs.SOURCE, "GLACIER_IR", "STANDARD", True),
        (SameAs.SOURCE, "GLACIER", "STANDARD", False),
        (SameAs.SOURCE, "DEEP_ARCHIVE", "STANDARD", False),
        (SameAs.SOURCE, "GLACIER", "GLACIER", False),
    ],
)
def test_a_replica_is_written_again_for_its_class_only_while_it_is_still_in_the_default_one(
    wanted: str | SameAs | None, source_class: str, replica_class: str, written: bool
) -> None:
    source, replica = state(storage_class=source_class), state(storage_class=replica_class)

    found = between(source, replica, storage_class=wanted)

    assert found is (Difference.OBJECT if written else Difference.NOTHING)


@pytest.mark.parametrize(
    ("wanted", "asked_for"),
    [(None, None), ("GLACIER_IR", "GLACIER_IR"), (SameAs.SOURCE, "STANDARD_IA")],
)
def test_the_class_to_write_is_the_one_asked_for_or_that_of_the_source(
    wanted: str | SameAs | None, asked_for: str | None
) -> None:
    source = state(storage_class="STANDARD_IA")

    assert storage_class_for(source, ReplicaSettings(storage_class=wanted)) == asked_for


@pytest.mark.parametrize(
    ("wanted", "key", "written"),
    [
        (None, None, False),
        (None, "arn:other", False),
        ("arn:key", "arn:key", False),
        ("arn:key", "arn:other", True),
        ("arn:key", None, True),
    ],
)
def test_a_replica_under_another_key_than_asked_for_is_written(
    wanted: str | None, key: str | None, written: bool
) -> None:
    checksums = {"crc64nvme": "same"}
    source = state(checksums=checksums, kms_key_id="arn:source")

    found = between(source, state(checksums=checksums, kms_key_id=key), kms_key_arn=wanted)

    assert found is (Difference.OBJECT if written else Difference.NOTHING)


def test_tags_do_not_count_where_they_are_not_replicated() -> None:
    tagged = state(tags=(("t", "1"),))

    assert between(tagged, state(), replicate_tags=False) is Difference.NOTHING
    assert between(tagged, state(size=4), replicate_tags=False) is Difference.OBJECT


def test_equal_checksums_say_more_than_different_etags() -> None:
    source = state(etag=OPAQUE, checksums={"crc64nvme": "same"})
    replica = state(checksums={"crc64nvme": "same"})

    assert between(source, replica) is Difference.NOTHING


def test_one_of_several_checksums_that_differs_is_enough() -> None:
    source = state(checksums={"crc64nvme": "same", "sha256": "one"})
    replica = state(checksums={"crc64nvme": "same", "sha256": "other"})

    assert between(source, replica) is Difference.OBJECT


def test_checksums_of_different_kinds_are_not_compared() -> None:
    source = state(checksums={"crc32": "c32"})
    replica = state(checksums={"crc64nvme": "c64"})

    assert between(source, replica) is Difference.NOTHING  # by their ETags


@pytest.mark.parametrize(
    "changed",
    [{"etag": OPAQUE}, {"encryption": "aws:kms"}, {"encryption": "aws:kms:dsse"}],
    ids=["multipart", "KMS", "DSSE"],
)
@pytest.mark.parametrize("side", ["both", "source", "replica"])
def test_etags_that_are_no_md5_prove_nothing(changed: dict[str, str], side: str) -> None:
    opaque = state(**changed)  # type: ignore[arg-type]
    source = state() if side == "replica" else opaque
    replica = state() if side == "source" else opaque

    assert between(source, replica) is Difference.OBJECT


# Lineage: this invocation wrote that replica from that source


def test_what_was_written_from_this_very_version_is_equal() -> None:
    source, replica = state(etag=OPAQUE, version_id="S1"), state(version_id="R1")
    lineage = Lineage(source=("S1",), etag=replica.etag, version_id="R1")

    assert between(source, replica, lineage) is Difference.NOTHING


@pytest.mark.parametrize(
    ("source", "replica"),
    [
        (state(etag=OPAQUE, version_id="S2"), state(version_id="R1")),
        (state(etag=OPAQUE, version_id="S1"), state(version_id="R2")),
        (state(etag=OPAQUE), state(version_id="R1")),
        (state(etag=OPAQUE, version_id="S1"), state()),
    ],
    ids=["newer source", "newer replica", "source without version", "replica without version"],
)
def test_lineage_proves_nothing_for_another_version(
    source: ObjectState, replica: ObjectState
) -> None:
    lineage = Lineage(source=("S1",), etag=replica.etag, version_id="R1")

    assert between(source, replica, lineage) is Difference.OBJECT


@pytest.mark.parametrize(
    "changed",
    [{"etag": '"other-7"'}, {"last_modified": "Fri, 02 Jan 2026 03:04:06 GMT"}],
    ids=["content", "time"],
)
def test_without_versions_lineage_needs_the_same_etag_and_time(changed: dict[str, str]) -> None:
    source, replica = state(etag=OPAQUE), state()
    lineage = Lineage(source=source.identity, etag=replica.etag, version_id=None)
    touched = state(**({"etag": OPAQUE} | changed))  # type: ignore[arg-type]

    assert between(source, replica, lineage) is Difference.NOTHING
    assert between(touched, replica, lineage) is Difference.OBJECT


def test_without_versions_lineage_needs_the_replica_that_was_written() -> None:
    source = state(etag=OPAQUE)
    lineage = Lineage(source=source.identity, etag='"written"', version_id=None)

    assert between(source, state(etag='"written"'), lineage) is Difference.NOTHING
    assert between(source, state(etag='"another"'), lineage) is Difference.OBJECT


def test_a_checksum_that_differs_says_more_than_lineage() -> None:
    source = state(etag=OPAQUE, checksums={"crc64nvme": "one"})
    replica = state(checksums={"crc64nvme": "other"})
    lineage = Lineage(source=source.identity, etag=replica.etag, version_id=None)

    assert between(source, replica, lineage) is Difference.OBJECT


def test_an_identity_is_unique_once_its_second_is_over_or_with_a_version() -> None:
    assert not state(last_modified=AT_ONCE, answered_at=AT_ONCE).identity_is_unique
    assert state(last_modified=AT_ONCE, answered_at=AT_ONCE, version_id="S1").identity_is_unique
    assert state(
        last_modified=AT_ONCE, answered_at="Fri, 02 Jan 2026 03:04:06 GMT"
    ).identity_is_unique


@pytest.mark.parametrize(
    "answered_at",
    ["", "now", "Fri, 02 Jan 2026 03:04:09", "Fri, 02 Jan 2026 03:04:09 GMT, Fri, 02 Jan 2026"],
)
def test_an_identity_is_not_unique_when_the_answer_has_no_proper_date(answered_at: str) -> None:
    assert not state(answered_at=answered_at).identity_is_unique


def test_an_identity_is_not_unique_when_clocks_disagree() -> None:
    before = "Fri, 02 Jan 2026 03:04:04 GMT"

    assert not state(last_modified=AT_ONCE, answered_at=before).identity_is_unique


@given(
    *[
        st.builds(
            state,
            etag=st.sampled_from([f'"{ETAG}"', '"other"', OPAQUE]),
            size=st.integers(0, 1),
            version_id=st.sampled_from([None, "V1"]),
            checksums=st.dictionaries(st.sampled_from(["crc32", "sha1"]), st.sampled_from("ab")),
            headers=st.dictionaries(st.just("x-amz-meta-a"), st.sampled_from("12")),
            encryption=st.sampled_from([None, "AES256", "aws:kms"]),
            tags=st.sampled_from([(), (("t", "1"),)]),
        )
    ]
    * 2
)
def test_equality_does_not_depend_on_the_direction(one: ObjectState, other: ObjectState) -> None:
    assert between(one, other) is between(other, one)
