"""Why a key was not replicated, and how long its message waits because of that.

Reason codes follow the style of S3 Replication's own failure reasons, and are theirs where the case
is the same (User Guide, "Amazon S3 replication failure reasons").
"""

from __future__ import annotations

from enum import Enum
from typing import Literal

from ..common.errors import AwsError, NoAnswerError, NotSentError, Operation, Side, UnsendableError
from .object_state import character_not_in_xml


class FailureKind(Enum):
    """How far a failure reaches, in the order of how long its message waits."""

    OBJECT = "object"
    """It will not pass for this object. The message goes to the dead-letter queue at once."""
    UNFINISHED = "unfinished"
    """No failure: the invocation ends before the copy does. The next one continues at once, and the
    receive does not count."""
    WAITING = "waiting"
    """No failure: another delivery copies the parts of the object. The message waits as if it were."""
    TRANSIENT = "transient"
    """It passes by itself, in seconds."""
    DESTINATION = "destination"
    """It hits every key until somebody acts. It is normal before the other account has attached its
    policy. The message stays in the queue for hours."""
    UNKNOWN_OUTCOME = "unknown-outcome"
    """A write without an answer may still land. The key is not touched before it must be over."""


Reason = Literal[
    # transient
    "CredentialsExpired", "InternalError", "NotSettled", "S3Unavailable", "S3Unreachable",
    # destination
    "DstBucketInvalidRegion", "DstBucketNotFound", "DstDelObjNotPermitted",
    "DstGetTaggingNotPermitted", "DstHeadObjectNotPermitted", "DstKmsKeyInvalidState",
    "DstMultipartUploadNotPermitted", "DstPutObjectNotPermitted", "DstPutTaggingNotPermitted",
    "S3RequestRefused", "SrcBucketInvalidRegion", "SrcBucketNotFound", "SrcGetObjectNotPermitted",
    "SrcGetTaggingNotPermitted", "SrcHeadObjectNotPermitted", "SrcKmsKeyInvalidState",
    "SrcListVersionsNotPermitted",
    # object
    "DstEncryptedWithCustomerKey", "DstKeyTooLong", "DstObjectDiffers", "MalformedMessage",
    "ReceivedTooOften", "RequestInvalid", "SrcEncryptedWithCustomerKey", "SrcObjectArchived",
    # unknown outcome, unfinished, waiting
    "OutcomeUnknown", "CopyUnfinished",
]  # fmt: skip
"""Every reason code, by kind. docs/reasons.md says what each means and what to do about it."""


