"""Functions that are killed or time out in the middle of a copy: the object still arrives."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from werkzeug import Request

from integration.s3_proxy import S3Proxy, is_copy
from integration.support import Destination, Stack, eventually

VISIBILITY_SECONDS = 8


@contextmanager
def interruptible(stack: Stack, destination: Destination, proxy: S3Proxy) -> Iterator[None]:
    """Send the functions' S3 requests through a proxy, and let messages come back soon.

    A message whose function dies comes back when its visibility ends, two minutes after the
    function's time-out. The test shortens that, and puts it back at the end.
    """

    def set_visibility(seconds: str) -> None:
        stack.sqs.set_queue_attributes(
            QueueUrl=destination.queue_url, Attributes={"VisibilityTimeout": seconds}
        )

    if stack.aws.is_external:
        pytest.skip("the functions' processes are out of reach")
    [before] = stack.sqs.get_queue_attributes(
        QueueUrl=destination.queue_url, AttributeNames=["VisibilityTimeout"]
    )["Attributes"].values()
    set_visibility(str(VISIBILITY_SECONDS))
    try:
        with stack.aws.function_environment({"AWS_ENDPOINT_URL_S3": proxy.url}):
            yield
    finally:
        set_visibility(before)


def hold_first_copy(proxy: S3Proxy, bucket: str, key: str) -> None:
    """Hold the first copy of a key to a bucket; later ones pass."""
    turns = itertools.count()

    def holds(request: Request) -> bool:
        return is_copy(request) and request.path == f"/{bucket}/{key}" and next(turns) == 0

    proxy.holds = holds


@pytest.mark.parametrize("lane", ["plain", "reports"])
def test_an_object_arrives_whose_function_was_killed_in_the_middle_of_the_copy(
    stack: Stack, lane: str
) -> None:
    destination, key = stack.destinations[lane], f"reports/killed-{lane}"
    with S3Proxy(stack.aws.endpoint_url).running() as proxy:
        hold_first_copy(proxy, destination.bucket, key)
        with interruptible(stack, destination, proxy):
            stack.put(key, b"killed" * 1000, ContentType="text/killed")
            proxy.held.get(timeout=30)
            processes = stack.aws.function_processes(destination.function_name)
            assert processes
            for process in processes:
                process.kill()
            stack.wait_until_equal([key])
            stack.wait_until_quiet()


@pytest.mark.parametrize("lane", ["plain", "reports"])
def test_an_object_arrives_whose_function_timed_out_in_the_middle_of_the_copy(
    stack: Stack, lane: str
) -> None:
    destination, key = stack.destinations[lane], f"reports/timed-out-{lane}"
    with S3Proxy(stack.aws.endpoint_url).running() as proxy:
        hold_first_copy(proxy, destination.bucket, key)
        with interruptible(stack, destination, proxy):
            stack.put(key, b"late" * 1000, ContentType="text/late")
            proxy.held.get(timeout=30)
            stack.wait_until_equal([key])
            stack.wait_until_quiet()
    logs = stack.aws.client("logs", region="eu-central-1")
    eventually(
        "the time-out in the log",
        lambda: logs.filter_log_events(
            logGroupName=destination.log_group_name, filterPattern='"Task timed out"'
        )["events"],
    )
