"""The client for S3, beside botocore, and over TLS against a server that does what servers do."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import parse_qsl

import botocore.session
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from fanout.common import http_connection
from fanout.common.connections import Connections
from fanout.common.credentials import Credentials, credentials_source
from fanout.common.errors import (
    AwsError,
    NoAnswerError,
    NotSentError,
    Operation,
    Side,
    UnsendableError,
)
from fanout.common.s3_client import EXPECT_BYTES, Policy, S3Client
from fanout.common.s3_endpoints import address_of
from fanout.common.s3_operations import request_of, result_of
from fanout.common.s3_xml import parse

from support.aws.http import Response
from support.tls import Tls
from support.wire import aws_response

BUCKET = "bucket"
READ, WRITE = Policy(5, 3), Policy(5, 1)
CREDENTIALS = Credentials("AKID", "secret", "token")

# Where S3 is


def botocores(region: str, **config: Any) -> Any:
    """Botocore's client, by the regional endpoint of every region."""
    session = botocore.session.Session()
    session.set_config_variable("s3", {"us_east_1_regional_endpoint": "regional"})
    return session.create_client(
        "s3",
        region_name=region,
        aws_access_key_id="AKID",
        aws_secret_access_key="secret",
        aws_session_token="token",
        config=Config(**config),
    )


REGIONS = sorted(
    region
    for partition in botocore.session.Session().get_available_partitions()
    for region in botocore.session.Session().get_available_regions("s3", partition)
)


@pytest.mark.parametrize("bucket", ["bucket", "dotted.bucket"])
@pytest.mark.parametrize("fips", ["", "true"])
@pytest.mark.parametrize("dual_stack", ["", "true"])
def test_every_region_is_where_botocore_finds_it(bucket: str, fips: str, dual_stack: str) -> None:
    resolver = botocores("us-east-1")._ruleset_resolver
    compared = 0
    for region in REGIONS:
        given = {
            "Bucket": bucket,
            "Region": region,
            "UseFIPS": bool(fips),
            "UseDualStack": bool(dual_stack),
            "UseGlobalEndpoint": False,
            "ForcePathStyle": False,
            "Accelerate": False,
        }
        try:
            expected = resolver._provider.resolve_endpoint(**given).url
        except botocore.exceptions.EndpointProviderError:
            continue  # no FIPS in China, and the like
        environ = {"AWS_USE_FIPS_ENDPOINT": fips, "AWS_USE_DUALSTACK_ENDPOINT": dual_stack}

        found = address_of(bucket, region, environ)

        assert f"https://{found.host}{found.path}" == expected
        assert (found.origin.host, found.origin.port, found.origin.is_tls) == (
            found.host,
            443,
            True,
        )
        compared += 1
    assert compared > 30


