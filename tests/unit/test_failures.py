"""What a failed call to S3 means for its key: a pure function of what AWS answered."""

from __future__ import annotations

import pytest
from fanout.common.errors import (
    AwsError,
    NoAnswerError,
    NotSentError,
    Operation,
    Side,
    UnsendableError,
)
from fanout.replicate.failures import FailureKind, failure_of, is_changed, is_proof_of_absence

SOURCE, DESTINATION = Side.SOURCE, Side.DESTINATION
TRANSIENT, LATER, OBJECT, UNKNOWN = (
    FailureKind.TRANSIENT,
    FailureKind.DESTINATION,
    FailureKind.OBJECT,
    FailureKind.UNKNOWN_OUTCOME,
)
ONCE_ONLY = ["CompleteMultipartUpload", "CopyObject", "DeleteObject", "PutObjectTagging"]
OTHERS = ["GetObject", "HeadObject", "UploadPartCopy", "CreateMultipartUpload"]


def refused(operation: Operation, side: Side, status: int, code: str) -> AwsError:
    """An answer that is an error; without a code its code is the status, as botocore has it."""
    error = AwsError(operation, side, code or str(status), "because", status)
    error.request_id = "R1"
    return error


@pytest.mark.parametrize(
    ("operation", "side", "status", "code", "kind", "reason"),
    [
        # Permissions
        ("HeadObject", SOURCE, 403, "", LATER, "SrcHeadObjectNotPermitted"),
        ("GetObject", SOURCE, 403, "AccessDenied", LATER, "SrcGetObjectNotPermitted"),
        ("HeadBucket", SOURCE, 403, "", LATER, "SrcGetObjectNotPermitted"),
        ("GetObjectTagging", SOURCE, 403, "AccessDenied", LATER, "SrcGetTaggingNotPermitted"),
        ("ListObjectVersions", SOURCE, 403, "AccessDenied", LATER, "SrcListVersionsNotPermitted"),
        ("HeadObject", DESTINATION, 403, "", LATER, "DstHeadObjectNotPermitted"),
        ("GetObject", DESTINATION, 403, "AccessDenied", LATER, "DstHeadObjectNotPermitted"),
        ("GetObjectTagging", DESTINATION, 403, "AccessDenied", LATER, "DstGetTaggingNotPermitted"),
        ("PutObjectTagging", DESTINATION, 403, "AccessDenied", LATER, "DstPutTaggingNotPermitted"),
        ("CopyObject", DESTINATION, 403, "AccessDenied", LATER, "DstPutObjectNotPermitted"),
        ("CreateMultipartUpload", DESTINATION, 403, "A", LATER, "DstPutObjectNotPermitted"),
        ("UploadPartCopy", DESTINATION, 403, "A", LATER, "DstPutObjectNotPermitted"),
        ("CompleteMultipartUpload", DESTINATION, 403, "A", LATER, "DstPutObjectNotPermitted"),
        ("AbortMultipartUpload", DESTINATION, 403, "A", LATER, "DstMultipartUploadNotPermitted"),
        ("ListMultipartUploads", DESTINATION, 403, "A", LATER, "DstMultipartUploadNotPermitted"),
        ("ListParts", DESTINATION, 403, "A", LATER, "DstMultipartUploadNotPermitted"),
        ("DeleteObject", DESTINATION, 403, "AccessDenied", LATER, "DstDelObjNotPermitted"),
        # Buckets and keys
        ("GetObject", SOURCE, 404, "NoSuchBucket", LATER, "SrcBucketNotFound"),
        ("ListObjectVersions", SOURCE, 404, "NoSuchBucket", LATER, "SrcBucketNotFound"),
        ("CopyObject", DESTINATION, 404, "NoSuchBucket", LATER, "DstBucketNotFound"),
        ("DeleteObject", DESTINATION, 404, "NoSuchBucket", LATER, "DstBucketNotFound"),
        ("GetObject", SOURCE, 301, "PermanentRedirect", LATER, "SrcBucketInvalidRegion"),
        ("DeleteObject", DESTINATION, 301, "PermanentRedirect", LATER, "DstBucketInvalidRegion"),
        ("GetObject", SOURCE, 400, "KMS.DisabledException", LATER, "SrcKmsKeyInvalidState"),
        ("CopyObject", DESTINATION, 400, "KMS.NotFoundException", LATER, "DstKmsKeyInvalidState"),
        ("GetObject", SOURCE, 404, "", LATER, "S3RequestRefused"),
        ("CopyObject", DESTINATION, 400, "InvalidRequest", LATER, "S3RequestRefused"),
        ("CopyObject", DESTINATION, 400, "SomethingNew", LATER, "S3RequestRefused"),
        # Objects
        ("CopyObject", DESTINATION, 403, "InvalidObjectState", OBJECT, "SrcObjectArchived"),
        ("CopyObject", DESTINATION, 403, "ObjectNotInActiveTierError", OBJECT, "SrcObjectArchived"),
        ("CopyObject", DESTINATION, 400, "KeyTooLongError", OBJECT, "DstKeyTooLong"),
        ("GetObject", SOURCE, 400, "InvalidRequest", OBJECT, "SrcEncryptedWithCustomerKey"),
        ("GetObject", DESTINATION, 400, "InvalidRequest", OBJECT, "DstEncryptedWithCustomerKey"),
        # What passes by itself
        ("GetObject", SOURCE, 400, "ExpiredToken", TRANSIENT, "CredentialsExpired"),
        ("CopyObject", DESTINATION, 403, "RequestTimeTooSkewed", TRANSIENT, "S3Unavailable"),
        ("CopyObject", DESTINATION, 409, "OperationAborted", TRANSIENT, "S3Unavailable"),
        ("CompleteMultipartUpload", DESTINATION, 400, "InvalidPart", TRANSIENT, "S3Unavailable"),
        ("CopyObject", DESTINATION, 429, "Other", TRANSIENT, "S3Unavailable"),
        ("UploadPartCopy", DESTINATION, 500, "InternalError", TRANSIENT, "S3Unavailable"),
        ("CopyObject", DESTINATION, 503, "SlowDown", TRANSIENT, "S3Unavailable"),
        ("HeadObject", SOURCE, 500, "", TRANSIENT, "S3Unavailable"),
        ("UploadPartCopy", DESTINATION, 502, "", TRANSIENT, "S3Unavailable"),
        # Writes that S3 itself does not say it refused
        *((operation, DESTINATION, 500, "", UNKNOWN, "OutcomeUnknown") for operation in ONCE_ONLY),
        *((operation, DESTINATION, 502, "", UNKNOWN, "OutcomeUnknown") for operation in ONCE_ONLY),
        ("CopyObject", DESTINATION, 200, "", UNKNOWN, "OutcomeUnknown"),
        *(
            (operation, DESTINATION, status, "InternalError", UNKNOWN, "OutcomeUnknown")
            for operation in ONCE_ONLY
            for status in (200, 500)
        ),
    ],
)
def test_a_refusal_has_a_kind_and_a_reason(
    operation: Operation, side: Side, status: int, code: str, kind: FailureKind, reason: str
) -> None:
    error = failure_of(refused(operation, side, status, code))

    assert (error.kind, error.reason) == (kind, reason)
    assert (error.error, error.request_id) == (code or str(status), "R1")
    assert str(error) == f"{operation} of the {side}: {error.error}: because"


