"""The model of S3 answers as AWS did when its answers were recorded, or the table says otherwise."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from itertools import count
from urllib.parse import parse_qsl
from xml.etree import ElementTree

import pytest

from local_aws.server import REPOSITORY
from support.aws.http import Request, Response, at_once
from support.aws.s3 import S3
from support.aws.store import Bucket, Store
from support.fake_s3 import UNLIMITED

TABLE = (REPOSITORY / "tests/aws_data/recorded.txt").read_text()
CASES = re.findall(r"^\[(\S+) (\S+)\](.*)\n((?:.+\n)+)", TABLE, re.M)


@pytest.mark.parametrize(("name", "lines"), [(f"{n} {about}", t) for n, _, about, t in CASES])
def test_the_model_of_s3_answers_as_recorded(name: str, lines: str) -> None:
    store = Store(now=count().__next__)
    store.buckets["b"] = Bucket(versioning="Enabled" if name.endswith("versioned") else "")
    s3 = S3(store, UNLIMITED)
    known: dict[str, str] = {}
    for line in lines.splitlines():
        asked, _, recorded = line.partition(" -> ")
        recorded, _, otherwise = recorded.partition(" but ")
        answer = at_once(s3.answer(request(asked, known)))
        found = dict(described(answer))
        if otherwise:
            assert found["status"] == otherwise, f"{line}: the model has learned it"
            continue
        for wanted in expected(recorded):
            key, _, value = wanted.partition("=")
            got = found.get(key)
            if value.startswith("$") and value[1:] not in known and "," not in value:
                known[value[1:]] = got or ""
            if value == "-":
                assert got is None, line
            elif value == "*":
                assert got, line
            else:
                assert got == substituted(value, known), f"{line}: {found}"


def request(text: str, known: dict[str, str]) -> Request:
    """A request as the table has it."""
    method, target, *rest = (substituted(part, known) for part in shlex.split(text))
    path, _, query = target.partition("?")
    headers = dict(part.split("=", 1) for part in rest)
    body = headers.pop("body", "")
    return Request(
        method, path, dict(parse_qsl(query, keep_blank_values=True)), headers, body.encode()
    )


def expected(text: str) -> Iterator[str]:
    """What is recorded, each as ``name=value``."""
    status, *rest = shlex.split(text)
    yield f"status={status}"
    for part in rest:
        yield part if "=" in part else f"code={part}"


def described(answer: Response) -> Iterator[tuple[str, str]]:
    """An answer by name: status, code, headers, body, elements; of several, the texts with commas."""
    yield "status", str(answer.status)
    yield "body", answer.body.decode()
    yield from answer.headers.items()
    if answer.body.startswith(b"<?xml"):
        texts: dict[str, list[str]] = {}
        for element in ElementTree.fromstring(answer.body).iter():
            texts.setdefault(f"<{element.tag.rpartition('}')[2]}>", []).append(element.text or "")
        yield from ((name, ",".join(each)) for name, each in texts.items())
        if "<Code>" in texts:
            yield "code", texts["<Code>"][0]


def substituted(text: str, known: dict[str, str]) -> str:
    """A text with what was given a name in it."""
    return re.sub(r"\$(\w+)", lambda name: known[name[1]], text)
