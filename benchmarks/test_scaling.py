"""The simulated queue loses nothing, doubles nothing, and obeys Little's law."""

import pytest

from . import plan
from .scaling import BATCH, Limits, Load, Run, simulate

LOADS = {
    "trickle": (Load(50, 2), Limits(5, 3500, 0.07, 0.02)),
    "burst": (Load(5_000, 30_000), Limits(10, 3500, 0.07, 0.02)),
    "more than it can": (Load(5_000, 1_000), Limits(5, 3500, 0.07, 0.02)),
    "refused by S3": (Load(2_000, 1_000), Limits(50, 100, 0.07, 0.02)),
    "not a multiple of a batch": (Load(1_003, 10_007), Limits(7, 333, 0.07, 0.02)),
}


@pytest.fixture(params=list(LOADS.values()), ids=list(LOADS))
def run(request: pytest.FixtureRequest) -> Run:
    return simulate(*request.param)


def test_every_object_that_goes_in_comes_out_once(run: Run) -> None:
    copied = sorted(
        number
        for _, parcel in run.copies
        for number in range(parcel.first, parcel.first + parcel.count)
    )

    assert copied == list(range(run.load.objects))


def test_nothing_is_copied_before_it_is_there(run: Run) -> None:
    assert all(at > run.load.arrival(parcel.first + parcel.count - 1) for at, parcel in run.copies)


def test_the_mean_number_there_is_the_rate_times_the_mean_delay(run: Run) -> None:
    # Counted over time, from arrivals and copies without knowing which belongs to which.
    steps = [(run.load.arrival(number), 1) for number in range(run.load.objects)]
    steps += [(at, -parcel.count) for at, parcel in run.copies]
    there, since, held = 0, 0.0, 0.0
    for at, step in sorted(steps):
        held += there * (at - since)
        there, since = there + step, at
        assert there >= 0
    delays = [
        at - run.load.arrival(number)
        for at, parcel in run.copies
        for number in range(parcel.first, parcel.first + parcel.count)
    ]
    rate = run.load.objects / run.seconds

    assert there == 0
    assert held / run.seconds == pytest.approx(rate * sum(delays) / len(delays))


def test_no_more_is_copied_than_the_limits_let_through() -> None:
    load, limits = LOADS["burst"]
    run = simulate(load, limits)

    assert run.most_busy == limits.concurrency
    assert run.invocations * BATCH >= load.objects
    capacity = limits.concurrency * BATCH / limits.seconds(BATCH)
    assert run.seconds >= load.objects / capacity


def test_s3_refuses_what_is_beyond_its_rate() -> None:
    load, limits = LOADS["refused by S3"]
    run = simulate(load, limits)

    assert run.refused > 0
    assert run.seconds >= (load.objects - limits.copies_per_second) / limits.copies_per_second


def test_pollers_are_added_300_a_minute() -> None:
    run = simulate(Load(10_000, 1e6), Limits(1000, 1e6, 1.0, 0.0))

    # 5 at once, then 5 a second; in the 10th second no more than 5 + 5 * 10 are busy.
    first = [parcel.count for at, parcel in run.copies if at <= 10.999]
    assert sum(first) <= BATCH * sum(5 + 5 * second for second in range(11))


def test_the_object_of_50_tb_is_within_what_s3_takes() -> None:
    giant = plan.giant()

    assert giant.parts <= 10_000
    assert giant.part_bytes <= 5 * 2**30
    assert giant.parts * giant.part_bytes >= plan.LARGE_BYTES
