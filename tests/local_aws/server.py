"""Starting and stopping LocalStack in host mode: no Docker, no account, nothing left behind."""

import contextlib
import fcntl
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self, TypeVar

import boto3
import botocore.session
import psutil
from botocore.config import Config

from local_aws import activity, processes, waiting
from local_aws.errors import LocalAwsError

REPOSITORY = Path(__file__).resolve().parents[2]

# Generated files of a checkout: the state of a LocalStack in the background, logs, Terraform's
# command line configuration. Ignored by git.
WORK_FOLDER = REPOSITORY / ".local_aws"

DEFAULT_PORT = 4566  # LocalStack's own default, for the one in the background
DEFAULT_REGION = "us-east-1"
DEFAULT_ACCOUNT = "000000000000"  # the account that LocalStack gives to the access key "test"

# Lambda begins with five (Developer Guide, "Configuring scaling behavior for SQS event source
# mappings"); two cores have enough to do with three.
BATCHES_AT_ONCE = 3

# In the data folder; the executor reads it.
OVERLAY_FILE = "function-environment.json"

_SETTINGS = {
    "LAMBDA_RUNTIME_EXECUTOR": "process",
    # create_function returns when the function can be invoked, so Terraform need not poll.
    "LAMBDA_SYNCHRONOUS_CREATE": "1",
    # By default a queue is polled once a second, which would be most of every measured delay.
    # A poll waits for a message here (see localstack_main), so one may follow the other at once.
    "LAMBDA_EVENT_SOURCE_MAPPING_POLL_INTERVAL_SEC": "0.001",
    "LAMBDA_EVENT_SOURCE_MAPPING_MAX_BACKOFF_ON_EMPTY_POLL_SEC": "0.001",
    "LAMBDA_EVENT_SOURCE_MAPPING_MAX_BACKOFF_ON_ERROR_SEC": "0.5",
    # Nothing leaves this machine and nothing is fetched.
    "DISABLE_EVENTS": "1",
    "SKIP_SSL_CERT_DOWNLOAD": "1",
    # LocalStack's own DynamoDB is a Java program that it downloads.
    "PROVIDER_OVERRIDE_DYNAMODB": "moto",
    # A minute is the shortest period of an alarm; the depth of a queue is told more often.
    "SQS_CLOUDWATCH_METRICS_REPORT_INTERVAL": "20",
    # No DNS server: it would want port 53.
    "DNS_ADDRESS": "0",
}


T = TypeVar("T")


@dataclass(frozen=True)
class Activity:
    """What goes on in a LocalStack.

    Attributes:
        changes: how many requests changed something and how many invocations ended well, so far.
        under_way: how many events are being delivered and invocations are running.
        overlaid: how many invocations with a test's variables are running.
        failures: functions that ended with an error since the last change, and why.
        processes: function processes, busy or idle: the function's name by the process id.
    """

    changes: int
    under_way: int
    overlaid: int
    failures: list[str]
    processes: dict[str, str]


