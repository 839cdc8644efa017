"""What S3 says about an object, and whether two objects are equal.

An object is read from the headers of its HEAD answer.
"""

from __future__ import annotations

import re
from calendar import timegm
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from time import strptime

from ..common.config import ARCHIVES, ReplicaSettings, SameAs

Tags = tuple[tuple[str, str], ...]

CONTENT_HEADERS = {
    "cache-control": "CacheControl",
    "content-disposition": "ContentDisposition",
    "content-encoding": "ContentEncoding",
    "content-language": "ContentLanguage",
    "content-type": "ContentType",
    "expires": "Expires",
    "x-amz-website-redirect-location": "WebsiteRedirectLocation",
}
"""What is compared of an object's headers, with the names of their parameters."""

METADATA_PREFIX = "x-amz-meta-"
CHECKSUM_PREFIX = "x-amz-checksum-"

_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class ObjectState:
    """An object as one HEAD answer (and one reading of its tags) shows it.

    Attributes:
        etag: as S3 writes it, with quotes.
        last_modified: the HTTP date, whose grain is one second.
        version_id: None where there is none and where it is ``null``. Every object written while
            versioning is off or suspended has that id, so it identifies nothing (User Guide, "Adding
            objects to versioning-suspended buckets").
        checksums: full-object checksums, as (algorithm, value).
        headers: content headers and user metadata, as (lower-case name, value), sorted.
        tags: sorted; empty as well when S3 shows none.
        encryption: ``AES256``, ``aws:kms`` or ``aws:kms:dsse``; None when S3 does not say.
        kms_key_id: the KMS key as the answer names it, usually by its ARN.
        answered_at: the HTTP date of the answer.
    """

    etag: str
    size: int
    last_modified: str
    version_id: str | None
    checksums: frozenset[tuple[str, str]]
    headers: tuple[tuple[str, str], ...]
    storage_class: str
    encryption: str | None
    kms_key_id: str | None
    answered_at: str
    tags: Tags = ()

    @classmethod
    def from_headers(cls, headers: Mapping[str, str]) -> ObjectState:
        """Read an object from the headers of a HEAD (or GET) answer.

        Args:
            headers: lower-case names.
        """
        is_composite = headers.get("x-amz-checksum-type") == "COMPOSITE"
        items = sorted(headers.items())
        return cls(
            etag=headers["etag"],
            size=int(headers["content-length"]),
            last_modified=headers["last-modified"],
            version_id=unique_version_id(headers.get("x-amz-version-id")),
            checksums=frozenset(
                (name.removeprefix(CHECKSUM_PREFIX), value)
                for name, value in items
                if name.startswith(CHECKSUM_PREFIX)
                and not (is_composite or name == CHECKSUM_PREFIX + "type" or "-" in value)
            ),
            headers=tuple(
                (name, value)
                for name, value in items
                if name in CONTENT_HEADERS or name.startswith(METADATA_PREFIX)
            ),
            storage_class=headers.get("x-amz-storage-class", "STANDARD"),
            encryption=headers.get("x-amz-server-side-encryption"),
            kms_key_id=headers.get("x-amz-server-side-encryption-aws-kms-key-id"),
            answered_at=headers.get("date", headers["last-modified"]),
        )

    @property
    def identity(self) -> tuple[object, ...]:
        """What two observations of the same object have in common (its tags apart)."""
        if self.version_id is not None:
            return (self.version_id,)
        return (self.etag, self.last_modified, self.size, self.headers)

    @property
    def identity_is_unique(self) -> bool:
        """Whether nothing else can ever have this identity.

        Without a version id an object written, changed and written back within one second of
        ``LastModified`` looks untouched, unless that second was over when S3 answered.
        """
        if self.version_id is not None:
            return True
        answered, modified = http_seconds(self.answered_at), http_seconds(self.last_modified)
        return answered is not None and modified is not None and answered > modified

    @property
    def etag_is_md5(self) -> bool:
        """Whether the ETag is the MD5 of the content (API reference, "Object": ETag)."""
        return "-" not in self.etag and self.encryption in (None, "AES256")

    @property
    def parts(self) -> int:
        """In how many parts it was uploaded, as its ETag says."""
        number = self.etag.strip('"').partition("-")[2]
        return int(number) if number.isdecimal() else 1

    @property
    def redirect(self) -> str | None:
        """The website redirect location, which CopyObject does not copy by itself."""
        return dict(self.headers).get("x-amz-website-redirect-location")


