"""Runs all of `make test`, a stage after the other, and says where the time went.

    python tests/stages.py [STAGE ...]

The plan tests need a processor and the integration tests mostly wait for Terraform, so those two run
at the same time.
"""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from local_aws import terraform
from local_aws.errors import LocalAwsError

REPOSITORY = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
PYTHON = sys.executable
SOURCES = ["lambda", "tests", "demo", "benchmarks"]

Command = list[str]

STAGES: dict[str, list[Command]] = {
    "lint": [
        [f"{BIN}/ruff", "check", "--quiet", *SOURCES],
        [f"{BIN}/ruff", "format", "--quiet", "--check", *SOURCES],
        [f"{BIN}/mypy", "--no-error-summary", *SOURCES],
        [PYTHON, "lambda/build.py", "--check"],
        ["terraform", "fmt", "-check", "-recursive", "-diff"],
    ],
    "unit": [[PYTHON, "-m", "pytest", "-q", "tests/unit"]],
    "model": [[PYTHON, "-m", "pytest", "-q", "-s", "tests/model"]],
    "plan": [
        ["terraform", "init", "-input=false", "-test-directory=tests/plan"],
        ["terraform", "validate"],
        [PYTHON, "tests/plan/run.py"],
        ["terraform", "-chdir=examples/basic", "init", "-input=false"],
        ["terraform", "-chdir=examples/basic", "validate"],
    ],
    "integration": [[PYTHON, "-m", "pytest", "-q", "--durations=8", "tests/integration"]],
}
SIDE_BY_SIDE = ("plan", "integration")


@dataclass(frozen=True)
class Outcome:
    """How a stage ended: after how many seconds, and with which output if it was kept."""

    stage: str
    passed: bool
    seconds: float
    output: str = ""


def run(stage: str, environ: dict[str, str], *, quietly: bool = False) -> Outcome:
    """Run a stage up to its first command that fails.

    Args:
        environ: with which Terraform finds its provider.
        quietly: keep the output for later instead of showing it.
    """
    started = time.monotonic()
    kept: list[str] = []
    passed = True
    for command in STAGES[stage]:
        done = subprocess.run(
            command,
            cwd=REPOSITORY,
            env=environ,
            check=False,
            text=True,
            stdout=subprocess.PIPE if quietly else None,
            stderr=subprocess.STDOUT if quietly else None,
        )
        kept.append(done.stdout or "")
        if done.returncode:
            passed = False
            break
    return Outcome(stage, passed, time.monotonic() - started, "".join(kept))


def run_all(stages: list[str], environ: dict[str, str], console: Console) -> list[Outcome]:
    """Run stages in order; what may run side by side does."""
    outcomes: list[Outcome] = []
    together = [stage for stage in stages if stage in SIDE_BY_SIDE]
    for stage in [stage for stage in stages if stage not in SIDE_BY_SIDE]:
        console.rule(stage)
        outcomes.append(run(stage, environ))
        if not outcomes[-1].passed:
            return outcomes
    if together:
        console.rule(" and ".join(together))
        with ThreadPoolExecutor() as pool:
            *others, last = [
                pool.submit(run, stage, environ, quietly=stage != together[-1])
                for stage in together
            ]
        for other in others:
            console.rule(other.result().stage)
            print(other.result().output)
            outcomes.append(other.result())
        outcomes.append(last.result())
    return outcomes


def main() -> int:
    """Run the command line; returns the exit code."""
    console = Console()
    stages = sys.argv[1:] or list(STAGES)
    try:
        environ = terraform.command_environment()
    except LocalAwsError as error:
        console.print(str(error), style="red", highlight=False)
        return 1
    started = time.monotonic()
    outcomes = run_all(stages, environ, console)
    table = Table("stage", "result", "seconds", title="where the time went")
    for outcome in outcomes:
        table.add_row(
            outcome.stage, "passed" if outcome.passed else "FAILED", f"{outcome.seconds:.0f}"
        )
    table.add_row("all", "", f"{time.monotonic() - started:.0f}")
    console.print(table)
    return 0 if len(outcomes) == len(stages) and all(o.passed for o in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