class LocalAws:
    """A running AWS to test against; use it as a context manager, or `start` and `stop` it.

    With AWS_ENDPOINT_URL in the environment nothing is started and that endpoint is used.
    Otherwise LocalStack ends with this object's process, also when that is killed.

    Attributes:
        endpoint_url: where the API answers, without a trailing slash.
        process: LocalStack; None when the endpoint is external or nothing runs.
        data_folder: everything LocalStack writes; None likewise.
        ca_bundle: certificates to trust, where it speaks TLS.
    """

    name = "LocalStack"
    _program = "local_aws.localstack_main"

    def __init__(
        self,
        *,
        port: int | None = None,
        log_file: Path | None = None,
        batches_at_once: int = BATCHES_AT_ONCE,
    ) -> None:
        """Nothing happens before `start`.

        Args:
            port: port on 127.0.0.1; None takes a free one.
            log_file: LocalStack's log, overwritten; None keeps it with the data, which is
                deleted at the end.
            batches_at_once: how many batches of a queue functions process at the same time.
        """
        self.endpoint_url = ""
        self._batches_at_once = batches_at_once
        self._port = port
        self._log_file = log_file
        self.process: psutil.Process | None = None
        self.data_folder: Path | None = None
        self.ca_bundle: Path | None = None
        self._log: Path | None = None
        self._lifeline: IO[bytes] | None = None
        self._clients: dict[tuple[str, str, str], Any] = {}

    @property
    def is_external(self) -> bool:
        """Whether the endpoint came from AWS_ENDPOINT_URL: its processes are out of reach."""
        return self.process is None

    def start(self, *, stay: bool = False) -> Self:
        """Start LocalStack, or check the endpoint that is used instead, and wait until it answers.

        Nothing happens when it was started already.

        Args:
            stay: it shall outlive this process and end by `stop` only; see `background`.

        Raises:
            LocalAwsError: the endpoint does not answer, the port is taken, or LocalStack did not
                come up.
        """
        if self.process:
            return self
        if url := os.environ.get("AWS_ENDPOINT_URL"):
            self.endpoint_url = url.rstrip("/")
            if not _answers(self.endpoint_url, timeout_seconds=5):
                raise LocalAwsError(
                    f"AWS_ENDPOINT_URL is {url}, but nothing answers there: "
                    "start it, or unset AWS_ENDPOINT_URL to have LocalStack started for you."
                )
            return self
        try:
            with _one_at_a_time():
                self._launch(stay=stay)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End everything that `start` started. Safe to repeat."""
        if self.process:
            # SIGKILL at once: nothing is worth saving, an orderly end takes LocalStack 2 s, and
            # during those it would go on delivering to functions.
            processes.kill([self.process])
            self.process = None
        if self._lifeline:
            self._lifeline.close()
            self._lifeline = None
        if self.data_folder:
            shutil.rmtree(self.data_folder, ignore_errors=True)
            self.data_folder = None
        self._clients.clear()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _value: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def client(
        self, service: str, *, region: str = DEFAULT_REGION, account: str = DEFAULT_ACCOUNT
    ) -> Any:
        """A boto3 client, made once per combination; clients may be shared between threads.

        Args:
            service: boto3's name, such as "s3".
            region: the region.
            account: 12 digits; LocalStack takes an access key of that form for the account.

        Raises:
            botocore.exceptions.UnknownServiceError: there is no such service.
        """
        key = (service, region, account)
        if key not in self._clients:
            self._clients[key] = _session().client(  # type: ignore[call-overload]
                service,
                region_name=region,
                endpoint_url=self.endpoint_url,
                verify=self.ca_bundle and str(self.ca_bundle),
                aws_access_key_id="test" if account == DEFAULT_ACCOUNT else account,
                aws_secret_access_key="test",
                config=Config(
                    # A function may run for 15 minutes, and repeating its invocation because
                    # its answer is late would hide what a test is about. Other calls may be
                    # repeated: LocalStack closes connections that are about to be used.
                    read_timeout=960,
                    retries={
                        "mode": "standard",
                        "total_max_attempts": 1 if service == "lambda" else 3,
                    },
                    max_pool_connections=50,
                    proxies={},
                    s3={"addressing_style": "path"},
                ),
            )
        return self._clients[key]

    def function_processes(self, function_name: str | None = None) -> list[psutil.Process]:
        """The processes of the execution environments there are right now, busy or idle.

        Args:
            function_name: only this function's; None for all.

        Raises:
            LocalAwsError: LocalStack has ended, or the endpoint is external.
            OSError: it does not answer.
        """
        if self.process is None:
            raise LocalAwsError(
                f"The function processes behind {self.endpoint_url} are out of reach: "
                "unset AWS_ENDPOINT_URL."
            )
        found = []
        for pid, name in self.activity().processes.items():
            if function_name in (None, name):
                with contextlib.suppress(psutil.NoSuchProcess):
                    found.append(psutil.Process(int(pid)))
        return found

    def activity(self) -> Activity:
        """What goes on.

        Raises:
            LocalAwsError: LocalStack has ended, or the endpoint is external.
            OSError: it does not answer.
        """
        if self.process is None:
            raise LocalAwsError(f"Nobody knows what goes on behind {self.endpoint_url}.")
        try:
            with _OPENER.open(self.endpoint_url + activity.PATH, timeout=60) as answer:
                return Activity(**json.load(answer))
        except OSError:
            self.require_running()
            raise

    def require_running(self) -> None:
        """Do nothing as long as LocalStack runs.

        Raises:
            LocalAwsError: it has ended.
        """
        if self.process is None or (
            self.process.is_running() and self.process.status() != psutil.STATUS_ZOMBIE
        ):
            return
        raise LocalAwsError(f"{self.name} has ended; its log ends with:\n\n{self._end_of_log()}")

    def eventually(
        self,
        what: str,
        look: Callable[[], T | None],
        held_back_seconds: Callable[[], float] = float,
    ) -> T:
        """Look until there is something to see.

        Args:
            what: what is waited for; said when it never comes.
            look: returns None (or another false value) as long as it is not there.
            held_back_seconds: how long something may be held back at the moment, such as a message.
                What a function that ends with an error leaves behind is not waited for so long.

        Raises:
            waiting.NothingMovesError: it did not come, and nothing goes on in LocalStack any more.
            LocalAwsError: LocalStack has ended.
        """

        def state() -> object:
            if self.process is None:
                return time.monotonic()  # an external one moves as far as anybody knows
            try:
                return self.activity().changes
            except OSError:
                return None

        def failures() -> list[str]:
            return self.activity().failures if self.process else []

        def explain() -> str:
            if not self.process:
                return ""
            now = self.activity()
            counted = Counter(now.failures).most_common()
            return "\n".join(
                [f"{now.under_way} events or invocations are under way."]
                + [f"Failed since the last change, {n} times: {what}" for what, n in counted]
            )

        return waiting.eventually(
            what,
            look,
            state=state,
            explain=explain,
            held_back_seconds=lambda: 0.0 if failures() else held_back_seconds(),
        )

    @contextlib.contextmanager
    def operations(self) -> Iterator[set[str]]:
        """What LocalStack is asked for in the block, such as ``sqs.CreateQueue``; filled at its end.

        Raises:
            LocalAwsError: the endpoint is external.
        """
        if self._log is None:
            raise LocalAwsError(
                f"Nobody knows what {self.endpoint_url} is asked for: unset AWS_ENDPOINT_URL."
            )
        asked: set[str] = set()
        with self._log.open() as log:
            log.seek(0, os.SEEK_END)
            yield asked
            asked.update(re.findall(r" : AWS (\w+\.\w+) => ", log.read()))

    @contextlib.contextmanager
    def function_environment(self, variables: dict[str, str]) -> Iterator[None]:
        """Lay variables over the environment of every invocation that begins in the block.

        For what a test puts between the functions and AWS, such as a proxy. To change the
        functions' own configuration for that would be a deployment, and LocalStack can lose an
        asynchronous invocation during one. A process with other variables is replaced before its
        next invocation. The block ends when the last invocation that has them has ended.

        Args:
            variables: such as AWS_ENDPOINT_URL_S3.

        Raises:
            LocalAwsError: the endpoint is external.
        """
        if self.data_folder is None:
            raise LocalAwsError(
                f"The functions of {self.endpoint_url} are out of reach: unset AWS_ENDPOINT_URL."
            )
        file = self.data_folder / OVERLAY_FILE
        new = file.with_suffix(".new")
        new.write_text(json.dumps(variables))
        new.replace(file)
        try:
            yield
        finally:
            file.unlink()
            self.eventually(
                "the end of the invocations with other variables",
                lambda: self.activity().overlaid == 0,
            )

    def _launch(self, *, stay: bool) -> None:
        port = self._port if self._port is not None else _free_port()
        _refuse_taken_port(port)
        self.data_folder = Path(tempfile.mkdtemp(prefix="local-aws-"))
        environ = self._environment(port)
        log_file = self._log_file or self.data_folder / "log"
        log_file.parent.mkdir(parents=True, exist_ok=True)
        self._log = log_file
        with log_file.open("wb") as log:
            popen = subprocess.Popen(
                # -P and the folder: LocalStack does not start inside some source trees.
                [sys.executable, "-P", "-m", self._program, str(self.data_folder)]
                + (["--stay"] if stay else []),
                cwd=self.data_folder,
                env=environ,
                stdin=subprocess.DEVNULL if stay else subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,  # a Ctrl-C is ours to handle
            )
        self._lifeline = popen.stdin
        self.process = psutil.Process(popen.pid)
        waiting.eventually(
            f"{self.name} ready",
            self._is_ready,
            state=self._starting,
            explain=self._end_of_log,
        )

    def _environment(self, port: int) -> dict[str, str]:
        """The process's whole environment; sets what depends on the port."""
        assert self.data_folder is not None
        self.endpoint_url = f"http://127.0.0.1:{port}"
        return _environment(self.data_folder, port, self._batches_at_once)

    def _is_ready(self) -> bool:
        return _answers(f"{self.endpoint_url}/_localstack/health", timeout_seconds=5)

    def _starting(self) -> object:
        """How far LocalStack has come, as its processor time tells."""
        self.require_running()
        assert self.process is not None
        return int(10 * sum(self.process.cpu_times()[:2]))

    def _end_of_log(self) -> str:
        assert self._log is not None
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-30:])


