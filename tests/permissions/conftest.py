"""What the permission tests share: the plans, and what the handler was seen doing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from permissions.calls import Need, needs
from permissions.configurations import CONFIGURATIONS, Configuration
from permissions.planned import Planned, plan
from permissions.recording import record, record_everything, world_of
from unit.builders import S3World, moto, nothing_of_this_machine


@pytest.fixture(scope="session")
def plans() -> dict[str, Planned]:
    """What every configuration becomes."""
    return plan(CONFIGURATIONS)


@pytest.fixture(scope="session")
def _moto() -> Iterator[None]:
    with nothing_of_this_machine() as patch, moto():
        patch.setattr("botocore.endpoint.time.sleep", lambda _: None)
        yield


@pytest.fixture(scope="session")
def _recorded_clients(_moto: None) -> None:
    buckets = S3World.fresh().buckets
    made = {buckets.source_reads, buckets.destination_reads, buckets.writes, buckets.parts.client}
    for client in made:
        record(client)


@pytest.fixture(params=CONFIGURATIONS, ids=lambda configuration: configuration.name)
def configuration(request: pytest.FixtureRequest) -> Configuration:
    """Each of the configurations."""
    found: Configuration = request.param
    return found


@pytest.fixture
def planned(configuration: Configuration, plans: dict[str, Planned]) -> Planned:
    """What it becomes."""
    return plans[configuration.name]


_SEEN: dict[str, list[Need]] = {}


@pytest.fixture
def needed(configuration: Configuration, planned: Planned, _recorded_clients: None) -> list[Need]:
    """The rights that its handler was seen to need, each once."""
    if configuration.name not in _SEEN:
        world, calls = world_of(configuration, planned), record_everything(configuration, planned)
        found = dict.fromkeys(need for call in calls for need in needs(call, world))
        _SEEN[configuration.name] = list(found)
    return _SEEN[configuration.name]
