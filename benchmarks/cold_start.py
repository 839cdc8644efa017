"""What the first invocation waits for: the imports and the clients of our function."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import zipfile
from statistics import median

from support.aws.http import Serving
from support.aws.server import Model

from .environment import REPOSITORY
from .mapping import function

ROUNDS = 31

OURS = "import fanout.replicate.handler"
BARE = "import boto3; boto3.client('s3')"
TIMED = "import time; started = time.perf_counter(); {}; print(time.perf_counter() - started)"


def measure() -> dict[str, float]:
    """Start many processes, in turns.

    Ours runs from the zip's files without compiled modules, since Lambda has none of it and keeps none
    that Python makes; boto3's are there, as in Lambda's runtime. Ours makes all its clients.

    Returns:
        Medians in milliseconds, and the median of the differences of each turn.
    """
    nowhere = Model()
    nowhere.served = Serving("http://127.0.0.1:9", 0)
    environ = {**os.environ, **function(nowhere).environ}
    for statement in (OURS, BARE):  # compiles what both import
        subprocess.run(
            [sys.executable, "-c", statement], check=True, cwd=REPOSITORY / "lambda", env=environ
        )
    environ["PYTHONDONTWRITEBYTECODE"] = "1"
    ours: list[float] = []
    bare: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(REPOSITORY / "lambda/function.zip") as archive:
            archive.extractall(folder)
        for _ in range(ROUNDS):
            for statement, times in ((OURS, ours), (BARE, bare)):
                done = subprocess.run(
                    [sys.executable, "-c", TIMED.format(statement)],
                    check=True,
                    cwd=folder,
                    env=environ,
                    text=True,
                    stdout=subprocess.PIPE,
                )
                times.append(float(done.stdout) * 1000)
    return {
        "rounds": ROUNDS,
        "ours_milliseconds": median(ours),
        "bare_milliseconds": median(bare),
        "difference_milliseconds": median(
            one - other for one, other in zip(ours, bare, strict=True)
        ),
    }
