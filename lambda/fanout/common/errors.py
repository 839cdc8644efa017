"""A failed call to AWS: which operation, on what, and what AWS answered."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Literal


class Side(StrEnum):
    """Which bucket of a replication a call is about."""

    SOURCE = "source"
    DESTINATION = "destination"


Operation = Literal[
    # S3
    "AbortMultipartUpload", "CompleteMultipartUpload", "CopyObject", "CreateMultipartUpload",
    "DeleteObject", "GetObject", "GetObjectTagging", "HeadBucket", "HeadObject",
    "ListMultipartUploads", "ListObjectVersions", "ListObjectsV2", "ListParts", "PutObjectTagging",
    "UploadPartCopy",
    # SQS
    "ChangeMessageVisibility", "ChangeMessageVisibilityBatch", "DeleteMessageBatch", "SendMessage",
    "SendMessageBatch",
    # DynamoDB and Lambda
    "PutItem", "GetFunctionConfiguration", "Invoke",
]  # fmt: skip
"""The API operations that are called, by AWS's names for them."""


class AwsError(Exception):
    """A call to AWS failed.

    Attributes:
        target: the side of a replication that it was about, or the name of another resource.
        code: AWS's error code, or the name of the exception where AWS gave no answer.
        status: the HTTP status; 0 where AWS gave no answer.
        headers: those of the answer, in lower case.
        request_id: AWS's id of the request, or "".
    """

    def __init__(
        self, operation: Operation, target: Side | str, code: str, message: str, status: int = 0
    ) -> None:
        of = f"the {target}" if isinstance(target, Side) else target
        super().__init__(f"{operation} of {of}: {code}: {message}")
        self.operation = operation
        self.target = target
        self.code = code
        self.status = status
        self.headers: Mapping[str, str] = {}
        self.request_id = ""

    @classmethod
    def of(cls, operation: Operation, target: Side | str, response: Mapping[str, Any]) -> AwsError:
        """Read the ``response`` of a ClientError."""
        given, metadata = response.get("Error", {}), response.get("ResponseMetadata", {})
        status = metadata.get("HTTPStatusCode", 0)
        code, message = given.get("Code", str(status)), given.get("Message", "")
        error = cls(operation, target, code, message, status)
        error.headers = metadata.get("HTTPHeaders", {})
        error.request_id = metadata.get("RequestId", "")
        return error


class NoAnswerError(AwsError):
    """No answer came that can be read. AWS may carry the request out all the same."""


class NotSentError(AwsError):
    """The request never reached AWS."""


class UnsendableError(NotSentError):
    """No request can be made of these arguments."""