@dataclass(frozen=True, slots=True)
class Lineage:
    """The replica this invocation wrote last, and the source object it was made from.

    Attributes:
        source: identity of the source object, or None when it was not known to be unique.
        etag: of the replica.
        version_id: of the replica, None as in ``ObjectState``.
    """

    source: tuple[object, ...] | None
    etag: str
    version_id: str | None

    def proves(self, source: ObjectState, replica: ObjectState | None) -> bool:
        """Whether the replica is what was written, from what the source still is."""
        return self.source is not None and self.source == source.identity and self.is_of(replica)

    def is_of(self, replica: ObjectState | None) -> bool:
        """Whether the replica is what was written."""
        if replica is None:
            return False
        if self.version_id is not None:
            return self.version_id == replica.version_id
        return self.etag == replica.etag


class Difference(Enum):
    """What has to be written to make a replica equal to its source."""

    NOTHING = "nothing"
    TAGS = "tags"
    OBJECT = "object"
    UNKNOWN = "unknown"
    """All else is equal, and nothing tells whether the content is."""


def http_seconds(http_date: str) -> int | None:
    """Seconds since the epoch; None for what is no date as HTTP writes it (RFC 9110, 5.6.7)."""
    try:
        return timegm(strptime(http_date, "%a, %d %b %Y %H:%M:%S GMT"))
    except ValueError:
        return None


def unique_version_id(given: str | None) -> str | None:
    """A version id that identifies an object, or None (``null`` identifies nothing)."""
    return None if given in (None, "null") else given


def has_delete_marker(headers: Mapping[str, str]) -> bool:
    """Whether HEAD answered 404 because of a delete marker, so that older versions may be there.

    While versioning is suspended a delete replaces the newest object by a marker ``null``. What
    survives then is older than what was deleted.
    """
    is_marker = headers.get("x-amz-delete-marker") == "true"
    return is_marker and unique_version_id(headers.get("x-amz-version-id")) is not None


def character_not_in_xml(key: str) -> str | None:
    """The first character of a key that XML cannot hold, or None.

    S3 writes such a character into its answers all the same (API reference, ListObjectsV2,
    ``EncodingType``), and no reader of XML takes them.
    """
    found = _NOT_IN_XML.search(key)
    return None if found is None else found[0]


def compare_objects(
    source: ObjectState,
    replica: ObjectState | None,
    settings: ReplicaSettings,
    *,
    is_copy: bool = False,
) -> Difference:
    """What has to be written to make ``replica`` equal to ``source``.

    A multipart ETag or one under KMS says nothing about content.

    Args:
        is_copy: whether the replica is known to have been copied from this very object.
    """
    if replica is None or source.size != replica.size or source.headers != replica.headers:
        return Difference.OBJECT
    is_equal = _has_same_content(source, replica)
    if is_equal is False or not _is_stored_as_asked(source, replica, settings):
        return Difference.OBJECT
    if is_equal is None and not is_copy:
        return Difference.UNKNOWN
    has_other_tags = settings.replicate_tags and source.tags != replica.tags
    return Difference.TAGS if has_other_tags else Difference.NOTHING


def storage_class_for(source: ObjectState | None, settings: ReplicaSettings) -> str | None:
    """The class to write a replica with; None for S3's default.

    Args:
        source: the object to copy, or None when it was not observed.
    """
    if not isinstance(settings.storage_class, SameAs):
        return settings.storage_class
    return None if source is None else source.storage_class


def _is_stored_as_asked(
    source: ObjectState, replica: ObjectState, settings: ReplicaSettings
) -> bool:
    """Whether storage class and KMS key are right.

    A class is asked for when a replica is written. Afterwards lifecycle rules may move the object at
    either side. So only a replica that is still in the default class counts as written wrongly.
    """
    asked = storage_class_for(source, settings)
    is_archived = settings.storage_class is SameAs.SOURCE and asked in ARCHIVES
    if replica.storage_class == "STANDARD" and asked not in (None, "STANDARD") and not is_archived:
        return False
    return settings.kms_key_arn in (None, replica.kms_key_id)


def _has_same_content(one: ObjectState, other: ObjectState) -> bool | None:
    """Whether the content is equal, as far as ETags and checksums tell; None where nothing does.

    Of objects whose CRC is equal the MD5 can differ still, so all that can be compared has to be equal.
    """
    ones, others = dict(one.checksums), dict(other.checksums)
    equal = [ones[algorithm] == others[algorithm] for algorithm in ones.keys() & others.keys()]
    if one.etag_is_md5 and other.etag_is_md5:
        equal.append(one.etag == other.etag)
    return all(equal) if equal else None
