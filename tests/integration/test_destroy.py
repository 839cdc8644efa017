"""Destroying the module leaves nothing behind."""

from typing import Any

import pytest

from integration.support import REGION, Stack, inventory


@pytest.mark.last
def test_destroy_leaves_nothing_behind(stack: Stack) -> None:
    def client(service: str) -> Any:
        return stack.aws.client(service, region=REGION)

    def left() -> dict[str, list[str]]:
        return {
            kind: [name for name in found if "fanout-tests" in name.replace(".", "-")]
            for kind, found in inventory(client).items()
        }

    before = left()
    assert {kind for kind, found in before.items() if not found} == {"policy"}
    stack.tf.destroy()
    assert left() == {kind: [] for kind in before}
