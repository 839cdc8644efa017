"""One function process and the Lambda Runtime API that it alone talks to.

The API is the 2018-06-01 version that runtime clients use inside Lambda:
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
A new process gets a new endpoint, so nothing that a dead process still had in flight can be
taken for an answer of its successor.
"""

import contextlib
import json
import os
import signal
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import IO, Literal

import psutil
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from local_aws.fork_server import FORK_SERVER

_SECONDS_UNTIL_THE_SERVER_ENDS = 10.0

_API = "/2018-06-01/runtime/"


@dataclass(frozen=True)
class Invocation:
    """What the runtime client receives for one invocation."""

    request_id: str
    payload: str
    function_arn: str
    trace_id: str


@dataclass(frozen=True)
class Outcome:
    """How an invocation, or the start before it, ended.

    `status` is what Lambda's REPORT line says: "timeout", "error" (the process is gone) or None,
    which also covers a handler that raised, since its process lives on.
    """

    payload: bytes
    is_error: bool
    status: Literal["error", "timeout"] | None = None

    def error(self, field: Literal["errorType", "errorMessage"]) -> str:
        """That field of an error's payload, or "" when there is none."""
        with contextlib.suppress(ValueError, AttributeError):
            return str(json.loads(self.payload).get(field, ""))
        return ""


@dataclass(frozen=True)
class _Event:
    """Something the process did, in the order it did it."""

    kind: Literal["next", "response", "error", "init_error", "exit"]
    request_id: str = ""
    payload: bytes = b""


