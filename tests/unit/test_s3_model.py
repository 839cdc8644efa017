"""The benchmark's model of S3 waits, refuses and stores as it says."""

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from benchmarks.environment import environment
from benchmarks.events import s3_event
from benchmarks.mapping import QUEUE, drive, function
from benchmarks.s3_model.answers import S3
from benchmarks.s3_model.figures import MIB, Figures
from benchmarks.s3_model.http import Request, serve
from benchmarks.s3_model.process import CREDENTIALS, REGION, Running, model
from benchmarks.s3_model.store import Bucket, Store
from benchmarks.sizes import check

PATIENCE_SECONDS = 30


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with model() as started:
        yield started


@pytest.fixture
def s3(running: Running) -> Any:
    running.clear()
    return boto3.client(
        "s3",
        endpoint_url=running.url,
        region_name=REGION,
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        config=Config(retries={"total_max_attempts": 1}),
    )


def _refusal(call: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    return str(refused.value.response["Error"]["Code"])


def _at_source(key: str) -> dict[str, str]:
    return {"Bucket": "source", "Key": key}


def test_a_copy_takes_its_delay_and_the_time_of_its_bytes(running: Running, s3: Any) -> None:
    running.make("source", ["a"], 18 * MIB)
    started = time.monotonic()
    s3.copy_object(Bucket="destination", Key="a", CopySource=_at_source("a"))
    assert time.monotonic() - started >= 0.3
    started = time.monotonic()
    s3.head_object(Bucket="destination", Key="a")
    assert time.monotonic() - started >= 0.01


def test_copies_wait_at_the_same_time() -> None:
    """On the model's own clock, which a busy machine does not stretch by much for a hundred."""
    store = _store()
    for number in range(100):
        store.make("source", f"{number}", 18 * MIB)
    s3 = S3(store, Figures())

    async def copy_all() -> None:
        await asyncio.gather(*(s3.answer(_copy(f"{number}")) for number in range(100)))

    started = time.monotonic()
    asyncio.run(copy_all())
    assert 0.3 <= time.monotonic() - started < 100 * 0.3
    assert len(store.buckets["destination"].keys) == 100


def test_a_prefix_takes_its_writes_a_second_and_the_next_is_slowed_down() -> None:
    store = _store()
    s3 = S3(store, Figures(writes=20, write=0))

    async def delete(keys: list[str]) -> list[int]:
        answers = [
            await s3.answer(Request("DELETE", f"/destination/{key}", {}, {})) for key in keys
        ]
        return [answer.status for answer in answers]

    statuses = asyncio.run(delete([f"one/{number}" for number in range(1000)]))
    assert statuses[:20] == [204] * 20
    assert 503 in statuses
    assert s3.slowed_down == statuses.count(503)
    assert asyncio.run(delete(["two/0"])) == [204]


RAW_COPY = b"PUT /destination/a HTTP/1.1\r\nHost: s3\r\nx-amz-copy-source: source/a\r\n\r\n"


def test_a_copy_lands_although_its_client_went_away() -> None:
    store = _store()
    store.make("source", "a", 36 * MIB)
    s3 = S3(store, Figures())

    async def copy_and_leave() -> None:
        server = await serve(s3.answer, 0, keep_alive=10)
        _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(RAW_COPY)
        while not s3.calls["CopyObject"]:
            await asyncio.sleep(0)
        writer.close()
        assert "a" not in store.buckets["destination"].keys
        async with asyncio.timeout(PATIENCE_SECONDS):
            while "a" not in store.buckets["destination"].keys:
                await asyncio.sleep(0.01)
        server.close()

    asyncio.run(copy_and_leave())


def test_a_client_that_waits_for_a_long_copy_hears_that_it_goes_on() -> None:
    store = _store()
    store.make("source", "a", 18 * MIB)

    async def copy() -> tuple[bytes, bytes]:
        server = await serve(S3(store, Figures()).answer, 0, keep_alive=0.02)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(RAW_COPY)
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.readuntil(b"</CopyObjectResult>")
        writer.close()
        server.close()
        return head, body

    head, body = asyncio.run(copy())
    assert head.startswith(b"HTTP/1.1 200")
    assert b"chunked" in head
    assert body.index(b"<?xml") < body.index(b"<CopyObjectResult")


def test_a_copy_reads_the_source_as_it_was_when_it_began() -> None:
    store = _store()
    before = store.make("source", "a", 4 * MIB)
    s3 = S3(store, Figures())

    async def overwrite_while_copying() -> None:
        copy = asyncio.ensure_future(s3.answer(_copy("a")))
        await asyncio.sleep(0)
        store.make("source", "a", 4 * MIB)
        await copy

    asyncio.run(overwrite_while_copying())
    assert store.find("destination", "a").content == before.content


def test_an_overwritten_source_fails_the_condition_of_copies(running: Running, s3: Any) -> None:
    old = running.make("source", ["a"], MIB)[0]["etag"]
    running.make("source", ["a"], MIB)
    arguments: dict[str, Any] = {
        "Bucket": "destination",
        "Key": "a",
        "CopySource": _at_source("a"),
        "CopySourceIfMatch": f'"{old}"',
    }
    assert _refusal(s3.copy_object, **arguments) == "PreconditionFailed"
    upload_id = s3.create_multipart_upload(Bucket="destination", Key="a")["UploadId"]
    part = {"UploadId": upload_id, "PartNumber": 1}
    assert _refusal(s3.upload_part_copy, **arguments, **part) == "PreconditionFailed"


def test_what_is_not_there_is_missing_by_its_name(s3: Any) -> None:
    assert _refusal(s3.get_object, Bucket="source", Key="a") == "NoSuchKey"
    assert _refusal(s3.head_object, Bucket="source", Key="a") == "404"
    assert _refusal(s3.get_object, Bucket="nowhere", Key="a") == "NoSuchBucket"
    upload = {"Bucket": "destination", "Key": "a", "UploadId": "none"}
    assert _refusal(s3.list_parts, **upload) == "NoSuchUpload"
    assert _refusal(s3.abort_multipart_upload, **upload) == "NoSuchUpload"


def test_one_call_copies_five_gib_and_no_more(running: Running, s3: Any) -> None:
    running.make("source", ["a"], 5 * 1024 * MIB + 1)
    code = _refusal(s3.copy_object, Bucket="destination", Key="a", CopySource=_at_source("a"))
    assert code == "InvalidRequest"


def _upload(s3: Any, ranges: list[str]) -> tuple[str, list[dict[str, Any]]]:
    upload_id = s3.create_multipart_upload(
        Bucket="destination", Key="a", ContentType="text/plain", Metadata={"m": "1"}, Tagging="t=2"
    )["UploadId"]
    parts = []
    for number, given in enumerate(ranges, start=1):
        copied = s3.upload_part_copy(
            Bucket="destination",
            Key="a",
            UploadId=upload_id,
            PartNumber=number,
            CopySource=_at_source("a"),
            CopySourceRange=f"bytes={given}",
        )
        parts.append({"PartNumber": number, "ETag": copied["CopyPartResult"]["ETag"]})
    return upload_id, parts


def test_parts_of_a_whole_object_make_an_equal_one(running: Running, s3: Any) -> None:
    [made] = running.make("source", ["a"], 12 * MIB)
    upload_id, parts = _upload(s3, [f"0-{6 * MIB - 1}", f"{6 * MIB}-{12 * MIB - 1}"])
    listed = s3.list_parts(Bucket="destination", Key="a", UploadId=upload_id)["Parts"]
    assert [(part["PartNumber"], part["ETag"]) for part in listed] == [
        (part["PartNumber"], part["ETag"]) for part in parts
    ]
    s3.complete_multipart_upload(
        Bucket="destination", Key="a", UploadId=upload_id, MultipartUpload={"Parts": parts}
    )
    copy = s3.head_object(Bucket="destination", Key="a", ChecksumMode="ENABLED")
    source = s3.head_object(Bucket="source", Key="a", ChecksumMode="ENABLED")
    assert copy["ChecksumCRC64NVME"] == source["ChecksumCRC64NVME"]
    assert copy["ContentLength"] == made["size"]
    assert copy["ETag"].endswith('-2"')
    assert (copy["ContentType"], copy["Metadata"]) == ("text/plain", {"m": "1"})
    assert s3.get_object_tagging(Bucket="destination", Key="a")["TagSet"] == [
        {"Key": "t", "Value": "2"}
    ]


def test_parts_in_another_order_make_another_object(running: Running, s3: Any) -> None:
    running.make("source", ["a"], 12 * MIB)
    upload_id, parts = _upload(s3, [f"{6 * MIB}-{12 * MIB - 1}", f"0-{6 * MIB - 1}"])
    s3.complete_multipart_upload(
        Bucket="destination", Key="a", UploadId=upload_id, MultipartUpload={"Parts": parts}
    )
    source, copy = running.find("source", "a"), running.find("destination", "a")
    assert source is not None
    assert copy is not None
    assert (copy["size"], copy["checksum"] == source["checksum"]) == (12 * MIB, False)


def test_a_list_of_parts_that_is_wrong_completes_nothing(running: Running, s3: Any) -> None:
    running.make("source", ["a"], 12 * MIB)
    upload_id, parts = _upload(s3, [f"0-{MIB - 1}", f"{MIB}-{12 * MIB - 1}"])
    wrong = {
        "InvalidPartOrder": parts[::-1],
        "InvalidPart": [*parts, {"PartNumber": 3, "ETag": parts[0]["ETag"]}],
        "EntityTooSmall": parts,
    }
    for code, given in wrong.items():
        refused = _refusal(
            s3.complete_multipart_upload,
            Bucket="destination",
            Key="a",
            UploadId=upload_id,
            MultipartUpload={"Parts": given},
        )
        assert refused == code
    assert running.find("destination", "a") is None


def test_open_uploads_are_listed_by_key_and_then_by_age(s3: Any) -> None:
    made = [
        (key, s3.create_multipart_upload(Bucket="destination", Key=key)["UploadId"])
        for key in ("b", "a", "b", "c")
    ]
    listed = s3.list_multipart_uploads(Bucket="destination")["Uploads"]
    assert [(each["Key"], each["UploadId"]) for each in listed] == sorted(made)
    [only] = s3.list_multipart_uploads(Bucket="destination", Prefix="c")["Uploads"]
    s3.abort_multipart_upload(Bucket="destination", Key="c", UploadId=only["UploadId"])
    assert "Uploads" not in s3.list_multipart_uploads(Bucket="destination", Prefix="c")


def test_versions_are_kept_and_copied_by_their_ids(running: Running, s3: Any) -> None:
    running.clear(is_versioned=True)
    old, new = (running.make("source", ["a"], MIB)[0] for _ in range(2))
    copied = s3.copy_object(
        Bucket="destination",
        Key="a",
        CopySource={**_at_source("a"), "VersionId": old["version_id"]},
    )
    assert copied["CopySourceVersionId"] == old["version_id"] != new["version_id"]
    copy = running.find("destination", "a")
    assert copy is not None
    assert (copy["content"], copy["version_id"]) == (old["content"], copied["VersionId"])


def test_a_message_comes_back_when_it_is_visible_again(running: Running) -> None:
    running.clear()
    sqs = boto3.client(
        "sqs",
        endpoint_url=running.url,
        region_name=REGION,
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
    )
    url = f"{running.url}/000000000000/work"
    sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"a": 1}))
    [first] = running.receive("work", 10, visibility=3600)
    assert running.receive("work", 10, visibility=3600) == []
    sqs.change_message_visibility(
        QueueUrl=url, ReceiptHandle=first["receiptHandle"], VisibilityTimeout=0
    )
    [second] = running.receive("work", 10, visibility=3600)
    counts = [each["attributes"]["ApproximateReceiveCount"] for each in (first, second)]
    assert counts == ["1", "2"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=second["receiptHandle"])
    assert running.left("work") == 0
    assert running.count()["calls"] == {
        "ChangeMessageVisibility": 1,
        "DeleteMessage": 1,
        "SendMessage": 1,
    }


@pytest.mark.parametrize("size", [10_000, 200 * MIB], ids=["at once", "in parts"])
def test_our_function_copies_on_it_as_the_benchmark_drives_it(
    running: Running, tmp_path: Path, size: int
) -> None:
    running.clear(is_versioned=True)
    [made] = running.make("source", ["a"], size)
    running.send(QUEUE, [json.dumps(s3_event("a", made))])
    with environment(function(running), tmp_path / "log") as process:
        invocations = list(drive(running, process, timeout=60))
    check(running, ["a"])
    assert len(invocations) == (1 if size == 10_000 else 2)
    assert running.left(QUEUE) == running.count()["open_uploads"] == 0


def _store() -> Store:
    store = Store()
    store.buckets |= {"source": Bucket(), "destination": Bucket()}
    return store


def _copy(key: str) -> Request:
    return Request("PUT", f"/destination/{key}", {}, {"x-amz-copy-source": f"source/{key}"})
