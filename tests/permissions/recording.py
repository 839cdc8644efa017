"""The handler at work on everything it does, and the calls that it and reconcile make meanwhile.

The handler runs with the environment that was planned, over the models of S3 and SQS.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from fanout.common.aws import dynamodb_client
from fanout.common.log import Log

from permissions.calls import Call, World
from permissions.configurations import (
    ACCOUNT,
    DESTINATION_KEY,
    REGION,
    SOURCE_BUCKET,
    SOURCE_KEYS,
    Configuration,
)
from permissions.planned import Planned
from permissions.reconciling import reconcile
from permissions.recorder import QUEUES, RECORDED, answered, anybodys, recorded_sqs
from support.aws.figures import MIB
from support.events import s3_event, sns_event, sqs_record
from support.fake_s3 import FakeS3
from support.function import Function, let_large_begin_at
from support.wire import error_answer


class _Strict(Log):
    """A log that no failed call and no bug is only a line of."""

    def write(self, level: str, **fields: object) -> None:
        del level
        assert fields["action"] not in ("queue-call-failed", "replication-log-failed"), fields
        assert fields.get("reason") != "InternalError", fields
        assert "NotPermitted" not in str(fields.get("reason")), fields


@dataclass
class Run:
    """The handler of one configuration.

    Attributes:
        s3: both buckets; its wire is under the handler's clients.
    """

    configuration: Configuration
    s3: FakeS3
    function: Function

    @property
    def bucket(self) -> str:
        """The source."""
        return str(self.configuration.variables["source_bucket"])

    def key(self, prefix: str, name: str) -> str:
        """A key that the destination takes."""
        return f"{prefix}{name}{self.configuration.suffix}"

    def put(self, key: str, body: bytes, tags: str = "a=1") -> str:
        """Put an object into the source as the configuration has it; returns its ETag."""
        about: dict[str, Any] = {"Tagging": tags}
        if self.configuration.inputs.get("source_kms_key_arns"):
            about |= {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": SOURCE_KEYS[0]}
        return self.s3.put(key, body, bucket=self.bucket, **about).etag

    def deliver(self, *bodies: object, receives: int = 1) -> None:
        """Let the handler process a batch of messages."""
        records = (
            sqs_record(body, name=f"message-{n}", receives=receives)
            for n, body in enumerate(bodies)
        )
        self.function.invoke({"Records": list(records)})


@contextmanager
def handler(configuration: Configuration, planned: Planned, s3: FakeS3) -> Iterator[Run]:
    """The handler over the model of S3, configured as planned."""
    # Lambda adds the memory size.
    environ = {**planned.replicate.environment, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512"}
    table = answered(dynamodb_client, lambda *_: {})
    function = Function(s3, environ, sqs=recorded_sqs(), table=table)
    function.report.log = _Strict("ERROR")
    QUEUES.append(function.queues)
    with pytest.MonkeyPatch.context() as patch:
        let_large_begin_at(patch, MIB)
        yield Run(configuration, s3, function)


Feature = Callable[[Run, str], None]
FEATURES: list[Feature] = []


def feature(do: Feature) -> Feature:
    """Something the handler does, for a prefix that its destination takes."""
    FEATURES.append(do)
    return do


@feature
def a_new_object_is_copied(run: Run, prefix: str) -> None:
    key = run.key(prefix, "new")
    run.deliver(s3_event(key, eTag=run.put(key, b"new")))


@feature
def an_object_that_changed_is_compared_first(run: Run, prefix: str) -> None:
    key = run.key(prefix, "changed")
    run.put(key, b"before")
    run.deliver(s3_event(key, event="ObjectCreated:Copy"))
    run.put(key, b"after")
    run.deliver(s3_event(key), receives=2)


@feature
def tags_are_followed(run: Run, prefix: str) -> None:
    key = run.key(prefix, "tagged")
    run.deliver(s3_event(key, eTag=run.put(key, b"tagged")))
    run.s3.tag(key, run.bucket, a="2")
    run.deliver(s3_event(key, event="ObjectTagging:Put"))


@feature
def a_deleted_object_is_deleted_or_its_newest_version_kept(run: Run, prefix: str) -> None:
    key = run.key(prefix, "deleted")
    run.deliver(s3_event(key, eTag=run.put(key, b"deleted")))
    run.put(key, b"never seen")
    run.s3.delete(key, run.bucket)
    run.deliver(s3_event(key, event="ObjectRemoved:DeleteMarkerCreated"))
    run.deliver(s3_event(key), receives=2)


@feature
def absence_is_proven_where_the_answer_cannot_be_read(run: Run, prefix: str) -> None:
    key = run.key(prefix, "a\x01b")
    run.deliver(s3_event(key, eTag=run.put(key, b"deleted")))
    run.s3.delete(key, run.bucket)
    run.deliver(s3_event(key, event="ObjectRemoved:DeleteMarkerCreated"))


@feature
def a_message_is_deleted_while_others_are_processed(run: Run, prefix: str) -> None:
    run.deliver(*(s3_event(run.key(prefix, f"batch{n}")) for n in range(2)))


@feature
def what_fails_is_retried_later(run: Run, prefix: str) -> None:
    # Three attempts of a client, and of two where both sides are in one bucket.
    run.s3.wire.answer("HeadObject", run.bucket, *[error_answer(503, "SlowDown")] * 6)
    run.deliver(s3_event(run.key(prefix, "failing")), receives=2)
    run.s3.wire.clear()


@feature
def what_cannot_be_replicated_is_a_dead_letter(run: Run, prefix: str) -> None:
    del prefix
    run.deliver("no JSON")


@feature
def a_large_object_is_copied_in_parts(run: Run, prefix: str) -> None:
    key, large = run.key(prefix, "large"), bytes(MIB + MIB // 2)
    event = s3_event(key, eTag=run.put(key, large), size=len(large))
    run.deliver(event)
    run.put(key, large[1:])
    destination = run.function.config.destination.bucket
    run.s3.wire.answer("UploadPartCopy", destination, *[error_answer(503, "SlowDown")] * 20)
    run.deliver(event)
    run.s3.wire.clear()
    run.s3.pass_seconds(600)
    run.deliver(event, receives=2)


@feature
def what_the_invocation_has_no_time_for_is_put_off(run: Run, prefix: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run.function, "get_remaining_time_in_millis", lambda: -1000)
        run.deliver(s3_event(run.key(prefix, "late")), receives=3)


@feature
def direct_delivery_does_the_same(run: Run, prefix: str) -> None:
    key = run.key(prefix, "direct")
    run.function.invoke(sns_event(s3_event(key, eTag=run.put(key, b"direct"))))
    run.function.invoke(sns_event("no JSON"))


UNVERSIONED = [
    a_new_object_is_copied,
    an_object_that_changed_is_compared_first,
    a_large_object_is_copied_in_parts,
]
"""What takes other permissions where the source is not versioned: nothing names a version then."""


def replicate(configuration: Configuration, planned: Planned) -> None:
    """Let the function of the tested destination do everything, for each prefix."""
    for is_versioned, features in ((True, FEATURES), (False, UNVERSIONED)):
        s3 = anybodys(FakeS3.fresh())
        if is_versioned:
            s3.version(SOURCE_BUCKET)
        with handler(configuration, planned, s3) as run:
            for prefix in configuration.prefixes:
                for do in features:
                    do(run, prefix)


WORK = {"replicate": replicate, "reconcile": reconcile}
"""What each of the planned functions does."""


def lambda_calls(configuration: Configuration, name: str) -> list[Call]:
    """What Lambda does with the function's role."""
    calls = [Call("lambda.Log")]
    if name == "replicate":
        calls.append(Call("lambda.PollQueue"))
        if configuration.destination.get("delivery") == "direct":
            calls.append(Call("lambda.OnFailure"))
    return calls


def record_everything(configuration: Configuration, planned: Planned, name: str) -> list[Call]:
    """The calls of one of the planned functions, whatever it does."""
    RECORDED.clear()
    WORK[name](configuration, planned)
    return [*RECORDED, *lambda_calls(configuration, name)]


def world_of(configuration: Configuration, planned: Planned, name: str) -> World:
    """What the calls of one of the planned functions do not say."""
    environment = planned.replicate.environment
    settings = json.loads(environment["DESTINATION"])
    return World(
        partition="aws",
        region=REGION,
        account_id=ACCOUNT,
        source_bucket=configuration.variables["source_bucket"],
        function_name=planned.functions[name].name,
        queue_name=environment["QUEUE_NAME"],
        source_keys=tuple(configuration.inputs.get("source_kms_key_arns", ())),
        destination_keys=(DESTINATION_KEY,) if settings["kms_key_arn"] else (),
        queue_keys=tuple(filter(None, [configuration.inputs.get("kms_key_arn")])),
        reads_tags=settings["replicate_tags"],
    )
