"""Why a call to AWS failed, and what that means for the key it was about.

Reason codes follow the style of S3 Replication's own failure reasons, and are theirs where the case
is the same (User Guide, "Amazon S3 replication failure reasons").
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from typing import Any, Literal

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


class FailureKind(Enum):
    """How far a failure reaches, and so how long its message waits."""

    TRANSIENT = "transient"
    """Passes by itself: seconds."""
    DESTINATION = "destination"
    """Hits every key until somebody acts, and is normal before the other account has attached its
    policy: the message stays in the queue for hours."""
    OBJECT = "object"
    """Will not pass for this object: a dead letter at once."""
    UNKNOWN_OUTCOME = "unknown-outcome"
    """A write whose answer was lost may still land: nothing is tried on the key before it must be
    over, which is when the message's visibility ends."""
    UNFINISHED = "unfinished"
    """No failure: the invocation ends before the copy does, and the next one goes on at once."""


Reason = Literal[
    # transient
    "CredentialsExpired",
    "InternalError",
    "NotSettled",
    "QueueUnavailable",
    "S3Unavailable",
    "S3Unreachable",
    # destination
    "DstBucketInvalidRegion",
    "DstBucketNotFound",
    "DstDelObjNotPermitted",
    "DstGetTaggingNotPermitted",
    "DstHeadObjectNotPermitted",
    "DstKmsKeyInvalidState",
    "DstMultipartUploadNotPermitted",
    "DstPutObjectNotPermitted",
    "DstPutTaggingNotPermitted",
    "S3RequestRefused",
    "SrcBucketInvalidRegion",
    "SrcBucketNotFound",
    "SrcGetObjectNotPermitted",
    "SrcGetTaggingNotPermitted",
    "SrcHeadObjectNotPermitted",
    "SrcKmsKeyInvalidState",
    "SrcListVersionsNotPermitted",
    # object
    "DstEncryptedWithCustomerKey",
    "DstKeyTooLong",
    "DstObjectDiffers",
    "MalformedMessage",
    "ReceivedTooOften",
    "RequestInvalid",
    "SrcEncryptedWithCustomerKey",
    "SrcObjectArchived",
    # unknown outcome
    "OutcomeUnknown",
    # unfinished
    "CopyUnfinished",
]
"""Every reason code, by kind. What each means and what to do about it is in docs/reasons.md."""


