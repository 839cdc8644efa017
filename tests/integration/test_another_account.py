"""A destination in another account: its owner's policy is what the module says it should be.

That objects arrive there is shown by the other tests, which treat it as any destination. The local AWS
enforces neither policies nor ExpectedBucketOwner; tests/permissions and tests/unit/test_owners.py do.
"""

import json

from integration.support import Stack


def test_the_statements_of_the_output_are_taken_as_the_bucket_s_policy(stack: Stack) -> None:
    abroad = stack.destinations["abroad"]
    s3 = stack.aws.client("s3", region=abroad.region, account=abroad.settings["account_id"])
    assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == [abroad.bucket]
    policy = json.loads(s3.get_bucket_policy(Bucket=abroad.bucket)["Policy"])
    made = stack.functions.get_function(FunctionName=abroad.function_name)["Configuration"]["Role"]
    reconcile = f"{made.removesuffix(abroad.name)}reconcile"
    allowed = [s["Condition"]["ArnEquals"]["aws:PrincipalArn"] for s in policy["Statement"]]
    assert allowed == [made, [made, reconcile]]


def test_an_object_arrives_in_the_other_account(stack: Stack) -> None:
    abroad, key = stack.destinations["abroad"], "another/account"
    stack.put(key, b"across", Tagging="a=1")
    stack.wait_until_equal([key])
    s3 = stack.aws.client("s3", region=abroad.region, account=abroad.settings["account_id"])
    listed = s3.list_objects_v2(Bucket=abroad.bucket, Prefix=abroad.key_for(key))
    assert [item["Key"] for item in listed["Contents"]] == [abroad.key_for(key)]
