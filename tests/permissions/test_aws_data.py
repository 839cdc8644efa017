"""What the module plans, against what AWS and its provider publish about themselves."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

import botocore.session
import pytest
from packaging.specifiers import SpecifierSet

from aws_data import cloudformation, policies, provider_6
from local_aws.server import REPOSITORY
from permissions.applying import documented
from permissions.configurations import CONFIGURATIONS, EXTREME
from permissions.evaluate import Policy, statements
from permissions.planned import Planned

POLICIES = {
    "aws_iam_role": "assume_role_policy",
    "aws_iam_role_policy": "policy",
    "aws_sns_topic": "policy",
    "aws_sqs_queue": "policy",
}

LINTED = [*(c for c in CONFIGURATIONS if c.name in ("direct", "everything")), EXTREME]
"""The others differ in what policies say. The examples are looked at where they are applied."""

WITHOUT = {
    r"ec2:|elasticfilesystem:|s3files:": "no VPC, no file system",
    r"firehose:|s3:|kinesis:|dynamodb:\w*(Import|Kinesis)|kms:": "nothing else is used",
    r"dynamodb:(\w+Item|Scan|Query|\w*TableReplica|UpdateTable)$|iam:CreateService": "no replicas",
    r"dynamodb:\w*(Insights|Backups)|logs:\w*(LogStream|PutLogEvents)": "not used",
    r"\w+:\w*(DataProtection|ResourcePolic|Index|BearerToken|DeletionProt|LogDelivery)": "not used",
    r"iam:(At|De)tachRolePolicy": "no managed policies",
    r"lambda:\w*(CodeSigning|Layer|RuntimeM|Scaling|Capacity|RuntimeA|PublishVersion)": "not used",
    r"lambda:UpdateFunctionEventInvokeConfig": "the provider puts it anew",
    r"sqs:GetQueueUrl": "the provider has it from CreateQueue",
}
"""What CloudFormation's handlers may do and the role of docs/applying.md may not, and why."""

DEPRECATED = {
    "aws_cloudwatch_event_rule.is_enabled": "",
    "aws_dynamodb_table.global_secondary_index.hash_key": "version 5 has nothing else",
    "aws_dynamodb_table.global_secondary_index.range_key": "version 5 has nothing else",
    "aws_iam_role.inline_policy": "",
    "aws_iam_role.managed_policy_arns": "",
    "aws_s3_bucket.acl": "",
    "aws_s3_bucket.policy": "",
    "aws_s3_bucket.versioning": "",
    "aws_s3_bucket_lifecycle_configuration.expected_bucket_owner": "",
    "aws_s3_bucket_server_side_encryption_configuration.expected_bucket_owner": "",
    "aws_s3_bucket_versioning.expected_bucket_owner": "",
    "data.aws_region.name": "",
}
"""Arguments that version 6 of the provider warns of (its documentation), and why one is used."""


def planned_policies(planned: Planned) -> Iterator[tuple[str, Policy]]:
    for its_type, attributes in planned.resources:
        if its_type in POLICIES and isinstance(policy := attributes[POLICIES[its_type]], str):
            yield its_type, statements(policy)
    for output in planned.outputs:
        if output.endswith("_policy_statements"):
            for text in planned.outputs[output].values():
                yield output, statements(text)


def wrong(given: Iterable[tuple[str, Policy]]) -> set[str]:
    return {
        f"{where}: {problem}"
        for where, policy in given
        for statement in policy
        for problem in policies.problems(statement, of_a_resource=where != "aws_iam_role_policy")
    }


def test_every_policy_is_about_actions_resources_and_conditions_that_there_are(
    plans: dict[str, Planned],
) -> None:
    given = [pair for planned in plans.values() for pair in planned_policies(planned)]
    assert len(given) > 10 * len(plans)
    assert wrong(given) == set()
    assert wrong([("aws_iam_role_policy", documented())]) == set()


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ({"Action": "s3:GetObjectTag"}, "there is no action"),
        ({"Action": ["s3:ListBucket"], "Resource": "arn:aws:s3:::photos/*"}, "is on none of"),
        (
            {"Action": "sqs:SendMessage", "Resource": ["arn:aws:sqs:*:*:a", "arn:aws:sns:*:*:a"]},
            "none of",
        ),
        (
            {
                "Action": ["kms:DescribeKey"],
                "Condition": {"ArnEquals": {"kms:EncryptionContext:aws:logs:arn": "arn"}},
            },
            "has no condition key",
        ),
    ],
)
def test_a_policy_that_is_not_is_found(statement: dict[str, Any], problem: str) -> None:
    assert any(problem in found for found in policies.problems(statement))


