"""Served to a benchmark, the model of S3 waits and refuses as it says. What it does else, the tests of
the functions show.
"""

from __future__ import annotations

import asyncio
import re
import time
from http.client import HTTPConnection

import pytest

from support.aws.figures import MIB, Figures
from support.aws.http import Request, Response, at_once, in_time, serving
from support.aws.s3 import S3
from support.aws.store import Bucket, Store


def model(writes: int = 3500) -> S3:
    """A model with two buckets."""
    store = Store()
    store.buckets |= {"source": Bucket(), "destination": Bucket()}
    return S3(store, Figures(writes=writes, write=0))


def copy_of(key: str, **query: str) -> Request:
    """A copy to the same key."""
    headers = {"x-amz-copy-source": f"source/{key}"}
    return Request("PUT", f"/destination/{key}", query, headers)


@pytest.mark.parametrize(("size", "status"), [(5 * 1024 * MIB, 200), (5 * 1024 * MIB + 1, 400)])
def test_a_copy_and_a_part_take_5_gib_at_once_and_no_byte_more(size: int, status: int) -> None:
    s3 = model()
    s3.store.make("source", "key", size)
    upload = s3.store.create_upload("destination", "key", (), (), None)

    assert at_once(s3.answer(copy_of("key"))).status == status
    assert at_once(s3.answer(copy_of("key", partNumber="1", uploadId=upload))).status == status


def test_copies_take_their_time_all_at_once_and_of_the_source_as_it_was() -> None:
    s3 = model()
    before = [s3.store.make("source", f"{number}", 18 * MIB) for number in range(100)]

    async def copy_all() -> None:
        copies = asyncio.gather(*(in_time(s3.answer(copy_of(f"{n}"))) for n in range(100)))
        await asyncio.sleep(0)
        s3.store.make("source", "0", 18 * MIB)
        await copies

    started = time.monotonic()
    asyncio.run(copy_all())

    # By the model's own clock, which a busy machine does not stretch by much for a hundred.
    assert 0.3 <= time.monotonic() - started < 100 * 0.3
    copied = [s3.store.find("destination", f"{number}").content for number in range(100)]
    assert copied == [made.content for made in before]


def test_a_prefix_takes_its_writes_a_second_and_the_next_is_slowed_down() -> None:
    s3 = model(writes=20)

    async def delete(keys: list[str]) -> list[int]:
        requests = (Request("DELETE", f"/destination/{key}") for key in keys)
        return [(await in_time(s3.answer(request))).status for request in requests]

    statuses = asyncio.run(delete([f"one/{number}" for number in range(1000)]))
    assert statuses[:20] == [204] * 20
    assert 0 < s3.slowed_down == statuses.count(503)
    assert asyncio.run(delete(["two/0"])) == [204]


def test_who_waits_for_a_long_copy_hears_that_it_goes_on_and_who_left_has_it_all_the_same() -> None:
    s3 = model()
    for key in ("left", "waits"):
        s3.store.make("source", key, 18 * MIB)

    async def answer(request: Request) -> Response:
        return await in_time(s3.answer(request))

    with serving(answer, keep_alive=0.02) as served:
        for key in ("left", "waits"):
            client = HTTPConnection(served.url.removeprefix("http://"))
            client.request(
                "PUT", f"/destination/{key}", headers={"x-amz-copy-source": f"source/{key}"}
            )
            if key == "left":
                client.close()
        heard = client.getresponse()
        body = heard.read()
        client.close()

    assert (heard.status, heard.headers["transfer-encoding"]) == (200, "chunked")
    assert re.match(rb"<\?xml.*\?>\s* +<CopyObjectResult", body)
    assert set(s3.store.buckets["destination"].keys) == {"left", "waits"}