class ReplicationError(Exception):
    """A key was not replicated.

    Attributes:
        reason: the code that logs, metrics and dead letters carry.
        error: S3's own error code, or the name of the exception.
        request_id: S3's request id, or "".
        key: the source object's key, or "" where the failure is about none.
    """

    def __init__(
        self, kind: FailureKind, reason: Reason, message: str, error: str = "", request_id: str = ""
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.reason = reason
        self.error = error
        self.request_id = request_id
        self.key = ""

    def explanation(self) -> dict[str, str | None]:
        """The failure as the fields of a log line; None where there is nothing to say."""
        return {
            "reason": self.reason,
            "error": self.error or None,
            "explanation": str(self),
            "request_id": self.request_id or None,
        }


_TRANSIENT_CODES = frozenset({
    "BandwidthLimitExceeded",
    "ConditionalRequestConflict",
    "InternalError",
    "InvalidPart",  # two holders of one upload copied the same part: list the parts again
    "OperationAborted",
    "RequestLimitExceeded",
    "RequestTimeTooSkewed",
    "RequestTimeout",
    "ServiceUnavailable",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
})  # fmt: skip

_OBJECT_REASONS: dict[str, Reason] = {
    "InvalidObjectState": "SrcObjectArchived",
    "KeyTooLongError": "DstKeyTooLong",
    "ObjectNotInActiveTierError": "SrcObjectArchived",  # so in the API reference of CopyObject
}

_DENIED_REASONS: dict[str, Reason] = {
    "HeadObject of the source": "SrcHeadObjectNotPermitted",
    "GetObject of the source": "SrcGetObjectNotPermitted",
    "GetObjectTagging of the source": "SrcGetTaggingNotPermitted",
    "ListObjectVersions of the source": "SrcListVersionsNotPermitted",
    "HeadObject of the destination": "DstHeadObjectNotPermitted",
    "GetObjectTagging of the destination": "DstGetTaggingNotPermitted",
    "PutObjectTagging": "DstPutTaggingNotPermitted",
    "CopyObject": "DstPutObjectNotPermitted",
    "CreateMultipartUpload": "DstPutObjectNotPermitted",
    "UploadPartCopy": "DstPutObjectNotPermitted",
    "CompleteMultipartUpload": "DstPutObjectNotPermitted",
    "AbortMultipartUpload": "DstMultipartUploadNotPermitted",
    "ListMultipartUploads": "DstMultipartUploadNotPermitted",
    "ListParts": "DstMultipartUploadNotPermitted",
    "DeleteObject": "DstDelObjNotPermitted",
}


def from_response(response: Mapping[str, Any], call: str) -> ReplicationError:
    """Classify an error that S3 answered.

    Args:
        response: the ``response`` of a ClientError.
        call: the operation, and the side where both sides have it, such as ``CopyObject`` or
            ``HeadObject of the source``.
    """
    metadata = response.get("ResponseMetadata", {})
    status = metadata.get("HTTPStatusCode", 0)
    code = response.get("Error", {}).get("Code", str(status))
    message = response.get("Error", {}).get("Message", "")
    kind, reason = _classify(code, status, call)
    return ReplicationError(
        kind,
        reason,
        f"{call}: {code}: {message}",
        error=code,
        request_id=metadata.get("RequestId", ""),
    )


def _classify(code: str, status: int, call: str) -> tuple[FailureKind, Reason]:
    is_source = call.endswith("of the source")
    if code in _TRANSIENT_CODES or status >= 500 or status == 429:
        return FailureKind.TRANSIENT, "S3Unavailable"
    if code in _OBJECT_REASONS:
        return FailureKind.OBJECT, _OBJECT_REASONS[code]
    if code == "InvalidRequest" and is_source:
        return FailureKind.OBJECT, "SrcEncryptedWithCustomerKey"
    if code == "InvalidRequest" and call == "HeadObject of the destination":
        return FailureKind.OBJECT, "DstEncryptedWithCustomerKey"
    if code == "ExpiredToken":
        return FailureKind.TRANSIENT, "CredentialsExpired"
    if code == "NoSuchBucket":
        return FailureKind.DESTINATION, "SrcBucketNotFound" if is_source else "DstBucketNotFound"
    if code.startswith("KMS."):
        return (
            FailureKind.DESTINATION,
            "SrcKmsKeyInvalidState" if is_source else "DstKmsKeyInvalidState",
        )
    if status == 301:
        return (
            FailureKind.DESTINATION,
            "SrcBucketInvalidRegion" if is_source else "DstBucketInvalidRegion",
        )
    if status == 403:
        return FailureKind.DESTINATION, _DENIED_REASONS[call]
    return FailureKind.DESTINATION, "S3RequestRefused"


@contextmanager
def failures_of(call: str, *, is_write: bool = False) -> Iterator[None]:
    """Say what it means that a client raised something.

    Args:
        call: as ``from_response`` takes it.
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
        return ReplicationError(FailureKind.OBJECT, "RequestInvalid", f"{call}: {error}", name)
    if is_write and not isinstance(error, _NEVER_SENT):
        return ReplicationError(
            FailureKind.UNKNOWN_OUTCOME, "OutcomeUnknown", f"{call}: no answer came: {error}", name
        )
    return ReplicationError(FailureKind.TRANSIENT, "S3Unreachable", f"{call}: {error}", name)


class CallError(Exception):
    """An AWS call failed; the message says which, and what AWS said."""

    def __init__(self, call: str, said: str) -> None:
        super().__init__(f"{call}: {said}")


@contextmanager
def call_errors_of(call: str) -> Iterator[None]:
    """Say which call a client's exception is about.

    Raises:
        CallError: in its place.
    """
    try:
        yield
    except ClientError as error:
        given = error.response.get("Error", {})
        raise CallError(call, f"{given.get('Code', '')}: {given.get('Message', '')}") from error
    except BotoCoreError as error:
        raise CallError(call, str(error)) from error
