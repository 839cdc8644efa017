"""botocore's clients, for whatever the S3 client of the function's own does not do.

Few invocations need one. To import botocore and make a client takes a quarter of a second of processor
time, twice as long as all else that a start does, so both are left until then.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any, cast

from .connections import CONNECT_TIMEOUT_SECONDS
from .errors import AwsError, NoAnswerError, NotSentError, Operation, Side, UnsendableError
from .s3_client import USER_AGENT

if TYPE_CHECKING:
    import botocore.session
    from botocore.config import Config as ClientConfig
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_sqs.client import SQSClient

CONCURRENCY = 100
"""Keys processed at once; their threads start when they are needed. A small object takes 60 ms, nearly
all of it waiting, and 1 ms of processor. A batch can have hundreds: reconcile puts ten keys into a
message."""

READ_TIMEOUT_SECONDS = 10

LOG_TIMEOUT_SECONDS = 2
"""The replication log is worth no more: an object's message is not done before the log is written."""


def call(client: Any, operation: Operation, target: Side | str, **arguments: Any) -> Any:
    """Call an API operation.

    Args:
        target: what it is about, for errors and log lines.
        arguments: the operation's parameters.

    Raises:
        AwsError: AWS refused it, or gave no answer.
    """
    from botocore import exceptions, xform_name
    from botocore.parsers import ResponseParserError

    try:
        return getattr(client, xform_name(operation))(**arguments)
    except exceptions.ClientError as error:
        raise AwsError.of(operation, target, error.response) from error
    except (exceptions.BotoCoreError, ResponseParserError) as error:
        raise _unanswered(error)(operation, target, type(error).__name__, str(error)) from error


def _unanswered(error: Exception) -> type[AwsError]:
    from botocore import exceptions

    if isinstance(error, exceptions.ParamValidationError):
        return UnsendableError
    never_sent = (
        exceptions.ConnectTimeoutError,
        exceptions.CredentialRetrievalError,
        exceptions.EndpointConnectionError,
        exceptions.NoCredentialsError,
        exceptions.ProxyConnectionError,
    )
    return NotSentError if isinstance(error, never_sent) else NoAnswerError


class LazyClient:
    """A client that is made when it is first used."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._made: Any = None
        self._lock = Lock()

    def __getattr__(self, name: str) -> Any:
        with self._lock:
            if self._made is None:
                self._made = self._make()
        return getattr(self._made, name)


def queue_url(sqs: SQSClient, account_id: str, name: str) -> str:
    """A queue's URL, by how they are made up (SQS Developer Guide, "Queue and message identifiers")."""
    return f"{sqs.meta.endpoint_url}/{account_id}/{name}"


def sqs_client(region: str) -> SQSClient:
    """The client for the function's queues."""
    return cast("SQSClient", _client("sqs", region, client_config()))


@cache
def listing_client(region: str) -> S3Client:
    """The client reconcile lists buckets with. It gives times as S3 writes them."""
    return cast("S3Client", _client("s3", region, client_config()))


def lambda_client(region: str) -> Any:
    """The client with which reconcile reads its destinations' settings and invokes itself."""
    return _client("lambda", region, client_config())


def dynamodb_client(region: str) -> Any:
    """The client for the replication log."""
    config = client_config(LOG_TIMEOUT_SECONDS, LOG_TIMEOUT_SECONDS, attempts=2)
    return _client("dynamodb", region, config)


def _client(service: str, region: str, config: ClientConfig) -> Any:
    return session().create_client(service, region_name=region, config=config)


@cache
def session() -> botocore.session.Session:
    """One for all clients, since each session reads the data about AWS's Regions and services anew."""
    import botocore.session

    made = botocore.session.Session()
    # To parse the times of two thousand objects for each two pages takes longer than all else.
    made.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=str)
    return made


def client_config(
    read_timeout: float = READ_TIMEOUT_SECONDS,
    connect_timeout: float = CONNECT_TIMEOUT_SECONDS,
    attempts: int = 3,
    max_pool_connections: int = CONCURRENCY,
    **more: Any,
) -> ClientConfig:
    """The clients' configuration; by default, that of reads."""
    from botocore.config import Config as ClientConfig

    return ClientConfig(
        user_agent=USER_AGENT.decode(),
        connect_timeout=connect_timeout,
        read_timeout=read_timeout,
        retries={"mode": "standard", "total_max_attempts": attempts},
        max_pool_connections=max_pool_connections,
        **more,
    )
