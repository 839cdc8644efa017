"""How a large object is cut into parts, when a copy stops, and the message that names an upload."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from fanout.replicate.decode import MalformedMessageError, decode_message
from fanout.replicate.key_event import KeyEvent
from fanout.replicate.upload_plan import (
    LARGEST_PART_BYTES,
    MAX_PARTS,
    MIB,
    MIN_PART_BYTES,
    SINGLE_COPY_BYTES,
    TimeBudget,
    Upload,
    is_copied_in_parts,
    older_uploads,
    upload_message,
)
from hypothesis import given
from hypothesis import strategies as st

from support.settings import SOURCE_BUCKET
from support.values import state

TIB = 1024**4


def upload_of(size: int, key: str = "key", id_: str = "id", **about: Any) -> Upload:
    """An upload of an object of this size."""
    return Upload.of(state(size=size, **about), key, id_)


@pytest.mark.parametrize(
    ("size", "in_parts"),
    [(None, False), (0, False), (SINGLE_COPY_BYTES, False), (SINGLE_COPY_BYTES + 1, True)],
)
def test_only_what_is_known_to_be_large_is_copied_in_parts(
    size: int | None, in_parts: bool
) -> None:
    assert is_copied_in_parts(size) is in_parts


@pytest.mark.parametrize(
    ("size", "part_mib", "parts"),
    [
        (128 * MIB + 1, 64, 3),
        (5 * 1024 * MIB, 64, 80),
        (640_000 * MIB, 64, 10_000),
        (640_000 * MIB + 1, 65, 9847),
        (5 * TIB, 525, 9987),
        (LARGEST_PART_BYTES * MAX_PARTS, LARGEST_PART_BYTES // MIB, 10_000),
    ],
)
def test_parts_are_64_mib_or_as_many_as_s3_takes(size: int, part_mib: int, parts: int) -> None:
    upload = upload_of(size)

    assert (upload.part_bytes, upload.parts) == (part_mib * MIB, parts)


@given(st.integers(1, LARGEST_PART_BYTES * MAX_PARTS))
def test_the_parts_are_the_object(size: int) -> None:
    upload = upload_of(size)

    assert MIN_PART_BYTES <= upload.part_bytes <= LARGEST_PART_BYTES
    assert 1 <= upload.parts <= MAX_PARTS
    assert upload.first_byte(1) == 0
    assert upload.first_byte(upload.parts) + upload.length(upload.parts) == size
    assert upload.length(1) in (upload.part_bytes, size)
    assert upload.first_byte(2) == upload.part_bytes


def test_only_the_listed_parts_that_are_whole_count() -> None:
    upload = upload_of(2 * MIN_PART_BYTES + 1)

    assert upload.has_part(2, MIN_PART_BYTES)
    assert upload.has_part(3, 1)
    assert not upload.has_part(2, MIN_PART_BYTES - 1)
    assert not upload.has_part(4, 1)


@given(st.text(min_size=1), st.text(min_size=1), st.integers(1, 5 * TIB))
def test_a_message_says_what_was_put_into_it(key: str, name: str, size: int) -> None:
    source = state(size=size, headers={"x-amz-meta-name": name}, version_id=None)
    upload = Upload.of(source, key, name, attempt=2)

    [event] = decode_message(upload_message(upload, SOURCE_BUCKET, key, 1.5))

    assert event == KeyEvent(SOURCE_BUCKET, key, "Upload", time=1.5, uploads=(upload,))
    assert upload.is_of(source, key)
    assert not upload.is_of(replace(source, etag='"other"'), key)
    assert not upload.is_of(replace(source, size=size + 1), key)
    assert not upload.is_of(source, key + "x")


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content.update(s3FanoutUpload=2),
        lambda content: content.pop("upload"),
        lambda content: content.pop("key"),
        lambda content: content.update(bucket=7),
        lambda content: content.update(key=""),
        lambda content: content["upload"].pop("source"),
        lambda content: content["upload"].pop("attempt"),
        lambda content: content["upload"].update(partBytes=0),
        lambda content: content["upload"].update(partBytes=1),
        lambda content: content["upload"].update(partBytes="many"),
        lambda content: content["upload"].update(partBytes=6 * 1024**3),
        lambda content: content["upload"].update(size=0),
        lambda content: content["upload"].update(size=-1),
        lambda content: content["upload"].update(size=10**18),
    ],
)
def test_a_message_that_the_function_did_not_write_is_malformed(
    change: Callable[[dict[str, Any]], object],
) -> None:
    content = json.loads(upload_message(upload_of(TIB), SOURCE_BUCKET, "key", None))
    change(content)

    with pytest.raises(MalformedMessageError):
        decode_message(json.dumps(content))


@pytest.mark.parametrize(
    ("left", "margin", "completion"),
    [(900, 10, 60), (240, 10, 60), (100, 5, 25), (40, 2, 10), (8, 2, 2)],
)
def test_a_copy_stops_before_the_invocation_ends(
    left: float, margin: float, completion: float
) -> None:
    budget = TimeBudget.of(1000, 1000 + left)

    assert budget == TimeBudget(1000 + left - margin, 1000 + left - completion)
    assert budget.has_time_for_part(budget.stop_at - 10, slowest=8)
    assert not budget.has_time_for_part(budget.stop_at - 10, slowest=8.1)


def test_uploads_of_the_same_second_are_older_too() -> None:
    uploads = {"before": "1", "id": "2", "same": "2", "later": "3"}

    assert older_uploads(upload_of(MIB), uploads) == ["before", "same"]
    assert older_uploads(upload_of(MIB), {"before": "1"}) == []