class ReplicationError(Exception):
    """A key was not replicated.

    Attributes:
        reason: the code that logs, metrics and dead-letter messages carry.
        error: S3's own error code, or the name of the exception.
        request_id: S3's request id, or "".
        key: the source object's key, or "" where the failure is about none.
        upload_id: the upload that the next delivery continues, or None.
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
        self.upload_id: str | None = None

    @property
    def is_failure(self) -> bool:
        """Whether something went wrong. An upload that goes on has not."""
        return self.kind not in (FailureKind.UNFINISHED, FailureKind.WAITING)

    def explanation(self) -> dict[str, str | None]:
        """The failure as the fields of a log line; None where there is nothing to say."""
        return {
            "reason": self.reason,
            "error": self.error or None,
            "explanation": str(self),
            "request_id": self.request_id or None,
        }


_ONCE_ONLY = ("CompleteMultipartUpload", "CopyObject", "DeleteObject", "PutObjectTagging")
"""Writes that may replace something newer when they land late. All other calls are as good twice."""

_TRANSIENT_CODES = frozenset({
    "BandwidthLimitExceeded", "ConditionalRequestConflict", "InternalError", "OperationAborted",
    "RequestLimitExceeded", "RequestTimeTooSkewed", "RequestTimeout", "ServiceUnavailable", "SlowDown",
    "Throttling", "ThrottlingException", "TooManyRequestsException",
    "InvalidPart",  # two holders of one upload copied the same part: list the parts again
})  # fmt: skip

_REASONS: dict[str, tuple[FailureKind, Reason]] = {
    "ExpiredToken": (FailureKind.TRANSIENT, "CredentialsExpired"),
    "InvalidObjectState": (FailureKind.OBJECT, "SrcObjectArchived"),
    "KeyTooLongError": (FailureKind.OBJECT, "DstKeyTooLong"),
    # So in the API reference of CopyObject.
    "ObjectNotInActiveTierError": (FailureKind.OBJECT, "SrcObjectArchived"),
}

_DENIED_REASONS: dict[tuple[Operation, Side | str], Reason] = {
    ("HeadObject", Side.SOURCE): "SrcHeadObjectNotPermitted",
    ("HeadBucket", Side.SOURCE): "SrcGetObjectNotPermitted",
    ("GetObject", Side.SOURCE): "SrcGetObjectNotPermitted",
    ("GetObjectTagging", Side.SOURCE): "SrcGetTaggingNotPermitted",
    ("ListObjectVersions", Side.SOURCE): "SrcListVersionsNotPermitted",
    ("HeadObject", Side.DESTINATION): "DstHeadObjectNotPermitted",
    ("GetObject", Side.DESTINATION): "DstHeadObjectNotPermitted",
    ("GetObjectTagging", Side.DESTINATION): "DstGetTaggingNotPermitted",
    ("PutObjectTagging", Side.DESTINATION): "DstPutTaggingNotPermitted",
    ("CopyObject", Side.DESTINATION): "DstPutObjectNotPermitted",
    ("CreateMultipartUpload", Side.DESTINATION): "DstPutObjectNotPermitted",
    ("UploadPartCopy", Side.DESTINATION): "DstPutObjectNotPermitted",
    ("CompleteMultipartUpload", Side.DESTINATION): "DstPutObjectNotPermitted",
    ("AbortMultipartUpload", Side.DESTINATION): "DstMultipartUploadNotPermitted",
    ("ListMultipartUploads", Side.DESTINATION): "DstMultipartUploadNotPermitted",
    ("ListParts", Side.DESTINATION): "DstMultipartUploadNotPermitted",
    ("DeleteObject", Side.DESTINATION): "DstDelObjNotPermitted",
}


def failure_of(error: AwsError) -> ReplicationError:
    """What a failed call to S3 means for the key it was about."""
    kind, reason = _classify(error)
    return ReplicationError(kind, reason, str(error), error.code, error.request_id)


def _classify(error: AwsError) -> tuple[FailureKind, Reason]:
    code, status, is_source = error.code, error.status, error.target is Side.SOURCE
    if isinstance(error, UnsendableError):
        return FailureKind.OBJECT, "RequestInvalid"
    if isinstance(error, NotSentError):
        return FailureKind.TRANSIENT, "S3Unreachable"
    if error.operation in _ONCE_ONLY and not _is_refused_by_s3(error):
        return FailureKind.UNKNOWN_OUTCOME, "OutcomeUnknown"
    if isinstance(error, NoAnswerError):
        return FailureKind.TRANSIENT, "S3Unreachable"
    if code in _TRANSIENT_CODES or status >= 500 or status == 429:
        return FailureKind.TRANSIENT, "S3Unavailable"
    if code in _REASONS:
        return _REASONS[code]
    if code == "InvalidRequest" and is_source:
        return FailureKind.OBJECT, "SrcEncryptedWithCustomerKey"
    if code == "InvalidRequest" and error.operation == "GetObject":
        return FailureKind.OBJECT, "DstEncryptedWithCustomerKey"
    return FailureKind.DESTINATION, _destination_reason(error, is_source=is_source)


def _is_refused_by_s3(error: AwsError) -> bool:
    """Whether S3 itself says that it did not begin a write.

    A server error without one of S3's codes was cut off, or comes from between here and S3. Its
    InternalError says that something failed while S3 was at it, and no page says that nothing lands
    after that (API reference, "Error responses").
    """
    is_answer = not isinstance(error, NoAnswerError)
    is_of_s3 = error.code.isalpha() and error.code != "InternalError"
    return is_answer and (300 <= error.status < 500 or is_of_s3)


def _destination_reason(error: AwsError, *, is_source: bool) -> Reason:
    if error.code == "NoSuchBucket":
        return "SrcBucketNotFound" if is_source else "DstBucketNotFound"
    if error.code.startswith("KMS."):
        return "SrcKmsKeyInvalidState" if is_source else "DstKmsKeyInvalidState"
    if error.status == 301:
        return "SrcBucketInvalidRegion" if is_source else "DstBucketInvalidRegion"
    if error.status == 403:
        return _DENIED_REASONS[error.operation, error.target]
    return "S3RequestRefused"


def is_changed(error: AwsError, *, was_observed: bool = True) -> bool:
    """Whether the object or the upload a call was about is gone, or is not what it was.

    Nothing was written then, and comparing both sides again tells what to do.

    Args:
        was_observed: whether the object of a copy was observed before.
    """
    match error.operation:
        case "CopyObject" if not was_observed:
            # It may be too large or under SSE-C, and either bucket may be missing.
            unexplained = ("InvalidRequest", "NoSuchBucket")
            return error.status in (404, 412) or error.code in unexplained
        case "PutObjectTagging":
            return error.code in ("NoSuchKey", "MethodNotAllowed")  # gone, or a delete marker
        case "GetObjectTagging":
            return error.status in (404, 405)  # likewise
    return error.status in (404, 412) and error.code != "NoSuchBucket"


def is_proof_of_absence(error: AwsError) -> bool | None:
    """What a refused GetObject says about an object: it is absent, it is there, or neither (None)."""
    if error.code in ("InvalidRange", "InvalidObjectState"):  # empty, or archived
        return False
    return True if error.code == "NoSuchKey" else None


def is_unreadable(error: AwsError, key: str) -> bool:
    """Whether S3 says that something is missing in an answer that holds the key and cannot be read."""
    return error.code == "404" and character_not_in_xml(key) is not None