class FunctionProcess:
    """A running function process; make one, `wait_until_ready`, `run` any number, `close`."""

    def __init__(
        self,
        handler: str,
        *,
        environment: Mapping[str, str],
        folder: Path,
        log: IO[bytes],
    ) -> None:
        """Start the process; it may not have loaded its handler yet.

        Args:
            handler: as Lambda writes it, such as "app.handler".
            environment: the whole environment but for AWS_LAMBDA_RUNTIME_API, which is set here.
            folder: the function's code, and the working directory.
            log: receives standard output and standard error.

        Raises:
            OSError: the process cannot be started.
        """
        self._invocations: SimpleQueue[tuple[Invocation, int] | None] = SimpleQueue()
        self._events: SimpleQueue[_Event] = SimpleQueue()
        self._server = make_server(
            "127.0.0.1",
            0,
            Request.application(self._serve),
            threaded=True,
            request_handler=_RequestHandler,
        )
        threading.Thread(
            target=self._server.serve_forever,
            args=[_SECONDS_UNTIL_THE_SERVER_ENDS],
            name="runtime-api",
            daemon=True,
        ).start()
        self.started_at = time.monotonic()
        try:
            self._process = FORK_SERVER.start(
                handler,
                environment={
                    **environment,
                    "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._server.server_port}",
                },
                folder=folder,
                log=log,
            )
        except OSError:
            self._close_server()
            raise
        self._watcher = threading.Thread(target=self._watch, name="function-exit", daemon=True)
        self._watcher.start()

    @property
    def alive(self) -> bool:
        """Whether the process has not ended."""
        return self._process.alive

    def memory_bytes(self) -> int:
        """Resident memory of the process in bytes; 0 when it is gone."""
        with contextlib.suppress(psutil.Error):
            return int(psutil.Process(self._process.pid).memory_info().rss)
        return 0

    def wait_until_ready(self, timeout_seconds: float) -> Outcome | None:
        """Wait until the handler is loaded and the process asks for work.

        Args:
            timeout_seconds: limit of the init phase.

        Returns:
            None when it is ready, else why it is not; the process is dead then.
        """
        match self._next_event({"next", "init_error", "exit"}, timeout_seconds):
            case None:
                self.close()
                message = f"Error: Task timed out after {timeout_seconds:.2f} seconds"
                return Outcome(_error("Sandbox.Timedout", message), is_error=True, status="timeout")
            case _Event("next"):
                return None
            case _Event("init_error", payload=payload):
                self.close()
                return Outcome(payload, is_error=True, status="error")
            case _:
                message = f"Error: {self._describe_exit()}"
                return Outcome(_error("Runtime.ExitError", message), is_error=True, status="error")

    def run(self, invocation: Invocation, timeout_seconds: float) -> Outcome:
        """Run one invocation to its end and kill the process when it takes too long.

        Args:
            invocation: what to run.
            timeout_seconds: the function's timeout.

        Returns:
            The handler's answer, or an error worded as Lambda words it.
        """
        deadline_ms = int((time.time() + timeout_seconds) * 1000)
        self._invocations.put((invocation, deadline_ms))
        match self._next_event({"response", "error", "exit"}, timeout_seconds):
            case None:
                self.close()
                now = time.time()
                timestamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
                message = (
                    f"{timestamp}.{int(now * 1000) % 1000:03d}Z {invocation.request_id} "
                    f"Task timed out after {timeout_seconds:.2f} seconds"
                )
                return Outcome(_error("Sandbox.Timedout", message), is_error=True, status="timeout")
            case _Event("exit"):
                message = f"RequestId: {invocation.request_id} Error: {self._describe_exit()}"
                return Outcome(_error("Runtime.ExitError", message), is_error=True, status="error")
            case event:
                return Outcome(event.payload, is_error=event.kind == "error")

    def close(self) -> None:
        """Kill the process with its own children and close its endpoint. Safe to repeat."""
        self._process.kill()
        self._watcher.join()
        self._close_server()

    def _close_server(self) -> None:
        self._invocations.put(None)  # frees the request that waits for work

        def close() -> None:
            self._server.shutdown()
            self._server.server_close()

        # The server looks now and then whether it shall end; nobody needs to wait for that.
        threading.Thread(target=close, name="runtime-api-end", daemon=True).start()

    def _watch(self) -> None:
        self._process.wait()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)  # whatever the function started
        self._events.put(_Event("exit"))

    def _next_event(self, kinds: set[str], timeout_seconds: float) -> _Event | None:
        """The next event of these kinds; None when there is none in time."""
        deadline = time.monotonic() + timeout_seconds
        with contextlib.suppress(Empty):
            while True:
                event = self._events.get(timeout=max(0.0, deadline - time.monotonic()))
                if event.kind in kinds:
                    return event
        return None

    def _describe_exit(self) -> str:
        """The end of the process in the words of Lambda's Runtime.ExitError."""
        status = self._process.status
        assert status is not None
        if status < 0:
            name = signal.strsignal(-status) or str(-status)
            return f"Runtime exited with error: signal: {name.lower()}"
        if status > 0:
            return f"Runtime exited with error: exit status {status}"
        return "Runtime exited without providing a reason"

    def _serve(self, request: Request) -> Response:
        match request.method, request.path.removeprefix(_API).split("/"):
            case "GET", ["invocation", "next"]:
                self._events.put(_Event("next"))
                if (work := self._invocations.get()) is None:
                    return Response(status=410)
                invocation, deadline_ms = work
                return Response(
                    invocation.payload,
                    content_type="application/json",
                    headers={
                        "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
                        "Lambda-Runtime-Deadline-Ms": str(deadline_ms),
                        "Lambda-Runtime-Invoked-Function-Arn": invocation.function_arn,
                        "Lambda-Runtime-Trace-Id": invocation.trace_id,
                    },
                )
            case "POST", ["invocation", request_id, ("response" | "error") as kind]:
                self._events.put(_Event(kind, request_id, request.get_data()))
            case "POST", ["init", "error"]:
                self._events.put(_Event("init_error", payload=request.get_data()))
            case _:
                return Response(status=404)
        return Response(status=202)


class _RequestHandler(WSGIRequestHandler):
    # Head and body of an answer leave in two packets; with Nagle's algorithm the second one
    # waits for the receiver's delayed acknowledgement of the first.
    disable_nagle_algorithm = True

    def log_request(self, *_: object) -> None:
        """Two lines per invocation in LocalStack's log would hide everything else."""


def _error(error_type: str, message: str) -> bytes:
    return json.dumps({"errorType": error_type, "errorMessage": message}).encode()
