"""The reconcile function at work on everything it does, as the handler is in ``recording``.

S3 and SQS are models. Lambda knows the settings that were planned for the other functions; what the
function invokes itself with is read from its calls.
"""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any, cast

import pytest
from fanout.common.aws import lambda_client

from permissions.configurations import DESTINATION, Configuration
from permissions.planned import Planned
from permissions.recorder import (
    QUEUES,
    RECORDED,
    answered,
    anybodys,
    recorded_listing,
    recorded_sqs,
)
from support.aws.sqs import SQS
from support.aws.store import Bucket
from support.fake_s3 import FakeS3
from support.reconcile import let_a_second_pass_with_every_key


def reconcile(configuration: Configuration, planned: Planned) -> None:
    """Let the reconcile function repair every destination, a key in each invocation."""
    function, s3 = planned.functions["reconcile"], anybodys(FakeS3.fresh())
    QUEUES.append(SQS())
    environments = {f.name: f.environment for f in (planned.replicate, *planned.others)}
    for other in configuration.others.values():
        s3.store.buckets[other["bucket"]] = Bucket()
    variables = configuration.variables
    replicas = variables["destinations"][DESTINATION]["bucket"]
    for prefix in configuration.prefixes:
        for name in ("missing", "missing too"):
            s3.put(f"{prefix}{name}{configuration.suffix}", bucket=variables["source_bucket"])
        s3.put(f"{configuration.image(prefix)}extra{configuration.suffix}", bucket=replicas)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RECONCILE", function.environment["RECONCILE"])
        from fanout.reconcile import handler as entry  # makes clients from the environment, once

        def settings(_: str, request: dict[str, Any]) -> dict[str, Any]:
            name = request["url_path"].split("/")[3]
            return {"Environment": {"Variables": environments.get(name, {})}}

        patch.setattr(entry, "lambda_client", lambda _: answered(lambda_client, settings))
        patch.setattr(entry, "listing_client", lambda region: recorded_listing(region, s3.wire))
        patch.setattr(entry, "sqs_client", lambda _: recorded_sqs())
        patch.setattr(entry, "_RECONCILER", entry._reconciler())
        let_a_second_pass_with_every_key(patch)
        context = SimpleNamespace(
            function_name=function.name,
            log_group_name=f"/aws/lambda/{function.name}",
            get_remaining_time_in_millis=lambda: 1000,
        )
        deletes = variables.get("reconcile", {}).get("delete_extra", False)
        events = [{"destination": "all", "mode": "repair", "delete_extra": deletes}]
        deleted = 0
        while events:
            before = len(RECORDED)
            answer = entry.handle(events.pop(), cast(Any, context))
            assert "error" not in answer | answer.get("open_uploads", {}), answer
            deleted += answer.get("deletes_queued", 0)
            events += [
                json.loads(call.parameters["Payload"])
                for call in RECORDED[before:]
                if call.operation == "lambda.Invoke"
            ]
        assert (deleted > 0) == deletes
