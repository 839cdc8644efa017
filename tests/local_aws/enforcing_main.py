"""What the enforcing emulator's process runs: `python -P -m local_aws.enforcing_main DATA_FOLDER`.

MiniStack, which ends with the process that started it. It checks signatures, identity and resource
policies, and that a request came by TLS. What it refuses is written to DATA_FOLDER/refused, a JSON
object in a line each.
"""

import asyncio
import dataclasses
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import psutil
from awscrt.checksums import crc64nvme
from hypercorn.asyncio import serve
from hypercorn.config import Config
from ministack import app
from ministack.core import iam_actions, iam_evaluator
from ministack.core.responses import AccountScopedDict, get_account_id, json_response
from ministack.services import cloudwatch_logs, s3

from aws_data.policies import arn_patterns, meet
from local_aws import lifeline, processes

_FOLDER = Path(sys.argv[1])

_enforce = iam_evaluator.enforce
_bucket_allows = s3._foreign_bucket_allows
_condition_key = iam_evaluator._resolve_condition_key
_iam_action = iam_actions.extract_iam_action
_logs_request = cloudwatch_logs.handle_request
_resource_policy = iam_evaluator.evaluate_resource_policy


def _note(principal: str, action: str, resource: str) -> None:
    with (_FOLDER / "refused").open("a") as file:
        refused = {"principal": principal, "action": action, "resource": resource}
        file.write(json.dumps(refused) + "\n")


def _noted(key: str, action: str, service: str, region: str, **named: Any) -> Any:
    # To send a batch to a queue takes what it takes to send a message; there is no other action.
    action = action.removesuffix("Batch") if action.startswith("sqs:") else action
    # A rule of the default event bus has no bus in its ARN.
    resource = named.pop("resource_arn", "*").replace(":rule/default/", ":rule/")
    result = _enforce(key, action, service, region, resource_arn=resource, **named)
    if not isinstance(result, iam_evaluator.EvalResult):
        return result
    if not _is_seen(action, resource) and _may_somewhere(key, action):
        return None
    _note(result.principal_arn, action, resource)
    return result


def _known_action(service: str, method: str, path: str, *others: Any) -> str | None:
    """MiniStack allows what it has no action for; here that is noted as refused."""
    action: str | None = _iam_action(service, method, path, *others)
    if action is None:
        _note("unknown", f"{service} {method}", path)
    return action


def _is_seen(action: str, resource: str) -> bool:
    """Whether MiniStack sees what a request is about: something that AWS's data has the action on."""
    patterns = arn_patterns(*action.split(":", 1))
    return patterns == ["*"] or (resource != "*" and any(meet(resource, p) for p in patterns))


def _may_somewhere(key: str, action: str) -> bool:
    principal = iam_evaluator.resolve_principal(key, get_account_id())
    return any(
        statement.effect == "Allow" and iam_evaluator._action_matches(action, statement.actions, [])
        for policy in principal.policies
        for statement in policy
    )


def _noted_by_bucket(owner: str, bucket: str, key: str, *others: Any) -> bool:
    allowed: bool = _bucket_allows(owner, bucket, key, *others)
    if not allowed:
        _note(iam_evaluator.caller_arn(), f"{others[0]} by the bucket's policy", f"{bucket}/{key}")
    return allowed


def _role(arn: str) -> str:
    """MiniStack takes a session for the principal; AWS its role (IAM User Guide, aws:PrincipalArn)."""
    return re.sub(r":sts:(.*):assumed-role/([^/]+)/.*", r":iam:\1:role/\2", arn)


def _key(key: str, context: Any) -> Any:
    found = _condition_key(key, context)
    return _role(found) if key.lower() == "aws:principalarn" else found


def _by_the_caller(document: Any, context: Any, *others: Any, **named: Any) -> Any:
    """MiniStack takes the account for the caller where a bucket is another account's."""
    caller = iam_evaluator.caller_arn()
    if (
        context.principal_type == "Root"
        and f"::{context.principal_account}:assumed-role/" in caller
    ):
        context = dataclasses.replace(context, principal_arn=caller, principal_type="AssumedRole")
    return _resource_policy(document, context, *others, **named)


def _lambda_action(_method: str, path: str) -> str | None:
    """MiniStack guesses some actions that it could find in AWS's own model of Lambda."""
    return "InvokeFunction" if path.endswith("/invocations") else None


async def _logs(method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
    """MiniStack does not know of a log group's key after the group is made."""
    action = headers.get("x-amz-target", "").partition(".")[2]
    if action not in ("AssociateKmsKey", "DisassociateKmsKey"):
        return await _logs_request(method, path, headers, body, query)
    asked = json.loads(body)
    cloudwatch_logs._log_groups[asked["logGroupName"]]["kmsKeyId"] = asked.get("kmsKeyId")
    return json_response({})


class _ByOwner(AccountScopedDict):  # type: ignore[misc]
    """MiniStack looks for both buckets of a copy in one account; a bucket's name is enough."""

    __slots__ = ()

    def _scoped(self, key: Any) -> tuple[str, Any]:
        owner = s3._bucket_owner_account(key if isinstance(key, str) else key[0])
        return (owner, key) if owner else super()._scoped(key)


def main() -> None:
    """Serve until the parent is gone."""
    iam_actions.extract_iam_action = _known_action
    iam_evaluator.enforce = _noted
    iam_evaluator._resolve_condition_key = _key
    iam_evaluator.evaluate_resource_policy = _by_the_caller
    iam_actions._lambda_action = _lambda_action
    iam_actions._BOTOCORE_SERVICE_MAP["lambda"] = ["lambda"]
    s3._crc64nvme = crc64nvme  # MiniStack's own takes 10 s for 128 MiB
    cloudwatch_logs.handle_request = _logs
    s3._foreign_bucket_allows = _noted_by_bucket
    for name, kept in vars(s3).items():
        if name.startswith(("_bucket", "_object")) and type(kept) is AccountScopedDict:
            kept.__class__ = _ByOwner

    def end() -> None:
        processes.kill(psutil.Process().children())
        os._exit(1)

    lifeline.hold(end)
    config = Config()
    config.bind = [f"127.0.0.1:{os.environ['GATEWAY_PORT']}"]
    config.certfile = os.environ["MINISTACK_SSL_CERT"]
    config.keyfile = os.environ["MINISTACK_SSL_KEY"]
    config.loglevel = "WARNING"
    # Clients keep their connections, and an invocation is not repeated where one was closed.
    config.keep_alive_timeout = 3600
    # After a thousand requests of a connection Hypercorn would end it, with what is under way there.
    config.keep_alive_max_requests = 10**9
    asyncio.run(serve(app.app, config))


if __name__ == "__main__":
    main()
