"""The local AWS runs functions as Lambda does, and leaves nothing behind."""

import base64
import contextlib
import io
import json
import os
import signal
import socket
import subprocess
import sys
import uuid
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest

from local_aws import background, waiting
from local_aws.errors import LocalAwsError
from local_aws.server import LocalAws
from local_aws.waiting import LONGEST_SECONDS, NothingMovesError, eventually

HANDLER = """
import json, os, pathlib, subprocess, sys, time

print("loading")
if os.environ.get("BREAK_WHILE_LOADING"):
    raise KeyError("DESTINATION_BUCKET")

def handler(event, context):
    print("handling", json.dumps(event))
    if "touch" in event:
        pathlib.Path(event["touch"]).touch()
    if event.get("raise"):
        raise ValueError(event["raise"])
    if event.get("start_a_child"):
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        print("child", child.pid)
    if "meet" in event:
        meeting = pathlib.Path(event["meet"])
        (meeting / str(os.getpid())).touch()
        while len(list(meeting.iterdir())) < 2:
            time.sleep(0.01)
    if "signal" in event:
        os.kill(os.getpid(), event["signal"])
    if "exit" in event:
        os._exit(event["exit"])
    time.sleep(event.get("sleep", 0))
    return {
        "event": event,
        "pid": os.getpid(),
        "remaining_ms": context.get_remaining_time_in_millis(),
        "request_id": context.aws_request_id,
        "variable": os.environ.get("VARIABLE"),
        "shell_secret": os.environ.get("SHELL_SECRET"),
        "function": context.function_name,
        "folder": os.getcwd(),
        "stdin": sys.stdin.read(),
    }
"""


# Long enough for a handler that does nothing, on a busy machine too.
SHORT_TIMEOUT_SECONDS = 8
TIMED_OUT = "Task timed out after 8.00 seconds"


@dataclass(frozen=True)
class Answer:
    """What an invocation gave back."""

    payload: Any
    error: str | None  # None, or Lambda's "Unhandled"
    log: str


@dataclass(frozen=True)
class Function:
    """A function made for one test."""

    aws: LocalAws
    name: str

    def invoke(self, **event: object) -> Answer:
        answer = self.aws.client("lambda").invoke(
            FunctionName=self.name, Payload=json.dumps(event), LogType="Tail"
        )
        return Answer(
            payload=json.loads(answer["Payload"].read()),
            error=answer.get("FunctionError"),
            log=base64.b64decode(answer.get("LogResult", "")).decode(),
        )

    def processes(self) -> list[psutil.Process]:
        return self.aws.function_processes(self.name)


MakeFunction = Callable[..., Function]


@pytest.fixture
def make_function(aws: LocalAws) -> Iterator[MakeFunction]:
    """Makes functions from HANDLER and deletes them after the test."""
    if aws.is_external:
        pytest.skip("this is about the function processes of an own LocalStack")
    client = aws.client("lambda")
    made: list[str] = []

    def make(
        *, timeout_seconds: int = 30, handler: str = "app.handler", **variables: str
    ) -> Function:
        name = f"test-{uuid.uuid4().hex[:12]}"
        client.create_function(
            FunctionName=name,
            Runtime="python3.12",
            Role="arn:aws:iam::000000000000:role/test",
            Handler=handler,
            Timeout=timeout_seconds,
            Environment={"Variables": variables},
            Code={"ZipFile": _zip(HANDLER)},
        )
        made.append(name)
        return Function(aws, name)

    yield make
    for name in made:
        with contextlib.suppress(client.exceptions.ResourceNotFoundException):
            client.delete_function(FunctionName=name)


