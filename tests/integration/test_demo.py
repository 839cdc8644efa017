"""The demo, as people run it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from local_aws.server import REPOSITORY
from local_aws.waiting import LONGEST_SECONDS


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the demo and all it starts put their files: every process of it works below."""
    return tmp_path


def _start(folder: Path, *arguments: str, **environ: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "demo", "run", *arguments],
        cwd=REPOSITORY,
        env={**os.environ, "TMPDIR": str(folder), **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _processes(folder: Path) -> list[str]:
    """The command lines of all processes that work in the folder."""

    def look() -> Iterator[str]:
        for process in psutil.process_iter():
            try:
                line = " ".join(process.cmdline())
                if str(folder) in f"{process.cwd()} {line}":
                    yield line
            except psutil.Error:
                continue  # it ended, or is another user's

    return list(look())


def _example_files() -> set[Path]:
    """The files of the examples, without what `terraform validate` needs there."""
    files = (REPOSITORY / "examples").rglob("*")
    return {file for file in files if not any(".terraform" in part for part in file.parts)}


def test_the_demo_replicates_everything_and_leaves_nothing(folder: Path) -> None:
    before = _example_files()
    demo = _start(folder, "--big-megabytes", "5", COLUMNS="80", AWS_ENDPOINT_URL="")
    output, _ = demo.communicate(timeout=LONGEST_SECONDS)
    assert demo.returncode == 0, output
    assert "replicas are equal to their sources, and nothing else is there." in output
    assert "First replica " in output
    assert output.count("destination delivery") == 1, "the table is printed once"
    assert "sqs_queue" in output, "a log, too, says what Terraform waits for"
    assert "\x1b" not in output
    assert max(map(len, output.splitlines())) <= 80
    assert _processes(folder) == []
    assert list(folder.iterdir()) == []
    assert _example_files() == before


def test_an_interrupted_demo_leaves_nothing(folder: Path) -> None:
    demo = _start(folder, AWS_ENDPOINT_URL="")
    assert demo.stdout
    while "terraform init" not in demo.stdout.readline():
        assert demo.poll() is None
    assert _processes(folder), "the processes of the demo are found while it runs"
    demo.send_signal(signal.SIGINT)
    output, _ = demo.communicate(timeout=LONGEST_SECONDS)
    assert demo.returncode == 130
    assert output.endswith("Interrupted: everything the demo had started is gone.\n")
    assert _processes(folder) == []
    assert list(folder.iterdir()) == []


def test_what_is_missing_is_said_in_one_sentence(folder: Path) -> None:
    plugins = folder / "plugins"
    plugins.mkdir()
    demo = _start(folder, TF_PLUGIN_DIR=str(plugins), AWS_ENDPOINT_URL="")
    output, _ = demo.communicate(timeout=LONGEST_SECONDS)
    assert demo.returncode == 1
    assert output.splitlines()[-1].startswith(f"TF_PLUGIN_DIR is {plugins}, which does not hold")
    assert "Traceback" not in output
    assert _processes(folder) == []
    assert list(folder.iterdir()) == [plugins]
