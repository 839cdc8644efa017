"""Values of the function's own types, of which a test says what matters to it."""

from __future__ import annotations

from typing import Any, cast

from fanout.common.config import Config, Destination, Source, load
from fanout.replicate.failures import FailureKind, ReplicationError
from fanout.replicate.key_event import KeyEvent
from fanout.replicate.object_state import ObjectState, Tags
from fanout.replicate.outcome import Outcome
from fanout.replicate.progress import Ending, Finish

from .events import EVENT_SECONDS
from .objects import BODY, ETAG
from .settings import SOURCE_BUCKET, environment


def config(**changed: object) -> Config:
    """A configuration; ``changed`` are attributes of the destination."""
    return load(environment(**changed))


def source() -> Source:
    """The source of ``config``."""
    return config().source


def destination(**changed: object) -> Destination:
    """The destination of ``config``."""
    return config(**changed).destination


def state(
    *,
    etag: str = f'"{ETAG}"',
    size: int = len(BODY),
    last_modified: str = "Fri, 02 Jan 2026 03:04:05 GMT",
    version_id: str | None = None,
    checksums: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
    storage_class: str = "STANDARD",
    encryption: str | None = "AES256",
    kms_key_id: str | None = None,
    answered_at: str = "Fri, 02 Jan 2026 03:04:09 GMT",
    tags: Tags = (),
) -> ObjectState:
    """An object as HEAD shows it: small, plain, unversioned unless said otherwise."""
    return ObjectState(
        etag=etag,
        size=size,
        last_modified=last_modified,
        version_id=version_id,
        checksums=frozenset((checksums or {}).items()),
        headers=tuple(sorted((headers or {}).items())),
        storage_class=storage_class,
        encryption=encryption,
        kms_key_id=kms_key_id,
        answered_at=answered_at,
        tags=tags,
    )


def outcome(
    ending: Ending = Ending.COPIED,
    *,
    key: str = "key",
    event_time: float | None = EVENT_SECONDS,
    observed_at: float = EVENT_SECONDS + 1,
    notified_at: float | None = None,
    **changed: Any,
) -> Outcome:
    """How an attempt ended that copied an object; it observed as soon as it was notified."""
    sent_at = observed_at if notified_at is None else notified_at
    event = KeyEvent(SOURCE_BUCKET, key, "ObjectCreated:Put", time=event_time, sent_at=sent_at)
    usual: dict[str, Any] = {
        "event": event,
        "destination_key": "key",
        "finish": Finish(ending, len(BODY)),
        "calls": 3,
        "observed_at": observed_at,
    }
    return Outcome(**usual | changed)


def failure(
    kind: FailureKind, reason: str = "Reason", message: str = "because"
) -> ReplicationError:
    """A key's failure."""
    return ReplicationError(kind, cast(Any, reason), message, error="S3Code", request_id="REQUEST1")
