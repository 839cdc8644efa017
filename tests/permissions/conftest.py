"""What the permission tests share: the plans, and what the functions were seen doing."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from permissions.calls import Need, needs
from permissions.configurations import CONFIGURATIONS, EXTREME, Configuration
from permissions.planned import Function, Planned, plan
from permissions.recorder import record_s3
from permissions.recording import WORK, record_everything, world_of
from support.fake_s3 import FakeS3
from support.machine import surroundings


@pytest.fixture(scope="session")
def plans() -> dict[str, Planned]:
    """What every configuration becomes."""
    return plan([*CONFIGURATIONS, EXTREME])


@pytest.fixture(scope="session", autouse=True)
def _surroundings() -> Iterator[None]:
    with surroundings():
        yield


@pytest.fixture(scope="session")
def _recorded_clients(_surroundings: None) -> None:
    for client in FakeS3.fresh().clients.clients.values():
        record_s3(client)


@pytest.fixture(params=CONFIGURATIONS, ids=lambda configuration: configuration.name)
def configuration(request: pytest.FixtureRequest) -> Configuration:
    """Each of the configurations."""
    found: Configuration = request.param
    return found


@pytest.fixture
def planned(configuration: Configuration, plans: dict[str, Planned]) -> Planned:
    """What it becomes."""
    return plans[configuration.name]


@pytest.fixture(params=WORK)
def name(request: pytest.FixtureRequest) -> str:
    """What a function does: ``replicate`` or ``reconcile``."""
    found: str = request.param
    return found


@pytest.fixture
def function(planned: Planned, name: str) -> Function:
    """What it becomes."""
    return planned.functions[name]


_SEEN: dict[tuple[str, str], list[Need]] = {}


@pytest.fixture
def needed_by(
    configuration: Configuration, planned: Planned, _recorded_clients: None
) -> Callable[[str], list[Need]]:
    """The permissions that a function was seen to need, each once."""

    def needed(name: str) -> list[Need]:
        seen = configuration.name, name
        if seen not in _SEEN:
            world = world_of(configuration, planned, name)
            calls = record_everything(configuration, planned, name)
            _SEEN[seen] = list(dict.fromkeys(n for call in calls for n in needs(call, world)))
        return _SEEN[seen]

    return needed


@pytest.fixture
def needed(needed_by: Callable[[str], list[Need]], name: str) -> list[Need]:
    """Those of the function that is tested."""
    return needed_by(name)
