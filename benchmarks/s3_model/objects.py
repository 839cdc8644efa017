"""The S3 calls about objects, and how long each takes."""

from __future__ import annotations

import asyncio
from xml.sax.saxutils import escape

from .figures import Figures
from .http import Request, Response
from .store import MAX_COPY_BYTES, MIB, Object, S3Error, Store, md5, preserved
from .wire import PAGE, byte_range, copy_source, described, iso, parse, tags_of_header, version, xml


class Objects:
    """Answers to requests about objects and buckets.

    A copy reads its source when it begins and lands when it ends, whoever still listens.
    """

    def __init__(self, store: Store, figures: Figures) -> None:
        self._store = store
        self._figures = figures

    async def head(self, request: Request, bucket: str, key: str) -> Response:
        await asyncio.sleep(self._figures.head)
        found = self._store.find(bucket, key, request.query.get("versionId"))
        return Response(
            200, headers={**described(found, request), "content-length": str(found.size)}
        )

    async def get(self, request: Request, bucket: str, key: str) -> Response:
        await asyncio.sleep(self._figures.head)
        found = self._store.find(bucket, key, request.query.get("versionId"))
        first, end = byte_range(request.headers.get("range"), found.size)
        if end - first > MIB:
            raise S3Error(501, "NotImplemented", "the model has no bytes; ask for up to 1 MiB")
        headers = described(found, request)
        if "range" in request.headers:
            headers["content-range"] = f"bytes {first}-{end - 1}/{found.size}"
        return Response(206 if "range" in request.headers else 200, bytes(end - first), headers)

    async def copy(self, request: Request, bucket: str, key: str) -> Response:
        source = copy_source(request, self._store)
        self._store.bucket(bucket)
        if source.size > MAX_COPY_BYTES:
            raise S3Error(
                400,
                "InvalidRequest",
                "The specified copy source is larger than the maximum allowable size for a copy "
                f"source: {MAX_COPY_BYTES}",
            )
        headers, tags = source.headers, source.tags
        if request.headers.get("x-amz-metadata-directive") == "REPLACE":
            headers = preserved(request.headers)
        if request.headers.get("x-amz-tagging-directive") == "REPLACE":
            tags = tags_of_header(request)
        await asyncio.sleep(self._figures.copy_seconds(source.size))
        etag = md5(source.content) if "-" in source.etag else source.etag
        made = self._store.put(
            bucket, key, Object(source.size, source.content, etag, headers, tags)
        )
        return xml(
            "CopyObjectResult",
            f"<ETag>&quot;{made.etag}&quot;</ETag><LastModified>{iso(made.modified_at)}"
            f"</LastModified><ChecksumCRC64NVME>{made.checksum}</ChecksumCRC64NVME>"
            "<ChecksumType>FULL_OBJECT</ChecksumType>",
            version("x-amz-version-id", made) | version("x-amz-copy-source-version-id", source),
        )

    async def list_objects(self, request: Request, bucket: str, _key: str) -> Response:
        await asyncio.sleep(self._figures.listing)
        prefix = request.query.get("prefix", "")
        after = request.query.get("continuation-token") or request.query.get("start-after", "")
        size = min(PAGE, int(request.query.get("max-keys") or PAGE))
        keys = self._store.bucket(bucket).keys
        left = sorted(key for key in keys if key.startswith(prefix) and key > after)
        page = left[:size]
        token = ""
        if len(left) > size:
            token = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>"
        objects = "".join(
            f"<Contents><Key>{escape(key)}</Key>"
            f"<LastModified>{iso(keys[key][-1].modified_at)}</LastModified>"
            f"<ETag>&quot;{keys[key][-1].etag}&quot;</ETag><Size>{keys[key][-1].size}</Size>"
            "<StorageClass>STANDARD</StorageClass></Contents>"
            for key in page
        )
        return xml(
            "ListBucketResult",
            f"<Name>{bucket}</Name><Prefix>{escape(prefix)}</Prefix><KeyCount>{len(page)}</KeyCount>"
            f"<MaxKeys>{size}</MaxKeys>"
            f"<IsTruncated>{'true' if token else 'false'}</IsTruncated>{token}{objects}",
        )

    async def get_tags(self, request: Request, bucket: str, key: str) -> Response:
        await asyncio.sleep(self._figures.head)
        found = self._store.find(bucket, key, request.query.get("versionId"))
        tags = "".join(
            f"<Tag><Key>{escape(name)}</Key><Value>{escape(value)}</Value></Tag>"
            for name, value in found.tags
        )
        return xml("Tagging", f"<TagSet>{tags}</TagSet>", version("x-amz-version-id", found))

    async def put_tags(self, request: Request, bucket: str, key: str) -> Response:
        tags = tuple(
            (tag.findtext("{*}Key", ""), tag.findtext("{*}Value", ""))
            for tag in parse(request).iter()
            if tag.tag.endswith("}Tag") or tag.tag == "Tag"
        )
        await asyncio.sleep(self._figures.write)
        self._store.find(bucket, key)
        self._store.tag(bucket, key, tags)
        return Response(200)

    async def delete(self, _request: Request, bucket: str, key: str) -> Response:
        await asyncio.sleep(self._figures.write)
        self._store.delete(bucket, key)
        return Response(204)

    async def bucket(self, _request: Request, bucket: str, _key: str) -> Response:
        await asyncio.sleep(self._figures.head)
        self._store.bucket(bucket)
        return Response(200)