def _zip(source: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("app.py", source)
    return buffer.getvalue()


def test_a_function_gets_its_event_its_variables_and_the_time_it_has_left(
    make_function: MakeFunction, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHELL_SECRET", "x")
    function = make_function(timeout_seconds=600, VARIABLE="from the function's configuration")
    answer = function.invoke(text="ä+%2F 🙂\n")
    assert answer.error is None
    assert answer.payload["event"] == {"text": "ä+%2F 🙂\n"}
    assert answer.payload["variable"] == "from the function's configuration"
    assert answer.payload["shell_secret"] is None
    assert answer.payload["function"] == function.name
    assert answer.payload["stdin"] == ""
    assert 300_000 < answer.payload["remaining_ms"] <= 600_000
    assert 300_000 < function.invoke(sleep=1).payload["remaining_ms"] <= 599_000


def test_two_invocations_at_once_run_in_two_processes(
    make_function: MakeFunction, tmp_path: Path
) -> None:
    function = make_function(timeout_seconds=600)
    with ThreadPoolExecutor() as pool:
        answers = list(pool.map(lambda _: function.invoke(meet=str(tmp_path)), range(2)))
    assert len({answer.payload["pid"] for answer in answers}) == 2
    assert len(function.processes()) == 2


def test_a_function_that_raises_is_an_error_and_keeps_its_process(
    make_function: MakeFunction,
) -> None:
    function = make_function()
    pid = function.invoke().payload["pid"]
    answer = function.invoke(**{"raise": "no luck"})
    assert answer.error == "Unhandled"
    assert answer.payload["errorType"] == "ValueError"
    assert answer.payload["errorMessage"] == "no luck"
    assert function.invoke().payload["pid"] == pid


def test_a_function_past_its_timeout_is_killed_and_the_next_invocation_works(
    make_function: MakeFunction,
) -> None:
    function = make_function(timeout_seconds=SHORT_TIMEOUT_SECONDS)
    before = function.invoke().payload["pid"]
    answer = function.invoke(sleep=600)
    assert answer.error == "Unhandled"
    assert answer.payload["errorMessage"].endswith(TIMED_OUT)
    assert TIMED_OUT in answer.log
    assert "Status: timeout" in answer.log
    assert not psutil.pid_exists(before)
    after = function.invoke()
    assert after.error is None
    assert after.payload["pid"] != before


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({"signal": int(signal.SIGKILL)}, "Runtime exited with error: signal: killed"),
        ({"exit": 3}, "Runtime exited with error: exit status 3"),
        ({"exit": 0}, "Runtime exited without providing a reason"),
    ],
)
def test_a_process_that_dies_is_an_error_and_the_next_invocation_gets_a_new_one(
    make_function: MakeFunction, event: dict[str, int], reason: str
) -> None:
    function = make_function()
    before = function.invoke().payload["pid"]
    answer = function.invoke(**event)
    assert answer.error == "Unhandled"
    assert answer.payload["errorType"] == "Runtime.ExitError"
    assert answer.payload["errorMessage"].endswith(f"Error: {reason}")
    assert answer.payload["errorMessage"].startswith("RequestId: ")
    after = function.invoke()
    assert after.error is None
    assert after.payload["pid"] != before


def test_a_process_killed_from_outside_while_busy_or_idle_is_replaced(
    make_function: MakeFunction, tmp_path: Path
) -> None:
    function = make_function()
    has_begun = tmp_path / "begun"
    with ThreadPoolExecutor() as pool:
        busy = pool.submit(function.invoke, touch=str(has_begun), sleep=60)
        eventually("the invocation begun", has_begun.exists)
        [process] = function.processes()
        process.kill()
        assert busy.result().payload["errorType"] == "Runtime.ExitError"
    function.invoke()
    [process] = function.processes()
    process.kill()
    process.wait()
    assert function.invoke().error is None


def test_what_a_function_started_dies_with_it(make_function: MakeFunction) -> None:
    function = make_function(timeout_seconds=SHORT_TIMEOUT_SECONDS)
    answer = function.invoke(start_a_child=True, sleep=600)
    child = int(answer.log.split("child ")[1].split()[0])
    eventually("the child gone", lambda: not psutil.pid_exists(child))


def test_a_function_that_cannot_be_loaded_says_why_every_time(make_function: MakeFunction) -> None:
    function = make_function(BREAK_WHILE_LOADING="1")
    for _ in range(2):
        answer = function.invoke()
        assert answer.error == "Unhandled"
        assert answer.payload["errorType"] == "KeyError"
        assert "DESTINATION_BUCKET" in answer.payload["errorMessage"]
        assert "loading" in answer.log
        assert "Phase: init\tStatus: error\tError Type: KeyError" in answer.log
    assert function.processes() == []


