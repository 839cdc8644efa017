"""Which S3 call a request is, and whether its prefix takes one more."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable

from .figures import Figures, Rate
from .http import Request, Response
from .objects import Objects
from .store import S3Error, Store
from .uploads import Uploads
from .wire import refused

Call = Callable[[Request, str, str], Awaitable[Response]]


class S3:
    """Answers S3's requests.

    Attributes:
        calls: how many of each operation were made, refused ones included.
        slowed_down: how many were answered ``SlowDown``.
    """

    def __init__(self, store: Store, figures: Figures) -> None:
        self.store = store
        self.calls: Counter[str] = Counter()
        self.slowed_down = 0
        self._figures = figures
        self._objects = Objects(store, figures)
        self._uploads = Uploads(store, figures)
        self._rates: dict[tuple[str, str, bool], Rate] = {}

    async def answer(self, request: Request) -> Response:
        """Answer a request, after the time that S3 would take."""
        bucket, _, key = request.path.lstrip("/").partition("/")
        name, call = self._operation(request, key)
        self.calls[name] += 1
        started = time.monotonic()
        try:
            self._throttle(request, bucket, key)
            return await call(request, bucket, key)
        except S3Error as refusal:
            if refusal.code != "SlowDown":  # others take as long as a HEAD, which may be over
                await asyncio.sleep(self._figures.head - (time.monotonic() - started))
            return refused(refusal, request)

    def _operation(self, request: Request, key: str) -> tuple[str, Call]:
        query, is_copy = request.query, "x-amz-copy-source" in request.headers
        match request.method, bool(key):
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
            case "GET", False if "versions" not in query:
                return "ListObjectsV2", self._objects.list_objects
            case "PUT", False:
                return "CreateBucket", self._objects.bucket
            case "PUT", True if "tagging" in query:
                return "PutObjectTagging", self._objects.put_tags
            case "PUT", True if is_copy and "uploadId" in query:
                return "UploadPartCopy", self._uploads.copy_part
            case "PUT", True if is_copy:
                return "CopyObject", self._objects.copy
            case "POST", True if "uploads" in query:
                return "CreateMultipartUpload", self._uploads.create
            case "POST", True if "uploadId" in query:
                return "CompleteMultipartUpload", self._uploads.complete
            case "DELETE", True if "uploadId" in query:
                return "AbortMultipartUpload", self._uploads.abort
            case "DELETE", True if "tagging" not in query:
                return "DeleteObject", self._objects.delete
        return f"{request.method} {'&'.join(query)}", _not_implemented

    def _throttle(self, request: Request, bucket: str, key: str) -> None:
        """Refuse what a prefix cannot take. A prefix is a key up to its last slash."""
        is_write = request.method in ("PUT", "POST", "DELETE")
        prefix = (bucket, key.rpartition("/")[0], is_write)
        now = time.monotonic()
        if prefix not in self._rates:
            limit = self._figures.writes if is_write else self._figures.reads
            self._rates[prefix] = Rate(limit, limit, now)
        if not self._rates[prefix].take(now):
            self.slowed_down += 1
            raise S3Error(503, "SlowDown", "Please reduce your request rate.")


async def _not_implemented(_request: Request, _bucket: str, _key: str) -> Response:
    raise S3Error(501, "NotImplemented")
