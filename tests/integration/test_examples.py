"""Every example and the README's quick start: applied, used, planned again, destroyed."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from aws_data import cloudformation, policies
from integration.roots import Root, Together
from local_aws.server import REPOSITORY
from permissions.evaluate import statements

OBJECT: dict[str, Any] = {
    "ContentType": "text/x-mine",
    "CacheControl": "max-age=1",
    "Metadata": {"who": "me"},
    "Tagging": "stage=final",
}


def basic(root: Root) -> None:
    output = root.outputs
    source = output["source_bucket"]
    buckets = output["destination_buckets"]
    root.put(source, "a+b %2F ü.txt", b"1", **OBJECT)
    root.put(source, "reports/q 1.txt", b"2", **OBJECT)
    root.wait_for(buckets["nearby"], ["a+b %2F ü.txt", "reports/q 1.txt"])
    there = ["from-eu-central-1/a+b %2F ü.txt", "from-eu-central-1/reports/q 1.txt"]
    root.wait_for(buckets["overseas"], there)
    root.wait_for(buckets["reports"], ["reports/q 1.txt"])
    replica = root.content(buckets["overseas"], "from-eu-central-1/reports/q 1.txt")
    assert replica == root.content(source, "reports/q 1.txt")


def complete(root: Root) -> None:
    output = root.outputs
    source, buckets = output["source_bucket"], output["destination_buckets"]
    keys = ["tmp/a.txt", "later/b.txt", "documents/a+b %2F ü.txt", "documents/c.jpg", "inbox/d e"]
    for key in keys:
        root.put(source, key, key.encode(), StorageClass="ONEZONE_IA", **OBJECT)
    root.wait_for(buckets["inbox"], ["inbox/d e"], paused=["later"])
    root.wait_for(buckets["archive"], ["from-fanout-complete/a+b %2F ü.txt"], paused=["later"])
    root.wait_for(buckets["overseas"], keys[1:], paused=["later"])
    root.wait_for(buckets["mirror"], keys, paused=["later"])
    for key in keys:
        assert root.content(buckets["mirror"], key) == root.content(source, key)
    head = root.client("s3").head_object(Bucket=buckets["mirror"], Key=keys[0])
    assert head["StorageClass"] == "ONEZONE_IA"
    assert head["ServerSideEncryption"] == "aws:kms"
    queue = root.client("sqs").get_queue_attributes(
        QueueUrl=output["destinations"]["later"]["queue_url"],
        AttributeNames=["ApproximateNumberOfMessages"],
    )
    assert queue["Attributes"]["ApproximateNumberOfMessages"] == "1", "what is paused is kept"

    root.client("s3").delete_object(Bucket=source, Key=keys[0])
    root.eventually("deleted", lambda: root.content(buckets["mirror"], keys[0]) is None)


def cross_account(root: Root) -> None:
    output = root.outputs
    source, bucket = output["source_bucket"], output["destination_buckets"]["partner"]
    assert bucket not in [b["Name"] for b in root.client("s3").list_buckets()["Buckets"]]
    root.put(source, "ours.txt", b"1")
    root.put(source, "for-partner/a+b %2F ü.txt", b"2", **OBJECT)
    root.wait_for(bucket, ["from-us/for-partner/a+b %2F ü.txt"])
    replica = root.content(bucket, "from-us/for-partner/a+b %2F ü.txt")
    assert replica == root.content(source, "for-partner/a+b %2F ü.txt")
    policy = json.loads(root.partner("s3").get_bucket_policy(Bucket=bucket)["Policy"])
    statements = json.loads(output["destination_bucket_policy_statements"]["partner"])
    assert [s["Sid"] for s in policy["Statement"]] == [
        "DenyInsecureTransport",
        *(s["Sid"] for s in statements),
    ]


def cross_region(root: Root) -> None:
    output = root.outputs
    source = output["source_bucket"]
    root.put(source, "a/b c.txt", b"1", **OBJECT)
    for region, storage_class in (("eu-west-1", None), ("ap-southeast-2", "STANDARD_IA")):
        name = {"eu-west-1": "ireland", "ap-southeast-2": "sydney"}[region]
        bucket = output["destination_buckets"][name]
        s3 = root.client("s3", region)
        assert s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] == region
        root.wait_for(bucket, ["a/b c.txt"])
        assert root.content(bucket, "a/b c.txt") == root.content(source, "a/b c.txt")
        assert s3.head_object(Bucket=bucket, Key="a/b c.txt").get("StorageClass") == storage_class


def eventbridge(root: Root) -> None:
    output = root.outputs
    source = output["source_bucket"]
    buckets = output["destination_buckets"]
    everything = ["other/x.txt", "my reports/a+b %2F ü.txt", "reports/1.txt"]
    for key in everything:
        root.put(source, key, key.encode(), **OBJECT)
    root.wait_for(buckets["whole"], everything)
    root.wait_for(buckets["reports"], everything[1:])
    for key in everything[1:]:
        assert root.content(buckets["reports"], key) == root.content(source, key)

    tags = {"TagSet": [{"Key": "stage", "Value": "draft"}]}
    root.client("s3").put_object_tagging(Bucket=source, Key=everything[2], Tagging=tags)
    for bucket in buckets.values():
        root.eventually(
            f"the new tag in {bucket}",
            lambda bucket=bucket: (
                root.content(bucket, everything[2])  # type: ignore[misc]
                == root.content(source, everything[2])
            ),
        )

    root.client("s3").delete_object(Bucket=source, Key=everything[2])
    root.eventually("deleted", lambda: root.content(buckets["whole"], everything[2]) is None)
    root.wait_for(buckets["reports"], everything[1:])


def existing_notifications(root: Root) -> None:
    output = root.outputs
    sources = output["source_buckets"]
    copy = output["destination_buckets"]["copy"]
    root.put(sources["invoices"], "public/1.txt", b"1")
    root.put(sources["photos"], "private/2.txt", b"2")
    root.put(sources["photos"], "public/a+b %2F ü.txt", b"3", **OBJECT)
    root.wait_for(copy, ["public/a+b %2F ü.txt"])
    replica = root.content(copy, "public/a+b %2F ü.txt")
    assert replica == root.content(sources["photos"], "public/a+b %2F ü.txt")

    listener = output["listener_queue_url"]
    heard: set[str] = set()

    def both() -> bool:
        heard.update(_buckets_in_events(root, listener))
        return heard == set(sources.values())

    root.eventually("who listened before hears of both buckets", both)


def kms(root: Root) -> None:
    output = root.outputs
    keys = output["key_arns"]
    bucket = output["destination_buckets"]["encrypted"]
    root.put(output["source_bucket"], "a/b c.txt", b"secret", **OBJECT)
    root.wait_for(bucket, ["a/b c.txt"])
    assert root.content(bucket, "a/b c.txt") == root.content(output["source_bucket"], "a/b c.txt")
    for where, key in ((output["source_bucket"], "source"), (bucket, "destination")):
        head = root.client("s3").head_object(Bucket=where, Key="a/b c.txt")
        assert head["SSEKMSKeyId"] == keys[key]

    made = output["destinations"]["encrypted"]
    topic = root.client("sns").get_topic_attributes(TopicArn=output["topic_arn"])["Attributes"]
    assert topic["KmsMasterKeyId"] == keys["fanout"]
    for url in (made["queue_url"], made["dead_letter_queue_url"]):
        queue = root.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
        assert queue["Attributes"]["KmsMasterKeyId"] == keys["fanout"]
    groups = root.client("logs").describe_log_groups()["logGroups"]
    assert {group["kmsKeyId"] for group in groups} == {keys["fanout"]}

    policy = root.client("kms").get_key_policy(KeyId=keys["fanout"], PolicyName="default")
    allowed = {
        (service, action)
        for statement in json.loads(policy["Policy"])["Statement"]
        for service in _services(statement)
        for action in statement["Action"]
    }
    needed = {
        (service, action)
        for statement in json.loads(output["kms_key_policy_statements"]["kms_key_arn"])
        for service in _services(statement)
        for action in statement["Action"]
    }
    assert allowed == needed, "the key's policy must let in whom the module's output names"


def many_destinations(root: Root) -> None:
    output = root.outputs
    source = output["source_bucket"]
    buckets = output["destination_buckets"]
    for key in (
        "drafts/photos/1.jpg",
        "other.txt",
        "photos/a+b %2F ü.jpg",
        "photos/2025/c d.raw",
        "Jahresberichte & mehr/e.txt",
        "reports/f.txt",
    ):
        root.put(source, key, key.encode(), **OBJECT)
    root.wait_for(
        buckets["mirror"],
        [
            "other.txt",
            "photos/a+b %2F ü.jpg",
            "photos/2025/c d.raw",
            "Jahresberichte & mehr/e.txt",
            "reports/f.txt",
        ],
    )
    root.wait_for(buckets["web"], ["img/a+b %2F ü.jpg"])
    root.wait_for(
        buckets["archive"],
        ["photos/2025/c d.raw", "text/reports/f.txt", "text/Jahresberichte & mehr/e.txt"],
    )
    raw = root.client("s3").head_object(Bucket=buckets["archive"], Key="photos/2025/c d.raw")
    assert raw["StorageClass"] == "GLACIER_IR"
    image = root.content(buckets["web"], "img/a+b %2F ü.jpg")
    assert image
    assert image.tags == ()
    mirrored = root.content(buckets["mirror"], "photos/a+b %2F ü.jpg")
    assert mirrored == root.content(source, "photos/a+b %2F ü.jpg")

    root.client("s3").delete_object(Bucket=source, Key="reports/f.txt")
    root.eventually("deleted", lambda: root.content(buckets["mirror"], "reports/f.txt") is None)
    assert root.content(buckets["archive"], "text/reports/f.txt")


def quick_start(root: Root) -> None:
    root.put("photos", "a/b c.txt", b"1", **OBJECT)
    root.wait_for("photos-copy", ["a/b c.txt"])
    root.wait_for("photos-us", ["from-europe/a/b c.txt"])
    replica = root.content("photos-us", "from-europe/a/b c.txt")
    assert replica == root.content("photos", "a/b c.txt")


USES: dict[str, Callable[[Root], None]] = {
    "basic": basic,
    "cross-account": cross_account,
    "cross-region": cross_region,
    "eventbridge": eventbridge,
    "existing-notifications": existing_notifications,
    "kms": kms,
    "many-destinations": many_destinations,
    "pages": quick_start,
    "complete": complete,
}


def test_every_example_is_tried_out_here() -> None:
    examples = {folder.name for folder in (REPOSITORY / "examples").iterdir() if folder.is_dir()}
    assert examples | {"pages"} == USES.keys()


@pytest.mark.parametrize("name", USES)
def test_objects_arrive_as_it_promises(roots: dict[str, Root], name: str) -> None:
    USES[name](roots[name])


def test_a_second_plan_is_empty(roots: dict[str, Root], together: Together) -> None:
    assert roots
    # The exit status is 0 when nothing would change.
    together.terraform("plan", "-detailed-exitcode")


def test_all_of_it_is_as_aws_publishes_it(roots: dict[str, Root], together: Together) -> None:
    assert roots
    state = json.loads((together.folder / "terraform.tfstate").read_text())
    made = [
        (resource["type"], instance["attributes"])
        for resource in state["resources"]
        for instance in resource["instances"]
    ]
    ours = [pair for pair in made if pair[0] in cloudformation.CONVERSIONS]
    assert len(ours) > 300
    assert cloudformation.findings(ours) == []
    wrong = [
        problem
        for its_type, attributes in made
        if its_type != "aws_sns_topic"  # whose policy is another resource
        for name in ("policy", "assume_role_policy")
        if attributes.get(name)
        for statement in statements(attributes[name])
        for problem in policies.problems(
            statement, of_a_resource=its_type not in ("aws_iam_policy", "aws_iam_role_policy")
        )
    ]
    assert wrong == []


def _services(statement: dict[str, Any]) -> list[str]:
    services = statement["Principal"].get("Service", [])
    return [services] if isinstance(services, str) else services


def _buckets_in_events(root: Root, queue_url: str) -> set[str]:
    """The buckets that the next messages of a queue are about."""
    got = root.client("sqs").receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10)
    return {
        record["s3"]["bucket"]["name"]
        for message in got.get("Messages", ())
        for record in json.loads(message["Body"]).get("Records", ())
    }