def test_cloudformation_would_take_what_is_planned(plans: dict[str, Planned]) -> None:
    resources = [pair for c in LINTED for pair in plans[c.name].resources]
    assert len(resources) > 100
    assert cloudformation.findings(resources) == []


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("aws_lambda_function", {"runtime": "python3.1"}, "'Runtime'"),
    ("aws_lambda_function", {"memory_size": 20}, "'MemorySize'"),
    ("aws_cloudwatch_log_group", {"retention_in_days": 31}, "'RetentionInDays'"),
    ("aws_sqs_queue", {"delay_seconds": 901}, "'DelaySeconds'"),
    ("aws_cloudwatch_metric_alarm", {"comparison_operator": ">"}, "'ComparisonOperator'"),
    ("aws_iam_role_policy", {"policy": '{"Statement": [{"Effect": "allow"}]}'}, "'Effect'"),
]


def test_what_cloudformation_would_not_take_is_found(plans: dict[str, Planned]) -> None:
    planned = dict(reversed(plans["everything"].resources))
    found = cloudformation.findings((name, planned[name] | change) for name, change, _ in WRONG)
    assert [where for *_, where in WRONG if not any(where in each for each in found)] == []


def test_who_applies_may_do_what_cloudformation_s_handlers_do(plans: dict[str, Planned]) -> None:
    types = {name for name, _ in plans["everything"].resources} & cloudformation.CONVERSIONS.keys()
    needed = set(cloudformation.handler_permissions(types - {"aws_s3_bucket_notification"}))
    allowed = {action for s in documented() for action in s["Action"]}
    missing = {a for a in needed - allowed if not any(re.match(w, a) for w in WITHOUT)}
    assert missing == set()
    assert {"logs:AssociateKmsKey", "sqs:SetQueueAttributes", "lambda:CreateFunction"} <= needed
    assert [w for w in WITHOUT if not any(re.match(w, action) for action in needed)] == []


def test_names_of_events_runtimes_and_classes_are_aws_s_own(plans: dict[str, Planned]) -> None:
    def enum(service: str, shape: str) -> set[str]:
        model: Any = botocore.session.get_session().get_service_model(service)
        return set(model.shape_for(shape).enum)

    resources = [pair for planned in plans.values() for pair in planned.resources]
    events = {
        event
        for name, a in resources
        if name == "aws_s3_bucket_notification"
        for topic in a["topic"]
        for event in topic["events"]
    }
    assert len(events) > 4
    assert events <= enum("s3", "Event")
    runtimes = {a["runtime"] for name, a in resources if name == "aws_lambda_function"}
    assert runtimes <= enum("lambda", "Runtime")
    allowed = (REPOSITORY / "variables.tf").read_text()
    classes = re.search(r"storage_classes = \[([^]]*)\]", allowed)
    assert classes
    assert set(re.findall(r'"(\w+)"', classes[1])) - {"SOURCE"} <= enum("s3", "StorageClass")


def test_every_argument_is_one_of_version_6_of_the_provider_and_none_is_deprecated() -> None:
    known = json.loads(provider_6.TABLE.read_text())
    ours = provider_6.ours()
    for name, bodies in ours.items():
        for body in bodies:
            assert list(provider_6.unknown(body, known[name], name)) == []
    said = {path for name, bodies in ours.items() for body in bodies for path in paths(body, name)}
    assert len(said) > 150
    assert said & DEPRECATED.keys() == {path for path, why in DEPRECATED.items() if why}
    topic = {"name": "a", "kms_master_key": "b"}
    assert list(provider_6.unknown(topic, known["aws_sns_topic"], "t")) == ["t.kms_master_key"]


def paths(said: Any, where: str) -> Iterator[str]:
    """The arguments in a block and in those within it."""
    for name, value in said.items():
        yield f"{where}.{name}"
        for block in value if isinstance(value, list) else []:
            if isinstance(block, dict):
                yield from paths(block, f"{where}.{name}")


def test_provider_versions_that_are_known_broken_or_not_known_are_refused() -> None:
    _, _, text = (REPOSITORY / "versions.tf").read_text().partition("version = <<")
    accepted = SpecifierSet(",".join(re.findall(r"(?:>=|<|!=) [\d.]+", text)))
    right = ["5.100.0", "6.0.0", "6.16.0", "6.29.0", "6.66.0"]
    wrong = ["5.99.0", "6.17.0", "6.22.1", "6.28.0", "7.0.0"]
    assert list(accepted.filter(right + wrong)) == right
