"""The delay from put to visible, side by side with the blog's handler."""

import statistics
import time

import pytest
from werkzeug import Request, Response

from integration.blog import blog_function
from integration.s3_proxy import Forward, is_copy, s3_proxy
from integration.support import Stack, eventually

ROUNDS = 60
WARM_UP_ROUNDS = 3  # processes start
PREFIX = "größe & more/delay/"  # wanted by both lanes
BLOG = "blog-target"


@pytest.mark.last  # when the other stages leave the processors alone
def test_both_lanes_are_faster_than_the_blogs_handler(stack: Stack) -> None:
    if stack.aws.is_external:
        pytest.skip("the functions' processes are out of reach")
    buckets = {
        "queue": stack.destinations["plain"].bucket,
        "direct": stack.destinations["reports"].bucket,
        "blog": BLOG,
    }
    arrived: dict[str, float] = {}

    def note(request: Request, forward: Forward) -> Response:
        # Who asked S3 for the replicas instead would take the processors from what is measured.
        answer = forward(request)
        if is_copy(request) and answer.status_code == 200:
            arrived.setdefault(request.path, time.monotonic())
        return answer

    rounds: list[list[float]] = []
    with (
        blog_function(stack, BLOG),
        s3_proxy(stack.aws.endpoint_url, note) as url,
        stack.aws.function_environment({"AWS_ENDPOINT_URL_S3": url}),
    ):
        for turn in range(WARM_UP_ROUNDS + ROUNDS):
            key = f"{PREFIX}{turn}"
            replicas = [f"/{bucket}/{key}" for bucket in buckets.values()]
            started = time.monotonic()
            stack.put(key, b"anything")
            eventually(f"{key} everywhere", lambda r=replicas: arrived.keys() >= set(r))  # type: ignore[misc]
            rounds.append([arrived[replica] - started for replica in replicas])
            stack.wait_until_quiet()
    columns = zip(*rounds[WARM_UP_ROUNDS:], strict=True)
    p50 = dict(zip(buckets, map(statistics.median, columns), strict=True))
    summary = ", ".join(f"{name} {value * 1000:.0f} ms" for name, value in p50.items())
    print(f"\ndelay from put to visible, p50 of {ROUNDS}: {summary}")
    assert p50["queue"] < p50["blog"]
    assert p50["direct"] < p50["blog"]
