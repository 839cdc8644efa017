"""What the enforcing emulator lacks, so that these tests do without. Where it has learned, they fail.

What AWS does instead is in tests/permissions/calls.py, each with its page.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from enforced.world import OTHER_ACCOUNT, document
from integration.support import REGION
from local_aws.enforcing import EnforcingAws
from local_aws.server import DEFAULT_ACCOUNT

BUCKET = "lacking"


@pytest.fixture(scope="module")
def caller(aws: EnforcingAws) -> Any:
    """S3 for somebody who may get and put objects of a bucket, and nothing else."""
    owner, iam = aws.client("s3", region=REGION), aws.client("iam")
    owner.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    owner.put_object(Bucket=BUCKET, Key="k", Body=b"1", Tagging="a=1")
    account = {"AWS": f"arn:aws:iam::{DEFAULT_ACCOUNT}:root"}
    trust = document([{"Effect": "Allow", "Principal": account, "Action": "sts:AssumeRole"}])
    role = iam.create_role(RoleName=BUCKET, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    may = [{"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "*"}]
    iam.put_role_policy(RoleName=BUCKET, PolicyName="p", PolicyDocument=document(may))
    return aws.client_of(role, "s3", region=REGION)


def _copy(caller: Any, **asked: Any) -> int:
    source = {"Bucket": BUCKET, "Key": "k"}
    answer = caller.copy_object(Bucket=BUCKET, Key="to", CopySource=source, **asked)
    return int(answer["ResponseMetadata"]["HTTPStatusCode"])


KEY = f"arn:aws:kms:{REGION}:{DEFAULT_ACCOUNT}:key/11111111-89ab-cdef-0123-456789abcdef"


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param({}, id="s3:GetObjectTagging and s3:PutObjectTagging, to copy tags"),
        pytest.param({"ACL": "bucket-owner-full-control"}, id="s3:PutObjectAcl"),
        pytest.param(
            {"ExpectedBucketOwner": OTHER_ACCOUNT}, id="that the owner is the expected one"
        ),
        pytest.param(
            {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": KEY},
            id="rights to the key, or a key",
        ),
    ],
)
def test_a_copy_is_not_refused_that_takes_more(caller: Any, asked: dict[str, Any]) -> None:
    assert _copy(caller, **asked) == 200


def test_who_may_not_list_hears_that_an_object_is_missing(caller: Any) -> None:
    with pytest.raises(caller.exceptions.ClientError, match="404"):
        caller.head_object(Bucket=BUCKET, Key="missing")


def test_a_head_does_not_count_tags(caller: Any) -> None:
    assert "TagCount" not in caller.head_object(Bucket=BUCKET, Key="k")


def test_changes_of_tags_are_no_events_and_filters_do_not_look_into_arrays(
    aws: EnforcingAws,
) -> None:
    client: Callable[[str], Any] = lambda service: aws.client(service, region=REGION)  # noqa: E731
    topic = client("sns").create_topic(Name=BUCKET)["TopicArn"]
    anybody = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}
    client("sns").set_topic_attributes(
        TopicArn=topic, AttributeName="Policy", AttributeValue=document([anybody])
    )
    filters = {"all": None, "filtered": {"Records": {"eventName": [{"prefix": "Object"}]}}}
    urls = {}
    for name, wanted in filters.items():
        queue = client("sqs").create_queue(
            QueueName=f"{BUCKET}-{name}", Attributes={"Policy": document([anybody])}
        )
        urls[name] = queue["QueueUrl"]
        chosen = {"FilterPolicy": json.dumps(wanted), "FilterPolicyScope": "MessageBody"}
        client("sns").subscribe(
            TopicArn=topic,
            Protocol="sqs",
            Endpoint=f"arn:aws:sqs:{REGION}:{DEFAULT_ACCOUNT}:{BUCKET}-{name}",
            Attributes={"RawMessageDelivery": "true", **(chosen if wanted else {})},
        )
    events = ["s3:ObjectCreated:*", "s3:ObjectTagging:*"]
    client("s3").put_bucket_notification_configuration(
        Bucket=BUCKET,
        NotificationConfiguration={"TopicConfigurations": [{"TopicArn": topic, "Events": events}]},
    )
    client("s3").put_object_tagging(Bucket=BUCKET, Key="k", Tagging={"TagSet": []})
    client("s3").put_object(Bucket=BUCKET, Key="last", Body=b"")

    def received(name: str) -> list[str]:
        got = client("sqs").receive_message(
            QueueUrl=urls[name], MaxNumberOfMessages=10, VisibilityTimeout=0
        )
        bodies = [json.loads(message["Body"]) for message in got.get("Messages", ())]
        return [record["eventName"] for body in bodies for record in body.get("Records", ())]

    aws.eventually("the last event", lambda: "ObjectCreated:Put" in received("all"))
    assert received("all") == ["ObjectCreated:Put"]
    assert received("filtered") == []


def test_no_task_moves_dead_letters_back(aws: EnforcingAws) -> None:
    sqs = aws.client("sqs", region=REGION)
    with pytest.raises(sqs.exceptions.ClientError, match="InvalidAction"):
        sqs.start_message_move_task(SourceArn=f"arn:aws:sqs:{REGION}:{DEFAULT_ACCOUNT}:any")
