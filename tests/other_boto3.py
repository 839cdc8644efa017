"""Runs what the functions say to AWS by boto3 with another one than the one of the tools.

    python tests/other_boto3.py old|new

Lambda chooses the boto3 of its runtimes and moves it. The versions are in tests/boto3-*.txt; each is
installed once, into build/.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parent
REPOSITORY = TESTS.parent

SUITE = [
    f"tests/unit/test_{part}.py" for part in ("enqueue", "listing", "run", "work_queue", "zip")
]
"""The tests in which a request or an answer goes through boto3."""


def installed(which: str) -> Path:
    """The folder with a boto3, made when it is missing or of other versions than asked for."""
    requirements = TESTS / f"boto3-{which}.txt"
    folder = REPOSITORY / "build" / f"boto3-{which}"
    stamp = folder / "requirements.txt"
    if not stamp.exists() or stamp.read_bytes() != requirements.read_bytes():
        shutil.rmtree(folder, ignore_errors=True)
        uv = [str(Path(sys.executable).with_name("uv")), "pip", "install", "-q"]
        # What these need otherwise is among the tools already.
        place = ["--no-deps", "--python", sys.executable, "--target", str(folder)]
        subprocess.run([*uv, *place, "-r", str(requirements)], check=True)
        stamp.write_bytes(requirements.read_bytes())
    return folder


def main() -> int:
    """Run the command line; returns the exit code."""
    environ = {**os.environ, "PYTHONPATH": str(installed(sys.argv[1]))}
    which = "import boto3; print('boto3', boto3.__version__, 'of', boto3.__path__[0])"
    subprocess.run([sys.executable, "-c", which], env=environ, check=True)
    report = ["-p", "stage_report"] if "FANOUT_REPORT" in os.environ else []
    tests = [sys.executable, "-m", "pytest", "-q", "--tb=short", *report, *SUITE]
    return subprocess.run(tests, cwd=REPOSITORY, env=environ, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