@pytest.mark.parametrize(
    ("environ", "url"),
    [
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:4566"}, "http://127.0.0.1:4566/bucket"),
        (
            {"AWS_ENDPOINT_URL_S3": "https://s3/", "AWS_ENDPOINT_URL": "http://x"},
            "https://s3/bucket",
        ),
        (
            {"AWS_ENDPOINT_URL": "http://x", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"},
            "https://bucket.s3.eu-west-1.amazonaws.com",
        ),
    ],
)
def test_the_environment_can_name_another_endpoint(environ: dict[str, str], url: str) -> None:
    found = address_of(BUCKET, "eu-west-1", environ)

    scheme = "https" if found.origin.is_tls else "http"
    assert f"{scheme}://{found.host}{found.path}" == url


# Requests and answers, beside botocore's

KEY = {"Bucket": BUCKET, "Key": "a/ä +%", "ExpectedBucketOwner": "111111111111"}
UPLOAD = KEY | {"UploadId": "up/load+="}
SOURCE = {"Bucket": "from", "Key": "ü/x y?#", "VersionId": "v.1"}
OWNED = {"Bucket": BUCKET, "ExpectedBucketOwner": "111111111111"}
CALLS: list[tuple[Operation, dict[str, Any]]] = [
    ("HeadBucket", OWNED),
    ("HeadObject", KEY | {"VersionId": "v/1", "ChecksumMode": "ENABLED"}),
    ("HeadObject", KEY | {"PartNumber": 2, "IfMatch": '"etag"'}),
    ("GetObject", KEY | {"Range": "bytes=0-0"}),
    ("GetObjectTagging", KEY | {"VersionId": "v/1"}),
    ("DeleteObject", KEY),
    ("PutObjectTagging", KEY | {"Tagging": {"TagSet": [{"Key": "a<&", "Value": "ä"}]}}),
    (
        "CopyObject",
        KEY
        | {
            "ACL": "bucket-owner-full-control",
            "BucketKeyEnabled": True,
            "ChecksumAlgorithm": "CRC64NVME",
            "CopySource": SOURCE,
            "CopySourceIfMatch": '"etag"',
            "ExpectedSourceBucketOwner": "222222222222",
            "SSEKMSKeyId": "arn:aws:kms:eu-west-1:222222222222:key/k",
            "ServerSideEncryption": "aws:kms",
            "StorageClass": "GLACIER_IR",
            "TaggingDirective": "REPLACE",
            "WebsiteRedirectLocation": "/there",
        },
    ),
    (
        "CreateMultipartUpload",
        KEY
        | {
            "CacheControl": "no-cache",
            "ChecksumAlgorithm": "CRC32C",
            "ContentDisposition": 'attachment; filename="a.txt"',
            "ContentEncoding": "gzip",
            "ContentLanguage": "en",
            "ContentType": "text/x",
            "Metadata": {"x": "y  z", "Upper": "1"},
            "Tagging": "a=1&b=%20",
        },
    ),
    (
        "UploadPartCopy",
        UPLOAD
        | {
            "CopySource": {"Bucket": "from", "Key": "k"},
            "CopySourceIfMatch": '"etag"',
            "CopySourceRange": "bytes=0-9",
            "ExpectedSourceBucketOwner": "222222222222",
            "PartNumber": 3,
        },
    ),
    (
        "CompleteMultipartUpload",
        UPLOAD
        | {
            "MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": '"a"', "ChecksumCRC32C": "b="}]}
        },
    ),
    ("AbortMultipartUpload", UPLOAD),
    ("ListParts", UPLOAD | {"PartNumberMarker": 7}),
    ("ListMultipartUploads", OWNED | {"Prefix": "a/ä", "EncodingType": "url"}),
    (
        "ListObjectVersions",
        OWNED | {"Prefix": "a/ä", "KeyMarker": "k+", "VersionIdMarker": "v"},
    ),
]

NOT_COMPARED = {
    # Another way to say who asks, and to guard a body on its way; botocore checks what it gets
    *("user-agent", "amz-sdk-invocation-id", "amz-sdk-request", "expect", "content-length"),
    *("x-amz-checksum-mode", "content-md5", "x-amz-checksum-crc32", "x-amz-sdk-checksum-algorithm"),
    # What the client adds when it signs
    *("host", "x-amz-date", "authorization", "x-amz-content-sha256", "x-amz-security-token"),
}


def botocores_request(operation: str, parameters: dict[str, Any]) -> AWSPreparedRequest:
    """What botocore sends for an operation."""
    client = botocores("eu-west-1")
    sent: list[AWSPreparedRequest] = []

    def keep(request: AWSPreparedRequest, **_: object) -> AWSResponse:
        sent.append(request)
        return aws_response(Response(500))

    client.meta.events.register("before-send.s3", keep)
    with pytest.raises(botocore.exceptions.ClientError):
        client._make_api_call(operation, dict(parameters))
    return sent[0]


