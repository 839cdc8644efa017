"""Resources of a plan or a state as CloudFormation, and what cfn-lint says of them.

cfn-lint has the schemas that AWS publishes for CloudFormation: names, lengths, patterns, enums,
policies, runtimes; and the permissions that CloudFormation's own handlers need.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from cfnlint.api import lint
from cfnlint.config import ManualArgs
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from permissions.planned import UNKNOWN

Attributes = dict[str, Any]


def _json(text: Any) -> Any:
    return json.loads(text) if isinstance(text, str) and text else text


def _camel(attributes: Attributes, names: str, **others: Any) -> Attributes:
    """Properties named like attributes, but in CamelCase, and those with other names."""
    same = {name.title().replace("_", ""): attributes.get(name) for name in names.split()}
    return same | others


def _tags(attributes: Attributes) -> list[dict[str, str]]:
    tags: dict[str, str] = attributes.get("tags") or {}
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _first(blocks: Any) -> Attributes:
    """The only block of its kind."""
    return blocks[0] if isinstance(blocks, list) and blocks else {}


def _function(a: Attributes) -> Attributes:
    names = "function_name description role handler runtime architectures memory_size timeout"
    variables = _first(a.get("environment")).get("variables")
    vpc = _first(a.get("vpc_config"))
    reserved = a.get("reserved_concurrent_executions")
    return _camel(
        a,
        names,
        Code={"S3Bucket": "code", "S3Key": "function.zip"},
        Environment={"Variables": variables},
        ReservedConcurrentExecutions=None if reserved == -1 else reserved,
        Tags=_tags(a),
        VpcConfig=_camel(vpc, "security_group_ids subnet_ids") if vpc else None,
    )


def _mapping(a: Attributes) -> Attributes:
    names = "event_source_arn function_name function_response_types batch_size enabled"
    return _camel(
        a, names, ScalingConfig=_camel(_first(a["scaling_config"]), "maximum_concurrency")
    )


def _alarm(a: Attributes) -> Attributes:
    names = (
        "alarm_name alarm_description namespace metric_name statistic period evaluation_periods"
        " threshold comparison_operator treat_missing_data alarm_actions"
    )
    dimensions = [{"Name": n, "Value": v} for n, v in (a.get("dimensions") or {}).items()]
    return _camel(
        a,
        names,
        DatapointsToAlarm=a.get("datapoints_to_alarm") or None,
        Dimensions=dimensions,
        OKActions=a.get("ok_actions"),
    )


def _table(a: Attributes) -> Attributes:
    def keys(index: Attributes) -> list[dict[str, str]]:
        both = {"HASH": index["hash_key"], "RANGE": index["range_key"]}
        return [{"AttributeName": name, "KeyType": kind} for kind, name in both.items()]

    ttl = _first(a["ttl"])
    return _camel(
        a,
        "billing_mode",
        TableName=a["name"],
        KeySchema=keys(a),
        AttributeDefinitions=[
            {"AttributeName": defined["name"], "AttributeType": defined["type"]}
            for defined in a["attribute"]
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": index["name"],
                "KeySchema": keys(index),
                "Projection": _camel(index, "projection_type"),
            }
            for index in a["global_secondary_index"]
        ],
        TimeToLiveSpecification=_camel(ttl, "attribute_name enabled"),
        Tags=_tags(a),
    )


def _notification(a: Attributes) -> Attributes:
    topics = [
        {"Event": event, "Topic": topic.get("topic_arn", UNKNOWN)}
        for topic in a["topic"]
        for event in topic["events"]
    ]
    return {"BucketName": a["bucket"], "NotificationConfiguration": {"TopicConfigurations": topics}}


CONVERSIONS: dict[str, tuple[str, Callable[[Attributes], Attributes]]] = {
    "aws_cloudwatch_dashboard": (
        "CloudWatch::Dashboard",
        lambda a: _camel(a, "dashboard_name dashboard_body"),
    ),
    "aws_cloudwatch_event_rule": (
        "Events::Rule",
        lambda a: _camel(a, "name description schedule_expression event_pattern"),
    ),
    "aws_cloudwatch_log_group": (
        "Logs::LogGroup",
        lambda a: _camel(
            a,
            "kms_key_id",
            LogGroupName=a["name"],
            RetentionInDays=a["retention_in_days"] or None,
            Tags=_tags(a),
        ),
    ),
    "aws_cloudwatch_metric_alarm": ("CloudWatch::Alarm", _alarm),
    "aws_dynamodb_table": ("DynamoDB::Table", _table),
    "aws_iam_role": (
        "IAM::Role",
        lambda a: _camel(
            a,
            "description permissions_boundary path",
            RoleName=a["name"],
            AssumeRolePolicyDocument=_json(a["assume_role_policy"]),
            Tags=_tags(a),
        ),
    ),
    "aws_iam_role_policy": (
        "IAM::RolePolicy",
        lambda a: {
            "PolicyName": a["name"],
            "PolicyDocument": _json(a["policy"]),
            "RoleName": a["role"],
        },
    ),
    "aws_lambda_event_source_mapping": ("Lambda::EventSourceMapping", _mapping),
    "aws_lambda_function": ("Lambda::Function", _function),
    "aws_lambda_function_event_invoke_config": (
        "Lambda::EventInvokeConfig",
        lambda a: _camel(
            a,
            "function_name maximum_event_age_in_seconds maximum_retry_attempts",
            Qualifier="$LATEST",
        ),
    ),
    "aws_lambda_permission": (
        "Lambda::Permission",
        lambda a: _camel(a, "function_name action principal source_arn"),
    ),
    "aws_s3_bucket_notification": ("S3::Bucket", _notification),
    "aws_sns_topic": (
        "SNS::Topic",
        lambda a: _camel(a, "kms_master_key_id", TopicName=a["name"], Tags=_tags(a)),
    ),
    "aws_sns_topic_policy": (
        "SNS::TopicPolicy",
        lambda a: {"Topics": [a.get("arn", UNKNOWN)], "PolicyDocument": _json(a["policy"])},
    ),
    "aws_sns_topic_subscription": (
        "SNS::Subscription",
        lambda a: _camel(
            a,
            "topic_arn protocol endpoint raw_message_delivery filter_policy_scope",
            FilterPolicy=_json(a.get("filter_policy")),
            RedrivePolicy=_json(a.get("redrive_policy")),
        ),
    ),
    "aws_sqs_queue": (
        "SQS::Queue",
        lambda a: _camel(
            a,
            "kms_master_key_id sqs_managed_sse_enabled delay_seconds",
            QueueName=a["name"],
            MessageRetentionPeriod=a["message_retention_seconds"],
            VisibilityTimeout=a["visibility_timeout_seconds"],
            RedrivePolicy=_json(a.get("redrive_policy")),
            RedriveAllowPolicy=_json(a.get("redrive_allow_policy")),
            Tags=_tags(a),
        ),
    ),
}
"""The type in CloudFormation, without ``AWS::``, and the properties."""

NOT_ABOUT_RESOURCES = ("E3019", "W2001")
"""Rules about templates: that resources have names of their own, and a parameter is used."""

PART_OF_OTHERS = {"aws_cloudwatch_event_target", "aws_lambda_function_recursion_config"}
"""Types that are properties of other resources in CloudFormation."""


def findings(resources: Iterable[tuple[str, Attributes]]) -> list[str]:
    """What cfn-lint says of resources, given by type and attributes; what is unknown is UNKNOWN.

    Of those that differ in names and ARNs only, one is looked at.
    """
    made: dict[str, Any] = {}
    for resource in _converted(resources):
        made.setdefault(_shape(resource), resource)
    made = {f"R{number}": resource for number, resource in enumerate(made.values())}
    template = {"Parameters": {"Unknown": {"Type": "String"}}, "Resources": made}
    found = lint(json.dumps(template), config=ManualArgs(ignore_checks=list(NOT_ABOUT_RESOURCES)))
    return [
        f"{match.rule.id} {made.get(resource, {}).get('Type')} {match.path[2:]}: {match.message}"
        for match in found
        for resource in [str([*match.path, "", ""][1])]
    ]


def _converted(resources: Iterable[tuple[str, Attributes]]) -> Iterator[dict[str, Any]]:
    for its_type, attributes in resources:
        if its_type in PART_OF_OTHERS:
            continue
        name, convert = CONVERSIONS[its_type]
        properties = _without_nothing(convert(attributes))
        yield {"Type": f"AWS::{name}", "Properties": properties}
        if its_type == "aws_sqs_queue" and attributes.get("policy"):
            policy = {"Queues": [attributes["name"]], "PolicyDocument": _json(attributes["policy"])}
            yield {"Type": "AWS::SQS::QueuePolicy", "Properties": policy}


def _shape(resource: dict[str, Any]) -> str:
    """A resource without the strings that are no word of AWS's."""
    return re.sub(r'"[^"]*[-/.][^"]*"', '""', json.dumps(resource, sort_keys=True))


def _without_nothing(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {key: _without_nothing(v) for key, v in value.items() if v not in (None, "", [], {})}
        return {key: v for key, v in kept.items() if v != {}}
    if isinstance(value, list):
        return [_without_nothing(item) for item in value]
    return value


def handler_permissions(types: Iterable[str]) -> Iterator[str]:
    """The actions that CloudFormation needs to create, read, change and delete resources of types."""
    for its_type in types:
        name = f"AWS::{CONVERSIONS[its_type][0]}"
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", name).schema
        for operation, handler in schema.get("handlers", {}).items():
            if operation != "list":
                yield from handler.get("permissions", [])
