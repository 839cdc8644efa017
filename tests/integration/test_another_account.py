"""A destination in another account: its owner's policy is what the module says it should be.

That objects arrive there is shown by the other tests, which treat it as any destination. The local AWS
enforces neither policies nor ExpectedBucketOwner; tests/permissions and tests/unit/test_owners.py do.
"""

import json

import pytest

from integration.support import THRESHOLD, Stack


def test_the_statements_of_the_output_are_taken_as_the_bucket_s_policy(stack: Stack) -> None:
    abroad = stack.destinations["abroad"]
    s3 = stack.aws.client("s3", region=abroad.region, account=abroad.settings["account_id"])
    assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == [abroad.bucket]
    policy = json.loads(s3.get_bucket_policy(Bucket=abroad.bucket)["Policy"])
    made = stack.functions.get_function(FunctionName=abroad.function_name)["Configuration"]["Role"]
    reconcile = f"{made.removesuffix(abroad.name)}reconcile"
    allowed = [s["Condition"]["ArnEquals"]["aws:PrincipalArn"] for s in policy["Statement"]]
    assert allowed == [made, [made, reconcile]]


@pytest.mark.parametrize("size", [6, THRESHOLD + 1], ids=["at once", "in parts"])
def test_an_object_arrives_in_the_other_account(stack: Stack, size: int) -> None:
    abroad, key = stack.destinations["abroad"], f"another/account/{size}"
    stack.put(key, bytes(size), Tagging="a=1", ChecksumAlgorithm="CRC64NVME")
    stack.wait_until_equal([key])
    s3 = stack.aws.client("s3", region=abroad.region, account=abroad.settings["account_id"])
    listed = s3.list_objects_v2(Bucket=abroad.bucket, Prefix=abroad.key_for(key))
    assert [item["Key"] for item in listed["Contents"]] == [abroad.key_for(key)]