@pytest.mark.parametrize(("operation", "parameters"), CALLS, ids=[call for call, _ in CALLS])
def test_requests_are_those_of_botocore(operation: Operation, parameters: dict[str, Any]) -> None:
    theirs = botocores_request(operation, parameters)
    their_headers = {
        name.lower(): value if isinstance(value, str) else value.decode()
        for name, value in theirs.headers.items()
    }
    path, _, query = theirs.url.removeprefix("https://bucket.s3.eu-west-1.amazonaws.com").partition(
        "?"
    )

    ours = request_of(operation, parameters)

    assert (ours.method, f"/{ours.key}") == (theirs.method, path)
    assert sorted(_pairs(ours.query)) == sorted(_pairs(query))
    assert {n: v.decode() for n, v in ours.headers.items() if n not in NOT_COMPARED} == {
        name: value for name, value in their_headers.items() if name not in NOT_COMPARED
    }
    if ours.body:
        assert _tree(parse(ours.body)) == _tree(parse(cast(bytes, theirs.body)))
    else:
        assert not theirs.body


def _pairs(query: str) -> list[tuple[str, str]]:
    return parse_qsl(query, keep_blank_values=True)


def _tree(element: Any) -> Any:
    return element.tag, element.text or "", [_tree(child) for child in element]


def test_a_line_break_in_a_tag_arrives() -> None:
    """Botocore's are lost: XML's readers take a carriage return for a line feed."""
    tagging = {"TagSet": [{"Key": "a", "Value": "1\r\n2"}]}

    body = request_of("PutObjectTagging", {"Key": "k", "Tagging": tagging}).body

    root = parse(body)
    assert root is not None
    assert root.findtext(".//{*}Value") == "1\r\n2"


@pytest.mark.parametrize(
    "parameters",
    [
        {"Key": ""},
        {},
        {"Key": "\ud800"},
        {"Key": "k", "UploadId": "\udfff"},
        {"Key": "k", "Metadata": {"a": "é"}},
        {"Key": "k", "ContentType": "a\r\nb: c"},
        {"Key": "k", "ContentType": "漢"},
    ],
    ids=repr,
)
def test_what_cannot_be_sent_is_not_sent(parameters: dict[str, Any]) -> None:
    client = S3Client("eu-west-1", Connections(), lambda: CREDENTIALS, {})

    with pytest.raises(UnsendableError):
        client.call("CreateMultipartUpload", Side.SOURCE, READ, {"Bucket": BUCKET, **parameters})


ANSWERS: dict[Operation, tuple[dict[str, str], str]] = {
    "HeadObject": ({"etag": '"e"', "content-length": "7", "x-amz-version-id": "v"}, ""),
    "CopyObject": (
        {"x-amz-version-id": "v", "x-amz-copy-source-version-id": "w"},
        '<CopyObjectResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><ETag>&quot;e&quot;</ETag>'
        "<ChecksumCRC64NVME>c=</ChecksumCRC64NVME></CopyObjectResult>",
    ),
    "UploadPartCopy": (
        {},
        "<CopyPartResult><ETag>&quot;e&quot;</ETag><ChecksumCRC32>c=</ChecksumCRC32></CopyPartResult>",
    ),
    "CreateMultipartUpload": (
        {},
        "<InitiateMultipartUploadResult><Bucket>bucket</Bucket><Key>k</Key><UploadId>u</UploadId>"
        "</InitiateMultipartUploadResult>",
    ),
    "CompleteMultipartUpload": (
        {"x-amz-version-id": "v"},
        "<CompleteMultipartUploadResult><ETag>&quot;e-2&quot;</ETag></CompleteMultipartUploadResult>",
    ),
    "GetObjectTagging": (
        {"x-amz-version-id": "v"},
        "<Tagging><TagSet><Tag><Key>a</Key><Value/></Tag><Tag><Key>b</Key><Value>&lt;</Value></Tag>"
        "</TagSet></Tagging>",
    ),
    "ListParts": (
        {},
        "<ListPartsResult><IsTruncated>true</IsTruncated>"
        "<NextPartNumberMarker>2</NextPartNumberMarker>"
        "<Part><PartNumber>1</PartNumber><ETag>&quot;a&quot;</ETag><Size>5</Size></Part>"
        "<Part><PartNumber>2</PartNumber><ETag>&quot;b&quot;</ETag><Size>6</Size>"
        "<ChecksumCRC32C>c=</ChecksumCRC32C></Part></ListPartsResult>",
    ),
    "ListMultipartUploads": (
        {},
        "<ListMultipartUploadsResult><IsTruncated>false</IsTruncated><EncodingType>url</EncodingType>"
        "<Upload><Key>a%2Bb+c</Key><UploadId>u</UploadId>"
        "<Initiator><ID>arn:x</ID><DisplayName>n</DisplayName></Initiator></Upload>"
        "</ListMultipartUploadsResult>",
    ),
    "ListObjectVersions": (
        {},
        "<ListVersionsResult><IsTruncated>true</IsTruncated><EncodingType>url</EncodingType>"
        "<NextKeyMarker>a%2Bb+c</NextKeyMarker><NextVersionIdMarker>v</NextVersionIdMarker>"
        "<Version><Key>a%2Bb+c</Key><VersionId>v</VersionId><Size>7</Size></Version>"
        "<DeleteMarker><Key>d</Key><VersionId>w</VersionId></DeleteMarker></ListVersionsResult>",
    ),
}


