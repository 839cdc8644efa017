"""The reconcile function at work on everything it does, as the handler is in ``recording``.

S3 and SQS are moto's. Lambda knows the settings that were planned for the other functions; what the
function invokes itself with is read from its calls.
"""

from __future__ import annotations

import json
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

import pytest
from fanout.common.aws import lambda_client, listing_client, sqs_client

from permissions.configurations import DESTINATION, Configuration
from permissions.planned import Planned
from permissions.recorder import RECORDED, answered, recorded, sqs_by_hand
from unit.builders import S3World
from unit.reconciling import let_a_second_pass_with_every_key


def reconcile(configuration: Configuration, planned: Planned) -> None:
    """Let the reconcile function repair every destination, a key in each invocation."""
    function, s3, sqs = planned.functions["reconcile"], S3World.fresh(), sqs_by_hand()
    environments = {f.name: f.environment for f in (planned.replicate, *planned.others)}
    for environment in environments.values():
        sqs.create_queue(QueueName=environment["QUEUE_NAME"])
    for other in configuration.others.values():
        s3.hand.create_bucket(Bucket=other["bucket"])
    variables = configuration.variables
    replicas = variables["destinations"][DESTINATION]["bucket"]
    for prefix in configuration.prefixes:
        for name in ("missing", "missing too"):
            key = f"{prefix}{name}{configuration.suffix}"
            s3.hand.put_object(Bucket=variables["source_bucket"], Key=key, Body=b"here")
        key = f"{configuration.image(prefix)}extra{configuration.suffix}"
        s3.hand.put_object(Bucket=replicas, Key=key, Body=b"there")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RECONCILE", function.environment["RECONCILE"])
        from fanout.reconcile import handler as entry  # makes clients from the environment, once

        def settings(path: str) -> dict[str, Any]:
            return {"Environment": {"Variables": environments.get(path.split("/")[3], {})}}

        patch.setattr(entry, "lambda_client", lambda _: answered(lambda_client, settings))
        patch.setattr(entry, "listing_client", partial(recorded, listing_client))
        patch.setattr(entry, "sqs_client", partial(recorded, sqs_client))
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
