"""The S3 calls about objects, and how long each takes."""

from __future__ import annotations

from itertools import islice
from urllib.parse import quote, unquote

from .figures import Figures
from .http import Call, Request, Response
from .store import (
    MAX_COPY_BYTES,
    MIB,
    STORAGE_CLASS,
    Object,
    S3Error,
    Store,
    asked_for,
    copied,
    marker,
    new_object,
)
from .text import (
    Encoding,
    algorithm_of,
    byte_range,
    copy_source,
    described,
    elements,
    iso,
    nested,
    parse,
    source_of,
    tags_of_header,
    version,
    xml,
)

CHANGES = {
    "x-amz-metadata-directive",
    "x-amz-server-side-encryption",
    "x-amz-storage-class",
    "x-amz-website-redirect-location",
}
"""With one of these a copy may be onto its source (API reference, CopyObject)."""


class Objects:
    """Answers to requests about objects and buckets.

    A copy reads its source when it begins and lands when it ends, whoever still listens.
    """

    def __init__(self, store: Store, figures: Figures, page: int) -> None:
        self._store = store
        self._figures = figures
        self._page = page

    def head(self, request: Request, bucket: str, key: str) -> Call:
        yield self._figures.head
        found = self._store.find(bucket, key, request.query.get("versionId"))
        if request.headers.get("if-match", found.etag).strip('"') != found.etag:
            raise S3Error(412, "PreconditionFailed")
        headers, size = described(found, request), found.size
        if "partNumber" in request.query and found.parts:
            headers["x-amz-mp-parts-count"] = str(len(found.parts))
            size = found.parts[int(request.query["partNumber"]) - 1]
        return Response(200, headers=headers | {"content-length": str(size)})

    def get(self, request: Request, bucket: str, key: str) -> Call:
        yield self._figures.head
        found = self._store.find(bucket, key, request.query.get("versionId"))
        if found.is_archived:
            raise S3Error(403, "InvalidObjectState")
        first, end = byte_range(request.headers.get("range"), found.size)
        if found.body is None and end - first > MIB:
            raise S3Error(501, "NotImplemented", "the model has no bytes; ask for up to 1 MiB")
        headers = described(found, request)
        if "range" in request.headers:
            headers["content-range"] = f"bytes {first}-{end - 1}/{found.size}"
        body = bytes(end - first) if found.body is None else found.body[first:end]
        return Response(206 if "range" in request.headers else 200, body, headers)

    def put(self, request: Request, bucket: str, key: str) -> Call:
        yield self._figures.write
        headers = copied(request.headers) + asked_for(request.headers)
        tags = tags_of_header(request)
        made = new_object(request.body, headers, tags, algorithm_of(request))
        made = self._store.put(bucket, key, made)
        return Response(
            200, headers={"etag": f'"{made.etag}"', **version("x-amz-version-id", made)}
        )

    def copy(self, request: Request, bucket: str, key: str) -> Call:
        source = copy_source(request, self._store)
        if source_of(request)[:2] == (bucket, key) and not request.headers.keys() & CHANGES:
            raise S3Error(400, "InvalidRequest", "a copy to itself that changes nothing")
        if source.size > MAX_COPY_BYTES:
            raise S3Error(
                400,
                "InvalidRequest",
                "The specified copy source is larger than the maximum allowable size for a copy "
                f"source: {MAX_COPY_BYTES}",
            )
        headers, tags = copied(dict(source.headers)), source.tags
        if request.headers.get("x-amz-metadata-directive") == "REPLACE":
            headers = copied(request.headers)
        if request.headers.get("x-amz-tagging-directive") == "REPLACE":
            tags = tags_of_header(request)
        algorithm = source.algorithm
        if algorithm is None or "x-amz-checksum-algorithm" in request.headers:
            algorithm = algorithm_of(request)
        yield self._figures.copy_seconds(source.size)
        made = self._store.put(
            bucket,
            key,
            Object(
                source.size,
                source.content,
                source.content,
                source.body,
                headers + asked_for(request.headers),
                tags,
                algorithm,
            ),
        )
        return xml(
            "CopyObjectResult",
            elements(
                ETag=f'"{made.etag}"',
                LastModified=iso(made.modified_at),
                ChecksumCRC64NVME=made.checksum if algorithm == "crc64nvme" else None,
                ChecksumType="FULL_OBJECT",
            ),
            version("x-amz-version-id", made) | version("x-amz-copy-source-version-id", source),
        )

    def list_objects(self, request: Request, bucket: str, _key: str) -> Call:
        yield self._figures.listing
        query, encoded = request.query, Encoding(request)
        after = unquote(query.get("continuation-token", "")) or query.get("start-after", "")
        size = min(self._page, int(query.get("max-keys") or self._page))
        listed = self._store.bucket(bucket).listed(query.get("prefix", ""), after)
        page = list(islice(listed, size))
        is_cut = next(listed, None) is not None
        objects = (
            elements(
                Key=encoded(key),
                LastModified=iso(found.modified_at),
                ETag=f'"{found.etag}"',
                ChecksumAlgorithm=found.algorithm and found.algorithm.upper(),
                ChecksumType="FULL_OBJECT",
                Size=found.size,
                StorageClass=dict(found.headers).get(STORAGE_CLASS, "STANDARD"),
            )
            for key, found in page
        )
        about = elements(
            Name=bucket,
            KeyCount=len(page),
            MaxKeys=size,
            IsTruncated=str(is_cut).lower(),
            NextContinuationToken=quote(page[-1][0]) if is_cut else None,
        )
        return xml("ListBucketResult", about + encoded.elements() + nested("Contents", objects))

    def list_versions(self, request: Request, bucket: str, _key: str) -> Call:
        yield self._figures.listing
        query, encoded = request.query, Encoding(request)
        found = list(self._store.bucket(bucket).versions(query.get("prefix", "")))
        if "key-marker" in query:
            marker = query["key-marker"], query["version-id-marker"]
            found = found[[(key, each.version_id) for key, each in found].index(marker) + 1 :]
        page = found[: self._page]
        is_cut = len(found) > len(page)
        listed = "".join(
            nested(
                "DeleteMarker" if each.is_delete_marker else "Version",
                [elements(Key=encoded(key), VersionId=each.version_id)],
            )
            for key, each in page
        )
        last_key, last = page[-1] if page else ("", Object(0, "", ""))
        about = elements(
            IsTruncated=str(is_cut).lower(),
            NextKeyMarker=encoded(last_key) if is_cut else None,
            NextVersionIdMarker=last.version_id if is_cut else None,
        )
        return xml("ListVersionsResult", about + encoded.elements() + listed)

    def get_tags(self, request: Request, bucket: str, key: str) -> Call:
        yield self._figures.head
        found = self._store.find(bucket, key, request.query.get("versionId"))
        tags = nested("Tag", (elements(Key=name, Value=value) for name, value in found.tags))
        return xml("Tagging", f"<TagSet>{tags}</TagSet>", version("x-amz-version-id", found))

    def put_tags(self, request: Request, bucket: str, key: str) -> Call:
        tags = tuple(
            (tag.findtext("{*}Key", ""), tag.findtext("{*}Value", ""))
            for tag in parse(request).iterfind("{*}TagSet/{*}Tag")
        )
        yield self._figures.write
        current = self._store.bucket(bucket).keys.get(key)
        if current and current[-1].is_delete_marker:
            raise S3Error(405, "MethodNotAllowed")
        self._store.tag(bucket, key, tags)
        return Response(200)

    def delete(self, request: Request, bucket: str, key: str) -> Call:
        yield self._figures.write
        deleted = self._store.delete(bucket, key, request.query.get("versionId"))
        if deleted is None:
            return Response(204)
        is_marker = deleted.is_delete_marker
        headers = marker(deleted) if is_marker else version("x-amz-version-id", deleted)
        return Response(204, headers=headers)

    def bucket(self, _request: Request, bucket: str, _key: str) -> Call:
        yield self._figures.head
        self._store.bucket(bucket)
        return Response(200)
