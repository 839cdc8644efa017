"""A bucket that belongs to somebody else is neither read nor written.

The model of S3 refuses every request that does not name the owner of its buckets. The other tests show
that the right one is named; here the owner is another one.
"""

from __future__ import annotations

import pytest
from fanout.replicate.work_queue import DESTINATION_PATIENCE_SECONDS

from support.events import EVENT_SECONDS, s3_event
from support.fake_s3 import FakeS3
from support.function import Function
from support.objects import BODY
from support.settings import DESTINATION_BUCKET, SOURCE_BUCKET


@pytest.mark.parametrize("deletes", [False, True])
@pytest.mark.parametrize("bucket", [SOURCE_BUCKET, DESTINATION_BUCKET])
def test_with_another_owner_nothing_is_written_and_all_stays_in_the_queue(
    s3: FakeS3, bucket: str, deletes: bool
) -> None:
    s3.put_replica(body=b"of the rightful owner")
    s3.version()
    s3.store.bucket(bucket).owner = "333333333333"
    function = Function(s3, replicate_deletes=deletes)

    s3.put(Tagging="a=1")
    failed = function.receive(s3_event("key"))
    failed += function.receive(s3_event("key", event="ObjectCreated:Copy"))
    s3.tag(a="2")
    failed += function.receive(s3_event("key", event="ObjectTagging:Put"))
    s3.delete()
    failed += function.receive(s3_event("key"), receives=2)

    assert failed == ["message-0"] * 4
    assert len(function.hidden_for) == 4
    assert function.dead_letters == []
    assert s3.replicas == {"key": b"of the rightful owner"}


@pytest.mark.parametrize(
    ("bucket", "receives", "reason"),
    [
        (DESTINATION_BUCKET, 1, "DstPutObjectNotPermitted"),
        (DESTINATION_BUCKET, 2, "DstHeadObjectNotPermitted"),
        (SOURCE_BUCKET, 2, "SrcHeadObjectNotPermitted"),
    ],
)
def test_after_hours_a_dead_letter_says_who_refuses_and_can_be_redriven(
    s3: FakeS3, bucket: str, receives: int, reason: str
) -> None:
    s3.put()
    rightful, s3.store.bucket(bucket).owner = s3.store.bucket(bucket).owner, "333333333333"
    function = Function(s3)
    sent_at = EVENT_SECONDS - DESTINATION_PATIENCE_SECONDS - 1

    assert function.receive(s3_event("key"), receives=receives, sent_at=sent_at) == []

    assert function.dead_letter.attributes["Reason"] == reason
    assert s3.replica() is None

    s3.store.bucket(bucket).owner = rightful
    assert function.receive(function.dead_letter.body) == []
    assert s3.replica() == BODY
