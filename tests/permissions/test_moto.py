"""The handler at work under its planned policy, where somebody else's evaluation enforces that.

moto checks one action and one resource of each S3 request, and so not at the source of a copy, its
tags or its keys. What it does not enforce is evaluated in ``test_role_policies``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest, HeadersDict
from botocore.credentials import Credentials
from fanout.common.config import Destination, load
from fanout.common.connections import Connections, Origin
from fanout.common.http_connection import HttpAnswer, HttpRequest
from fanout.replicate.buckets import Buckets
from moto import mock_aws, settings
from moto.core.authorization import ActionAuthenticatorMixin
from moto.core.models import botocore_stubber

from permissions.configurations import (
    CONFIGURATIONS,
    DESTINATION_BUCKET,
    SOURCE_BUCKET,
    Configuration,
)
from permissions.evaluate import Policy
from permissions.planned import Planned
from support.events import s3_event
from support.function import Function

# Those that moto reads as IAM does: it knows no ${*}.
ENFORCED = [c for c in CONFIGURATIONS if c.name in ("plain", "deletes", "rewritten")]


def credentials_under(policy: Policy) -> Credentials:
    """Credentials of a role with this policy."""
    iam = boto3.client("iam", region_name="us-east-1")
    role = iam.create_role(RoleName="role", AssumeRolePolicyDocument="{}")["Role"]
    document = json.dumps({"Version": "2012-10-17", "Statement": policy})
    iam.put_role_policy(RoleName="role", PolicyName="p", PolicyDocument=document)
    sts = boto3.client("sts", region_name="us-east-1")
    made = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="session")["Credentials"]
    return Credentials(made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])


class MotoConnections(Connections):
    """Connections that end at moto, which knows botocore's only."""

    def exchange(self, origin: Origin, request: HttpRequest, timeout: float) -> HttpAnswer:
        """What moto answers."""
        del timeout
        url = f"https://{origin.host}{request.target}"
        # moto looks for their names as botocore writes them.
        headers: Any = HeadersDict((n.title(), v.decode()) for n, v in request.headers.items())
        asked = AWSPreparedRequest(request.method, url, headers, request.body, stream_output=False)
        answer = botocore_stubber("before-send", asked)
        assert answer is not None
        said = {name.lower(): str(value) for name, value in answer.headers.items()}
        return HttpAnswer(answer.status_code, "", said, answer.content)


class EnforcingS3:
    """moto's S3, as ``Function`` takes one, for the clients of a role."""

    def __init__(self, environ: dict[str, str], credentials: Credentials) -> None:
        config = load(environ)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AWS_ACCESS_KEY_ID", str(credentials.access_key))
            patch.setenv("AWS_SECRET_ACCESS_KEY", str(credentials.secret_key))
            patch.setenv("AWS_SESSION_TOKEN", str(credentials.token))
            self.clients = Buckets(config.source, config.destination, 2, 2, MotoConnections())

    def to(self, _: Destination) -> Buckets:
        """The clients."""
        return self.clients


@contextmanager
def enforced(planned: Planned, policy: Policy) -> Iterator[tuple[Function, Any]]:
    """The handler under a policy, and a client of the test's own that may do everything."""
    environ = {**planned.replicate.environment, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512"}
    with mock_aws(config={"core": {"mock_credentials": False}}):
        hand: Any = boto3.client("s3", region_name="us-east-1")
        for bucket in (SOURCE_BUCKET, DESTINATION_BUCKET):
            hand.create_bucket(Bucket=bucket)
        s3: Any = EnforcingS3(environ, credentials_under(policy))
        function = Function(s3, environ)
        yield function, hand


@contextmanager
def enforcing() -> Iterator[None]:
    """Let moto check policies meanwhile."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ActionAuthenticatorMixin, "request_count", 0)
        patch.setattr(settings, "INITIAL_NO_AUTH_ACTION_COUNT", 0)
        yield


@pytest.mark.parametrize("configuration", ENFORCED, ids=lambda c: c.name)
def test_under_its_policy_the_handler_replicates(
    configuration: Configuration, planned: Planned
) -> None:
    with enforced(planned, planned.replicate.role) as (function, hand):
        for prefix in configuration.prefixes:
            key = f"{prefix}new"
            etag = hand.put_object(Bucket=SOURCE_BUCKET, Key=key, Body=b"new")["ETag"].strip('"')
            with enforcing():
                assert function.receive(s3_event(key, eTag=etag)) == []
            there = hand.get_object(Bucket=DESTINATION_BUCKET, Key=configuration.image(key))
            assert there["Body"].read() == b"new"


@pytest.mark.parametrize("configuration", ENFORCED[:1], ids=lambda c: c.name)
@pytest.mark.parametrize(
    ("sid", "action"),
    [
        ("ReadSource", "s3:GetObject"),
        ("WriteDestination", "s3:GetObject"),
        ("WriteDestination", "s3:PutObject"),
    ],
)
def test_without_a_permission_that_moto_checks_it_is_refused(
    planned: Planned, sid: str, action: str, capsys: pytest.CaptureFixture[str]
) -> None:
    policy: Policy = [
        {**s, "Action": [a for a in s["Action"] if (s["Sid"], a) != (sid, action)]}
        for s in planned.replicate.role
    ]
    with enforced(planned, policy) as (function, hand):
        hand.put_object(Bucket=SOURCE_BUCKET, Key="new", Body=b"new")
        with enforcing():
            assert function.receive(s3_event("new")) == ["message-0"]
    assert "NotPermitted" in capsys.readouterr().out
