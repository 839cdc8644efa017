"""The committed zip is what the sources build to, and runs where only botocore is."""

from __future__ import annotations

import io
import json
import os
import runpy
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from support.aws.http import Request, Response, at_once, serving
from support.aws.store import new_object
from support.events import (
    batch_operations_event,
    event_of_test,
    s3_event,
    sns_event,
    sqs_event,
    sqs_record,
)
from support.fake_s3 import new_s3
from support.machine import CREDENTIALS
from support.objects import BODY
from support.settings import DESTINATION_BUCKET, SOURCE_BUCKET, environment

LAMBDA = Path(__file__).resolve().parents[2] / "lambda"
ZIP = LAMBDA / "function.zip"

BOTOCORE = ("botocore", "jmespath", "dateutil", "six", "urllib3")
"""botocore and what it needs: the part of the runtime's boto3 the function may use."""

HANDLE = """
import json, sys
sys.path[:0] = json.loads(sys.argv[1])
from fanout.replicate.handler import handle
class Context:
    def get_remaining_time_in_millis(self): return 60_000
answers = [handle(event, Context()) for event in json.loads(sys.argv[2])]
print(json.dumps({"answers": answers, "boto3": "boto3" in sys.modules}))
"""


def built() -> bytes:
    """What the build script makes of the sources."""
    content: bytes = runpy.run_path(str(LAMBDA / "build.py"))["build"]()
    return content


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """An import path with the unpacked zip, and botocore without anything else beside it."""
    task, layer = tmp_path_factory.mktemp("task"), tmp_path_factory.mktemp("layer")
    with zipfile.ZipFile(ZIP) as archive:
        archive.extractall(task)
    for name in BOTOCORE:
        found = __import__(name).__file__
        assert found is not None
        path = Path(found)
        if path.name == "__init__.py":
            path = path.parent
        (layer / path.name).symlink_to(path)
    return [str(task), str(layer)]


def run(
    runtime: list[str], environ: dict[str, str], *events: object
) -> subprocess.CompletedProcess[str]:
    """Import the handler in a new process without site-packages, and let it handle events."""
    return subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", HANDLE, json.dumps(runtime), json.dumps(events)],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_committed_zip_is_what_the_sources_build_to() -> None:
    assert ZIP.read_bytes() == built(), "run `make zip` and commit lambda/function.zip"


def test_the_zip_holds_every_module_and_nothing_of_the_machine_that_built_it() -> None:
    with zipfile.ZipFile(io.BytesIO(built())) as archive:
        entries = archive.infolist()

    modules = [path.relative_to(LAMBDA).as_posix() for path in LAMBDA.glob("fanout/**/*.py")]
    assert [entry.filename for entry in entries] == sorted(modules)
    assert "fanout/replicate/handler.py" in modules
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
    assert {entry.external_attr >> 16 for entry in entries} == {0o100644}
    assert {entry.create_system for entry in entries} == {3}
    assert {entry.compress_type for entry in entries} == {zipfile.ZIP_STORED}


def test_times_and_modes_of_files_do_not_change_the_zip(tmp_path: Path) -> None:
    (tmp_path / "build.py").write_bytes((LAMBDA / "build.py").read_bytes())
    for path in sorted(LAMBDA.glob("fanout/**/*.py"), reverse=True):
        made = tmp_path / path.relative_to(LAMBDA)
        made.parent.mkdir(parents=True, exist_ok=True)
        made.write_bytes(path.read_bytes())
        made.chmod(0o600)
        os.utime(made, (86400 * 365 * 30, 86400 * 365 * 30))

    assert runpy.run_path(str(tmp_path / "build.py"))["build"]() == built()


@pytest.mark.parametrize("state", ["same", "other", "missing"])
def test_the_check_says_what_to_do_when_the_zip_is_not_up_to_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], state: str
) -> None:
    build = tmp_path / "build.py"
    build.write_bytes((LAMBDA / "build.py").read_bytes())
    (tmp_path / "fanout").mkdir()
    (tmp_path / "fanout" / "a.py").write_text("A = 1\n")
    content = runpy.run_path(str(build))["build"]()
    if state != "missing":
        (tmp_path / "function.zip").write_bytes(content + b"x" * (state == "other"))
    monkeypatch.setattr(sys, "argv", [str(build), "--check"])

    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(build), run_name="__main__")

    assert ended.value.code == (0 if state == "same" else 1)
    assert ("make zip" in capsys.readouterr().out) == (state != "same")


def test_the_unpacked_zip_replicates_with_nothing_but_botocore(runtime: list[str]) -> None:
    s3, requests = new_s3(), []
    for bucket, key in (
        (SOURCE_BUCKET, "a key"),
        (SOURCE_BUCKET, "a+b"),
        (SOURCE_BUCKET, "a task"),
        (DESTINATION_BUCKET, "a task"),
    ):
        s3.store.put(bucket, key, new_object(BODY, (), (), None))

    async def answer(request: Request) -> Response:
        requests.append((request.method, request.path))
        return at_once(s3.answer(request))

    # However late the process starts on a busy machine: Lambda has not held these messages back.
    received_at = time.time() + 3600
    with serving(answer) as served:
        done = run(
            runtime,
            environment() | CREDENTIALS | {"AWS_ENDPOINT_URL_S3": served.url},
            {"Records": [sqs_record(s3_event("a key"), sent_at=received_at)]},
            sns_event(s3_event("a+b")),
            {"Records": [sqs_record(event_of_test(), sent_at=received_at)]},
            batch_operations_event("a task", schema="1.0"),
        )

    assert done.returncode == 0, done.stderr
    *written, answered = map(json.loads, done.stdout.splitlines())
    batch, nothing, test_event, operation = answered["answers"]
    assert batch == test_event == {"batchItemFailures": []}
    assert nothing is None
    assert [task["resultCode"] for task in operation["results"]] == ["Succeeded"]
    assert answered["boto3"] is False
    lines = [line for line in written if "_aws" not in line]
    assert [(line["action"], line["key"], line["bytes"]) for line in lines] == [
        ("copied", "a key", len(BODY)),
        ("copied", "a+b", len(BODY)),
        ("current", "a task", len(BODY)),
    ]
    assert sorted(requests) == sorted(
        [("PUT", f"/{DESTINATION_BUCKET}/{key}") for key in ("a key", "a+b")]
        + [
            ("HEAD", f"/{bucket}/{key}")
            for key in ("a key", "a+b", "a task")
            for bucket in (SOURCE_BUCKET, DESTINATION_BUCKET)
        ]
    )


def test_without_its_environment_the_function_does_not_start_and_says_why(
    runtime: list[str],
) -> None:
    environ = environment() | CREDENTIALS
    del environ["LOG_LEVEL"]

    done = run(runtime, environ, sqs_event(event_of_test()))

    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.splitlines()[-1] == (
        "fanout.common.config.ConfigurationError: environment variable LOG_LEVEL is missing; "
        "the module sets it"
    )