def test_what_a_function_prints_arrives_in_cloudwatch_logs(
    aws: LocalAws, make_function: MakeFunction
) -> None:
    function = make_function()
    request_ids = [function.invoke(number=number).payload["request_id"] for number in (1, 2)]
    logs = aws.client("logs")

    def messages() -> list[str]:
        try:
            events = logs.filter_log_events(logGroupName=f"/aws/lambda/{function.name}")["events"]
        except logs.exceptions.ResourceNotFoundException:
            return []
        return [event["message"].rstrip("\n") for event in events]

    eventually(
        "two reports", lambda: sum(message.startswith("REPORT") for message in messages()) == 2
    )
    lines = messages()
    reports = [line for line in lines if line.startswith("REPORT")]
    assert [line for line in lines if line not in reports] == [
        "loading",
        f"START RequestId: {request_ids[0]} Version: $LATEST",
        'handling {"number": 1}',
        f"END RequestId: {request_ids[0]}",
        f"START RequestId: {request_ids[1]} Version: $LATEST",
        'handling {"number": 2}',
        f"END RequestId: {request_ids[1]}",
    ]
    assert "Init Duration: " in reports[0]
    assert "Init Duration: " not in reports[1]
    for part in ("Duration: ", "Billed Duration: ", "Memory Size: 128 MB", "Max Memory Used: "):
        assert part in reports[1]


def test_a_deleted_function_has_no_process(aws: LocalAws, make_function: MakeFunction) -> None:
    function = make_function()
    function.invoke()
    [process] = function.processes()
    aws.client("lambda").delete_function(FunctionName=function.name)
    eventually("the process gone", lambda: not process.is_running())


def test_an_event_names_the_role_and_the_session_that_wrote_the_object(aws: LocalAws) -> None:
    sqs, s3 = aws.client("sqs"), aws.client("s3")
    url = sqs.create_queue(QueueName="events-of-the-tests")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    s3.create_bucket(Bucket="events-of-the-tests")
    s3.put_bucket_notification_configuration(
        Bucket="events-of-the-tests",
        NotificationConfiguration={
            "QueueConfigurations": [
                {
                    "QueueArn": arn["QueueArn"],
                    "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"],
                }
            ]
        },
    )
    role = aws.client("iam").create_role(RoleName="writer", AssumeRolePolicyDocument="{}")["Role"]
    session = aws.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="a-function")
    credentials = session["Credentials"]
    as_role: Any = boto3.client(
        "s3",
        endpoint_url=aws.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
    )
    object_ = {"Bucket": "events-of-the-tests", "Key": "key"}
    as_role.put_object(**object_)
    as_role.copy_object(**object_, CopySource=object_, MetadataDirective="REPLACE")
    as_role.delete_object(**object_)
    s3.put_object(**object_)
    told: list[tuple[str, str]] = []

    def all_told() -> bool:
        for message in sqs.receive_message(QueueUrl=url).get("Messages", ()):
            for record in json.loads(message["Body"]).get("Records", ()):
                told.append((record["eventName"], record["userIdentity"]["principalId"]))
        return len(told) == 4

    aws.eventually("four events", all_told)
    writer = f"AWS:{role['RoleId']}:a-function"
    assert sorted(told) == [
        ("ObjectCreated:Copy", writer),
        ("ObjectCreated:Put", "AWS:000000000000"),
        ("ObjectCreated:Put", writer),
        ("ObjectRemoved:Delete", writer),
    ]


def test_an_upload_aborted_while_it_is_completed_leaves_no_half_object(aws: LocalAws) -> None:
    if aws.is_external:
        pytest.skip("this is about an own LocalStack")
    name = f"test-{uuid.uuid4().hex[:12]}"
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=name)
    body = os.urandom(64 * 1024**2)
    s3.put_object(Bucket=name, Key="source", Body=body)
    replica = {"Bucket": name, "Key": "replica"}
    s3.put_object(**replica, Body=b"before")
    upload = replica | {"UploadId": s3.create_multipart_upload(**replica)["UploadId"]}
    parts = []
    for number in range(1, 7):
        answer = s3.upload_part_copy(**upload, PartNumber=number, CopySource=f"{name}/source")
        parts.append({"PartNumber": number, "ETag": answer["CopyPartResult"]["ETag"]})
    refused = []
    with ThreadPoolExecutor() as pool:
        complete = pool.submit(
            s3.complete_multipart_upload, **upload, MultipartUpload={"Parts": parts}
        )
        wait([complete], timeout=0.05)  # so that LocalStack is in the middle of it
        abort = pool.submit(s3.abort_multipart_upload, **upload)
        for call in (complete, abort):
            try:
                call.result()
            except s3.exceptions.NoSuchUpload:
                refused.append(call)
    assert refused in ([complete], [abort])
    there = s3.get_object(**replica)["Body"].read()
    assert there == (b"before" if refused == [complete] else 6 * body)


