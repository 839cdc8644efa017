"""Runs all of `make test`: shows how far it is, each failure when it happens, and where the time went.

    python tests/stages.py [STAGE ...]

Stages run side by side, one more than there are processors, because most of applying is waiting. A stage
of which nothing moves any more is ended: it prints nothing and takes no processor time.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import psutil
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from local_aws import processes, terraform
from local_aws.errors import LocalAwsError

REPOSITORY = Path(__file__).resolve().parents[1]
LOGS = REPOSITORY / "build/stages"
BIN = Path(sys.executable).parent
PYTHON = sys.executable
SOURCES = ["lambda", "tests", "demo", "benchmarks"]
PYTEST = [PYTHON, "-m", "pytest", "-q", "-p", "stage_report", "--tb=short"]

Command = list[str]

# Tests that start a LocalStack of their own.
ALONE = ["test_local_aws.py", "test_demo.py"]
# Root modules as users have them, in another LocalStack than the tests' stack.
EXAMPLES = ["test_examples.py", "test_migration.py"]


def _integration(tests: list[str]) -> list[str]:
    return [f"tests/integration/{test}" for test in tests]


SHARED = [
    *PYTEST,
    *[f"--ignore={test}" for test in _integration(ALONE + EXAMPLES)],
    "tests/integration",
]

# In the order in which they begin; the linters are waited for.
STAGES: dict[str, list[Command]] = {
    "lint": [
        [f"{BIN}/ruff", "check", "--quiet", *SOURCES],
        [f"{BIN}/ruff", "format", "--quiet", "--check", *SOURCES],
        [f"{BIN}/mypy", "--no-error-summary", *SOURCES],
        [PYTHON, "lambda/build.py", "--check"],
        ["terraform", "fmt", "-check", "-recursive", "-diff"],
    ],
    "integration": [[*SHARED, "-m", "not soak and not versioned"]],
    "versioned": [[*SHARED, "-m", "not soak and versioned"]],
    "examples": [[*PYTEST, *_integration(EXAMPLES)]],
    "unit": [
        [*PYTEST, "tests/unit", "benchmarks"],
        # The boto3 of Lambda's runtimes is AWS's choice, and moves.
        [PYTHON, "tests/other_boto3.py", "old"],
        [PYTHON, "tests/other_boto3.py", "new"],
    ],
    "plan": [
        ["terraform", "version"],
        ["terraform", "init", "-input=false", "-no-color", "-test-directory=tests/plan"],
        ["terraform", "validate", "-no-color"],
        [*PYTEST, "tests/plan", "tests/permissions"],
    ],
    "model": [[*PYTEST, "-s", "tests/model"]],
    "demo": [[*PYTEST, *_integration(ALONE)]],
    "enforced": [[*PYTEST, "tests/enforced"]],
}
FIRST = "lint"
# It takes longest, so it comes before the others whenever it has something to do.
LONGEST = "integration"

QUIET_SECONDS = 100.0
"""More than a test's own waits, which know better what is missing."""
LONGEST_TEST_SECONDS = 3600.0
SECONDS_BETWEEN_LOOKS = 1.0
SECONDS_BETWEEN_LINES = 60.0
SECONDS_FOR_STACKS = 10.0
SHOWN_LINES = 60
SERVER = "local_aws.localstack_main"


