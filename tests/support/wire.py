"""The HTTP layer under the clients: records requests, answers them, and interferes."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from threading import Lock
from typing import Any, cast
from urllib.parse import parse_qsl, unquote, urlsplit

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from fanout.common.connections import Origin
from fanout.common.http_connection import HttpAnswer, HttpRequest

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

    def exchange(self, origin: Origin, request: HttpRequest, _timeout: float) -> HttpAnswer:
        """Answer a request of the function's own client, in place of its connections."""
        headers = {name: value.decode("latin-1") for name, value in request.headers.items()}
        assert headers["host"] == origin.host
        answer = self._answer(
            request.method, f"https://{origin.host}{request.target}", headers, request.body
        )
        return HttpAnswer(answer.status, "", answer.headers, answer.body)

    def _send(self, request: AWSPreparedRequest, **_: object) -> AWSResponse:
        headers = {name.lower(): _text(value) for name, value in request.headers.items()}
        body = cast("bytes | None", request.body) or b""
        return aws_response(self._answer(request.method, str(request.url), headers, body))

    def _answer(self, method: str, address: str, headers: dict[str, str], body: bytes) -> Response:
        url = urlsplit(address)
        bucket = url.netloc.split(".")[0]
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        path = unquote(url.path)
        asked = Request(method, f"/{bucket}{path}", query, headers | {"host": url.netloc}, body)
        sent = Sent(
            operation=self.s3.operation(asked),
            bucket=bucket,
            host=url.netloc,
            path=path,
            query=unquote(url.query),
            headers=headers,
            body=body,
        )
        self.requests.append(sent)
        what = sent.operation, bucket
        if self._meanwhile[what]:
            self._meanwhile[what].popleft()()
        if self._answers[what]:
            answer = self._answers[what].popleft()
            if isinstance(answer, Exception):
                raise answer
            return answer
        with self._lock:
            return at_once(self.s3.answer(asked))


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
