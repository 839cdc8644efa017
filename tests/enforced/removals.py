"""One action less, in a role or in docs/applying.md: what then is refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from enforced.world import SOURCE, World, without
from integration.support import REGION, Stack
from local_aws.server import DEFAULT_ACCOUNT
from permissions.applying import documented
from permissions.evaluate import Policy
from support.events import s3_event, sns_event, sqs_event

Inputs = dict[str, Any]
FANOUT = "module.fanout"


@dataclass(frozen=True)
class Deployed:
    """The module, applied.

    Attributes:
        inputs: with what.
        other_inputs: everything that can change in place, changed.
    """

    world: World
    inputs: Inputs
    other_inputs: Inputs

    @property
    def stack(self) -> Stack:
        """What was applied."""
        return self.world.stack(self.inputs)

    def function(self, name: str) -> str:
        """A function's name."""
        if name == "reconcile":
            return str(self.world.output()["reconcile_function_name"])
        return self.stack.destinations[name].function_name

    def invoke(self, name: str, event: object) -> dict[str, Any]:
        """Invoke a function as SNS, SQS or an operator does; returns its answer."""
        functions = self.world.aws.client("lambda", region=REGION)
        got = functions.invoke(FunctionName=self.function(name), Payload=json.dumps(event))
        answer: dict[str, Any] = json.load(got["Payload"]) or {}
        return answer


Attempt = Callable[[Deployed, str], object]
"""Does what takes an action, by a function."""


def _copy(deployed: Deployed, name: str) -> None:
    etag = deployed.stack.s3.put_object(Bucket=SOURCE, Key="one less", Body=b"1")["ETag"]
    deployed.invoke(
        name, sns_event(s3_event("one less", bucket=SOURCE, eTag=etag.strip('"'), size=1))
    )


def _look(deployed: Deployed, name: str) -> None:
    deployed.stack.put("one less", b"1")
    deployed.invoke(
        name, sns_event(s3_event("one less", bucket=SOURCE, event="ObjectCreated:Copy"))
    )


def _delete(deployed: Deployed, name: str) -> None:
    _copy(deployed, name)
    deployed.stack.s3.delete_object(Bucket=SOURCE, Key="one less")
    event = s3_event("one less", bucket=SOURCE, event="ObjectRemoved:Delete")
    deployed.invoke(name, sns_event(event))


def _give_up(deployed: Deployed, name: str) -> None:
    deployed.invoke(name, sqs_event("no JSON"))


def _reconcile(deployed: Deployed, name: str) -> None:
    stack, key = deployed.stack, "lost"
    stack.put(key, b"1")
    # No event is on its way that would bring it back.
    stack.eventually("the replica", lambda: key in stack.keys("photos-copy"))
    stack.wait_until_quiet()
    stack.s3.delete_object(Bucket="photos-copy", Key=key)
    deployed.invoke(name, {"destination": "plain", "mode": "repair"})


def _reconcile_all(deployed: Deployed, name: str) -> None:
    deployed.invoke(name, {"destination": "all", "mode": "audit"})


@dataclass(frozen=True)
class FromFunction:
    """An action less in a function's role.

    Attributes:
        name: the destination, or ``reconcile``.
        sid: the statement that lacks it.
    """

    name: str
    sid: str
    action: str
    attempt: Attempt

    def __str__(self) -> str:
        return f"{self.action} of {self.name}"

    def refused(self, deployed: Deployed) -> list[dict[str, str]]:
        """What is refused without it."""
        role = f"{SOURCE}-fanout-{self.name}"
        kind = "reconcile" if self.name == "reconcile" else "replicate"
        iam = deployed.world.aws.client("iam")
        policy = iam.get_role_policy(RoleName=role, PolicyName=kind)["PolicyDocument"]

        def put(statements: Policy) -> None:
            document = json.dumps(policy | {"Statement": statements})
            iam.put_role_policy(RoleName=role, PolicyName=kind, PolicyDocument=document)

        put(without(policy["Statement"], self.action, self.sid))
        try:
            with deployed.world.aws.refusals() as refused:
                self.attempt(deployed, self.name)
        finally:
            put(policy["Statement"])
        return refused


@dataclass(frozen=True)
class FromApplier:
    """An action less in docs/applying.md.

    Attributes:
        target: what Terraform works on.
        command: what it does.
        change: what is changed of the inputs.
    """

    action: str
    target: str
    command: str = "plan"
    change: Callable[[Deployed], Inputs] = lambda deployed: deployed.inputs

    def __str__(self) -> str:
        return f"{self.action} of docs/applying.md"

    def refused(self, deployed: Deployed) -> list[dict[str, str]]:
        """What is refused without it."""
        world = deployed.world
        world.applier_may(without(documented(DEFAULT_ACCOUNT), self.action))
        approve = ["-auto-approve"] if self.command == "apply" else []
        try:
            with world.aws.refusals() as refused:
                done = world.terraform(
                    self.command,
                    *approve,
                    f"-target={FANOUT}.{self.target}",
                    inputs=self.change(deployed),
                )
        finally:
            world.applier_may(documented(DEFAULT_ACCOUNT))
        # Terraform has to fail, and say why.
        return refused if done.returncode and self.action in done.stdout else []


def _other(deployed: Deployed) -> Inputs:
    return deployed.other_inputs


def _more(deployed: Deployed) -> Inputs:
    new = {"new": {"bucket": "photos-copy", "key_prefix": "new/"}}
    return deployed.inputs | {"destinations": deployed.inputs["destinations"] | new}


