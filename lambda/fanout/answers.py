"""What the clients' exceptions say about a call."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    ProxyConnectionError,
)
from botocore.parsers import ResponseParserError

from .failures import Kind, ReplicationError, from_response


@contextmanager
def failures_of(call: str, *, is_write: bool = False) -> Iterator[None]:
    """Say what it means that a client raised something.

    Args:
        call: as ``failures.from_response`` takes it.
        is_write: whether it matters that a call without an answer may still be carried out.

    Raises:
        ReplicationError: in its place.
    """
    try:
        yield
    except ClientError as error:
        raise (
            _refused(error, call) if is_write else from_response(error.response, call)
        ) from error
    except (BotoCoreError, ResponseParserError) as error:
        raise not_answered(error, call, is_write=is_write) from error


def _refused(error: ClientError, call: str) -> ReplicationError:
    """A write that was refused, if it is S3 that says so.

    An answer that was cut off, or is somebody else's between here and S3, is a server error without
    a code of S3's in it: the write may go on.
    """
    if not 300 <= status_of(error) < 500 and not code_of(error).isalpha():
        return not_answered(error, call, is_write=True)
    return from_response(error.response, call)


def code_of(error: ClientError) -> str:
    """S3's error code, or ""."""
    return error.response.get("Error", {}).get("Code", "")


def status_of(error: ClientError) -> int:
    """The HTTP status."""
    return error.response["ResponseMetadata"]["HTTPStatusCode"]


_NEVER_SENT = (
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    NoCredentialsError,
    ProxyConnectionError,
)


def not_answered(error: Exception, call: str, *, is_write: bool) -> ReplicationError:
    """A call whose answer never came, or cannot be read.

    Args:
        is_write: whether it matters that the call may still be carried out.
    """
    name = type(error).__name__
    if isinstance(error, ParamValidationError):
        return ReplicationError(Kind.OBJECT, "RequestInvalid", f"{call}: {error}", name)
    if is_write and not isinstance(error, _NEVER_SENT):
        return ReplicationError(
            Kind.UNKNOWN_OUTCOME, "OutcomeUnknown", f"{call}: no answer came: {error}", name
        )
    return ReplicationError(Kind.TRANSIENT, "S3Unreachable", f"{call}: {error}", name)
