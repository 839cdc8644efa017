"""What goes on in the local AWS, counted in LocalStack's own process.

`LocalAws.activity` asks for it, so that who waits knows whether anything moves at all.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

PATH = "/_local_aws/activity"

_READS = ("Get", "Head", "List", "Describe", "Filter", "Receive", "Query", "Scan", "Lookup")

# A function that fails again and again does these again and again. An invocation counts when it ends.
_NO_CHANGE = {"lambda.Invoke", "sqs.ChangeMessageVisibility", "sqs.ChangeMessageVisibilityBatch"}
_NO_CHANGE_OF = {"cloudwatch", "dynamodb", "logs"}

_KEPT_FAILURES = 20


class Activity:
    """Counts; all methods may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._changes = 0
        self._under_way = 0
        self._overlaid = 0
        self._failures: deque[str] = deque(maxlen=_KEPT_FAILURES)

    def changed(self) -> None:
        """Something was carried out, so what failed before it matters no more."""
        with self._lock:
            self._changes += 1
            self._failures.clear()

    def begin(self) -> None:
        """An event is on its way."""
        with self._lock:
            self._under_way += 1

    def end(self) -> None:
        """It has arrived; it begins its next stage before it ends the last one."""
        with self._lock:
            self._under_way -= 1

    @contextmanager
    def invocation(self, read_overlay: Callable[[], dict[str, str]]) -> Iterator[dict[str, str]]:
        """While the block lasts an invocation runs; yields the variables laid over it by a test.

        Args:
            read_overlay: who asks what goes on counts each invocation that has read them.
        """
        with self._lock:
            overlay = read_overlay()
            self._under_way += 1
            self._overlaid += bool(overlay)
        try:
            yield overlay
        finally:
            with self._lock:
                self._under_way -= 1
                self._overlaid -= bool(overlay)

    def failed(self, function: str, why: str) -> None:
        """A function ended with an error."""
        with self._lock:
            self._failures.append(f"{function}: {why}")

    def as_json(self) -> dict[str, Any]:
        """All of it, for an HTTP answer."""
        with self._lock:
            return {
                "changes": self._changes,
                "under_way": self._under_way,
                "overlaid": self._overlaid,
                "failures": list(self._failures),
            }

    def note_answer(self, _chain: Any, context: Any, response: Any) -> None:
        """A response handler of LocalStack: count what was not only looked at."""
        if context.operation is None or response.status_code >= 300:
            return
        service, operation = context.service.service_name, context.operation.name
        if service in _NO_CHANGE_OF or operation.startswith(_READS):
            return
        if f"{service}.{operation}" not in _NO_CHANGE:
            self.changed()


ACTIVITY = Activity()


class CountingPool(ThreadPoolExecutor):
    """Threads whose tasks are under way from when they are submitted."""

    def submit(self, task: Callable[..., Any], /, *arguments: Any, **named: Any) -> Any:
        """Submit a task."""
        ACTIVITY.begin()
        try:
            future = super().submit(task, *arguments, **named)
        except RuntimeError:  # no new tasks
            ACTIVITY.end()
            raise
        future.add_done_callback(lambda _: ACTIVITY.end())
        return future
