"""Destroying the module leaves nothing behind."""

from typing import Any

import pytest

from integration.support import REGION, Stack, inventory

OURS = "fanout-tests"
VERSIONED = "fanout-tests-versioned"
ONLY_VERSIONED = {"alarm", "dashboard", "table"}


@pytest.mark.last
def test_destroy_leaves_nothing_behind(either: Stack) -> None:
    is_versioned = either.source_bucket.startswith(VERSIONED)

    def client(service: str) -> Any:
        return either.aws.client(service, region=REGION)

    def is_its(name: str) -> bool:
        # Both stacks are there when all of these tests run at once.
        return OURS in name.replace(".", "-") and (VERSIONED in name) == is_versioned

    def left() -> dict[str, list[str]]:
        return {kind: list(filter(is_its, found)) for kind, found in inventory(client).items()}

    before = left()
    there = {kind for kind, found in before.items() if found}
    assert there == before.keys() - ({"policy"} if is_versioned else {"policy", *ONLY_VERSIONED})
    either.tf.destroy()
    assert left() == {kind: [] for kind in before}
