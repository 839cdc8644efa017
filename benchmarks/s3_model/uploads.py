"""The S3 calls about multipart uploads, and how long each takes."""

from __future__ import annotations

import asyncio
from xml.sax.saxutils import escape

from .figures import Figures
from .http import Request, Response
from .store import MAX_COPY_BYTES, Part, S3Error, Store, preserved
from .wire import PAGE, byte_range, copy_source, iso, parse, tags_of_header, version, xml


class Uploads:
    """Answers to requests about multipart uploads."""

    def __init__(self, store: Store, figures: Figures) -> None:
        self._store = store
        self._figures = figures

    async def copy_part(self, request: Request, bucket: str, key: str) -> Response:
        upload_id, number = request.query["uploadId"], int(request.query["partNumber"])
        upload = self._store.upload(bucket, key, upload_id)
        source = copy_source(request, self._store)
        first, end = byte_range(request.headers.get("x-amz-copy-source-range"), source.size)
        if end - first > MAX_COPY_BYTES:
            raise S3Error(400, "InvalidRequest", "a part is larger than 5 GiB")
        self._store.ask_for_part(upload, number)
        await asyncio.sleep(self._figures.copy_seconds(end - first))
        part = self._store.land_part(
            upload_id, number, Part(source.content, first, end, source.size)
        )
        return xml(
            "CopyPartResult",
            f"<ETag>&quot;{part.etag}&quot;</ETag>"
            f"<LastModified>{iso(part.modified_at)}</LastModified>",
            version("x-amz-copy-source-version-id", source),
        )

    async def create(self, request: Request, bucket: str, key: str) -> Response:
        await asyncio.sleep(self._figures.create)
        upload_id = self._store.create_upload(
            bucket, key, preserved(request.headers), tags_of_header(request)
        )
        return xml(
            "InitiateMultipartUploadResult",
            f"<Bucket>{bucket}</Bucket><Key>{escape(key)}</Key><UploadId>{upload_id}</UploadId>",
        )

    async def complete(self, request: Request, bucket: str, key: str) -> Response:
        upload_id = request.query["uploadId"]
        await asyncio.sleep(self._figures.complete)
        upload = self._store.upload(bucket, key, upload_id)
        listed = [
            (int(part.findtext("{*}PartNumber", "0")), part.findtext("{*}ETag", "").strip('"'))
            for part in parse(request).iterfind("{*}Part")
        ]
        expected = request.headers.get("x-amz-mp-object-size")
        if expected is not None and int(expected) != sum(
            upload.parts[number].size for number, _ in listed if number in upload.parts
        ):
            raise S3Error(400, "InvalidRequest", "the parts do not have the size that was given")
        made = self._store.complete(upload_id, upload, listed)
        return xml(
            "CompleteMultipartUploadResult",
            f"<Bucket>{bucket}</Bucket><Key>{escape(key)}</Key>"
            f"<ETag>&quot;{made.etag}&quot;</ETag>"
            f"<ChecksumCRC64NVME>{made.checksum}</ChecksumCRC64NVME>"
            "<ChecksumType>FULL_OBJECT</ChecksumType>",
            version("x-amz-version-id", made),
        )

    async def abort(self, request: Request, bucket: str, key: str) -> Response:
        await asyncio.sleep(self._figures.write)
        self._store.abort(bucket, key, request.query["uploadId"])
        return Response(204)

    async def list_uploads(self, request: Request, bucket: str, _key: str) -> Response:
        await asyncio.sleep(self._figures.listing)
        prefix = request.query.get("prefix", "")
        found = sorted(
            (upload.key, upload.initiated_at, upload_id)
            for upload_id, upload in self._store.uploads.items()
            if upload.bucket == bucket and upload.key.startswith(prefix)
        )
        uploads = "".join(
            f"<Upload><Key>{escape(key)}</Key><UploadId>{upload_id}</UploadId>"
            f"<Initiated>{iso(initiated_at)}</Initiated></Upload>"
            for key, initiated_at, upload_id in found[:PAGE]
        )
        return xml(
            "ListMultipartUploadsResult",
            f"<Bucket>{bucket}</Bucket><Prefix>{escape(prefix)}</Prefix>"
            f"<IsTruncated>{'true' if len(found) > PAGE else 'false'}</IsTruncated>{uploads}",
        )

    async def list_parts(self, request: Request, bucket: str, key: str) -> Response:
        await asyncio.sleep(self._figures.listing)
        upload = self._store.upload(bucket, key, request.query["uploadId"])
        after = int(request.query.get("part-number-marker") or 0)
        size = min(PAGE, int(request.query.get("max-parts") or PAGE))
        left = sorted(number for number in upload.parts if number > after)
        page = left[:size]
        parts = "".join(
            f"<Part><PartNumber>{number}</PartNumber>"
            f"<LastModified>{iso(upload.parts[number].modified_at)}</LastModified>"
            f"<ETag>&quot;{upload.parts[number].etag}&quot;</ETag>"
            f"<Size>{upload.parts[number].size}</Size></Part>"
            for number in page
        )
        return xml(
            "ListPartsResult",
            f"<Bucket>{bucket}</Bucket><Key>{escape(key)}</Key>"
            f"<UploadId>{request.query['uploadId']}</UploadId>"
            f"<PartNumberMarker>{after}</PartNumberMarker>"
            f"<NextPartNumberMarker>{page[-1] if page else after}</NextPartNumberMarker>"
            f"<MaxParts>{size}</MaxParts>"
            f"<IsTruncated>{'true' if len(left) > size else 'false'}</IsTruncated>{parts}",
        )
