"""Copies that land late, and random writes by many hands: when all is quiet, all is equal.

    FANOUT_SEED=... FANOUT_ROUNDS=... pytest tests/integration/test_convergence.py

A seed repeats a run's operations and delays; what the processes make of them is never quite the same
twice. A round is 64 operations; `make race` runs eight of them.
"""

import os
import random
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from integration.blog import blog_function
from integration.s3_proxy import FirstLandsLast, SlowCopies
from integration.support import REGION, Content, Destination, Stack, wait_until_idle

WRITERS = 8
ROUNDS = int(os.environ.get("FANOUT_ROUNDS") or 1)
BURSTS_PER_ROUND = 2  # of each writer
OPERATIONS_PER_BURST = 4  # on one key, so that their copies overlap
SECONDS_BETWEEN_BURSTS = 5.0  # of one writer, on average: what the functions keep up with
KEYS = [f"key-{n}.txt" for n in range(10)]
BLOG = "blog-among-others"


@dataclass
class Writer:
    """One of the hands; what it does follows from the seed."""

    stack: Stack
    chance: random.Random

    def write(self) -> None:
        """Do some bursts of operations, with pauses in between."""
        for _ in range(BURSTS_PER_ROUND):
            time.sleep(self.chance.uniform(0, 2 * SECONDS_BETWEEN_BURSTS))
            key = self.chance.choice(KEYS)
            for _ in range(OPERATIONS_PER_BURST):
                self.operate(key)
                time.sleep(self.chance.uniform(0.1, 0.6))

    def operate(self, key: str) -> None:
        """Do one operation."""
        operation = self.chance.choices(
            [self.put, self.rewrite, self.tag, self.copy_onto_itself, self.delete],
            [45, 20, 10, 10, 15],
        )[0]
        try:
            operation(key)
        except self.stack.s3.exceptions.ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] not in (404, 405):
                raise
            # Somebody else has deleted it meanwhile.

    def put(self, key: str) -> None:
        """New content, sometimes with tags."""
        body = self.chance.randbytes(self.chance.randint(0, 2000))
        tags = f"owner={self.chance.randint(1, 3)}" if self.chance.random() < 0.5 else ""
        self.stack.put(key, body, Metadata={"turn": str(self.chance.random())}, Tagging=tags)

    def rewrite(self, key: str) -> None:
        """One of two contents, so that the same bytes come again with other metadata."""
        body = self.chance.choice([b"again", b"and again"])
        self.stack.put(key, body, Metadata={"turn": str(self.chance.randint(1, 3))})

    def tag(self, key: str) -> None:
        """Other tags for what is there."""
        tags = [{"Key": "owner", "Value": str(self.chance.randint(1, 9))}]
        self.stack.s3.put_object_tagging(
            Bucket=self.stack.source_bucket, Key=key, Tagging={"TagSet": tags}
        )

    def copy_onto_itself(self, key: str) -> None:
        """Other metadata for what is there."""
        self.stack.s3.copy_object(
            Bucket=self.stack.source_bucket,
            Key=key,
            CopySource={"Bucket": self.stack.source_bucket, "Key": key},
            MetadataDirective="REPLACE",
            Metadata={"copied": str(self.chance.random())},
        )

    def delete(self, key: str) -> None:
        """A delete marker."""
        self.stack.s3.delete_object(Bucket=self.stack.source_bucket, Key=key)


def newest_survivor(stack: Stack, key: str) -> Content | None:
    """The newest version of a key that is no delete marker."""
    listed = stack.s3.list_object_versions(Bucket=stack.source_bucket, Prefix=key)
    versions = [v for v in listed.get("Versions", ()) if v["Key"] == key]
    if not versions:
        return None
    return stack.content(stack.source_bucket, key, version_id=versions[0]["VersionId"])


def divergent(stack: Stack, keys: Iterable[str]) -> list[str]:
    """What is not as it should be, at all destinations."""

    def is_wrong(destination: Destination, key: str) -> bool:
        there, expected = (
            stack.at_destination(destination, key),
            stack.expected_at(destination, key),
        )
        if expected is None and not destination.settings.get("replicate_deletes"):
            # Deleted before it could be copied at all, or still there as it last was.
            return there is not None and there != newest_survivor(stack, key)
        return there != expected

    return [
        f"{destination.name}: {key}"
        for destination in stack.destinations.values()
        for key in keys
        if is_wrong(destination, key)
    ]


