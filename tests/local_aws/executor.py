"""LocalStack's Lambda without Docker: every execution environment is a process of this machine.

LocalStack finds the plugin by the entry point `process` of `localstack.lambda.runtime_executor`
and uses it when LAMBDA_RUNTIME_EXECUTOR names it. LocalStack decides how many environments there
are and what they know (its environment variables); an environment here is one Python process.
"""

import json
import math
import os
import shutil
import tempfile
import threading
import time
from pathlib import Path
from typing import IO

from localstack.services.lambda_.invocation.lambda_models import (
    FunctionVersion,
    InvocationResult,
)
from localstack.services.lambda_.invocation.plugins import RuntimeExecutorPlugin
from localstack.services.lambda_.invocation.runtime_executor import (
    LambdaRuntimeException,
    RuntimeExecutor,
)

from local_aws.activity import ACTIVITY
from local_aws.runtime_api import FunctionProcess, Invocation, Outcome
from local_aws.server import OVERLAY_FILE

# Lambda gives the init phase 10 s. A laptop that starts dozens of environments at once is slower
# than Lambda, and a handler that hangs while loading is still found.
INIT_TIMEOUT_SECONDS = 30.0

_MIB = 1024 * 1024


class ProcessRuntimeExecutorPlugin(RuntimeExecutorPlugin):
    """The entry point's target; see the module's docstring."""

    name = "process"

    def load(self, *_args: object, **_kwargs: object) -> type["ProcessRuntimeExecutor"]:
        """The executor class, as LocalStack's plugin manager asks for it."""
        return ProcessRuntimeExecutor


