"""The handler at work on everything it does, and the calls that it and reconcile make meanwhile.

The handler runs with the environment that was planned, over moto's S3 and SQS.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from fanout.common.aws import dynamodb_client, sqs_client
from fanout.common.config import load
from fanout.common.log import Log
from fanout.replicate.batch import BatchProcessor
from fanout.replicate.upload_plan import MIB
from fanout.replicate.work_queue import WorkQueue

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
from permissions.recorder import RECORDED, answered, recorded, sqs_by_hand
from unit.builders import (
    S3World,
    as_text,
    error_answer,
    s3_event,
    sns_event,
    sqs_record,
    unreadable_answer,
)

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient

LARGE_BYTES = (
    "fanout.replicate.upload_plan.SINGLE_COPY_BYTES",
    "fanout.replicate.upload_plan.MIN_PART_BYTES",
    "fanout.replicate.upload_plan.SMALLEST_PART_BYTES",
    "moto.s3.models.S3_UPLOAD_PART_MIN_SIZE",
)
"""What is 1 MiB here: objects are large from there on."""


class Context:
    """What Lambda hands over with an event."""

    def get_remaining_time_in_millis(self) -> int:
        """Of an invocation that has just begun."""
        return 900_000


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
    planned: Planned
    s3: S3World
    sqs: SQSClient
    handle: Callable[[dict[str, Any]], object]

    def key(self, prefix: str, name: str) -> str:
        """A key that the destination takes."""
        return f"{prefix}{name}{self.configuration.suffix}"

    def put(self, key: str, body: bytes, tags: str = "a=1") -> str:
        """Put an object into the source as the configuration has it; returns its ETag."""
        about: dict[str, Any] = {"Tagging": tags}
        if self.configuration.inputs.get("source_kms_key_arns"):
            about |= {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": SOURCE_KEYS[0]}
        bucket = self.configuration.variables["source_bucket"]
        answer = self.s3.hand.put_object(Bucket=bucket, Key=key, Body=body, **about)
        return answer["ETag"].strip('"')

    def deliver(self, *bodies: object, receives: int = 1) -> object:
        """Let the handler work on a batch of messages that are in the queue."""
        queue, records = self._work_queue, []
        self.sqs.purge_queue(QueueUrl=queue)  # what failed before comes back otherwise
        for body in bodies:
            self.sqs.send_message(QueueUrl=queue, MessageBody=as_text(body))
            [message] = self.sqs.receive_message(QueueUrl=queue)["Messages"]
            name = message["MessageId"]
            record = sqs_record(body, name=name, receives=receives, sent_at=time.time())
            records.append(record | {"receiptHandle": message["ReceiptHandle"]})
        return self.handle({"Records": records})

    def sent(self) -> str:
        """The message that the function sent to itself."""
        [message] = self.sqs.receive_message(QueueUrl=self._work_queue)["Messages"]
        return message["Body"]

    @property
    def _work_queue(self) -> str:
        name = self.planned.replicate.environment["QUEUE_NAME"]
        return self.sqs.get_queue_url(QueueName=name)["QueueUrl"]


@contextmanager
def handler(configuration: Configuration, planned: Planned, s3: S3World) -> Iterator[Run]:
    """The real handler over moto, configured as planned."""
    environment = planned.replicate.environment
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        patch.setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512")  # as Lambda does
        for constant in LARGE_BYTES:
            patch.setattr(constant, MIB)
        from fanout.replicate import handler as entry  # makes clients from the environment, once

        config = load(os.environ)
        patch.setattr(entry, "dynamodb_client", lambda _: answered(dynamodb_client, lambda _: {}))
        report = entry._report(config)
        report.log = _Strict("ERROR")
        buckets = s3.to(config.destination)
        buckets.source = config.source
        queue = WorkQueue(config, recorded(sqs_client), report)
        replicator = BatchProcessor(config, buckets, queue, report)
        patch.setattr(entry, "_PROCESSOR", replicator)
        sqs = sqs_by_hand()
        for name in ("QUEUE_NAME", "DEAD_LETTER_QUEUE_NAME"):
            sqs.create_queue(QueueName=environment[name])
        yield Run(configuration, planned, s3, sqs, lambda event: entry.handle(event, Context()))


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
def an_object_that_changed_is_looked_at_first(run: Run, prefix: str) -> None:
    key = run.key(prefix, "changed")
    run.put(key, b"before")
    run.deliver(s3_event(key, event="ObjectCreated:Copy"))
    run.put(key, b"after")
    run.deliver(s3_event(key), receives=2)


@feature
def tags_are_followed(run: Run, prefix: str) -> None:
    key = run.key(prefix, "tagged")
    run.deliver(s3_event(key, eTag=run.put(key, b"tagged")))
    run.s3.hand.put_object_tagging(
        Bucket=run.configuration.variables["source_bucket"],
        Key=key,
        Tagging={"TagSet": [{"Key": "a", "Value": "2"}]},
    )
    run.deliver(s3_event(key, event="ObjectTagging:Put"))


@feature
def a_deleted_object_is_deleted_or_its_newest_version_kept(run: Run, prefix: str) -> None:
    key = run.key(prefix, "deleted")
    bucket = run.configuration.variables["source_bucket"]
    run.deliver(s3_event(key, eTag=run.put(key, b"deleted")))
    run.put(key, b"never seen")
    run.s3.hand.delete_object(Bucket=bucket, Key=key)
    run.deliver(s3_event(key, event="ObjectRemoved:DeleteMarkerCreated"))
    run.deliver(s3_event(key), receives=2)


@feature
def absence_is_proven_where_the_answer_cannot_be_read(run: Run, prefix: str) -> None:
    key = run.key(prefix, "a\x01b")
    bucket = run.configuration.variables["source_bucket"]
    run.deliver(s3_event(key, eTag=run.put(key, b"deleted")))
    run.s3.hand.delete_object(Bucket=bucket, Key=key)
    run.s3.wire.answer("GetObject", bucket, unreadable_answer())
    run.deliver(s3_event(key, event="ObjectRemoved:DeleteMarkerCreated"))
    run.s3.wire.clear()


@feature
def a_message_is_deleted_while_others_are_worked_on(run: Run, prefix: str) -> None:
    run.deliver(*(s3_event(run.key(prefix, f"batch{n}")) for n in range(2)))


@feature
def what_fails_comes_back_later(run: Run, prefix: str) -> None:
    run.s3.wire.answer(
        "HeadObject",
        run.configuration.variables["source_bucket"],
        # Three attempts of a client, and of two where both sides are in one bucket.
        *(error_answer(503, "SlowDown") for _ in range(6)),
    )
    run.deliver(s3_event(run.key(prefix, "failing")), receives=2)
    run.s3.wire.clear()


@feature
def what_cannot_be_replicated_becomes_a_letter(run: Run, prefix: str) -> None:
    del prefix
    run.deliver("no JSON")


@feature
def a_large_object_is_copied_in_parts(run: Run, prefix: str) -> None:
    key, large = run.key(prefix, "large"), bytes(MIB + MIB // 2)
    event = s3_event(key, eTag=run.put(key, large), size=len(large))
    run.deliver(event)
    run.deliver(run.sent())
    # Nothing says that the parts are those of this object: moto's checksums differ from S3's.
    run.put(key, large[1:])
    run.deliver(event)
    upload = run.sent()
    run.deliver(upload, receives=2)
    run.put(key, b"small now")
    run.deliver(upload, receives=3)


@feature
def the_direct_lane_does_the_same(run: Run, prefix: str) -> None:
    key = run.key(prefix, "direct")
    run.handle(sns_event(s3_event(key, eTag=run.put(key, b"direct"))))
    run.handle(sns_event("no JSON"))


UNVERSIONED = [
    a_new_object_is_copied,
    an_object_that_changed_is_looked_at_first,
    a_large_object_is_copied_in_parts,
]
"""What takes other rights where the source is not versioned: nothing names a version then."""


def replicate(configuration: Configuration, planned: Planned) -> None:
    """Let the function of the tested destination do everything, for each prefix."""
    for is_versioned, features in ((True, FEATURES), (False, UNVERSIONED)):
        s3 = S3World.fresh()
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
        destination_key=DESTINATION_KEY if settings["kms_key_arn"] else None,
        queue_key=configuration.inputs.get("kms_key_arn"),
        reads_tags=settings["replicate_tags"],
    )
