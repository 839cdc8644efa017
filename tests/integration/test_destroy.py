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
            kind: [name for name in found if "fanout-tests" in name]
            for kind, found in inventory(client).items()
        }

    before = left()
    for kind in (
        "function",
        "mapping",
        "queue",
        "topic",
        "subscription",
        "role",
        "rule",
        "log group",
    ):
        assert before[kind], f"no {kind} is found while the stack is there"
    stack.tf.destroy()
    assert left() == {kind: [] for kind in before}
