"""The handler at work under its planned policy, where moto enforces that.

moto looks at one action and one resource of each S3 request, and so not at the source of a copy, its
tags or its keys; for SQS it looks at no resource. What it does not enforce is evaluated in
``test_role_policies``.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from botocore.credentials import Credentials
from fanout.common.aws import sqs_client
from moto import settings
from moto.core.authorization import ActionAuthenticatorMixin

from permissions import minimal
from permissions.configurations import CONFIGURATIONS, DESTINATION_BUCKET, Configuration
from permissions.evaluate import Policy
from permissions.planned import Planned
from permissions.recorder import recorded, sqs_by_hand
from permissions.recording import a_new_object_is_copied, handler
from unit.builders import S3World

# Those that moto reads as IAM does: it knows no ${*}.
ENFORCED = [c for c in CONFIGURATIONS if c.name in ("plain", "deletes", "rewritten")]

EVERYTHING: Policy = [{"Effect": "Allow", "Action": "*", "Resource": "*"}]


def credentials_under(policy: Policy) -> Credentials:
    """Credentials of a role with this policy."""
    iam = boto3.client("iam", region_name="us-east-1")
    role = iam.create_role(RoleName=f"role-{uuid.uuid4()}", AssumeRolePolicyDocument="{}")["Role"]
    document = json.dumps({"Version": "2012-10-17", "Statement": policy})
    iam.put_role_policy(RoleName=role["RoleName"], PolicyName="p", PolicyDocument=document)
    sts = boto3.client("sts", region_name="us-east-1")
    made = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="session")["Credentials"]
    return Credentials(made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])


@contextmanager
def enforced(s3: S3World, policy: Policy) -> Iterator[None]:
    """Let the handler's S3 clients have a policy, and everybody else all rights."""
    buckets = s3.buckets
    mine, all_rights = credentials_under(policy), credentials_under(EVERYTHING)
    signers: dict[Any, Credentials] = dict.fromkeys(
        (buckets.source_reads, buckets.destination_reads, buckets.writes, buckets.parts.client),
        mine,
    ) | dict.fromkeys((s3.hand, recorded(sqs_client), sqs_by_hand()), all_rights)
    with pytest.MonkeyPatch.context() as patch:
        for client, credentials in signers.items():
            patch.setattr(client._request_signer, "_credentials", credentials)
        patch.setattr(ActionAuthenticatorMixin, "request_count", 0)
        patch.setattr(settings, "INITIAL_NO_AUTH_ACTION_COUNT", 0)
        yield


@pytest.mark.usefixtures("_recorded_clients")
@pytest.mark.parametrize("configuration", ENFORCED, ids=lambda c: c.name)
def test_under_its_policy_the_handler_replicates(
    configuration: Configuration, planned: Planned
) -> None:
    s3 = S3World.fresh()
    with enforced(s3, planned.replicate.role), handler(configuration, planned, s3) as run:
        for prefix in configuration.prefixes:
            a_new_object_is_copied(run, prefix)
            key = run.key(prefix, "new")
            there = s3.hand.get_object(Bucket=DESTINATION_BUCKET, Key=configuration.image(key))
            assert there["Body"].read() == b"new"


LOOKED_AT = [
    "ReadSource without s3:GetObject",
    "WriteDestination without s3:GetObject",
    "WriteDestination without s3:PutObject",
]


@pytest.mark.usefixtures("_recorded_clients")
@pytest.mark.parametrize("configuration", ENFORCED[:1], ids=lambda c: c.name)
@pytest.mark.parametrize("without", LOOKED_AT)
def test_without_a_right_that_moto_looks_at_it_is_refused(
    planned: Planned, configuration: Configuration, without: str
) -> None:
    policy = dict(minimal.without_one_action(planned.replicate.role))[without]
    s3 = S3World.fresh()
    with (
        enforced(s3, policy),
        handler(configuration, planned, s3) as run,
        pytest.raises(AssertionError, match="NotPermitted"),
    ):
        a_new_object_is_copied(run, "")