@pytest.fixture
def staging(versioned: Stack) -> Iterator[str]:
    """A bucket in which copies wait until they land."""
    name = "staging-of-late-copies"
    versioned.s3.create_bucket(
        Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    yield name
    for key in versioned.keys(name):
        versioned.s3.delete_object(Bucket=name, Key=key)
    versioned.s3.delete_bucket(Bucket=name)


def test_a_copy_that_lands_after_a_newer_one_is_noticed(versioned: Stack, staging: str) -> None:
    """The blog's handler, which looks at nothing, shows that it would matter."""
    versioned.require_function_processes()
    keys = [f"order-{n}.txt" for n in range(3)]
    proxy = FirstLandsLast(versioned.aws.endpoint_url, staging)
    paths = [f"/{BLOG}/{key}" for key in keys] + [
        f"/{d.bucket}/{d.key_for(key)}" for d in versioned.destinations.values() for key in keys
    ]
    with (
        blog_function(versioned, BLOG),
        versioned.proxied(proxy),
        closing(proxy),
    ):
        # One key at a time: every held copy holds one of the few batches that a queue has under way.
        for key in keys:
            copies = [path for path in paths if path.endswith(f"/{key}")]
            versioned.put(key, b"first")
            versioned.eventually("the first copies read", lambda c=copies: proxy.have_read(c))  # type: ignore[misc]
            versioned.put(key, b"second")
            versioned.eventually("the first copies landed", lambda c=copies: proxy.have_landed(c))  # type: ignore[misc]
        wait_until_idle(versioned)
        assert divergent(versioned, keys) == []
        assert [versioned.s3.get_object(Bucket=BLOG, Key=key)["Body"].read() for key in keys] == [
            b"first"
        ] * len(keys)


def test_every_destination_ends_equal_whatever_order_copies_land_in(
    versioned: Stack, staging: str
) -> None:
    stack = versioned
    seed = os.environ.get("FANOUT_SEED") or str(random.SystemRandom().randrange(10**9))
    print(f"\nFANOUT_SEED={seed}")
    slow = SlowCopies(stack.aws.endpoint_url, staging, seed)
    writers = [Writer(stack, random.Random(f"{seed}/{n}")) for n in range(WRITERS)]
    with (
        stack.proxied(slow),
        stack.delays_of_direct_delivery("1"),
        ThreadPoolExecutor(WRITERS) as pool,
    ):
        for turn in range(ROUNDS):
            list(pool.map(Writer.write, writers))
            wait_until_idle(stack)
            assert divergent(stack, KEYS) == [], f"round {turn} of FANOUT_SEED={seed}"
    calls = [
        line["calls"]
        for d in stack.destinations.values()
        for line in stack.log_lines(d)
        if "calls" in line
    ]
    print(
        f"0 divergent at {len(stack.destinations)} destinations in {ROUNDS} quiet moments; "
        f"{len(calls)} deliveries, {sum(calls)} S3 calls"
    )


@pytest.mark.last
def test_in_the_end_the_log_agrees_with_the_source(versioned: Stack) -> None:
    """Whatever the tests before this one did to the objects, and to the functions."""
    wait_until_idle(versioned)
    logged = versioned.logged()
    keys = versioned.keys(versioned.source_bucket) - {key for _, key in versioned.not_logged()}
    assert keys
    now = datetime.now(UTC).isoformat()
    for key in keys:
        version = versioned.s3.head_object(Bucket=versioned.source_bucket, Key=key)["VersionId"]
        for destination in versioned.destinations.values():
            if destination.key_for(key) is None:
                assert (destination.name, key) not in logged
                continue
            item = logged[destination.name, key]
            assert (item["status"]["S"], item["version_id"]["S"]) == ("COMPLETED", version), item
            assert item["as_of"]["S"] <= item["ended_at"]["S"] < now
