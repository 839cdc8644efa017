"""The client for S3 on an S3 that others wrote: MiniStack, over TLS. It checks signatures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fanout.common.connections import Connections
from fanout.common.credentials import Credentials
from fanout.common.errors import AwsError, Operation, Side
from fanout.common.s3_client import Policy, S3Client

from local_aws.enforcing import EnforcingAws
from support.objects import AWKWARD_KEYS

ROOT = Credentials("111111111111", "test")
"""MiniStack takes an access key of 12 digits for the root of that account."""

SOURCE, DESTINATION = "source-bucket", "destination-bucket"
BODY = b"0123456789" * 1000


@pytest.fixture(scope="module")
def aws() -> Iterator[EnforcingAws]:
    with EnforcingAws() as running:
        yield running


@pytest.fixture(scope="module")
def hand(aws: EnforcingAws) -> Any:
    """Botocore's client, beside which ours is seen; both buckets are there."""
    made = aws.client("s3", region="us-east-1", account=ROOT.access_key_id)
    for bucket in (SOURCE, DESTINATION):
        made.create_bucket(Bucket=bucket)
    return made


class Caller:
    """Makes calls by our client."""

    def __init__(self, aws: EnforcingAws, credentials: Credentials = ROOT) -> None:
        environ = {"AWS_ENDPOINT_URL": aws.endpoint_url}
        connections = Connections(str(aws.ca_bundle))
        self._client = S3Client("us-east-1", connections, lambda: credentials, environ)

    def __call__(self, operation: Operation, bucket: str, **parameters: Any) -> dict[str, Any]:
        named = {"Bucket": bucket, **parameters}
        return self._client.call(operation, Side.SOURCE, Policy(30, 1), named)

    def fails(self, operation: Operation, bucket: str, **parameters: Any) -> tuple[str, int]:
        with pytest.raises(AwsError) as caught:
            self(operation, bucket, **parameters)
        return caught.value.code, caught.value.status


@pytest.fixture
def call(aws: EnforcingAws, hand: Any) -> Caller:
    del hand  # the buckets are there
    return Caller(aws)


@pytest.mark.parametrize("key", AWKWARD_KEYS.values(), ids=AWKWARD_KEYS)
def test_an_object_is_copied_whole_and_in_parts(call: Caller, hand: Any, key: str) -> None:
    tags = [{"Key": "a", "Value": "1 + 2"}, {"Key": "b<&>", "Value": "ä"}]
    put = hand.put_object(
        Bucket=SOURCE, Key=key, Body=BODY, Metadata={"x": "y"}, CacheControl="no-cache"
    )
    call("PutObjectTagging", SOURCE, Key=key, Tagging={"TagSet": tags})
    head = call("HeadObject", SOURCE, Key=key, ChecksumMode="ENABLED")
    source = {"CopySource": {"Bucket": SOURCE, "Key": key}, "CopySourceIfMatch": put["ETag"]}

    copied = call("CopyObject", DESTINATION, Key=key, **source)

    theirs = hand.head_object(Bucket=SOURCE, Key=key, ChecksumMode="ENABLED")["ResponseMetadata"]
    changing = {"date", "x-amz-request-id", "x-amz-id-2", "x-amzn-requestid"}
    assert _without(head["ResponseMetadata"]["HTTPHeaders"], changing) == _without(
        theirs["HTTPHeaders"], changing
    )
    assert copied["CopyObjectResult"]["ETag"] == put["ETag"]
    assert call("GetObjectTagging", DESTINATION, Key=key)["TagSet"] == tags
    assert call("GetObject", DESTINATION, Key=key, Range="bytes=0-0")["ContentLength"] == 1
    versions = call("ListObjectVersions", DESTINATION, Prefix=key)["Versions"]
    assert key in [version["Key"] for version in versions]

    begun = call("CreateMultipartUpload", DESTINATION, Key=key, Metadata={"x": "z"})
    upload = {"Key": key, "UploadId": begun["UploadId"]}
    part = call("UploadPartCopy", DESTINATION, **upload, PartNumber=1, **source)["CopyPartResult"]
    [listed] = call("ListParts", DESTINATION, **upload)["Parts"]
    assert (listed["PartNumber"], listed["Size"], listed["ETag"]) == (1, len(BODY), part["ETag"])
    uploads = call("ListMultipartUploads", DESTINATION, Prefix=key)["Uploads"]
    assert [each["UploadId"] for each in uploads] == [begun["UploadId"]]
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    done = call("CompleteMultipartUpload", DESTINATION, **upload, MultipartUpload=parts)
    there = hand.get_object(Bucket=DESTINATION, Key=key)
    assert (there["ETag"], there["Metadata"], there["Body"].read()) == (
        done["ETag"],
        {"x": "z"},
        BODY,
    )
    assert call.fails("AbortMultipartUpload", DESTINATION, **upload) == ("NoSuchUpload", 404)
    call("DeleteObject", DESTINATION, Key=key)
    assert call.fails("HeadObject", DESTINATION, Key=key) == ("404", 404)


def _without(headers: dict[str, str], names: set[str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in names}


def test_what_is_refused_is_told_as_it_is(call: Caller, hand: Any, aws: EnforcingAws) -> None:
    hand.put_object(Bucket=SOURCE, Key="k", Body=BODY)
    copy = {"Key": "k", "CopySource": {"Bucket": SOURCE, "Key": "k"}}
    nobody = Caller(aws, Credentials("AKIANOBODY", "secret"))

    assert call.fails("CopyObject", DESTINATION, **copy, CopySourceIfMatch='"other"') == (
        "PreconditionFailed",
        412,
    )
    copy["CopySource"] = {"Bucket": SOURCE, "Key": "none"}
    assert call.fails("CopyObject", DESTINATION, **copy) == ("NoSuchKey", 404)
    assert call.fails("CopyObject", "no-such-bucket", **copy) == ("NoSuchBucket", 404)
    assert call.fails("GetObject", SOURCE, Key="none") == ("NoSuchKey", 404)
    assert call.fails("HeadBucket", "no-such-bucket") == ("404", 404)
    assert nobody.fails("HeadObject", SOURCE, Key="k") == ("403", 403)
    assert nobody.fails("GetObject", SOURCE, Key="k") == ("InvalidAccessKeyId", 403)