class ProcessRuntimeExecutor(RuntimeExecutor):
    """One execution environment.

    Its process starts with the first invocation and again with the next one after it died. It
    does not start in `start`, because LocalStack throws away the log of an environment whose
    start failed, and what a function says before it fails is what its author needs.
    """

    def __init__(self, id: str, function_version: FunctionVersion) -> None:  # noqa: A002
        super().__init__(id=id, function_version=function_version)
        self._environment: dict[str, str] = {}
        self._folder: Path | None = None
        self._process: FunctionProcess | None = None
        self._overlay: dict[str, str] = {}  # of the process
        self._log: IO[bytes] | None = None
        self._log_offset = 0
        self._stopped = False
        self._lock = threading.Lock()  # `stop` comes from other threads than `invoke`

    def start(self, env_vars: dict[str, str]) -> None:
        """Prepare the environment.

        Args:
            env_vars: what LocalStack computed; there are numbers among the values.

        Raises:
            OSError: the environment's own folder cannot be made.
        """
        # The function's home and /tmp: private to the environment, as in Lambda.
        self._folder = Path(tempfile.mkdtemp(prefix="function-"))
        code = str(self.function_version.config.code.get_unzipped_code_location())
        self._environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": "en_US.UTF-8",
            "PYTHONUTF8": "1",
            "HOME": str(self._folder),
            "TMPDIR": str(self._folder),
            **{name: str(value) for name, value in env_vars.items()},
            "LAMBDA_TASK_ROOT": code,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{self.function_version.config.runtime}",
        }

    def invoke(self, payload: dict[str, str]) -> InvocationResult:
        """Run one invocation. LocalStack never runs two at once in one environment.

        Args:
            payload: LocalStack's invocation: invoke-id, invoked-function-arn, payload, trace-id.

        Returns:
            The answer and the log; timeouts, crashes and failed starts are answers too
            (`is_error`): an exception would mean to LocalStack that Lambda itself is broken.
        """
        invocation = Invocation(
            request_id=payload["invoke-id"],
            payload=payload["payload"],
            function_arn=payload["invoked-function-arn"],
            trace_id=payload["trace-id"],
        )
        with ACTIVITY.invocation(_overlay) as overlay:
            outcome, log = self._run(invocation, overlay)
        if outcome.is_error:
            ACTIVITY.failed(self.function_version.id.function_name, outcome.error("errorMessage"))
        else:
            ACTIVITY.changed()
        return InvocationResult(
            request_id=invocation.request_id,
            payload=outcome.payload,
            is_error=outcome.is_error,
            logs="".join(f"{part}\n" for part in log if part),
        )

    def _run(self, invocation: Invocation, overlay: dict[str, str]) -> tuple[Outcome, list[str]]:
        """Run one invocation, in a new process if need be; returns its end and its log."""
        process = self._process
        init_seconds = None
        if process is None or not process.alive or overlay != self._overlay:
            process = self._start_process(overlay)
            failure = process.wait_until_ready(INIT_TIMEOUT_SECONDS)
            init_seconds = time.monotonic() - process.started_at
            if failure:
                return failure, [self._read_log(), _init_report(failure, init_seconds)]

        log = [
            self._read_log(),
            f"START RequestId: {invocation.request_id} "
            f"Version: {self.function_version.id.qualifier}",
        ]
        started_at = time.monotonic()
        outcome = process.run(invocation, self.function_version.config.timeout)
        seconds = time.monotonic() - started_at
        memory = process.memory_bytes()
        log.append(self._read_log())
        if outcome.status:
            log.append(outcome.error("errorMessage"))
        log.append(f"END RequestId: {invocation.request_id}")
        log.append(
            "\t".join(
                [
                    f"REPORT RequestId: {invocation.request_id}",
                    f"Duration: {seconds * 1000:.2f} ms",
                    f"Billed Duration: {math.ceil(seconds * 1000)} ms",
                    f"Memory Size: {self.function_version.config.memory_size} MB",
                    # Now, not at most: the peak is not to be had on every platform.
                    *([f"Max Memory Used: {memory // _MIB} MB"] if memory else []),
                    *([f"Init Duration: {init_seconds * 1000:.2f} ms"] if init_seconds else []),
                    *([f"Status: {outcome.status}"] if outcome.status else []),
                ]
            )
        )
        return outcome, log

    def stop(self) -> None:
        """End the environment; an invocation in it ends as one whose process was killed."""
        with self._lock:
            self._stopped = True
            self._end_process()
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)

    def get_logs(self) -> str:
        """Everything the current process has written so far."""
        with self._lock:
            if self._log is None:
                return ""
            return os.pread(self._log.fileno(), os.fstat(self._log.fileno()).st_size, 0).decode(
                errors="replace"
            )

    def _start_process(self, overlay: dict[str, str]) -> FunctionProcess:
        """Replace a process that is gone, and its log, by new ones."""
        with self._lock:
            if self._stopped or self._folder is None:
                raise LambdaRuntimeException(f"The execution environment {self.id} was stopped.")
            self._end_process()
            # No name, so nothing can be left behind; read by offset, so nothing has to be drained.
            self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
            self._log_offset = 0
            self._overlay = overlay
            self._process = FunctionProcess(
                self.function_version.config.handler,
                environment=self._environment | overlay,
                folder=Path(self._environment["LAMBDA_TASK_ROOT"]),
                log=self._log,
            )
            return self._process

    def _end_process(self) -> None:
        if self._process:
            self._process.close()
            self._process = None
        if self._log:
            self._log.close()
            self._log = None

    def _read_log(self) -> str:
        """What the process wrote since the last call."""
        with self._lock:
            if self._log is None:
                return ""
            end = os.fstat(self._log.fileno()).st_size
            # Not read(): the file position is shared with the process and is where it writes.
            text = os.pread(self._log.fileno(), end - self._log_offset, self._log_offset)
            self._log_offset = end
        return text.decode(errors="replace").rstrip("\n")

    @classmethod
    def prepare_version(cls, function_version: FunctionVersion) -> None:
        """Unpack the code.

        Raises:
            LambdaRuntimeException: the function is not a Python function in a zip; it becomes the
                reason why the function's state is `Failed`.
        """
        runtime = function_version.config.runtime or "a container image"
        if not runtime.startswith("python"):
            raise LambdaRuntimeException(
                f"The local AWS runs Python functions from a zip only, not {runtime}."
            )
        function_version.config.code.prepare_for_execution()

    @classmethod
    def cleanup_version(cls, function_version: FunctionVersion) -> None:
        """Nothing to do: LocalStack deletes the code together with the version."""

    @classmethod
    def validate_environment(cls) -> bool:
        """Processes can be started everywhere."""
        return True

    def get_address(self) -> str:
        """Where LocalStack would reach a container."""
        return "127.0.0.1"

    def get_endpoint_from_executor(self) -> str:
        """Where the function reaches LocalStack; becomes the host in its AWS_ENDPOINT_URL."""
        return "127.0.0.1"

    def get_runtime_endpoint(self) -> str:
        """The address of LocalStack's own start-up program inside containers: there is none."""
        return ""


def _overlay() -> dict[str, str]:
    """Variables that a test lays over the environment of every function; see `LocalAws`."""
    try:
        text = Path(os.environ["FILESYSTEM_ROOT"], OVERLAY_FILE).read_text()
    except FileNotFoundError:
        return {}
    return dict(json.loads(text))


def _init_report(failure: Outcome, seconds: float) -> str:
    return (
        f"INIT_REPORT Init Duration: {seconds * 1000:.2f} ms\tPhase: init\t"
        f"Status: {failure.status}\tError Type: {failure.error('errorType')}"
    )
