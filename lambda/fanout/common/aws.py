"""The AWS clients of one execution environment, made once when it starts."""

from __future__ import annotations

import json
from functools import cache
from traceback import walk_tb
from typing import TYPE_CHECKING, Any, cast

import botocore.session
from botocore import exceptions, xform_name
from botocore.config import Config as ClientConfig
from botocore.parsers import ResponseParserError
from urllib3.exceptions import ClosedPoolError, EmptyPoolError

from .errors import AwsError, NoAnswerError, NotSentError, Operation, Side, UnsendableError

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_sqs.client import SQSClient

USER_AGENT = "s3-fanout"
"""What access logs and CloudTrail show. botocore makes up its own twice for every request, which is a
fifth of the processor time of one."""

CONCURRENCY = 32
"""Keys processed at once; their threads start when they are needed. A small object takes 60 ms, nearly
all of it waiting, and 4 ms of processor: more at once would wait for that. A client that is called for
each of them keeps as many connections."""

CONNECT_TIMEOUT_SECONDS = 3
READ_TIMEOUT_SECONDS = 10

LOG_TIMEOUT_SECONDS = 2
"""The replication log is worth no more: an object's message is not done before the log is written."""

UNUSED_IN_ENDPOINTS = ("Key", "Prefix", "CopySource")
"""Parameters of a request that S3's endpoint rules are given and do not use."""

_CONNECTING = "do_handshake"
"""What Python's ``ssl`` calls the beginning of a TLS connection."""

_NEVER_SENT = (
    exceptions.ConnectTimeoutError,
    exceptions.CredentialRetrievalError,
    exceptions.EndpointConnectionError,
    exceptions.NoCredentialsError,
    exceptions.ProxyConnectionError,
)


def call(client: Any, operation: Operation, target: Side | str, **arguments: Any) -> Any:
    """Call an API operation.

    Args:
        target: what it is about, for errors and log lines.
        arguments: the operation's parameters.

    Raises:
        AwsError: AWS refused it, or gave no answer.
    """
    try:
        return getattr(client, xform_name(operation))(**arguments)
    except exceptions.ClientError as error:
        raise AwsError.of(operation, target, error.response) from error
    except (exceptions.BotoCoreError, ResponseParserError) as error:
        raise _unanswered(error)(operation, target, type(error).__name__, str(error)) from error


def _unanswered(error: Exception) -> type[AwsError]:
    if isinstance(error, exceptions.ParamValidationError):
        return UnsendableError
    if isinstance(error, _NEVER_SENT) or _had_no_connection(error):
        return NotSentError
    return NoAnswerError


def _had_no_connection(error: BaseException) -> bool:
    """Whether there was no connection to send the request over.

    botocore tells a TLS handshake that broke off or took too long as an answer that did, so its causes
    are looked at. urllib3 sends nothing before the handshake is over.
    """
    cause: BaseException | None = error
    while cause is not None:
        frames = walk_tb(cause.__traceback__)
        in_handshake = any(frame.f_code.co_name == _CONNECTING for frame, _ in frames)
        if in_handshake or isinstance(cause, (ClosedPoolError, EmptyPoolError)):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def queue_url(sqs: SQSClient, account_id: str, name: str) -> str:
    """A queue's URL, by how they are made up (SQS Developer Guide, "Queue and message identifiers")."""
    return f"{sqs.meta.endpoint_url}/{account_id}/{name}"


def sqs_client(region: str) -> SQSClient:
    """The client for the function's queues."""
    return cast("SQSClient", _client("sqs", region, client_config()))


@cache
def listing_client(region: str) -> S3Client:
    """The client reconcile lists buckets with. It gives times as S3 writes them.

    To parse two thousand times for each two pages takes longer than everything else.
    """
    return s3_client(region, client_config())


def lambda_client(region: str) -> Any:
    """The client with which reconcile reads its destinations' settings and invokes itself."""
    return _client("lambda", region, client_config())


def dynamodb_client(region: str) -> Any:
    """The client for the replication log."""
    config = client_config(LOG_TIMEOUT_SECONDS, LOG_TIMEOUT_SECONDS, attempts=2)
    return _client("dynamodb", region, config)


def s3_client(region: str, config: ClientConfig) -> S3Client:
    """A client for buckets in a region. Its config is made by ``client_config``."""
    return cast("S3Client", _client("s3", region, config))


def _client(service: str, region: str, config: ClientConfig) -> Any:
    return session().create_client(service, region_name=region, config=config)


@cache
def session() -> botocore.session.Session:
    """One for all clients, since each session reads the data about AWS's Regions and services anew."""
    made = botocore.session.Session()
    ignore_keys_in_endpoints(made)
    # boto3 before 1.35 takes an Expires that is no date for an error. No time is used parsed.
    made.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=str)
    return made


def ignore_keys_in_endpoints(session: botocore.session.Session) -> None:
    """Take the parameters that differ from key to key out of S3's endpoint rules, if no rule uses them.

    botocore caches endpoints by all parameters of the rules. Without this it computes most of them
    anew: half of the processor time that a small object takes.
    """
    # The loader keeps what it has loaded, so that the clients get this very object.
    rules = session.get_component("data_loader").load_service_model(
        "s3", "endpoint-rule-set-1", api_version=None
    )
    used = json.dumps(rules["rules"])
    for name in UNUSED_IN_ENDPOINTS:
        if f'"{name}"' not in used and f"{{{name}" not in used:
            rules["parameters"].pop(name, None)


def client_config(
    read_timeout: float = READ_TIMEOUT_SECONDS,
    connect_timeout: float = CONNECT_TIMEOUT_SECONDS,
    attempts: int = 3,
    max_pool_connections: int = CONCURRENCY,
    **more: Any,
) -> ClientConfig:
    """The clients' configuration; by default, that of reads."""
    return ClientConfig(
        user_agent=USER_AGENT,
        connect_timeout=connect_timeout,
        read_timeout=read_timeout,
        retries={"mode": "standard", "total_max_attempts": attempts},
        max_pool_connections=max_pool_connections,
        **more,
    )
