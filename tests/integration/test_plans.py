"""Plans are empty when nothing changed, and touch only what changed otherwise."""

import shutil
from pathlib import Path

from integration.support import STACKS, Stack, checkout, planned_changes, terraform_in


def test_a_second_plan_is_empty_also_from_a_new_clone_at_another_path(
    stack: Stack, tmp_path: Path
) -> None:
    root = checkout(tmp_path / "elsewhere") / STACKS / "plain"
    shutil.copy(Path(stack.tf.tfdir) / "terraform.tfstate", root)
    assert planned_changes(terraform_in(root, stack.aws).plan(output=True)) == {}


def test_another_destination_changes_nothing_that_is_there(stack: Stack) -> None:
    plan = stack.tf.plan(output=True, tf_vars={"with_another_destination": "true"})
    changes = planned_changes(plan)
    assert changes
    # The function that compares destinations gets to know of it.
    told = {
        address
        for address, actions in changes.items()
        if ".reconcile[0]" in address and actions == ["update"]
    }
    assert {address.split(".")[2] for address in told} == {
        "aws_lambda_function",
        "aws_iam_role_policy",
    }
    new = {address: actions for address, actions in changes.items() if address not in told}
    assert set(map(tuple, new.values())) == {("create",)}
    assert all(address.endswith('["another"]') for address in new), sorted(new)