@pytest.mark.parametrize("operation", ANSWERS)
def test_answers_say_what_botocore_reads_in_them(operation: Operation) -> None:
    headers, body = ANSWERS[operation]
    client = botocores("eu-west-1")
    answer = aws_response(Response(200, body.encode(), headers))
    client.meta.events.register("before-send.s3", lambda **_: answer)
    theirs = client._make_api_call(operation, dict(dict(CALLS)[operation]))

    ours = result_of(operation, headers, parse(body.encode()) if body else None)

    assert {name for name in theirs if name != "ResponseMetadata"} - {
        "ETag",
        "Metadata",
    } <= ours.keys()
    for name, value in ours.items():
        expected = theirs[name]
        if name == "ResponseMetadata":
            expected = {"HTTPHeaders": expected["HTTPHeaders"]}
        assert value == expected


# Over TLS

HEAD = {"Bucket": BUCKET, "Key": "k"}
COPY = HEAD | {"CopySource": {"Bucket": "from", "Key": "k"}}
OK = b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nETag: "e"\r\n\r\n'
COPIED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b'26\r\n<?xml version="1.0" encoding="UTF-8"?>\r\n1\r\n \r\n'
    b'37\r\n<CopyObjectResult><ETag>"e"</ETag></CopyObjectResult>   \r\n0\r\n\r\n'
)

Act = bytes | Callable[[socket.socket], None]
"""What a server does when it has read a request: it answers, or worse."""


@dataclass
class Server:
    """Does one act for each request. When there is none left it does the last one again."""

    acts: list[Act] = field(default_factory=list)
    requests: list[bytes] = field(default_factory=list)
    connections: list[socket.socket] = field(default_factory=list)
    port: int = 0

    def serve(self, listening: socket.socket, tls: ssl.SSLContext) -> None:
        while True:
            try:
                plain, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(plain, tls), daemon=True).start()

    def _talk(self, plain: socket.socket, tls: ssl.SSLContext) -> None:
        try:
            with tls.wrap_socket(plain, server_side=True) as connection:
                self.connections.append(connection)
                while request := _read_request(connection):
                    self.requests.append(request)
                    act = self.acts.pop(0) if len(self.acts) > 1 else self.acts[0]
                    if isinstance(act, bytes):
                        connection.sendall(act)
                    else:
                        act(connection)
        except OSError:
            pass


def _read_request(connection: socket.socket) -> bytes:
    """A request without the body that it may have."""
    received = b""
    while not received.endswith(b"\r\n\r\n"):
        more = connection.recv(1)
        if not more:
            return b""
        received += more
    return received


