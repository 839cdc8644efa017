"""The delay from put to visible, side by side with the blog's handler."""

import statistics
import time

import pytest
from werkzeug import Request, Response

from integration.blog import blog_function
from integration.s3_proxy import Forward, is_copy, s3_proxy
from integration.support import Stack, eventually

ROUNDS = 20
PASSES = 3
WARM_UP_ROUNDS = 3  # processes start
SECONDS_BETWEEN_ROUNDS = 0.1  # an object that comes alone: nothing of the one before is under way
BLOG = "blog-target"
# What each lane's keys begin with: of this only its own destination is told, and who is paused.
PREFIXES = {"queue": "delay/queue/", "direct": "größe & more/delay/", "blog": "delay/blog/"}


@pytest.mark.last  # when the other stages leave the processors alone
def test_both_lanes_are_faster_than_the_blogs_handler(stack: Stack) -> None:
    if stack.aws.is_external:
        pytest.skip("the functions' processes are out of reach")
    plain, abroad, reports = (stack.destinations[name] for name in ("plain", "abroad", "reports"))
    buckets = {"queue": plain.bucket, "direct": reports.bucket, "blog": BLOG}
    arrived: dict[str, float] = {}
    delays: dict[str, list[float]] = {lane: [] for lane in buckets}

    def note(request: Request, forward: Forward) -> Response:
        # Who asked S3 for the replicas instead would take the processors from what is measured.
        answer = forward(request)
        if is_copy(request) and answer.status_code == 200:
            arrived.setdefault(request.path, time.monotonic())
        return answer

    def measure(lane: str, part: int) -> None:
        for turn in range(WARM_UP_ROUNDS + ROUNDS):
            key = f"{PREFIXES[lane]}{part}/{turn}"
            path = f"/{buckets[lane]}/{key}"
            started = time.monotonic()
            stack.put(key, b"anything")
            delay = eventually(key, lambda p=path: arrived.get(p)) - started  # type: ignore[misc]
            if turn >= WARM_UP_ROUNDS:
                delays[lane].append(delay)
            time.sleep(SECONDS_BETWEEN_ROUNDS)

    with (
        blog_function(stack, BLOG, prefix=PREFIXES["blog"]),
        s3_proxy(stack.aws.endpoint_url, note) as url,
        stack.aws.function_environment({"AWS_ENDPOINT_URL_S3": url}),
    ):
        with stack.paused(abroad):
            for part in range(PASSES):
                measure("queue", part)
                with stack.paused(plain):
                    measure("direct", part)
                    measure("blog", part)
                eventually("nothing left", lambda: stack.messages(plain) == 0)
        stack.wait_until_quiet()
    p50 = {lane: statistics.median(found) for lane, found in delays.items()}
    summary = ", ".join(f"{lane} {value * 1000:.0f} ms" for lane, value in p50.items())
    print(f"\ndelay from put to visible, p50 of {PASSES * ROUNDS}: {summary}")
    assert p50["queue"] < p50["blog"]
    assert p50["direct"] < p50["blog"]
