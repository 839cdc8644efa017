"""What every unit test stands on: an empty AWS environment, moto's S3."""

from __future__ import annotations

import os
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from hypothesis import settings
from moto import mock_aws

from .builders import CREDENTIALS, EVENT_SECONDS, Bench, S3World

# The same examples in every run: a test that failed once fails again.
settings.register_profile("unit", deadline=None, derandomize=True)
settings.load_profile("unit")


@pytest.fixture(scope="package", autouse=True)
def _nothing_of_this_machine() -> Iterator[None]:
    """No configuration, credentials, endpoint or proxy but what a test sets."""
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ:
            if name.startswith("AWS_") or name.lower().endswith("_proxy"):
                patch.delenv(name)
        for name, value in CREDENTIALS.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="package")
def _moto(_nothing_of_this_machine: None) -> Iterator[None]:
    with mock_aws(config={"core": {"mock_credentials": False}}):
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
    monkeypatch.setattr("fanout.keys.converge", made.converge)
    monkeypatch.setattr("fanout.queue.time", SimpleNamespace(time=lambda: EVENT_SECONDS))
    return made
