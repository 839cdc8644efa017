"""Runs all of `make test`, and says where the time went.

    python tests/stages.py [STAGE ...]

The linters come first. The rest runs in lanes at the same time: applying mostly means waiting for
Terraform, and other tests use the processors meanwhile. The lane that takes longest comes before the
others whenever it has something to do.
"""

from __future__ import annotations

import subprocess
import sys
import threading
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

PRINTING = threading.Lock()

Command = list[str]

# Tests that start a LocalStack of their own.
ALONE = ["test_local_aws.py", "test_demo.py"]
# In a stack of its own it need not wait for the other tests.
STORM = ["test_storm.py"]
# Root modules as users have them, in another LocalStack than the tests' stack.
EXAMPLES = ["test_examples.py", "test_migration.py"]

STAGES: dict[str, list[Command]] = {
    "lint": [
        [f"{BIN}/ruff", "check", "--quiet", *SOURCES],
        [f"{BIN}/ruff", "format", "--quiet", "--check", *SOURCES],
        [f"{BIN}/mypy", "--no-error-summary", *SOURCES],
        [PYTHON, "lambda/build.py", "--check"],
        ["terraform", "fmt", "-check", "-recursive", "-diff"],
    ],
    "unit": [
        [PYTHON, "-m", "pytest", "-q", "tests/unit"],
        # The boto3 of Lambda's runtimes is AWS's choice, and moves.
        [PYTHON, "tests/other_boto3.py", "old"],
        [PYTHON, "tests/other_boto3.py", "new"],
    ],
    "model": [[PYTHON, "-m", "pytest", "-q", "-s", "tests/model"]],
    "plan": [
        ["terraform", "version"],
        ["terraform", "init", "-input=false", "-no-color", "-test-directory=tests/plan"],
        ["terraform", "validate", "-no-color"],
        [PYTHON, "tests/plan/run.py", "-no-color"],
        [PYTHON, "-m", "pytest", "-q", "tests/plan", "tests/permissions"],
        ["terraform", "-chdir=examples/basic", "init", "-input=false", "-no-color"],
        ["terraform", "-chdir=examples/basic", "validate", "-no-color"],
    ],
    "demo": [
        [PYTHON, "-m", "pytest", "-q", "--durations=3", *(f"tests/integration/{t}" for t in ALONE)]
    ],
    "examples": [
        [PYTHON, "-m", "pytest", "-q", "--durations=3"]
        + [f"tests/integration/{test}" for test in EXAMPLES]
    ],
    "integration": [
        [PYTHON, "-m", "pytest", "-q", "-rP", "--durations=12"]
        + [f"--ignore=tests/integration/{test}" for test in ALONE + EXAMPLES + STORM]
        + ["tests/integration"]
    ],
    "storm": [
        [PYTHON, "-m", "pytest", "-q", "-rP", "--durations=3", "-m", "not soak"]
        + [f"tests/integration/{test}" for test in STORM]
    ],
}
LONGEST = "integration"
LANES = [["lint"], ["unit", "model", "plan"], ["examples"], ["demo", "storm"], ["integration"]]


@dataclass(frozen=True)
class Outcome:
    """How a stage ended, and after how many seconds."""

    stage: str
    passed: bool
    seconds: float


def run(stage: str, environ: dict[str, str], console: Console) -> Outcome:
    """Run a stage up to its first command that fails, then show what it printed.

    Args:
        environ: with which Terraform finds its provider.
    """
    started = time.monotonic()
    printed: list[str] = []
    passed = True
    priority = [] if stage == LONGEST else ["nice", "-n", "10"]
    for command in STAGES[stage]:
        done = subprocess.run(
            [*priority, *command],
            cwd=REPOSITORY,
            # What one command has compiled the next need not.
            env=environ | {"FANOUT_STAGE": stage, "PYTHONDONTWRITEBYTECODE": ""},
            check=False,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        printed.append(done.stdout)
        if done.returncode:
            passed = False
            break
    with PRINTING:
        console.rule(stage if passed else f"{stage} FAILED")
        print("".join(printed), flush=True)
    return Outcome(stage, passed, time.monotonic() - started)


def run_lane(stages: list[str], environ: dict[str, str], console: Console) -> list[Outcome]:
    """Run stages one after the other, up to the first that fails."""
    outcomes: list[Outcome] = []
    for stage in stages:
        outcomes.append(run(stage, environ, console))
        if not outcomes[-1].passed:
            break
    return outcomes


def main() -> int:
    """Run the command line; returns the exit code."""
    console = Console()
    chosen = sys.argv[1:] or list(STAGES)
    try:
        environ = terraform.command_environment()
    except LocalAwsError as error:
        console.print(str(error), style="red", highlight=False)
        return 1
    started = time.monotonic()
    first, *others = [[stage for stage in lane if stage in chosen] for lane in LANES]
    outcomes = run_lane(first, environ, console)
    if all(outcome.passed for outcome in outcomes):
        with ThreadPoolExecutor(len(others)) as pool:
            for lane in pool.map(lambda stages: run_lane(stages, environ, console), others):
                outcomes += lane
    table = Table("stage", "result", "seconds", title="where the time went")
    for outcome in outcomes:
        table.add_row(
            outcome.stage, "passed" if outcome.passed else "FAILED", f"{outcome.seconds:.0f}"
        )
    table.add_row("all", "", f"{time.monotonic() - started:.0f}")
    console.print(table)
    return 0 if len(outcomes) == len(chosen) and all(o.passed for o in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