@dataclass
class Stage:
    """A stage and what is known of it.

    Attributes:
        tests: by how they ended.
        collected: how many tests there are.
        test: the one that runs.
        waits_for: what that test says it waits for.
        ended_with: the exit code; None as long as it runs or has not begun.
        cpu_by_process: processor seconds of every process that was seen.
        cpu_waited_for: those of commands that have ended, with what they had waited for.
    """

    name: str
    commands: list[Command]
    tests: Counter[str] = field(default_factory=Counter)
    collected: int = 0
    test: str = ""
    ended_with: int | None = None
    waits_for: str = ""
    began_at: float = 0.0
    ended_at: float = 0.0
    moved_at: float = 0.0
    test_began_at: float = 0.0
    cpu_by_process: dict[tuple[int, float], float] = field(default_factory=dict)
    cpu_waited_for: float = 0.0
    durations: Counter[str] = field(default_factory=Counter)
    process: subprocess.Popen[bytes] | None = None
    _left: list[Command] = field(default_factory=list)
    _log: IO[bytes] | None = None
    _report: Path = Path()
    _read: int = 0
    _state: object = None
    _servers: set[tuple[int, float]] = field(default_factory=set)
    _hung_at: float = 0.0
    _command: Command = field(default_factory=list)

    def begin(self, environ: dict[str, str], folder: Path) -> None:
        """Begin with its first command."""
        self.began_at = self.moved_at = time.monotonic()
        self._left = list(self.commands)
        self._log = (LOGS / f"{self.name}.log").open("wb")
        self._report = folder / self.name
        self._report.touch()
        self._environ = environ | {
            "FANOUT_STAGE": self.name,
            "FANOUT_REPORT": str(self._report),
            "PYTHONPATH": os.pathsep.join(
                [str(REPOSITORY / "tests"), *filter(None, [environ.get("PYTHONPATH")])]
            ),
            "PYTHONUNBUFFERED": "1",
            # What one command has compiled the next need not.
            "PYTHONDONTWRITEBYTECODE": "",
        }
        self._next()

    def _next(self) -> None:
        self._command = self._left.pop(0)
        if self.name not in (FIRST, LONGEST):
            self._command = ["nice", "-n", "5", *self._command]
        self.process = subprocess.Popen(
            self._command,
            cwd=REPOSITORY,
            env=self._environ,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )

    @property
    def is_running(self) -> bool:
        """Whether it has begun and not ended."""
        return bool(self.began_at) and self.ended_with is None

    @property
    def passed(self) -> bool:
        """Whether all of it passed."""
        return self.ended_with == 0

    @property
    def seconds(self) -> float:
        """How long it took, or takes by now."""
        return (self.ended_at or time.monotonic()) - self.began_at if self.began_at else 0.0

    @property
    def cpu_seconds(self) -> float:
        """Processor time of all that it has started, LocalStack and functions included."""
        return max(sum(self.cpu_by_process.values()), self.cpu_waited_for)

    @property
    def now(self) -> str:
        """What it does; the name of a test says more than its file."""
        test = self.test.rpartition("::")[2] or "..."
        return f"{test}, waits for: {self.waits_for}" if self.waits_for else test

    def advance(self) -> Iterator[Text]:
        """Go on with what has to be done; yields what there is to tell."""
        assert self.process is not None
        yield from self._read_report()
        pid, status, usage = os.wait4(self.process.pid, os.WNOHANG)
        if not pid:
            yield from self._end_if_hung()
            return
        self.process.returncode = os.waitstatus_to_exitcode(status)
        self.cpu_waited_for += usage.ru_utime + usage.ru_stime
        yield from self._read_report()
        if self.process.returncode == 0 and self._left:
            self._next()
            return
        self.ended_with = self.process.returncode
        self.ended_at = time.monotonic()
        if self.passed:
            yield Text(f"{self.name}: passed, {self.counts()}, {self.seconds:.0f} s", "green")
        else:
            yield Text(f"{self.name}: FAILED, its log is {self._log_name()}", "bold red")
            if not self.tests["failed"] or self._hung_at:
                yield Text(self.end_of_log())

    def counts(self) -> str:
        """Its tests by how they ended."""
        return ", ".join(f"{n} {outcome}" for outcome, n in sorted(self.tests.items())) or "no test"

    def _log_name(self) -> str:
        return f"{(LOGS / self.name).relative_to(REPOSITORY)}.log"

    def end_of_log(self) -> str:
        """What it printed last."""
        text = (LOGS / f"{self.name}.log").read_text(errors="replace")
        return "\n".join(text.splitlines()[-SHOWN_LINES:])

    def _read_report(self) -> Iterator[Text]:
        with self._report.open() as report:
            report.seek(self._read)
            for line in report:
                if not line.endswith("\n"):
                    break
                self._read += len(line.encode())
                yield from self._take(json.loads(line))

    def _take(self, told: dict[str, Any]) -> Iterator[Text]:
        match told:
            case {"collected": count}:
                self.collected += count
            case {"began": test}:
                self.test, self.test_began_at, self.waits_for = test, time.monotonic(), ""
            case {"waits_for": what}:
                self.waits_for = what
            case {"ended": test, "outcome": outcome, "seconds": seconds}:
                self.tests[outcome] += 1
                self.durations[test] += seconds
            case {"set_up": test, "seconds": seconds}:
                self.durations[test] += seconds
            case {"failed": test, "why": why}:
                self.tests["failed"] += 1
                yield Text(f"{self.name}: {test} FAILED", "bold red")
                yield Text(why)

    def _end_if_hung(self) -> Iterator[Text]:
        assert self.process is not None
        now = time.monotonic()
        if self._hung_at:
            if now - self._hung_at > SECONDS_FOR_STACKS:
                self.kill()
            return
        quiet = now - self.moved_at
        if quiet > QUIET_SECONDS:
            why = f"nothing has moved for {quiet:.0f} s"
        elif self.test and now - self.test_began_at > LONGEST_TEST_SECONDS:
            why = f"it has run for {LONGEST_TEST_SECONDS / 60:.0f} minutes"
        else:
            return
        self._hung_at = now
        where = self.test or " ".join(map(str, self._command))
        yield Text(f"{self.name}: {where} HANGS: {why}.", "bold red")
        # pytest then prints the stack of every thread.
        self.process.send_signal(signal.SIGABRT)

    def kill(self) -> None:
        """End all that it has started."""
        if self.process and self.process.returncode is None:
            self.process.send_signal(
                signal.SIGSTOP
            )  # it is waited for elsewhere, and starts no more
            children = psutil.Process(self.process.pid).children()
            self.process.kill()
            processes.kill(children)

    def look(self, family: list[psutil.Process]) -> None:
        """Take note of what its processes have done.

        Args:
            family: all that descend from the command that runs, and itself.
        """
        working = 0.0
        for process in family:
            with contextlib.suppress(psutil.Error):
                key = (process.pid, process.create_time())
                cpu = sum(process.cpu_times()[:2])
                # LocalStack does something even when nobody waits for it.
                if key not in self.cpu_by_process:
                    self._servers |= {key} if SERVER in process.cmdline() else set()
                self.cpu_by_process[key] = cpu
                working += 0.0 if key in self._servers else cpu
        printed = (LOGS / f"{self.name}.log").stat().st_size
        state = (printed, self._read, len(self._left), int(2 * working))
        if state != self._state:
            self._state, self.moved_at = state, time.monotonic()


