"""What every unit test stands on: an empty environment, a clock that stands, S3 and the function."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import settings

from support.fake_s3 import FakeS3
from support.function import Bench
from support.machine import surroundings

# The same examples in every run: a test that failed once fails again.
settings.register_profile("unit", deadline=None, derandomize=True)
settings.load_profile("unit")


@pytest.fixture(scope="package", autouse=True)
def _surroundings() -> Iterator[None]:
    with surroundings():
        yield


@pytest.fixture
def s3() -> FakeS3:
    """Empty source and destination buckets in two regions, and the wire under the clients."""
    return FakeS3.fresh()


@pytest.fixture
def new_bench(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Bench]:
    """Makes a function whose keys end as the test says; takes what ``Bench`` does."""

    def make(*arguments: Any, **changed: Any) -> Bench:
        made = Bench(*arguments, **changed)
        monkeypatch.setattr("fanout.replicate.replicator.converge", made.converge)
        return made

    return make


@pytest.fixture
def bench(new_bench: Callable[..., Bench]) -> Bench:
    """Such a function whose destination asks for nothing special."""
    return new_bench()


@pytest.fixture
def log(capsys: pytest.CaptureFixture[str]) -> Callable[[], list[dict[str, Any]]]:
    """Takes the log lines that were written."""
    return lambda: [json.loads(line) for line in capsys.readouterr().out.splitlines()]