@pytest.mark.parametrize(
    ("error_type", "kind", "reason"),
    [
        (UnsendableError, OBJECT, "RequestInvalid"),
        (NotSentError, TRANSIENT, "S3Unreachable"),
        (NoAnswerError, None, None),
    ],
)
@pytest.mark.parametrize("operation", ONCE_ONLY + OTHERS)
def test_without_an_answer_the_outcome_of_a_write_is_unknown_if_it_may_have_been_sent(
    operation: Operation, error_type: type[AwsError], kind: FailureKind | None, reason: str | None
) -> None:
    error = failure_of(error_type(operation, DESTINATION, "ReadTimeoutError", "because"))

    if kind is None:
        is_unknown = operation in ONCE_ONLY
        kind = UNKNOWN if is_unknown else TRANSIENT
        reason = "OutcomeUnknown" if is_unknown else "S3Unreachable"
    assert (error.kind, error.reason, error.error) == (kind, reason, "ReadTimeoutError")


@pytest.mark.parametrize(
    ("operation", "status", "code", "was_observed", "changed"),
    [
        ("CopyObject", 404, "NoSuchKey", True, True),
        ("CopyObject", 412, "PreconditionFailed", True, True),
        ("CopyObject", 404, "NoSuchBucket", True, False),
        ("CopyObject", 400, "InvalidRequest", True, False),
        ("CopyObject", 412, "PreconditionFailed", False, True),
        ("CopyObject", 404, "NoSuchBucket", False, True),
        ("CopyObject", 400, "InvalidRequest", False, True),
        ("CopyObject", 403, "AccessDenied", False, False),
        ("UploadPartCopy", 404, "NoSuchUpload", True, True),
        ("UploadPartCopy", 412, "PreconditionFailed", True, True),
        ("UploadPartCopy", 404, "NoSuchBucket", True, False),
        ("UploadPartCopy", 403, "AccessDenied", True, False),
        ("PutObjectTagging", 404, "NoSuchKey", True, True),
        ("PutObjectTagging", 405, "MethodNotAllowed", True, True),
        ("PutObjectTagging", 404, "NoSuchBucket", True, False),
        ("GetObjectTagging", 404, "NoSuchKey", True, True),
        ("GetObjectTagging", 405, "MethodNotAllowed", True, True),
        ("GetObjectTagging", 403, "AccessDenied", True, False),
    ],
)
def test_what_is_gone_or_replaced_is_no_failure(
    operation: Operation, status: int, code: str, was_observed: bool, changed: bool
) -> None:
    error = refused(operation, DESTINATION, status, code)

    assert is_changed(error, was_observed=was_observed) is changed


@pytest.mark.parametrize(
    ("status", "code", "is_absent"),
    [
        (404, "NoSuchKey", True),
        (416, "InvalidRange", False),
        (403, "InvalidObjectState", False),
        (404, "NoSuchBucket", None),
        (404, "", None),
        (403, "AccessDenied", None),
    ],
)
def test_only_no_such_key_proves_absence(status: int, code: str, is_absent: bool | None) -> None:
    assert is_proof_of_absence(refused("GetObject", SOURCE, status, code)) is is_absent