def families(stages: list[Stage]) -> None:
    """Let every stage that runs look at its processes."""
    children: dict[int, list[psutil.Process]] = {}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            children.setdefault(process.ppid(), []).append(process)
    for stage in stages:
        if stage.process is None or not stage.is_running:
            continue
        family: list[psutil.Process] = []
        with contextlib.suppress(psutil.Error):
            family.append(psutil.Process(stage.process.pid))
        for process in family:  # grows meanwhile
            family += children.get(process.pid, [])
        stage.look(family)


def table(stages: list[Stage], began_at: float, title: str) -> Table:
    """How far the stages are."""
    grid = Table(title=title, title_justify="left")
    grid.add_column("stage")
    grid.add_column("tests", justify="right")
    grid.add_column("failed", justify="right")
    for unit in ("seconds", "CPU s"):
        grid.add_column(unit, justify="right")
    grid.add_column("now", no_wrap=True, overflow="ellipsis")
    for stage in stages:
        ended = stage.tests.total()
        if stage.is_running:
            now = Text(stage.now)
        elif stage.began_at:
            now = Text("passed", "green") if stage.passed else Text("FAILED", "bold red")
        else:
            now = Text("waits", "dim")
        grid.add_row(
            stage.name,
            f"{ended}/{stage.collected}" if stage.collected else "",
            Text(str(stage.tests["failed"]), "bold red") if stage.tests["failed"] else "",
            f"{stage.seconds:.0f}" if stage.began_at else "",
            f"{stage.cpu_seconds:.0f}" if stage.began_at else "",
            now,
        )
    grid.add_section()
    cpu = sum(stage.cpu_seconds for stage in stages)
    grid.add_row("all", "", "", f"{time.monotonic() - began_at:.0f}", f"{cpu:.0f}", "")
    return grid


