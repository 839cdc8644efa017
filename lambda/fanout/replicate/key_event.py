"""Something that happened to a key, as a message reports it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from .upload_plan import is_copied_in_parts


class EventKind(Enum):
    """What happened to a key, as far as it makes a difference."""

    PUT = "put"
    """One client request wrote the object."""
    REMOVAL = "removal"
    """The object was deleted or has expired."""
    TAGGING = "tagging"
    """Only the object's tags changed."""
    OTHER = "other"
    """Anything else, such as a multipart upload or a message of this module."""


@dataclass(frozen=True, slots=True)
class KeyEvent:
    """Something happened to a key.

    Attributes:
        event_name: S3's name for it without the ``s3:`` prefix, such as ``ObjectCreated:Put``.
        etag: the object's ETag as the event has it (no quotes), or None.
        size: the object's size in bytes as the event has it, or None.
        time: when it happened, in seconds since the epoch, or None.
        writer: who did it, as S3's event has it, or None; see ``is_echo``.
        upload_id: the multipart upload that the delivery before this one left to it, or None.
        was_large: whether another event of the same delivery was about a large object.
        sent_at: when its message was sent, in seconds since the epoch, or None.
        receives: how often its message was received, this time included; see ``QueueMessage``.
        was_put_off: whether it was sent anew since.
    """

    bucket: str
    key: str
    event_name: str
    etag: str | None = None
    size: int | None = None
    time: float | None = None
    writer: str | None = None
    upload_id: str | None = None
    was_large: bool = False
    sent_at: float | None = None
    receives: int = 1
    was_put_off: bool = False

    @property
    def kind(self) -> EventKind:
        """By its name."""
        if self.event_name in ("ObjectCreated:Put", "ObjectCreated:Post"):
            return EventKind.PUT
        if self.event_name.startswith(("ObjectRemoved:", "LifecycleExpiration:")):
            return EventKind.REMOVAL
        is_tagging = self.event_name.startswith("ObjectTagging:")
        return EventKind.TAGGING if is_tagging else EventKind.OTHER

    @property
    def is_first_delivery(self) -> bool:
        """Whether nobody has processed its message before."""
        return self.receives == 1 and not self.was_put_off

    @property
    def notified_at(self) -> float | None:
        """When its message was sent or, without one, when it happened; None if neither is known."""
        return self.time if self.sent_at is None else self.sent_at

    @property
    def is_of_large(self) -> bool:
        """Whether the object is or was copied in parts, as far as messages say."""
        return self.was_large or self.upload_id is not None or is_copied_in_parts(self.size)

    @property
    def is_small_put(self) -> bool:
        """Whether one client request wrote an object that one CopyObject is for."""
        is_known = self.etag is not None and self.size is not None
        return self.kind is EventKind.PUT and is_known and not is_copied_in_parts(self.size)

    def followed_by(self, last: KeyEvent) -> KeyEvent:
        """Another event of the key, which counts instead."""
        sent = [at for at in (self.sent_at, last.sent_at) if at is not None]
        return replace(
            last,
            upload_id=last.upload_id or self.upload_id,
            was_large=self.is_of_large or last.was_large,
            sent_at=max(sent, default=None),
            receives=max(self.receives, last.receives),
            was_put_off=self.was_put_off or last.was_put_off,
        )


def is_echo(event: KeyEvent, echo_ending: str) -> bool:
    """Whether the function that copies the other way made the change.

    Then it is no news: that function observes both sides after its last write, and is the one to see
    what was written here meanwhile. To copy it back would undo that.

    Args:
        event: its ``writer`` is ``AWS:<id of a role>:<session>`` if a role made the change, and the
            session of a function's role has the function's name.
        echo_ending: what ends the name of that function.
    """
    return event.writer is not None and event.writer.endswith(echo_ending)
