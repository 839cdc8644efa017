"""The delay from put to visible, side by side with the blog's handler."""

import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from integration.blog import blog_function
from integration.support import Stack, eventually

ROUNDS = 60
WARM_UP_ROUNDS = 3  # processes start
KEY = "größe & more/delay"  # wanted by both lanes
BLOG = "blog-target"


def seconds_until_visible(stack: Stack, bucket: str, body: bytes, started: float) -> float:
    """Watch for the object with this content; returns the seconds since it was put."""

    def visible() -> bool:
        try:
            return bool(stack.s3.get_object(Bucket=bucket, Key=KEY)["Body"].read() == body)
        except stack.s3.exceptions.NoSuchKey:
            return False

    eventually(f"{body!r} in {bucket}", visible, longest_pause=0.02)
    return time.monotonic() - started


@pytest.mark.last  # when the other stages leave the processors alone
def test_both_lanes_are_faster_than_the_blogs_handler(stack: Stack) -> None:
    buckets = {
        "queue": stack.destinations["plain"].bucket,
        "direct": stack.destinations["reports"].bucket,
        "blog": BLOG,
    }
    rounds: list[list[float]] = []
    with blog_function(stack, BLOG), ThreadPoolExecutor(len(buckets)) as pool:
        for turn in range(WARM_UP_ROUNDS + ROUNDS):
            body = str(turn).encode()
            started = time.monotonic()
            stack.put(KEY, body)
            watch = partial(seconds_until_visible, stack, body=body, started=started)
            rounds.append(list(pool.map(watch, buckets.values())))
            stack.wait_until_quiet()
    columns = zip(*rounds[WARM_UP_ROUNDS:], strict=True)
    p50 = dict(zip(buckets, map(statistics.median, columns), strict=True))
    summary = ", ".join(f"{name} {value * 1000:.0f} ms" for name, value in p50.items())
    print(f"\ndelay from put to visible, p50 of {ROUNDS}: {summary}")
    assert p50["queue"] < p50["blog"]
    assert p50["direct"] < p50["blog"]
