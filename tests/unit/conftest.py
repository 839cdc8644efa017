"""What every unit test stands on: an empty AWS environment, moto's S3."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from hypothesis import settings

from .builders import EVENT_SECONDS, Bench, S3World, moto, nothing_of_this_machine

# The same examples in every run: a test that failed once fails again.
settings.register_profile("unit", deadline=None, derandomize=True)
settings.load_profile("unit")


@pytest.fixture(scope="package", autouse=True)
def _nothing_of_this_machine() -> Iterator[None]:
    with nothing_of_this_machine():
        yield


@pytest.fixture(scope="package")
def _moto(_nothing_of_this_machine: None) -> Iterator[None]:
    with moto():
        yield


@pytest.fixture
def s3(_moto: None, monkeypatch: pytest.MonkeyPatch) -> S3World:
    """Empty source and destination buckets in two regions, and the wire under the clients."""
    # A client that retries waits in between; the waits are botocore's affair.
    monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=lambda _: None))
    return S3World.fresh()


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A replicator whose keys end as the test says; the clock stands at the event's time."""
    made = Bench()
    monkeypatch.setattr("fanout.replicate.replicator.converge", made.converge)
    monkeypatch.setattr(
        "fanout.replicate.work_queue.time", SimpleNamespace(time=lambda: EVENT_SECONDS)
    )
    return made