def slowest(stages: list[Stage]) -> Text:
    """The tests that took longest, set-up included."""
    durations = Counter({t: s for stage in stages for t, s in stage.durations.items()})
    lines = [f"{seconds:6.1f} s  {test}" for test, seconds in durations.most_common(10)]
    return Text("\n".join(["the slowest:", *lines]), "dim")


def run(stages: list[Stage], environ: dict[str, str], console: Console) -> None:
    """Run stages until all have ended, or none can begin because the first has failed."""
    at_once = (os.cpu_count() or 1) + 1
    began_at = time.monotonic()
    LOGS.mkdir(parents=True, exist_ok=True)
    said_at = began_at
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.ExitStack() as screen,
    ):
        live = screen.enter_context(Live(console=console)) if console.is_terminal else None
        try:
            while True:
                for stage in stages:
                    running = [s for s in stages if s.is_running]
                    first_runs = any(s.name == FIRST for s in running)
                    if not stage.began_at and len(running) < at_once and not first_runs:
                        stage.begin(environ, Path(folder))
                        if live is None:
                            console.print(f"{stage.name}: begins")
                families(stages)
                for stage in stages:
                    if stage.is_running:
                        for text in stage.advance():
                            console.print(text, soft_wrap=True)
                if stages[0].name == FIRST and stages[0].ended_with:
                    break
                if not any(stage.is_running or not stage.began_at for stage in stages):
                    break
                if live:
                    live.update(table(stages, began_at, "make test"))
                elif time.monotonic() - said_at > SECONDS_BETWEEN_LINES:
                    said_at = time.monotonic()
                    for stage in stages:
                        if stage.is_running:
                            console.print(
                                f"{stage.name}: {stage.tests.total()} of {stage.collected} tests "
                                f"after {stage.seconds:.0f} s, now {stage.now}",
                                soft_wrap=True,
                            )
                time.sleep(SECONDS_BETWEEN_LOOKS)
        finally:
            for stage in stages:
                if stage.is_running:
                    stage.kill()
            if live:
                live.update(Text())
    console.print(table(stages, began_at, "where the time went"))
    console.print(slowest(stages), soft_wrap=True)


def main() -> int:
    """Run the command line; returns the exit code."""
    console = Console(highlight=False)
    chosen = sys.argv[1:] or list(STAGES)
    if unknown := set(chosen) - STAGES.keys():
        console.print(f"No such stage: {', '.join(unknown)}. There are {', '.join(STAGES)}.")
        return 2
    try:
        environ = terraform.command_environment()
    except LocalAwsError as error:
        console.print(str(error), style="red")
        return 1
    stages = [Stage(name, commands) for name, commands in STAGES.items() if name in chosen]
    try:
        run(stages, environ, console)
    except KeyboardInterrupt:
        console.print("Interrupted: everything the tests had started is gone.")
        return 130
    tests = sum((stage.tests for stage in stages), Counter[str]())
    # Tests aside, a stage can fail by a command.
    failed = max(tests["failed"], sum(not stage.passed for stage in stages))
    skipped = f", {tests['skipped']} skipped" if tests["skipped"] else ""
    print(f"{tests['passed']} passed, {failed} failed{skipped}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
