"""Destroying the module leaves nothing behind; what Terraform must be allowed from its apply to here."""

import re
from collections.abc import Set
from typing import Any

import pytest

from integration.support import REGION, Stack, inventory
from permissions.applying import documented

NOTIFICATION = {
    "s3:GetBucketNotificationConfiguration": "s3:GetBucketNotification",
    "s3:PutBucketNotificationConfiguration": "s3:PutBucketNotification",
}
"""Of the calls to S3 those of the module; the others are about the buckets of the tests."""

OF_THE_PROVIDER = {"iam:GetUser", "sts:GetCallerIdentity"}
"""How it finds out whose credentials it has. The second needs no permission, the first is not needed."""

NOT_SEEN = re.compile(
    r":(Tag|Untag|Update)|PermissionsBoundary$"  # tags go along with what is made, or change later
    r"|^iam:PassRole$"  # no call
    r"|FunctionConcurrency$"  # a direct destination is paused, or resumed
    # changes
    r"|ssociateKmsKey$"
    r"|^(logs:DeleteRetentionPolicy|sns:SetSubscriptionAttributes|sqs:SetQueueAttributes)$"
)
"""Permissions that neither an apply nor a destroy shows."""


@pytest.mark.last
def test_destroy_leaves_nothing_behind_and_needs_no_permission_that_is_not_documented(
    versioned: Stack,
) -> None:
    def client(service: str) -> Any:
        return versioned.aws.client(service, region=REGION)

    def left() -> dict[str, list[str]]:
        return {
            kind: [name for name in found if "fanout-tests-versioned" in name]
            for kind, found in inventory(client).items()
        }

    before = left()
    assert {kind for kind, found in before.items() if not found} == {"policy"}
    if versioned.aws.is_external:
        versioned.tf.destroy()
    else:
        with versioned.aws.operations() as asked:
            versioned.tf.destroy()
        assert_documented(versioned.asked_to_apply | asked)
    assert left() == {kind: [] for kind in before}


def assert_documented(operations: Set[str]) -> None:
    """Compare what Terraform asked for with the policy for the role that runs it."""
    called = {operation.replace(".", ":") for operation in operations} - OF_THE_PROVIDER
    needed = {NOTIFICATION.get(call, call) for call in called}
    needed = {action for action in needed if action in NOTIFICATION.values() or "s3:" not in action}
    allowed = {action for statement in documented() for action in statement["Action"]}
    assert needed - allowed == set()
    assert {action for action in allowed - needed if not NOT_SEEN.search(action)} == set()
