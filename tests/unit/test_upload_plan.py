"""How a large object is cut into parts, and when a copy stops."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fanout.replicate.object_state import ObjectState
from fanout.replicate.upload_plan import (
    CUT_SHARE,
    LARGEST_PART_BYTES,
    MAX_PARTS,
    MIB,
    MIN_CUT_BYTES,
    MIN_PART_BYTES,
    SINGLE_COPY_BYTES,
    Part,
    TimeBudget,
    UploadPlan,
    can_be_cut,
    is_copied_in_parts,
)
from hypothesis import example, given
from hypothesis import strategies as st

from support.values import state

LARGEST = LARGEST_PART_BYTES * MAX_PARTS

identities = st.builds(
    state,
    size=st.integers(SINGLE_COPY_BYTES + 1, LARGEST),
    version_id=st.none() | st.text(min_size=1),
    etag=st.text(),
)


@pytest.mark.parametrize(
    ("size", "in_parts"),
    [(None, False), (0, False), (SINGLE_COPY_BYTES, False), (SINGLE_COPY_BYTES + 1, True)],
)
def test_only_what_is_known_to_be_large_is_copied_in_parts(
    size: int | None, in_parts: bool
) -> None:
    assert is_copied_in_parts(size) is in_parts


@given(st.integers(MIN_CUT_BYTES, SINGLE_COPY_BYTES), st.text())
def test_an_object_that_one_copy_is_for_can_be_cut_in_three_parts_that_s3_takes(
    size: int, etag: str
) -> None:
    plan = UploadPlan.of(state(size=size, etag=etag))

    assert can_be_cut(size)
    assert min(plan.first, plan.other) >= 5 * MIB
    assert plan.first + plan.other < size
    assert 3 <= plan.parts <= 4  # a rest of a byte or two
    assert not can_be_cut(MIN_CUT_BYTES - 1)


@given(identities)
@example(state(size=SINGLE_COPY_BYTES + 1))
@example(state(size=LARGEST))
def test_the_parts_are_the_object_and_two_of_them_are_whole(source: ObjectState) -> None:
    plan = UploadPlan.of(source)
    ends = [plan.first_byte(number) + plan.length(number) for number in range(1, plan.parts + 1)]

    assert [0, *ends] == [plan.first_byte(n) for n in range(1, plan.parts + 1)] + [source.size]
    assert 3 <= plan.parts <= MAX_PARTS
    assert (plan.length(1), plan.length(2)) == (plan.first, plan.other)
    assert max(plan.first, plan.other) <= LARGEST_PART_BYTES
    least = max(MIN_PART_BYTES, source.size // MAX_PARTS)
    assert all(
        least <= each <= (least + MIB) * (1 + 1 / CUT_SHARE) for each in (plan.first, plan.other)
    )


def test_no_two_objects_are_cut_in_one_way() -> None:
    one = state(size=2**28)
    others = [
        *(replace(one, version_id=f"v{number}") for number in range(500)),
        *(replace(one, etag=f'"{number}"') for number in range(500)),
        replace(one, last_modified="Fri, 02 Jan 2026 03:04:06 GMT"),
        replace(one, headers=(("content-type", "a/b"),)),
        replace(one, size=one.size + 1),
    ]

    plans = {(plan.first, plan.other) for plan in map(UploadPlan.of, (one, *others))}
    assert len(plans) == 1 + len(others)
    # What S3 may change of an object, and what is compared by itself, makes no difference.
    same = replace(one, storage_class="GLACIER", tags=(("t", "1"),), answered_at="later")
    assert UploadPlan.of(same) == UploadPlan.of(one)


def test_an_upload_is_known_by_its_first_part_and_any_other_one() -> None:
    plan = UploadPlan.of(state(size=2**28))
    whole = {number: Part(plan.length(number), "etag") for number in range(1, plan.parts + 1)}

    assert plan.is_of_upload(whole)
    assert plan.is_of_upload({number: whole[number] for number in (1, plan.parts)})
    assert not plan.is_of_upload({})
    assert not plan.is_of_upload({1: whole[1]})
    assert not plan.is_of_upload({2: whole[2], 3: whole[3]})
    assert not plan.is_of_upload(whole | {2: Part(plan.other + 1, "etag")})
    assert not plan.is_of_upload(whole | {plan.parts + 1: Part(plan.other, "etag")})


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
