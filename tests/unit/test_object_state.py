"""What S3's headers say of an object, and when two objects are equal."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from fanout.common.config import ReplicaSettings, SameAs
from fanout.replicate.object_state import (
    Difference,
    Lineage,
    ObjectState,
    character_not_in_xml,
    compare_objects,
    has_delete_marker,
    storage_class_for,
)
from hypothesis import given
from hypothesis import strategies as st

from support.objects import ETAG
from support.values import state

SECOND, NEXT_SECOND = "Fri, 02 Jan 2026 03:04:05 GMT", "Fri, 02 Jan 2026 03:04:06 GMT"
HEADERS = {
    "etag": f'"{ETAG}"',
    "content-length": "3",
    "content-type": "text/plain",
    "last-modified": SECOND,
    "date": "Fri, 02 Jan 2026 03:04:09 GMT",
}

NOTHING, TAGS, OBJECT, UNKNOWN = Difference


# Reading


def read(**headers: str) -> ObjectState:
    """An object with some more headers, in whose names underscores stand for dashes."""
    return ObjectState.from_headers(
        HEADERS | {name.replace("_", "-"): value for name, value in headers.items()}
    )


def test_an_object_is_read_from_its_headers() -> None:
    found = read(
        x_amz_version_id="V1",
        x_amz_checksum_crc64nvme="c64",
        x_amz_checksum_type="FULL_OBJECT",
        x_amz_storage_class="GLACIER_IR",
        x_amz_server_side_encryption="aws:kms",
        x_amz_server_side_encryption_aws_kms_key_id="arn:key",
        x_amz_meta_Z="last",
        x_amz_meta_a="first",
        cache_control="no-cache",
        x_amz_request_id="REQUEST1",
    )

    assert found == ObjectState(
        etag=f'"{ETAG}"',
        size=3,
        last_modified=SECOND,
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
    assert (read().storage_class, read().version_id) == ("STANDARD", None)
    assert read(x_amz_version_id="null").version_id is None  # identifies nothing


@pytest.mark.parametrize(
    ("header", "counts"),
    [
        ("cache-control", True),
        ("content-disposition", True),
        ("content-encoding", True),
        ("content-language", True),
        ("content-type", True),
        ("expires", True),
        ("x-amz-website-redirect-location", True),
        ("x-amz-meta-anything", True),
        ("x-amz-request-id", False),
        ("x-amz-expiration", False),
        ("x-amz-replication-status", False),
        ("x-amz-server-side-encryption", False),
        ("x-amz-storage-class", False),
        ("accept-ranges", False),
    ],
)
def test_the_headers_that_a_reader_would_get_count_and_those_about_the_place_do_not(
    header: str, counts: bool
) -> None:
    found = read(**{header: "AES256"})

    assert ((header, "AES256") in found.headers) is counts
    assert found.redirect == ("AES256" if "redirect" in header else None)
    assert compare_objects(found, read(), ReplicaSettings()) is (OBJECT if counts else NOTHING)


@pytest.mark.parametrize(
    "headers",
    [
        {"x_amz_checksum_crc32": "abc=-3"},
        {"x_amz_checksum_crc32": "abc=", "x_amz_checksum_type": "COMPOSITE"},
        {"x_amz_checksum_type": "FULL_OBJECT"},
    ],
)
def test_a_checksum_of_checksums_is_none_of_the_content(headers: dict[str, str]) -> None:
    assert read(**headers).checksums == frozenset()


@pytest.mark.parametrize(
    ("headers", "is_marker"),
    [
        ({"x-amz-delete-marker": "true", "x-amz-version-id": "V1"}, True),
        ({"x-amz-delete-marker": "true", "x-amz-version-id": "null"}, False),
        ({"x-amz-delete-marker": "false", "x-amz-version-id": "V1"}, False),
        ({}, False),
    ],
    ids=["a marker", "a marker that replaced the newest object", "no marker", "nothing"],
)
def test_what_a_delete_marker_hides_survives_unless_the_marker_replaced_it(
    headers: dict[str, str], is_marker: bool
) -> None:
    assert has_delete_marker(headers) is is_marker


@pytest.mark.parametrize(
    ("key", "found"),
    [("a\tb\r\n", None), ("\U0001f680", None), ("a\x01\x02", "\x01"), ("\ufffe", "\ufffe")],
)  # fmt: skip
def test_the_first_character_that_xml_cannot_hold_is_found(key: str, found: str | None) -> None:
    assert character_not_in_xml(key) == found


# Equality

ONE, OTHER = {"crc64nvme": "one"}, {"crc64nvme": "other"}
TAGGED = state(tags=(("t", "1"),))
OPAQUE = state(etag='"0123456789abcdef0123456789abcdef-7"')
"""With the ETag of a multipart upload, which says nothing about content."""


@pytest.mark.parametrize(
    ("source", "replica", "difference"),
    [
        (state(), None, OBJECT),
        (state(headers={"content-type": "a/b"}), state(headers={"content-type": "a/b"}), NOTHING),
        # Where and when a replica is kept does not matter.
        (state(version_id="S1"), state(version_id="R1", last_modified=NEXT_SECOND), NOTHING),
        (state(), state(storage_class="DEEP_ARCHIVE"), NOTHING),
        (state(), state(size=4), OBJECT),
        (state(), state(etag='"other"'), OBJECT),
        (state(), state(headers={"content-type": "a/b"}), OBJECT),
        (state(), state(size=4, tags=TAGGED.tags), OBJECT),
        # Tags
        (TAGGED, TAGGED, NOTHING),
        (TAGGED, state(), TAGS),
        (TAGGED, state(tags=(("t", "2"),)), TAGS),
        (TAGGED, state(tags=(("t", "1"), ("u", "1"))), TAGS),
        # Checksums say more than ETags, where both have one of a kind.
        (replace(OPAQUE, checksums=frozenset(ONE.items())), state(checksums=ONE), NOTHING),
        (state(checksums=ONE), state(checksums=OTHER), OBJECT),
        (state(checksums=ONE | {"sha256": "1"}), state(checksums=ONE | {"sha256": "2"}), OBJECT),
        (state(checksums={"crc32": "c32"}), state(checksums=ONE), NOTHING),
        # Content can be made whose CRC is equal and whose MD5 is not.
        (state(checksums=ONE), state(etag='"other"', checksums=ONE), OBJECT),
        # ETags that are no MD5 prove nothing.
        *((one, other, UNKNOWN) for opaque in (
            OPAQUE, state(encryption="aws:kms"), state(encryption="aws:kms:dsse")
        ) for one, other in ((opaque, opaque), (opaque, state()), (state(), opaque))),
        (state(encryption=None), state(encryption=None), NOTHING),
    ],
)  # fmt: skip
def test_a_replica_is_compared_with_its_source(
    source: ObjectState, replica: ObjectState | None, difference: Difference
) -> None:
    assert compare_objects(source, replica, ReplicaSettings()) is difference


@given(
    *[
        st.builds(
            state,
            etag=st.sampled_from([f'"{ETAG}"', '"other"', OPAQUE.etag]),
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
    plain = ReplicaSettings()

    assert compare_objects(one, other, plain) is compare_objects(other, one, plain)


# What the destination asks for


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

    found = compare_objects(source, replica, ReplicaSettings(storage_class=wanted))

    assert found is (OBJECT if written else NOTHING)


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
    ("settings", "source", "replica", "difference"),
    [
        ({}, {}, {"kms_key_id": "arn:other"}, NOTHING),
        ({"kms_key_arn": "arn:key"}, {}, {"kms_key_id": "arn:key"}, NOTHING),
        ({"kms_key_arn": "arn:key"}, {}, {"kms_key_id": "arn:other"}, OBJECT),
        ({"kms_key_arn": "arn:key"}, {"kms_key_id": "arn:key"}, {}, OBJECT),
        ({"replicate_tags": False}, {"tags": TAGGED.tags}, {}, NOTHING),
        ({"replicate_tags": False}, {"tags": TAGGED.tags}, {"size": 4}, OBJECT),
    ],
)
def test_a_replica_has_the_key_that_is_asked_for_and_tags_where_they_are_replicated(
    settings: dict[str, Any], source: Any, replica: Any, difference: Difference
) -> None:
    one, other = state(checksums=ONE, **source), state(checksums=ONE, **replica)

    assert compare_objects(one, other, ReplicaSettings(**settings)) is difference


# Lineage: this invocation wrote that replica from that source


@pytest.mark.parametrize(
    ("written_from", "source", "written", "replica", "proven"),
    [
        # With versions the source is known by its version.
        ({"version_id": "S1"}, {"version_id": "S1"}, {"version_id": "R1"}, {"version_id": "R1"}, True),
        ({"version_id": "S1"}, {"version_id": "S2"}, {"version_id": "R1"}, {"version_id": "R1"}, False),
        ({"version_id": "S1"}, {"version_id": "S1"}, {"version_id": "R1"}, {"version_id": "R2"}, False),
        ({"version_id": "S1"}, {}, {"version_id": "R1"}, {"version_id": "R1"}, False),
        ({"version_id": "S1"}, {"version_id": "S1"}, {"version_id": "R1"}, {}, False),
        # Without, by its ETag and time, and the replica by its ETag.
        ({}, {}, {}, {}, True),
        ({}, {"etag": '"other-7"'}, {}, {}, False),
        ({}, {"last_modified": NEXT_SECOND}, {}, {}, False),
        ({}, {}, {"etag": '"written"'}, {"etag": '"written"'}, True),
        ({}, {}, {"etag": '"written"'}, {"etag": '"another"'}, False),
    ],
)  # fmt: skip
def test_what_was_written_from_this_very_object_is_equal(
    written_from: Any, source: Any, written: Any, replica: Any, proven: bool
) -> None:
    before, now = (state(**{"etag": OPAQUE.etag} | each) for each in (written_from, source))
    copy = state(**written)
    lineage = Lineage(before.identity, copy.etag, copy.version_id)

    assert lineage.proves(now, state(**replica)) is proven


def test_lineage_from_an_object_that_was_not_unique_proves_nothing() -> None:
    assert not Lineage(None, state().etag, None).proves(OPAQUE, state())


def test_what_is_known_to_be_a_copy_is_equal_unless_a_checksum_says_otherwise() -> None:
    plain = ReplicaSettings()

    assert compare_objects(OPAQUE, state(), plain, is_copy=True) is NOTHING
    assert compare_objects(replace(OPAQUE, tags=TAGGED.tags), state(), plain, is_copy=True) is TAGS
    one = replace(OPAQUE, checksums=frozenset(ONE.items()))
    assert compare_objects(one, state(checksums=OTHER), plain, is_copy=True) is OBJECT


@pytest.mark.parametrize(
    ("version_id", "answered_at", "is_unique"),
    [
        (None, NEXT_SECOND, True),
        (None, SECOND, False),
        ("S1", SECOND, True),
        (None, "Fri, 02 Jan 2026 03:04:04 GMT", False),  # clocks disagree
        (None, "", False),
        (None, "now", False),
        (None, "Fri, 02 Jan 2026 03:04:09", False),
        (None, "Fri, 02 Jan 2026 03:04:09 GMT, Fri, 02 Jan 2026", False),
    ],
)
def test_an_identity_is_unique_once_its_second_is_over_or_with_a_version(
    version_id: str | None, answered_at: str, is_unique: bool
) -> None:
    found = state(last_modified=SECOND, version_id=version_id, answered_at=answered_at)

    assert found.identity_is_unique is is_unique


def test_without_a_date_an_answer_could_be_of_the_second_of_the_change() -> None:
    undated = {name: value for name, value in HEADERS.items() if name != "date"}

    assert not ObjectState.from_headers(undated).identity_is_unique
    assert read().identity_is_unique
