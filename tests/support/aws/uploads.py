"""The S3 calls about multipart uploads, and how long each takes."""

from __future__ import annotations

import time

from .figures import Figures
from .http import Call, Request, Response
from .store import MAX_COPY_BYTES, Part, S3Error, Store, Upload, asked_for, copied
from .text import (
    Encoding,
    algorithm_of,
    caller_of,
    copied_range,
    copy_source,
    elements,
    iso,
    nested,
    parse,
    tags_of_header,
    version,
    xml,
)


class Uploads:
    """Answers to requests about multipart uploads."""

    def __init__(self, store: Store, figures: Figures, page: int) -> None:
        self._store = store
        self._figures = figures
        self._page = page

    def copy_part(self, request: Request, bucket: str, key: str) -> Call:
        upload_id, number = request.query["uploadId"], int(request.query["partNumber"])
        upload = self._store.upload(bucket, key, upload_id)
        source = copy_source(request, self._store)
        first, end = copied_range(request.headers.get("x-amz-copy-source-range"), source.size)
        if end - first > MAX_COPY_BYTES:
            raise S3Error(400, "InvalidRequest", "a part is larger than 5 GiB")
        self._store.ask_for_part(upload, number)
        yield self._part_seconds(upload, end - first)
        part = self._store.land_part(upload_id, number, Part(source, first, end))
        return xml(
            "CopyPartResult",
            elements(
                ETag=f'"{part.etag}"', LastModified=iso(part.modified_at), **checksum(upload, part)
            ),
            version("x-amz-copy-source-version-id", source),
        )

    def _part_seconds(self, upload: Upload, size: int) -> float:
        """How long a part takes beside the others of its upload."""
        alone = self._figures.copy_seconds(size)
        if self._figures.object_bytes is None:
            return alone
        now = time.monotonic()
        upload.busy_until = max(now, upload.busy_until) + size / self._figures.object_bytes
        return max(alone, upload.busy_until - now)

    def create(self, request: Request, bucket: str, key: str) -> Call:
        yield self._figures.create
        headers = copied(request.headers) + asked_for(request.headers)
        upload_id = self._store.create_upload(
            bucket,
            key,
            headers,
            tags_of_header(request),
            algorithm_of(request),
            caller_of(request),
        )
        return xml(
            "InitiateMultipartUploadResult", elements(Bucket=bucket, Key=key, UploadId=upload_id)
        )

    def complete(self, request: Request, bucket: str, key: str) -> Call:
        upload_id = request.query["uploadId"]
        yield self._figures.complete
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
        for part in parse(request).iterfind("{*}Part"):
            given = part.findtext(f"{{*}}{checksum_name(upload)}")
            there = upload.parts.get(int(part.findtext("{*}PartNumber", "0")))
            if given is not None and there is not None and given != part_checksum(there):
                raise S3Error(400, "InvalidPart", "a part has another checksum")
        made = self._store.complete(upload_id, upload, listed)
        return xml(
            "CompleteMultipartUploadResult",
            elements(Bucket=bucket, Key=key, ETag=f'"{made.etag}"', ChecksumType="FULL_OBJECT"),
            version("x-amz-version-id", made),
        )

    def abort(self, request: Request, bucket: str, key: str) -> Call:
        yield self._figures.write
        self._store.abort(bucket, key, request.query["uploadId"])
        return Response(204)

    def list_uploads(self, request: Request, bucket: str, _key: str) -> Call:
        yield self._figures.listing
        query, encoded = request.query, Encoding(request)
        self._store.bucket(bucket)
        found = sorted(
            (upload.key, upload.initiated_at, upload_id)
            for upload_id, upload in self._store.uploads.items()
            if upload.bucket == bucket and upload.key.startswith(query.get("prefix", ""))
        )
        if "key-marker" in query:
            marker = query["key-marker"], query["upload-id-marker"]
            found = found[[(key, each) for key, _, each in found].index(marker) + 1 :]
        page = found[: self._page]
        is_cut = len(found) > len(page)
        uploads = (
            elements(Key=encoded(key), UploadId=upload_id, Initiated=iso(initiated_at))
            + f"<Initiator>{elements(ID=self._store.uploads[upload_id].initiator)}</Initiator>"
            for key, initiated_at, upload_id in page
        )
        last_key, _, last = page[-1] if page else ("", 0, "")
        about = elements(
            Bucket=bucket,
            IsTruncated=str(is_cut).lower(),
            NextKeyMarker=encoded(last_key) if is_cut else None,
            NextUploadIdMarker=last if is_cut else None,
        )
        return xml(
            "ListMultipartUploadsResult", about + encoded.elements() + nested("Upload", uploads)
        )

    def list_parts(self, request: Request, bucket: str, key: str) -> Call:
        yield self._figures.listing
        upload = self._store.upload(bucket, key, request.query["uploadId"])
        after = int(request.query.get("part-number-marker") or 0)
        size = min(self._page, int(request.query.get("max-parts") or self._page))
        left = sorted(number for number in upload.parts if number > after)
        page = left[:size]
        parts = (
            elements(
                PartNumber=number,
                LastModified=iso(upload.parts[number].modified_at),
                ETag=f'"{upload.parts[number].etag}"',
                Size=upload.parts[number].size,
                **checksum(upload, upload.parts[number]),
            )
            for number in page
        )
        about = elements(
            Bucket=bucket,
            Key=key,
            UploadId=request.query["uploadId"],
            PartNumberMarker=after,
            NextPartNumberMarker=page[-1] if page else after,
            MaxParts=size,
            IsTruncated=str(len(left) > size).lower(),
        )
        return xml("ListPartsResult", about + nested("Part", parts))


def checksum_name(upload: Upload) -> str:
    """The element with the checksums of its parts."""
    return f"Checksum{(upload.algorithm or 'none').upper()}"


def part_checksum(part: Part) -> str:
    """What stands for a part's checksum."""
    return f"sum-of-{part.etag[:8]}"


def checksum(upload: Upload, part: Part) -> dict[str, str]:
    """What an answer says of a part's checksum."""
    return {checksum_name(upload): part_checksum(part)} if upload.algorithm else {}
