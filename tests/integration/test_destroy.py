"""Destroying the module leaves nothing behind."""

from typing import Any

import pytest

from integration.support import REGION, Stack


@pytest.mark.last
def test_destroy_leaves_nothing_behind(stack: Stack) -> None:
    def left() -> dict[str, list[str]]:
        def client(service: str) -> Any:
            return stack.aws.client(service, region=REGION)

        logs, iam = client("logs"), client("iam")
        cloudwatch, sns = client("cloudwatch"), client("sns")
        roles = [role["RoleName"] for role in iam.list_roles()["Roles"]]
        names = {
            "function": [f["FunctionName"] for f in stack.functions.list_functions()["Functions"]],
            "mapping": [
                m["EventSourceArn"]
                for m in stack.functions.list_event_source_mappings()["EventSourceMappings"]
            ],
            "queue": stack.sqs.list_queues().get("QueueUrls", []),
            "topic": [t["TopicArn"] for t in sns.list_topics()["Topics"]],
            "subscription": [s["Endpoint"] for s in sns.list_subscriptions()["Subscriptions"]],
            "role": roles,
            "policy": [p["Arn"] for p in iam.list_policies(Scope="Local")["Policies"]],
            "log group": [g["logGroupName"] for g in logs.describe_log_groups()["logGroups"]],
            "rule": [r["Name"] for r in client("events").list_rules()["Rules"]],
            "alarm": [a["AlarmName"] for a in cloudwatch.describe_alarms()["MetricAlarms"]],
        }
        return {
            kind: [name for name in found if "fanout-tests" in name]
            for kind, found in names.items()
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
