"""Functions that are killed or time out in the middle of a copy: the object still arrives."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from integration.s3_proxy import HoldFirstCopy
from integration.support import REGION, Destination, Stack

SHORT_TIMEOUT_SECONDS = 10


@contextmanager
def interruptible(stack: Stack, destination: Destination, key: str) -> Iterator[HoldFirstCopy]:
    """Hold the first copy of a key, and let the message of a dead function be retried soon.

    It is retried when its visibility ends, or with direct delivery when its delay is over: two minutes
    after the function's time-out. The test shortens both, and restores them at the end.
    """
    hold = HoldFirstCopy(f"/{destination.bucket}/{key}")
    with (
        stack.queue_attributes(destination, VisibilityTimeout="12", DelaySeconds="0"),
        stack.proxied(hold, LONGEST_WRITE_SECONDS="1"),
    ):
        try:
            yield hold
        finally:
            hold.release()


@pytest.mark.parametrize("name", ["queued", "kept"])
def test_an_object_arrives_whose_function_was_killed_in_the_middle_of_the_copy(
    versioned: Stack, name: str
) -> None:
    destination, key = versioned.destinations[name], f"killed-{name}.txt"
    with interruptible(versioned, destination, key) as hold:
        versioned.put(key, b"killed" * 1000, ContentType="text/killed")
        versioned.eventually("the copy held", hold.is_held.is_set)
        processes = versioned.aws.function_processes(destination.function_name)
        assert processes
        for process in processes:
            process.kill()
        versioned.wait_until_equal([key])
        versioned.wait_until_quiet()


@pytest.mark.parametrize("name", ["queued", "kept"])
def test_an_object_arrives_whose_function_timed_out_in_the_middle_of_the_copy(
    versioned: Stack, name: str
) -> None:
    destination, key = versioned.destinations[name], f"timed-out-{name}.txt"
    logs = versioned.aws.client("logs", region=REGION)

    def timed_out() -> bool:
        return bool(
            logs.filter_log_events(
                logGroupName=destination.log_group_name, filterPattern='"Task timed out"'
            )["events"]
        )

    with interruptible(versioned, destination, key) as hold:
        with versioned.function_timeout(destination, SHORT_TIMEOUT_SECONDS):
            versioned.put(key, b"late" * 1000, ContentType="text/late")
            versioned.eventually("the copy held", hold.is_held.is_set)
            versioned.eventually("the time-out in the log", timed_out)
        versioned.wait_until_equal([key])
        versioned.wait_until_quiet()
