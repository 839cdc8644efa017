"""The module, applied once to the enforcing local AWS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from enforced import inputs
from enforced.removals import Deployed
from enforced.world import World
from integration.support import Stack, checkout
from local_aws.enforcing import EnforcingAws
from local_aws.server import WORK_FOLDER


def deploy(folder: Path, aws: EnforcingAws) -> Deployed:
    """Apply the module; then the other account allows what the outputs say."""
    world = World(aws, folder)
    checkout(folder / "module")
    world.set_up()
    deployed = Deployed(world, inputs.first(world.keys), inputs.changed(world.keys))
    world.apply(deployed.inputs)
    statements = world.output()["destination_bucket_policy_statements"]["abroad"]
    world.bucket_policy("photos-us", json.loads(statements))
    return deployed


@pytest.fixture(scope="session")
def aws() -> Iterator[EnforcingAws]:
    """The emulator; its log stays in .local_aws/."""
    with EnforcingAws(log_file=WORK_FOLDER / "enforcing.log") as running:
        yield running


@pytest.fixture(scope="session")
def deployed(aws: EnforcingAws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """The module, applied."""
    made = deploy(tmp_path_factory.mktemp("enforced"), aws)
    with made.world.until_the_end:
        yield made


@pytest.fixture
def stack(deployed: Deployed) -> Stack:
    """What was applied."""
    return deployed.stack
