"""The HTTP layer under botocore's clients: records requests, answers them, and interferes."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from threading import Lock
from typing import Any, cast
from urllib.parse import parse_qsl, unquote, urlsplit

from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from .aws.http import Request, Response, at_once
from .aws.s3 import S3

Answer = Response | Exception


@dataclass(frozen=True)
class Sent:
    """One HTTP request, as the client sent it.

    Attributes:
        path: decoded, without the bucket.
        query: decoded.
    """

    operation: str
    bucket: str
    host: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes = b""


class Wire:
    """Sends S3's requests to a model, in this process; answers in its place where told.

    Attributes:
        s3: the model.
        requests: what was sent, in order.
    """

    def __init__(self, s3: S3) -> None:
        self.s3 = s3
        self.requests: list[Sent] = []
        self._answers: dict[tuple[str, str], deque[Answer]] = defaultdict(deque)
        self._meanwhile: dict[tuple[str, str], deque[Callable[[], object]]] = defaultdict(deque)
        self._lock = Lock()

    def attach(self, *clients: Any) -> None:
        """Put this wire under some clients."""
        for client in {id(client): client for client in clients}.values():
            client.meta.events.register("before-send.s3", self._send, unique_id="wire")

    def answer(self, operation: str, bucket: str, *answers: Answer) -> None:
        """Answer the next requests of an operation; an exception: no answer came."""
        self._answers[operation, bucket].extend(answers)

    def before(self, operation: str, bucket: str, *do: Callable[[], object]) -> None:
        """Let something happen just before each of the next requests of an operation arrives."""
        self._meanwhile[operation, bucket].extend(do)

    def clear(self) -> None:
        """Forget everything."""
        self.requests.clear()
        self._answers.clear()
        self._meanwhile.clear()

    @property
    def operations(self) -> list[str]:
        """The operations requested, sorted: what goes out at the same time has no order."""
        return sorted(request.operation for request in self.requests)

    def all(self, operation: str) -> list[Sent]:
        """The requests of an operation."""
        return [request for request in self.requests if request.operation == operation]

    def only(self, operation: str) -> Sent:
        """The one request of an operation."""
        [found] = self.all(operation)
        return found

    def _send(self, request: AWSPreparedRequest, event_name: str, **_: object) -> AWSResponse:
        url = urlsplit(str(request.url))
        headers = {name.lower(): _text(value) for name, value in request.headers.items()}
        bucket = url.netloc.split(".")[0]
        sent = Sent(
            operation=event_name.rsplit(".", 1)[-1],
            bucket=bucket,
            host=url.netloc,
            path=unquote(url.path),
            query=unquote(url.query),
            headers=headers,
            body=cast("bytes | None", request.body) or b"",
        )
        self.requests.append(sent)
        what = sent.operation, bucket
        if self._meanwhile[what]:
            self._meanwhile[what].popleft()()
        if self._answers[what]:
            answer = self._answers[what].popleft()
            if isinstance(answer, Exception):
                raise answer
        else:
            query = dict(parse_qsl(url.query, keep_blank_values=True))
            at = f"/{bucket}{sent.path}"
            asked = Request(request.method, at, query, headers | {"host": url.netloc}, sent.body)
            with self._lock:
                answer = at_once(self.s3.answer(asked))
        return aws_response(answer)


def aws_response(answer: Response) -> AWSResponse:
    """An answer as botocore has it."""
    return AWSResponse("https://aws", answer.status, cast(Any, answer.headers), _Body(answer.body))


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


class _Body(BytesIO):
    def stream(self) -> Iterator[bytes]:
        yield self.read()


def error_answer(status: int, code: str = "", message: str = "because") -> Response:
    """S3's refusal; without a code it has no body, as for HEAD."""
    body = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>" if code else ""
    return Response(status, body.encode(), {"x-amz-request-id": "REQUEST1"})
