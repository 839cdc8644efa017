"""A bucket that belongs to somebody else is neither read nor written.

moto does not look at the expected owner. Here the wire does, as S3 documents it (User Guide, "Verifying
bucket ownership with bucket owner condition"): a request that names another owner, or none, is refused.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from botocore.awsrequest import AWSResponse
from fanout.common import config as configuration
from fanout.replicate.batch import BatchProcessor
from fanout.replicate.report import Report
from fanout.replicate.work_queue import DESTINATION_PATIENCE_SECONDS, WorkQueue

from .builders import (
    BODY,
    DESTINATION_ACCOUNT,
    DESTINATION_BUCKET,
    EVENT_SECONDS,
    FOREVER,
    SOURCE_ACCOUNT,
    SOURCE_BUCKET,
    Bench,
    Request,
    S3World,
    environment,
    error_answer,
    s3_event,
    sqs_record,
)

SOMEBODY_ELSE = "333333333333"


class Owned:
    """The function over an S3 whose buckets have owners; its queue only writes down."""

    def __init__(self, s3: S3World) -> None:
        self.s3 = s3
        self.queue = Bench()
        self.owners = {SOURCE_BUCKET: SOURCE_ACCOUNT, DESTINATION_BUCKET: DESTINATION_ACCOUNT}

    def refuse(self, request: Request) -> AWSResponse | None:
        """S3's refusal of a request whose expected owner is not the owner."""
        expected = {request.bucket: request.headers.get("x-amz-expected-bucket-owner")}
        if "x-amz-copy-source" in request.headers:
            source = request.headers["x-amz-copy-source"].partition("/")[0]
            expected[source] = request.headers.get("x-amz-source-expected-bucket-owner")
        if all(self.owners[bucket] == owner for bucket, owner in expected.items()):
            return self.s3.precondition_failed(request)
        code = "" if request.operation.startswith("Head") else "AccessDenied"
        return error_answer(403, code, "Access Denied")

    def failures(self, event: str, *, receives: int = 1, age: float = 0, **changed: Any) -> int:
        """Handle a message; returns how many come back."""
        config = configuration.load(environment(**changed))
        report = Report(config)
        queue = WorkQueue(config, cast(Any, self.queue), report)
        replicator = BatchProcessor(config, self.s3.to(config.destination), queue, report)
        event_body = s3_event("key", event=event)
        record = sqs_record(event_body, receives=receives, sent_at=EVENT_SECONDS - age)
        return len(replicator.handle_queue([record], FOREVER)["batchItemFailures"])


@pytest.fixture
def owned(s3: S3World, monkeypatch: pytest.MonkeyPatch) -> Owned:
    """The function over an S3 whose buckets have owners; the clock stands at the event's time."""
    monkeypatch.setattr(
        "fanout.replicate.work_queue.time", SimpleNamespace(time=lambda: EVENT_SECONDS)
    )
    found = Owned(s3)
    monkeypatch.setattr(s3.wire, "refuse", found.refuse)
    return found


def everything(owned: Owned, **changed: Any) -> list[int]:
    """A put, a change of content, of tags, and a delete of "key"; how many messages come back."""
    owned.s3.version(SOURCE_BUCKET)
    came_back = []
    owned.s3.put(Tagging="a=1")
    came_back.append(owned.failures("ObjectCreated:Put", **changed))
    owned.s3.put(body=b"other", Tagging="a=1")
    came_back.append(owned.failures("ObjectCreated:Copy", **changed))
    tags: Any = {"TagSet": [{"Key": "a", "Value": "2"}]}
    owned.s3.hand.put_object_tagging(Bucket=SOURCE_BUCKET, Key="key", Tagging=tags)
    came_back.append(owned.failures("ObjectTagging:Put", **changed))
    owned.s3.hand.delete_object(Bucket=SOURCE_BUCKET, Key="key")
    came_back.append(owned.failures("ObjectCreated:Put", receives=2, **changed))
    return came_back


@pytest.mark.parametrize("deletes", [False, True])
def test_every_request_names_the_owner_of_each_bucket(owned: Owned, deletes: bool) -> None:
    assert everything(owned, replicate_deletes=deletes) == [0, 0, 0, 0]

    assert set(owned.s3.wire.operations) == {
        "CopyObject",
        "GetObjectTagging",
        "HeadObject",
        "PutObjectTagging",
        *(["DeleteObject", "GetObject"] if deletes else ["ListObjectVersions"]),
    }
    assert (owned.s3.replica() is None) == deletes


@pytest.mark.parametrize("deletes", [False, True])
@pytest.mark.parametrize("bucket", [SOURCE_BUCKET, DESTINATION_BUCKET])
def test_with_another_owner_nothing_is_written_and_all_stays_in_the_queue(
    owned: Owned, bucket: str, deletes: bool
) -> None:
    before = b"of the rightful owner"
    owned.s3.hand.put_object(Bucket=DESTINATION_BUCKET, Key="key", Body=before)
    owned.owners[bucket] = SOMEBODY_ELSE

    assert everything(owned, replicate_deletes=deletes) == [1, 1, 1, 1]

    assert owned.s3.replica() == before
    assert len(owned.queue.calls("change_message_visibility")) == 4
    assert owned.queue.calls("send_message") == []


def test_when_the_owner_is_right_again_what_waited_is_replicated(owned: Owned) -> None:
    owned.s3.put()
    owned.owners[DESTINATION_BUCKET] = SOMEBODY_ELSE
    assert owned.failures("ObjectCreated:Put") == 1

    owned.owners[DESTINATION_BUCKET] = DESTINATION_ACCOUNT

    assert owned.failures("ObjectCreated:Put", receives=2) == 0
    assert owned.s3.replica() == BODY


@pytest.mark.parametrize(
    ("bucket", "receives", "reason"),
    [
        (DESTINATION_BUCKET, 1, "DstPutObjectNotPermitted"),
        (DESTINATION_BUCKET, 2, "DstHeadObjectNotPermitted"),
        (SOURCE_BUCKET, 2, "SrcHeadObjectNotPermitted"),
    ],
)
def test_after_hours_a_letter_says_who_refuses(
    owned: Owned, bucket: str, receives: int, reason: str
) -> None:
    owned.s3.put()
    owned.owners[bucket] = SOMEBODY_ELSE
    age = DESTINATION_PATIENCE_SECONDS + 1

    assert owned.failures("ObjectCreated:Put", receives=receives, age=age) == 0

    _, attributes = owned.queue.letter()
    assert attributes["Reason"] == reason
    assert owned.s3.replica() is None