def test_a_wait_names_the_function_that_dies_for_ever(
    aws: LocalAws, make_function: MakeFunction, monkeypatch: pytest.MonkeyPatch
) -> None:
    function = make_function()
    monkeypatch.setattr(waiting, "QUIET_SECONDS", 3.0)

    def look() -> None:
        function.invoke(exit=3)

    with pytest.raises(NothingMovesError, match=rf"times: {function.name}: .* exit status 3"):
        aws.eventually("something", look)


# What follows starts its own local AWS in a process of its own, to see how it ends.

PROGRAM = """
import io, json, signal, time, zipfile
from local_aws.server import LocalAws

# A shell that starts the tests in the background has them ignore it.
signal.signal(signal.SIGINT, signal.default_int_handler)

with LocalAws() as aws:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("app.py", "def handler(event, context): return event")
    functions = aws.client("lambda")
    functions.create_function(
        FunctionName="f", Runtime="python3.12", Handler="app.handler",
        Role="arn:aws:iam::000000000000:role/r", Code={"ZipFile": buffer.getvalue()},
    )
    functions.invoke(FunctionName="f", Payload="{}")
    [function] = aws.function_processes()
    print(json.dumps({
        "localstack": aws.process.pid,
        "function": function.pid,
        "fork_server": function.ppid(),
        "port": int(aws.endpoint_url.rsplit(":", 1)[1]),
        "folder": str(aws.data_folder),
    }), flush=True)
    time.sleep(600)
"""


def _run_program() -> tuple[subprocess.Popen[str], dict[str, Any]]:
    environ = {name: value for name, value in os.environ.items() if name != "AWS_ENDPOINT_URL"}
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environ,
    )
    assert program.stdout is not None
    return program, json.loads(program.stdout.readline())


def _are_gone(running: dict[str, Any], *processes: str) -> bool:
    return not any(psutil.pid_exists(running[process]) for process in processes)


def _nothing_is_left_of(running: dict[str, Any]) -> bool:
    with socket.socket() as probe:
        port_is_free = probe.connect_ex(("127.0.0.1", running["port"])) != 0
    return (
        port_is_free
        and _are_gone(running, "localstack", "fork_server", "function")
        and not Path(running["folder"]).exists()
    )


def test_nothing_is_left_after_ctrl_c() -> None:
    program, running = _run_program()
    program.send_signal(signal.SIGINT)
    assert "KeyboardInterrupt" in program.communicate(timeout=LONGEST_SECONDS)[1]
    assert _nothing_is_left_of(running)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_when_the_program_that_started_it_is_killed(number: int) -> None:
    program, running = _run_program()
    program.send_signal(number)
    program.communicate(timeout=LONGEST_SECONDS)
    eventually("all of it gone", lambda: _nothing_is_left_of(running))


def test_no_function_is_left_when_localstack_itself_is_killed() -> None:
    program, running = _run_program()
    os.kill(running["localstack"], signal.SIGKILL)
    eventually("its processes gone", lambda: _are_gone(running, "fork_server", "function"))
    program.send_signal(signal.SIGINT)
    program.communicate(timeout=LONGEST_SECONDS)
    assert _nothing_is_left_of(running)


def test_a_wait_says_that_localstack_has_ended() -> None:
    with LocalAws() as own:
        if own.is_external:
            pytest.skip("this is about an own LocalStack")
        assert own.process
        own.process.kill()
        with pytest.raises(LocalAwsError, match=r"LocalStack has ended; its log ends with:"):
            own.eventually("something", lambda: None)


def test_an_endpoint_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(LocalAwsError, match=r"AWS_ENDPOINT_URL is http://127\.0\.0\.1:1"):
        LocalAws().start()


def test_an_endpoint_that_answers_is_used_and_left_alone(
    aws: LocalAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert aws.start() is aws, "a second start changes nothing"
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.endpoint_url + "/")
    with LocalAws() as other:
        assert other.endpoint_url == aws.endpoint_url
        assert other.is_external
        other.client("s3").list_buckets()
    aws.client("s3").list_buckets()


def test_one_in_the_background_is_found_again_and_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    # One of this checkout is not to be disturbed.
    monkeypatch.setattr(background, "STATE_FILE", tmp_path / "state.json")
    assert background.find() is None
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(LocalAwsError, match=f"Port {port} .* is not available"):
            background.start(port=port)
    try:
        started = background.start(port=port)
        assert started.endpoint_url == f"http://127.0.0.1:{port}"
        process = started.process
        for again in (background.start(port=port), background.find()):
            assert again
            assert again.process == process
    finally:
        assert background.stop()
    assert not background.stop()
    assert process
    assert not process.is_running()
