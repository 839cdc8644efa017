"""Objects that are copied in parts: whole, with everything about them, and nothing left behind."""

import random
from typing import Any

import pytest

from integration.support import THRESHOLD, Destination, Stack
from integration.test_interruptions import SHORT_TIMEOUT_SECONDS, interruptible
from support.objects import EVERYTHING

MIB = 1024**2
PART = 64 * MIB


def put_large(stack: Stack, key: str, size: int, seed: int = 0, **about: Any) -> None:
    body = random.Random(f"{key} {seed}").randbytes(size)
    stack.put(key, body, ChecksumAlgorithm="CRC64NVME", **about)


def head(stack: Stack, bucket: str, key: str, region: str | None = None) -> dict[str, Any] | None:
    """What HEAD says, with the checksum; None where there is no object."""
    s3 = stack.aws.client("s3", region=region) if region else stack.s3
    try:
        return dict(s3.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED"))
    except s3.exceptions.ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
            raise
        return None


def wait_for_replica(stack: Stack, destination: Destination, key: str) -> dict[str, Any]:
    """Wait for a replica with the source's checksum, then compare all of it; returns its HEAD."""
    source = head(stack, stack.source_bucket, key)
    assert source is not None
    assert source["ChecksumType"] == "FULL_OBJECT"
    there = destination.key_for(key)
    assert there is not None

    def replica() -> dict[str, Any] | None:
        found = head(stack, destination.bucket, there, destination.region)
        return (
            found if found and found["ChecksumCRC64NVME"] == source["ChecksumCRC64NVME"] else None
        )

    found = stack.eventually(f"{key} at {destination.name}", replica)
    assert stack.at_destination(destination, key) == stack.expected_at(destination, key)
    return found


def taking(stack: Stack, key: str) -> list[Destination]:
    """The destinations that take a key."""
    return [d for d in stack.destinations.values() if d.key_for(key) is not None]


def open_uploads(stack: Stack, destination: Destination) -> list[str]:
    s3 = stack.aws.client("s3", region=destination.region)
    listed = s3.list_multipart_uploads(Bucket=destination.bucket).get("Uploads", ())
    return [upload["Key"] for upload in listed]


@pytest.mark.parametrize(
    ("size", "parts"),
    [(THRESHOLD - 1, 1), (THRESHOLD, 1), (THRESHOLD + 1, 3), (3 * PART + 1, 4)],
    ids=["threshold-1", "threshold", "threshold+1", "3 parts+1"],
)
def test_an_object_arrives_whole_at_any_size(versioned: Stack, size: int, parts: int) -> None:
    key = f"large/{size}.bin"
    put_large(versioned, key, size, ContentType="text/large", Metadata={"size": str(size)})
    for destination in taking(versioned, key):
        replica = wait_for_replica(versioned, destination, key)
        suffix = f'-{parts}"' if parts > 1 else '"'
        assert replica["ETag"].endswith(suffix)
        assert ("-" in replica["ETag"]) == (parts > 1)
    versioned.wait_until_quiet()
    assert [open_uploads(versioned, d) for d in versioned.destinations.values()] == [[], [], []]


def test_a_copy_in_parts_has_everything_that_the_source_has(versioned: Stack) -> None:
    key = "large/everything.bin"
    put_large(versioned, key, THRESHOLD + 1, **EVERYTHING)
    for destination in taking(versioned, key):
        replica = wait_for_replica(versioned, destination, key)
        assert replica.get("StorageClass") == destination.settings.get("storage_class")
    versioned.wait_until_quiet()


def test_a_function_killed_in_the_middle_of_the_parts_leaves_no_upload_behind(
    stack: Stack,
) -> None:
    destination, key = stack.destinations["plain"], "interrupted/killed"
    with interruptible(stack, destination, key) as hold:
        put_large(stack, key, 3 * PART)
        stack.eventually("the copy held", hold.is_held.is_set)
        assert open_uploads(stack, destination) == [key]
        for process in stack.aws.function_processes(destination.function_name):
            process.kill()
        wait_for_replica(stack, destination, key)
        stack.wait_until_quiet()
    assert open_uploads(stack, destination) == []


def test_parts_that_take_longer_than_the_invocation_are_left_to_the_next_one(
    stack: Stack,
) -> None:
    destination, key = stack.destinations["plain"], "interrupted/slow"
    with (
        stack.function_timeout(destination, SHORT_TIMEOUT_SECONDS),
        interruptible(stack, destination, key) as hold,
    ):
        put_large(stack, key, 3 * PART)
        stack.eventually("the copy held", hold.is_held.is_set)
        wait_for_replica(stack, destination, key)
        stack.wait_until_quiet()
    lines = [line for line in stack.log_lines(destination) if line.get("key") == key]
    assert "CopyUnfinished" in [line.get("reason") for line in lines]
    assert open_uploads(stack, destination) == []


def test_a_source_overwritten_in_the_middle_is_never_mixed(stack: Stack) -> None:
    destination, key = stack.destinations["plain"], "interrupted/overwritten"
    with interruptible(stack, destination, key) as hold:
        put_large(stack, key, 3 * PART, seed=1)
        stack.eventually("the copy held", hold.is_held.is_set)
        put_large(stack, key, 3 * PART + 1, seed=2)
        hold.release()
        wait_for_replica(stack, destination, key)
        stack.wait_until_quiet()
    assert open_uploads(stack, destination) == []
