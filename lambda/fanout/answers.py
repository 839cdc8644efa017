"""What the clients' exceptions say about a call."""

from __future__ import annotations

from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    ProxyConnectionError,
)

from .failures import Kind, ReplicationError, from_response


def refused(error: ClientError, call: str) -> ReplicationError:
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