@contextlib.contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Let no other LocalStack of this checkout start meanwhile.

    The first one after an installation writes an index of plugins and a certificate, and another would
    read half of them.
    """
    WORK_FOLDER.mkdir(parents=True, exist_ok=True)
    with (WORK_FOLDER / "start.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _environment(data_folder: Path, port: int, batches_at_once: int) -> dict[str, str]:
    """LocalStack's whole environment.

    Nothing is inherited but the search path: a profile, proxy or LocalStack setting of the
    user's shell would make the tests depend on the machine.
    """
    temporary = data_folder / "tmp"
    temporary.mkdir()
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "en_US.UTF-8",
        "PYTHONUTF8": "1",
        "PYTHONUNBUFFERED": "1",  # the log's tail is complete when LocalStack dies
        "HOME": str(data_folder),
        "TMPDIR": str(temporary),
        "FILESYSTEM_ROOT": str(data_folder),
        "CONFIG_DIR": str(data_folder),
        # LocalStack's index of plugins, which takes longer to make than LocalStack to start. Its
        # key is what is installed.
        "XDG_CACHE_HOME": str(WORK_FOLDER / "cache"),
        "GATEWAY_LISTEN": f"127.0.0.1:{port}",
        "BATCHES_AT_ONCE": str(batches_at_once),
        **_SETTINGS,
    }


_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def _answers(url: str, *, timeout_seconds: float) -> bool:
    """Whether an HTTP server answers at the URL, whatever it says."""
    try:
        _OPENER.open(url, timeout=timeout_seconds).close()
    except urllib.error.HTTPError:
        return True
    except (OSError, ValueError):
        return False
    return True


@contextlib.contextmanager
def _bound(port: int) -> Iterator[socket.socket]:
    with socket.socket() as probe:
        # As servers do: connections of an earlier run that linger do not occupy the port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))
        yield probe


def _free_port() -> int:
    with _bound(0) as probe:
        return int(probe.getsockname()[1])


def _refuse_taken_port(port: int) -> None:
    try:
        with _bound(port):
            pass
    except OSError as error:
        raise LocalAwsError(
            f"Port {port} of 127.0.0.1 is not available ({error.strerror}): stop what uses it, "
            "choose another one by LOCAL_AWS_PORT, or set AWS_ENDPOINT_URL if it is the "
            "LocalStack you want."
        ) from None


def _session() -> boto3.Session:
    """A session that reads neither the user's profile nor their credentials."""
    unset = (None, None, None, None)
    nothing = (None, None, os.devnull, None)
    variables = {"profile": unset, "config_file": nothing, "credentials_file": nothing}
    return boto3.Session(botocore_session=botocore.session.Session(session_vars=variables))
