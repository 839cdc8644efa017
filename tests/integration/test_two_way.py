"""Two buckets that replicate each other, written to at both sides while copies land late.

    FANOUT_SEED=... FANOUT_OPERATIONS=... pytest tests/integration/test_two_way.py

A seed repeats a run's operations and delays. `make two-way` runs a longer one.
"""

import os
import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field

import pytest

from integration.s3_proxy import SlowCopies
from integration.support import REGION, THRESHOLD, Content, Stack, wait_until_idle

WRITERS = 8
KEYS = 24
OPERATIONS = int(os.environ.get("FANOUT_OPERATIONS") or 12)  # of each writer
LARGE_SHARE = 0.02 if OPERATIONS > 50 else 0  # of the puts; to hash them takes the local AWS long
STAGING = "staging-of-two-ways"
CONTENDED = ["two-way/contended-0", "two-way/contended-1"]

Written = tuple[int, str, str] | None
"""The size, metadata and tag of an object, or None once it is deleted."""


@dataclass
class Writer:
    """The only writer of some keys, at one side.

    Attributes:
        written: what is at each key since its last operation.
    """

    stack: Stack
    keys: list[str]
    chance: random.Random
    written: dict[str, Written] = field(default_factory=dict)

    def write(self) -> None:
        """Do one operation after the other, and now and then one on a key that others write too."""
        for _ in range(OPERATIONS):
            time.sleep(self.chance.uniform(0.1, 1))
            key = self.chance.choice(self.keys)
            self.written[key] = self.operate(key, self.written.get(key))
            if self.chance.random() < 0.1:
                self.put(self.chance.choice(CONTENDED), None)

    def operate(self, key: str, there: Written) -> Written:
        """Do one operation on a key of one's own; returns what is there now."""
        operations: list[Callable[[str, Written], Written]] = [self.put]
        if there is not None:
            operations += [self.put, self.tag, self.delete]
        return self.chance.choice(operations)(key, there)

    def put(self, key: str, _there: Written) -> Written:
        """New content."""
        is_large = self.chance.random() < LARGE_SHARE
        size = THRESHOLD + 1 if is_large else self.chance.randint(1, 2000)
        turn = str(self.chance.random())
        body = self.chance.randbytes(size)
        self.stack.put(key, body, Metadata={"turn": turn}, Tagging=f"turn={turn}")
        return size, turn, turn

    def tag(self, key: str, there: Written) -> Written:
        """Another tag for what is there."""
        assert there is not None
        tag = str(self.chance.random())
        where = {"Bucket": self.stack.source_bucket, "Key": key}
        tags = {"TagSet": [{"Key": "turn", "Value": tag}]}
        with suppress(self.stack.s3.exceptions.NoSuchKey):  # deleted, as the end will show
            self.stack.s3.put_object_tagging(**where, Tagging=tags)
        return (*there[:2], tag)

    def delete(self, key: str, _there: Written) -> Written:
        """Nothing is there any more."""
        self.stack.s3.delete_object(Bucket=self.stack.source_bucket, Key=key)
        return None


@pytest.fixture
def staging(stacks: dict[str, Stack]) -> Iterator[str]:
    """A bucket in which copies wait until they land."""
    left = stacks["left"]
    left.s3.create_bucket(Bucket=STAGING, CreateBucketConfiguration={"LocationConstraint": REGION})
    yield STAGING
    for key in left.keys(STAGING):
        left.s3.delete_object(Bucket=STAGING, Key=key)
    left.s3.delete_bucket(Bucket=STAGING)


def is_what_was_written(found: Content | None, written: Written) -> bool:
    """Whether an object is what its writer left there."""
    if found is None or written is None:
        return found is None and written is None
    size, turn, tag = written
    told = (size, (("turn", turn),), (("turn", tag),))
    return (found.size, found.metadata, found.tags) == told


def test_what_each_keys_only_writer_did_last_is_what_both_sides_hold(
    stacks: dict[str, Stack], staging: str
) -> None:
    sides = stacks["left"], stacks["right"]
    seed = os.environ.get("FANOUT_SEED") or str(random.SystemRandom().randrange(10**9))
    print(f"\nFANOUT_SEED={seed}")
    writers = [
        Writer(
            sides[n % 2],
            [f"two-way/{key}" for key in range(n, KEYS, WRITERS)],
            random.Random(f"{seed}/{n}"),
        )
        for n in range(WRITERS)
    ]
    slow = SlowCopies(sides[0].aws.endpoint_url, staging, seed)
    with sides[0].proxied(slow), ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(Writer.write, writers))
        wait_until_idle(*sides)
    lost = [
        f"{side.source_bucket}/{key}"
        for writer in writers
        for key, written in writer.written.items()
        for side in sides
        if not is_what_was_written(side.at_source(key), written)
    ]
    unequal = [key for key in CONTENDED if len({side.at_source(key) for side in sides}) > 1]
    keys = sum(len(writer.written) for writer in writers)
    print(f"{keys} keys: {len(lost)} last writes lost, of two sides; {len(unequal)} others unequal")
    assert lost == []
    assert unequal == []