def reset(connection: socket.socket) -> None:
    """Close so that the other side finds an error, not an end."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    connection.close()


def then(said: bytes, do: Callable[[socket.socket], None]) -> Act:
    """Answer, and go on."""

    def act(connection: socket.socket) -> None:
        connection.sendall(said)
        do(connection)

    return act


def refusal(status: str, code: str, *headers: str) -> bytes:
    """One of S3's."""
    body = f"<Error><Code>{code}</Code><Message>because</Message></Error>" if code else ""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "x-amz-request-id: R1", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    return Tls.issue(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def server(tls: Tls) -> Iterator[Server]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        made = Server(port=listening.getsockname()[1])
        threading.Thread(target=made.serve, args=(listening, tls.server()), daemon=True).start()
        yield made
        listening.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def client(server: Server, tls: Tls) -> S3Client:
    environ = {"AWS_ENDPOINT_URL": f"https://localhost:{server.port}"}
    return S3Client("eu-west-1", Connections(str(tls.ca_bundle)), lambda: CREDENTIALS, environ)


def fails(client: S3Client, operation: Operation, policy: Policy) -> AwsError:
    parameters = COPY if operation == "CopyObject" else HEAD
    with pytest.raises(AwsError) as caught:
        client.call(operation, Side.DESTINATION, policy, parameters)
    return caught.value


@pytest.mark.parametrize(
    ("said", "expected", "requests"),
    [
        (refusal("301 Moved Permanently", "PermanentRedirect"), ("PermanentRedirect", 301), 1),
        (refusal("403 Forbidden", "AccessDenied"), ("AccessDenied", 403), 1),
        (refusal("404 Not Found", "NoSuchKey"), ("NoSuchKey", 404), 1),
        (refusal("409 Conflict", "OperationAborted"), ("OperationAborted", 409), 1),
        (refusal("412 Precondition Failed", "PreconditionFailed"), ("PreconditionFailed", 412), 1),
        (refusal("500 Internal Server Error", "InternalError"), ("InternalError", 500), 3),
        (refusal("503 Slow Down", "SlowDown"), ("SlowDown", 503), 3),
        (refusal("400 Bad Request", "RequestTimeout"), ("RequestTimeout", 400), 3),
        (refusal("200 OK", "InternalError"), ("InternalError", 500), 3),
        (refusal("502 Bad Gateway", ""), ("502", 502), 3),
    ],
)
def test_a_refusal_is_what_s3_says_and_only_a_passing_one_is_retried(
    client: S3Client, server: Server, said: bytes, expected: tuple[str, int], requests: int
) -> None:
    server.acts = [said]

    again, once = (fails(client, "CopyObject", policy) for policy in (READ, WRITE))

    for error in (again, once):
        assert (error.code, error.status) == expected
        assert (error.operation, error.target) == ("CopyObject", Side.DESTINATION)
        assert error.request_id == "R1"
    assert len(server.requests) == requests + 1
    assert len(server.connections) == 1


def test_a_head_refused_has_its_status_for_a_code(client: S3Client, server: Server) -> None:
    server.acts = [
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 7\r\nx-amz-delete-marker: true\r\n\r\n"
    ]

    error = fails(client, "HeadObject", READ)

    assert (error.code, error.status) == ("404", 404)
    assert str(error) == "HeadObject of the destination: 404: Not Found"
    assert error.headers["x-amz-delete-marker"] == "true"


def test_a_temporary_redirect_is_followed_with_a_signature_for_the_other_host(
    client: S3Client, server: Server
) -> None:
    there = f"Location: https://127.0.0.1:{server.port}/bucket/k?rk=1"
    server.acts = [refusal("307 Temporary Redirect", "TemporaryRedirect", there), COPIED]

    assert client.call("CopyObject", Side.DESTINATION, WRITE, COPY)["CopyObjectResult"]

    first, second = server.requests
    assert b"host: localhost:" in first
    assert b"host: 127.0.0.1:" in second
    assert _authorization(first) != _authorization(second)


@pytest.mark.parametrize("to", ["", "http://127.0.0.1:1/k", "https://127.0.0.1:{port}/k"])
def test_a_redirect_to_nowhere_in_plain_text_or_in_circles_is_an_error(
    client: S3Client, server: Server, to: str
) -> None:
    location = f"Location: {to.format(port=server.port)}"
    server.acts = [refusal("307 Temporary Redirect", "TemporaryRedirect", location)]

    assert fails(client, "HeadObject", WRITE).status == 307
    assert len(server.requests) == (3 if "{port}" in to else 1)


def _authorization(request: bytes) -> bytes:
    return request.partition(b"authorization: ")[2].partition(b"\r\n")[0]


LONG = b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n<CopyObjectResult>"


@pytest.mark.parametrize(
    "act",
    [
        reset,
        socket.socket.close,
        then(b"HTTP/1.1 200", reset),
        then(LONG, reset),
        then(LONG, socket.socket.close),
        then(COPIED[:-30], socket.socket.close),
        then(COPIED[:-5], socket.socket.close),
        b"SSH-2.0-x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n<html",
        OK,
    ],
    ids=str,
)
def test_without_a_whole_answer_the_outcome_is_unknown_and_only_what_may_is_sent_again(
    client: S3Client, server: Server, act: Act
) -> None:
    server.acts = [act]

    assert type(fails(client, "CopyObject", WRITE)) is NoAnswerError
    assert len(server.requests) == 1
    server.acts = [act, COPIED]
    assert client.call("CopyObject", Side.DESTINATION, READ, COPY)["CopyObjectResult"]
    assert len(server.requests) == 3


def test_silence_ends_after_the_time_that_was_said(client: S3Client, server: Server) -> None:
    server.acts = [lambda _: None]

    error = fails(client, "CopyObject", Policy(0.1, 1))

    assert (type(error), error.code) == (NoAnswerError, "TimeoutError")


def test_a_connection_is_used_again_whichever_way_an_answer_ends(
    client: S3Client, server: Server
) -> None:
    server.acts = [
        b"HTTP/1.1 204 No Content\r\n\r\n",
        COPIED,
        b"HTTP/1.1 100 Continue\r\n\r\n" + COPIED,
        OK,
    ]

    client.call("DeleteObject", Side.DESTINATION, WRITE, HEAD)
    for _ in range(2):
        copied = client.call("CopyObject", Side.DESTINATION, WRITE, COPY)
        assert copied["CopyObjectResult"] == {"ETag": '"e"'}
    head = client.call("HeadObject", Side.DESTINATION, READ, HEAD)

    assert head["ResponseMetadata"]["HTTPHeaders"] == {"content-length": "0", "etag": '"e"'}
    assert len(server.connections) == 1


@pytest.mark.parametrize(
    "end",
    [socket.socket.close, reset, lambda c: c.sendall(b"HTTP/1.1 408 Request Timeout\r\n\r\n")],
    ids=["an end", "a reset", "what nobody asked for"],
)
def test_a_connection_that_the_server_gave_up_is_not_written_to(
    client: S3Client, server: Server, end: Callable[[socket.socket], None]
) -> None:
    is_answered, is_ended = threading.Event(), threading.Event()

    def end_later(connection: socket.socket) -> None:
        connection.sendall(COPIED)
        is_answered.wait()
        end(connection)
        is_ended.set()

    server.acts = [end_later, COPIED]
    client.call("CopyObject", Side.DESTINATION, WRITE, COPY)
    is_answered.set()
    is_ended.wait()

    client.call("CopyObject", Side.DESTINATION, WRITE, COPY)

    assert (len(server.connections), len(server.requests)) == (2, 2)


@pytest.mark.parametrize(
    "answer",
    [
        COPIED.replace(b"200 OK\r\n", b"200 OK\r\nConnection: close\r\n"),
        COPIED + b"HTTP/1.1 200 OK\r\n\r\n",
    ],
    ids=["it says so", "it says more"],
)
def test_a_connection_that_ends_or_says_too_much_is_not_used_again(
    client: S3Client, server: Server, answer: bytes
) -> None:
    server.acts = [answer]

    for number in (1, 2):
        client.call("CopyObject", Side.DESTINATION, WRITE, COPY)
        assert len(server.connections) == number


def test_a_connection_that_was_idle_for_long_is_not_used(
    client: S3Client, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.acts = [COPIED]
    now = 1000.0
    monkeypatch.setattr(http_connection, "time", SimpleNamespace(time=lambda: now))
    for later, made in ((0.0, 1), (http_connection.MAX_IDLE_SECONDS, 1), (60.0, 2), (-3600.0, 3)):
        now += later
        client.call("CopyObject", Side.DESTINATION, WRITE, COPY)
        assert len(server.connections) == made


def test_a_server_that_nobody_trusts_or_that_is_not_there_is_sent_nothing(
    server: Server, tls: Tls
) -> None:
    server.acts = [COPIED]
    for ca_bundle, host, port, code in (
        (None, "localhost", server.port, "SSLCertVerificationError"),
        (tls.ca_bundle, "localhost", 1, "ConnectionRefusedError"),
        (tls.ca_bundle, "no-such-host.invalid", 443, "gaierror"),
    ):
        environ = {"AWS_ENDPOINT_URL": f"https://{host}:{port}"}
        trusted = Connections(str(ca_bundle) if ca_bundle else None)
        client = S3Client("eu-west-1", trusted, lambda: CREDENTIALS, environ)

        error = fails(client, "CopyObject", WRITE)

        assert (type(error), error.code) == (NotSentError, code)
    assert server.requests == []


PARTS = {"Parts": [{"PartNumber": n, "ETag": '"' + "e" * 32 + '"'} for n in range(1, 1001)]}
COMPLETE = HEAD | {"UploadId": "u", "MultipartUpload": PARTS}
COMPLETED = COPIED.replace(b"CopyObjectResult", b"CompleteMultipa_")


def test_a_large_body_is_held_back_until_s3_consents(client: S3Client, server: Server) -> None:
    bodies: list[bytes] = []

    def consent(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        read_body(connection)

    def read_body(connection: socket.socket) -> None:
        length = int(server.requests[-1].partition(b"content-length: ")[2].partition(b"\r\n")[0])
        assert length > EXPECT_BYTES
        received = b""
        while len(received) < length:
            received += connection.recv(65536)
        bodies.append(received)
        connection.sendall(COMPLETED)

    server.acts = [consent, read_body, refusal("503 Slow Down", "SlowDown"), consent]

    for _ in range(3):  # with consent, without a word, after a refusal
        client.call("CompleteMultipartUpload", Side.DESTINATION, READ, COMPLETE)

    assert len(server.requests) == 4
    assert all(b"expect: 100-continue" in request for request in server.requests)
    assert [body.count(b"<Part>") for body in bodies] == [1000] * 3
    assert len(server.connections) == 2  # a refused body is not sent, so its connection is closed


# Credentials


def test_credentials_are_those_of_the_environment() -> None:
    environ = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "t"}

    assert credentials_source(environ)() == Credentials("a", "s", "t")


def test_credentials_elsewhere_are_found_by_botocore(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    client = S3Client("eu-west-1", Connections(), credentials_source({}), {})
    error = fails(client, "HeadObject", WRITE)
    assert (type(error), error.code) == (NotSentError, "CredentialsError")

    file = tmp_path / "credentials"
    file.write_text("[default]\naws_access_key_id = a\naws_secret_access_key = s\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))

    assert credentials_source({})() == Credentials("a", "s", None)
