"""Whatever changes at an object is followed: tags, metadata, its end."""

import pytest

from integration.support import Stack


def test_a_change_of_tags_alone_is_followed(stack: Stack) -> None:
    stack.put("reports/tags", b"tags", Tagging="stage=draft")
    stack.wait_until_equal(["reports/tags"])
    for tags in ([{"Key": "stage", "Value": "final"}, {"Key": "ö+ :", "Value": "ä =/@"}], []):
        stack.s3.put_object_tagging(
            Bucket=stack.source_bucket, Key="reports/tags", Tagging={"TagSet": tags}
        )
        stack.wait_until_equal(["reports/tags"])


def test_a_change_of_metadata_alone_is_followed(stack: Stack) -> None:
    stack.put("reports/metadata", b"metadata", Metadata={"turn": "1"})
    stack.wait_until_equal(["reports/metadata"])
    stack.s3.copy_object(
        Bucket=stack.source_bucket,
        Key="reports/metadata",
        CopySource={"Bucket": stack.source_bucket, "Key": "reports/metadata"},
        MetadataDirective="REPLACE",
        Metadata={"turn": "2"},
        ContentType="text/other",
        WebsiteRedirectLocation="/there",
    )
    stack.wait_until_equal(["reports/metadata"])


@pytest.mark.parametrize("algorithm", ["SHA256", "CRC32", "CRC64NVME"])
def test_a_replica_has_the_checksum_of_its_source(stack: Stack, algorithm: str) -> None:
    key = f"reports/checksum-{algorithm}"
    stack.put(key, b"checksum" * 100, ChecksumAlgorithm=algorithm)
    stack.wait_until_equal([key])
    checksums = [
        stack.s3.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")[f"Checksum{algorithm}"]
        for bucket in (stack.source_bucket, stack.destinations["plain"].bucket)
    ]
    assert checksums[0] == checksums[1]


def test_a_delete_is_followed_where_that_is_asked_for_and_nowhere_else(stack: Stack) -> None:
    stack.put("reports/deleted", b"deleted")
    stack.wait_until_equal(["reports/deleted"])
    stack.s3.delete_object(Bucket=stack.source_bucket, Key="reports/deleted")
    stack.wait_until_gone(stack.destinations["renamed"], "reports/deleted")
    stack.wait_until_quiet()
    for name in ("plain", "abroad", "reports"):
        replica = stack.at_destination(stack.destinations[name], "reports/deleted")
        assert replica is not None
        assert replica.size == len(b"deleted")


def test_an_object_that_comes_back_is_replicated_again(versioned: Stack) -> None:
    for body in (b"first", b"second"):
        versioned.put("phoenix.txt", body)
        versioned.wait_until_equal(["phoenix.txt"])
        versioned.s3.delete_object(Bucket=versioned.source_bucket, Key="phoenix.txt")
        for name in ("mirrored", "queued"):
            versioned.wait_until_gone(versioned.destinations[name], "phoenix.txt")
        kept = versioned.at_destination(versioned.destinations["kept"], "phoenix.txt")
        assert kept is not None
        assert kept.size == len(body)


def test_excluded_prefixes_and_other_suffixes_do_not_arrive(versioned: Stack) -> None:
    keys = ["private/a.txt", "public/a.txt", "public/a.jpg", "public/b.bin"]
    for key in keys:
        versioned.put(key, key.encode())
    versioned.wait_until_equal(keys)
    versioned.wait_until_quiet()
    queued = versioned.destinations["queued"]
    assert versioned.keys(queued.bucket) & set(keys) == {"public/a.txt", "public/b.bin"}


def test_without_tags_none_are_written(versioned: Stack) -> None:
    versioned.put("untagged.txt", b"untagged", Tagging="a=b")
    versioned.wait_until_equal(["untagged.txt"])
    at_source = versioned.at_source("untagged.txt")
    replica = versioned.at_destination(versioned.destinations["queued"], "untagged.txt")
    assert at_source is not None
    assert replica is not None
    assert (at_source.tags, replica.tags) == ((("a", "b"),), ())
