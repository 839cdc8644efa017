"""The delay from put to visible, side by side with the blog's handler."""

import io
import statistics
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from integration.support import REGION, Stack, eventually
from local_aws.server import REPOSITORY

ROUNDS = 30
WARM_UP_ROUNDS = 3  # processes start
KEY = "größe & more/delay"  # wanted by both lanes
BLOG = "blog-target"  # the blog's function is called like the bucket it writes to


@pytest.fixture
def blog(stack: Stack) -> Iterator[None]:
    """The blog's function as one more subscriber of the same topic, with a bucket of its own."""
    functions, sns = stack.functions, stack.aws.client("sns", region=REGION)
    stack.s3.create_bucket(Bucket=BLOG, CreateBucketConfiguration={"LocationConstraint": REGION})
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.write(REPOSITORY / "benchmarks/blog_handler.py", "blog_handler.py")
    function = functions.create_function(
        FunctionName=BLOG,
        Runtime="python3.13",
        Handler="blog_handler.handler",
        Role="arn:aws:iam::000000000000:role/blog",
        Code={"ZipFile": buffer.getvalue()},
        Timeout=60,
    )["FunctionArn"]
    functions.add_permission(
        FunctionName=BLOG,
        StatementId="topic",
        Action="lambda:InvokeFunction",
        Principal="sns.amazonaws.com",
        SourceArn=stack.topic_arn,
    )
    subscription = sns.subscribe(TopicArn=stack.topic_arn, Protocol="lambda", Endpoint=function)
    yield
    sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
    functions.delete_function(FunctionName=BLOG)


def seconds_until_visible(stack: Stack, bucket: str, body: bytes, started: float) -> float:
    """Watch for the object with this content; returns the seconds since it was put."""

    def visible() -> bool:
        try:
            return bool(stack.s3.get_object(Bucket=bucket, Key=KEY)["Body"].read() == body)
        except stack.s3.exceptions.NoSuchKey:
            return False

    eventually(f"{body!r} in {bucket}", visible)
    return time.monotonic() - started


@pytest.mark.usefixtures("blog")
def test_both_lanes_are_faster_than_the_blogs_handler(stack: Stack) -> None:
    buckets = {
        "queue": stack.destinations["plain"].bucket,
        "direct": stack.destinations["reports"].bucket,
        "blog": BLOG,
    }
    rounds: list[list[float]] = []
    with ThreadPoolExecutor(len(buckets)) as pool:
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