def _fewer(deployed: Deployed) -> Inputs:
    left = {n: d for n, d in deployed.inputs["destinations"].items() if n != "direct"}
    return deployed.inputs | {"destinations": left, "replication_log": {"enabled": False}}


def _applied(change: Callable[[Deployed], Inputs], targets: dict[str, str]) -> list[FromApplier]:
    """By action, what is changed in an apply that takes it."""
    return [FromApplier(action, target, "apply", change) for action, target in targets.items()]


def _read(target: str, *actions: str) -> Iterator[FromApplier]:
    return (FromApplier(action, target) for action in actions)


FUNCTIONS = [
    FromFunction("plain", "ReadSource", "s3:GetObject", _copy),
    FromFunction("plain", "WriteDestination", "s3:GetObject", _look),
    FromFunction("plain", "WriteDestination", "s3:PutObject", _copy),
    FromFunction("abroad", "WriteDestination", "s3:PutObject", _copy),
    FromFunction("mirror", "WriteDestination", "s3:DeleteObject", _delete),
    FromFunction("plain", "SendToQueues", "sqs:SendMessage", _give_up),
    FromFunction("plain", "WriteReplicationLog", "dynamodb:PutItem", _copy),
    FromFunction("reconcile", "ListSource", "s3:ListBucket", _reconcile),
    FromFunction("reconcile", "ListDestinations", "s3:ListBucketMultipartUploads", _reconcile),
    FromFunction("reconcile", "SendToQueues", "sqs:SendMessage", _reconcile),
    FromFunction("reconcile", "ReadSettings", "lambda:GetFunctionConfiguration", _reconcile),
    FromFunction("reconcile", "InvokeItself", "lambda:InvokeFunction", _reconcile_all),
]

READS = [
    *_read("aws_s3_bucket_notification.source", "s3:GetBucketNotification"),
    *_read("aws_sns_topic.fanout", "sns:GetTopicAttributes", "sns:ListTagsForResource"),
    *_read('aws_sns_topic_subscription.destination["plain"]', "sns:GetSubscriptionAttributes"),
    *_read('aws_sqs_queue.work["plain"]', "sqs:GetQueueAttributes", "sqs:ListQueueTags"),
    *_read(
        'aws_lambda_function.replicate["plain"]',
        "lambda:GetFunction",
        "lambda:GetFunctionCodeSigningConfig",
        "lambda:ListVersionsByFunction",
    ),
    *_read(
        'aws_lambda_function_event_invoke_config.direct["direct"]',
        "lambda:GetFunctionEventInvokeConfig",
    ),
    *_read("aws_lambda_function_recursion_config.reconcile", "lambda:GetFunctionRecursionConfig"),
    *_read('aws_lambda_permission.topic["direct"]', "lambda:GetPolicy"),
    *_read('aws_lambda_event_source_mapping.work["plain"]', "lambda:GetEventSourceMapping"),
    *_read('aws_iam_role.replicate["plain"]', "iam:GetRole"),
    *_read('aws_iam_role_policy.replicate["plain"]', "iam:GetRolePolicy"),
    *_read(
        'aws_cloudwatch_log_group.function["plain"]',
        "logs:DescribeLogGroups",
        "logs:ListTagsForResource",
    ),
    *_read("aws_dynamodb_table.replication_log", "dynamodb:DescribeTable"),
]

CHANGES = _applied(
    _other,
    {
        "logs:AssociateKmsKey": 'aws_cloudwatch_log_group.function["plain"]',
        "logs:DeleteRetentionPolicy": 'aws_cloudwatch_log_group.function["mirror"]',
        "sqs:SetQueueAttributes": 'aws_sqs_queue.work["plain"]',
        "sqs:TagQueue": 'aws_sqs_queue.undelivered["plain"]',
        "lambda:UpdateFunctionConfiguration": "aws_lambda_function.reconcile[0]",
        "iam:PutRolePermissionsBoundary": 'aws_iam_role.replicate["plain"]',
        "events:PutRule": "aws_cloudwatch_event_rule.reconcile",
        "cloudwatch:PutDashboard": "aws_cloudwatch_dashboard.fanout",
    },
)

CREATIONS = _applied(
    _more,
    {
        "sqs:CreateQueue": 'aws_sqs_queue.undelivered["new"]',
        "logs:CreateLogGroup": 'aws_cloudwatch_log_group.function["new"]',
        "iam:CreateRole": 'aws_iam_role.replicate["new"]',
        "iam:PutRolePolicy": 'aws_iam_role_policy.replicate["new"]',
        "lambda:CreateFunction": 'aws_lambda_function.replicate["new"]',
    },
)

DELETIONS = _applied(
    _fewer,
    {
        "dynamodb:DeleteTable": "aws_dynamodb_table.replication_log",
        "lambda:DeleteEventSourceMapping": 'aws_lambda_event_source_mapping.work["direct"]',
        "sns:Unsubscribe": 'aws_sns_topic_subscription.destination["direct"]',
    },
)

ALL: list[FromFunction | FromApplier] = [*FUNCTIONS, *READS, *CHANGES, *CREATIONS, *DELETIONS]
"""The first two change nothing."""


def problem(removal: FromFunction | FromApplier, deployed: Deployed) -> str | None:
    """Why a removal was not noticed; None when what was refused is the action that was removed."""
    refused = {found["action"].split(" ")[0] for found in removal.refused(deployed)}
    return None if removal.action in refused else f"{removal}: refused was {refused or 'nothing'}"
