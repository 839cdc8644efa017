"""Which S3 call a request is, whether its bucket answers it, and whether its prefix takes one more."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

from .figures import Figures, Rate
from .http import Call, Request, http_date
from .objects import Objects
from .store import S3Error, Store
from .text import refused, source_of
from .uploads import Uploads

Operation = Callable[[Request, str, str], Call]


class S3:
    """Answers S3's requests.

    Attributes:
        calls: how many of each operation were made, refused ones included.
        slowed_down: how many were answered ``SlowDown``.
        page: how many keys, versions, parts or uploads an answer lists at most.
    """

    def __init__(self, store: Store, figures: Figures, page: int = 1000) -> None:
        self.store = store
        self.calls: Counter[str] = Counter()
        self.slowed_down = 0
        self._figures = figures
        self._objects = Objects(store, figures, page)
        self._uploads = Uploads(store, figures, page)
        self._rates: dict[tuple[str, str, bool], Rate] = {}

    def answer(self, request: Request) -> Call:
        """Answer a request; yields the seconds that S3 would take."""
        response = yield from self._answer(request)
        response.headers.setdefault("date", http_date(self.store.now()))
        return response

    def _answer(self, request: Request) -> Call:
        name, operation = self._operation(request)
        self.calls[name] += 1
        started = time.monotonic()
        try:
            self._throttle(request)
            self._check_buckets(request)
            response = yield from operation(request, request.bucket, request.key)
        except S3Error as refusal:
            if refusal.code != "SlowDown":  # others take as long as a HEAD, which may be over
                yield self._figures.head - (time.monotonic() - started)
            return refused(refusal, request)
        return response

    def operation(self, request: Request) -> str:
        """Which operation a request is."""
        return self._operation(request)[0]

    def _operation(self, request: Request) -> tuple[str, Operation]:
        query, is_copy = request.query, "x-amz-copy-source" in request.headers
        match request.method, bool(request.key):
            case "HEAD", True:
                return "HeadObject", self._objects.head
            case "HEAD", False:
                return "HeadBucket", self._objects.bucket
            case "GET", True if "uploadId" in query:
                return "ListParts", self._uploads.list_parts
            case "GET", True if "tagging" in query:
                return "GetObjectTagging", self._objects.get_tags
            case "GET", True:
                return "GetObject", self._objects.get
            case "GET", False if "uploads" in query:
                return "ListMultipartUploads", self._uploads.list_uploads
            case "GET", False if "versions" in query:
                return "ListObjectVersions", self._objects.list_versions
            case "GET", False:
                return "ListObjectsV2", self._objects.list_objects
            case "PUT", False:
                return "CreateBucket", self._objects.bucket
            case "PUT", True if "tagging" in query:
                return "PutObjectTagging", self._objects.put_tags
            case "PUT", True if is_copy and "uploadId" in query:
                return "UploadPartCopy", self._uploads.copy_part
            case "PUT", True if is_copy:
                return "CopyObject", self._objects.copy
            case "PUT", True:
                return "PutObject", self._objects.put
            case "POST", True if "uploads" in query:
                return "CreateMultipartUpload", self._uploads.create
            case "POST", True if "uploadId" in query:
                return "CompleteMultipartUpload", self._uploads.complete
            case "DELETE", True if "uploadId" in query:
                return "AbortMultipartUpload", self._uploads.abort
            case "DELETE", True if "tagging" not in query:
                return "DeleteObject", self._objects.delete
        return f"{request.method} {'&'.join(query)}", _not_implemented

    def _throttle(self, request: Request) -> None:
        """Refuse what a prefix cannot take. A prefix is a key up to its last slash."""
        is_write = request.method in ("PUT", "POST", "DELETE")
        prefix = (request.bucket, request.key.rpartition("/")[0], is_write)
        now = time.monotonic()
        if prefix not in self._rates:
            limit = self._figures.writes if is_write else self._figures.reads
            self._rates[prefix] = Rate(limit, limit, now)
        if not self._rates[prefix].take(now):
            self.slowed_down += 1
            raise S3Error(503, "SlowDown", "Please reduce your request rate.")

    def _check_buckets(self, request: Request) -> None:
        """Refuse who asks another region, or does not name the owner (User Guide, "Verifying bucket
        ownership with bucket owner condition").
        """
        named = {request.bucket: "x-amz-expected-bucket-owner"}
        if "x-amz-copy-source" in request.headers:
            named[source_of(request)[0]] = "x-amz-source-expected-bucket-owner"
        for name, header in named.items():
            owner = self.store.bucket(name).owner
            if owner is not None and request.headers.get(header) != owner:
                raise S3Error(403, "AccessDenied", "Access Denied")
        region, host = self.store.bucket(request.bucket).region, request.headers.get("host", "")
        if region and host.endswith(".amazonaws.com") and f".{region}." not in host:
            raise S3Error(301, "PermanentRedirect")


def _not_implemented(_request: Request, _bucket: str, _key: str) -> Call:
    raise S3Error(501, "NotImplemented")
