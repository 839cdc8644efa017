"""A client for the few S3 operations that a replica takes.

It makes the requests that botocore makes, with a twentieth of the processor time, and reads the answers
alike. The rest of AWS is called by botocore.
"""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Callable, Mapping
from functools import lru_cache
from time import gmtime, sleep, strftime
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from .connections import Connections, NotConnectedError, Origin
from .credentials import Credentials, CredentialsError
from .errors import AwsError, NoAnswerError, NotSentError, Operation, Side, UnsendableError
from .http_connection import BrokenAnswerError, HttpAnswer, HttpRequest
from .s3_endpoints import Address, address_of
from .s3_operations import SHAPES, S3Request, request_of, result_of
from .s3_xml import local_name, parse
from .sigv4 import authorization

USER_AGENT = b"s3-fanout"
"""What access logs and CloudTrail show."""

EXPECT_BYTES = 65_536
"""Larger bodies are sent when S3 consents: what it redirects or refuses is not sent (S3 API reference,
"Request redirection and the REST API")."""

MAX_REDIRECTS = 2
RETRIED_STATUS = frozenset({500, 502, 504})
THROTTLING_STATUS = frozenset({429, 503})

MAX_RETRY_SECONDS = 20
RETRY_SECONDS = 0.05
THROTTLED_RETRY_SECONDS = 1.0
"""The most before the first retry, twice as much before each other one: from nothing to that, at random
(AWS SDKs and Tools Reference Guide, "Retry behavior")."""


class Policy(NamedTuple):
    """How long an answer is waited for, and how often it is asked for.

    Attributes:
        timeout: in seconds, in which nothing comes.
        is_repeatable: whether a request is as good twice. One that is not is made again only when it was
            not sent.
    """

    timeout: float
    attempts: int
    is_repeatable: bool = True


class S3Client:
    """Calls S3 in one region. For any number of threads."""

    def __init__(
        self,
        region: str,
        connections: Connections,
        credentials: Callable[[], Credentials],
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        """Make the client.

        Args:
            environ: names another endpoint, FIPS or dual-stack, where it does.
        """
        self._region = region
        self._connections = connections
        self._credentials = credentials
        self._address = lru_cache(lambda bucket: address_of(bucket, region, environ))

    def call(
        self, operation: Operation, side: Side, policy: Policy, parameters: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Call an operation.

        Args:
            side: what it is about, for errors.
            parameters: as the API reference names them.

        Returns:
            The results, named likewise; in ``ResponseMetadata`` all headers, as boto3 has them.

        Raises:
            AwsError: S3 refused it, or gave no answer.
        """
        try:
            request = request_of(operation, parameters)
        except ValueError as error:
            raise UnsendableError(operation, side, type(error).__name__, str(error)) from error
        address = self._address(parameters["Bucket"])
        attempt = 0
        while True:
            attempt += 1
            try:
                return self._call(operation, side, address, request, policy.timeout)
            except AwsError as error:
                most = _retry_seconds(error)
                may_repeat = policy.is_repeatable or isinstance(error, NotSentError)
                if most is None or not may_repeat or attempt == policy.attempts:
                    raise
                sleep(random.random() * min(MAX_RETRY_SECONDS, most * 2 ** (attempt - 1)))

    def _call(
        self, operation: Operation, side: Side, address: Address, request: S3Request, timeout: float
    ) -> dict[str, Any]:
        for _ in range(MAX_REDIRECTS + 1):
            try:
                signed = self._signed(address, request)
            except CredentialsError as error:
                raise NotSentError(operation, side, type(error).__name__, str(error)) from error
            try:
                answer = self._connections.exchange(address.origin, signed, timeout)
            except NotConnectedError as error:
                cause = error.__cause__ or error
                raise NotSentError(operation, side, type(cause).__name__, str(error)) from error
            except (BrokenAnswerError, OSError) as error:
                raise NoAnswerError(operation, side, type(error).__name__, str(error)) from error
            other = _redirected(address, answer)
            if other is None:
                break
            address = other
        return _result(operation, side, answer)

    def _signed(self, address: Address, request: S3Request) -> HttpRequest:
        credentials = self._credentials()
        path = f"{address.path}/{request.key}"
        headers = {
            "host": address.host.encode(),
            "user-agent": USER_AGENT,
            "x-amz-content-sha256": hashlib.sha256(request.body).hexdigest().encode(),
            "x-amz-date": strftime("%Y%m%dT%H%M%SZ", gmtime()).encode(),
            **request.headers,
        }
        if len(request.body) > EXPECT_BYTES:
            headers["expect"] = b"100-continue"
        if credentials.session_token:
            headers["x-amz-security-token"] = credentials.session_token.encode()
        headers["authorization"] = authorization(
            credentials, self._region, request.method, path, request.query, headers
        ).encode()
        target = f"{path}?{request.query}" if request.query else path
        return HttpRequest(request.method, target, headers, request.body)


def _redirected(address: Address, answer: HttpAnswer) -> Address | None:
    """Where S3 sends a request for now, which it did not carry out; None where it does not.

    Its redirects lead to its own hosts and nowhere else (S3 API reference, "Request redirection and the
    REST API"). A permanent one says that the bucket is in another region: that is an error.
    """
    if answer.status != 307:
        return None
    url = urlsplit(answer.headers.get("location", ""))
    if url.hostname is None or address.origin.is_tls != (url.scheme == "https"):
        return None
    port = url.port or (443 if address.origin.is_tls else 80)
    return Address(Origin(url.hostname, port, address.origin.is_tls), url.netloc, address.path)


def _result(operation: Operation, side: Side, answer: HttpAnswer) -> dict[str, Any]:
    """What an answer says. Raises as ``S3Client.call``."""
    is_success, status = 200 <= answer.status < 300, answer.status
    if is_success and SHAPES[operation].result is None:
        return result_of(operation, answer.headers, None)
    root = parse(answer.body) if answer.body else None
    if is_success:
        if root is None:
            why = f"{answer.body[:200]!r} is no XML"
            raise NoAnswerError(operation, side, "NoAnswer", why)
        if local_name(root) != "Error":
            return result_of(operation, answer.headers, root)
        status = 500  # the answer began before S3 failed
    said = {} if root is None else {local_name(child): child.text or "" for child in root}
    code, message = said.get("Code") or str(status), said.get("Message") or answer.reason
    error = AwsError(operation, side, code, message, status)
    error.headers = answer.headers
    error.request_id = answer.headers.get("x-amz-request-id") or said.get("RequestId", "")
    raise error


def _retry_seconds(error: AwsError) -> float | None:
    """The most to wait before the first retry, in seconds; None where to retry is of no use."""
    if isinstance(error, UnsendableError):
        return None
    if isinstance(error, (NoAnswerError, NotSentError)):
        return RETRY_SECONDS
    if error.status in THROTTLING_STATUS or error.code == "SlowDown":
        return THROTTLED_RETRY_SECONDS
    is_transient = error.status in RETRIED_STATUS or error.code == "RequestTimeout"
    return RETRY_SECONDS if is_transient else None
