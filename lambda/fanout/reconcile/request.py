"""What reconcile is asked to do, and how far an earlier invocation has come with it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from .compare import ListingDifference

Json = dict[str, Any]

ALL_DESTINATIONS = "all"
MAX_EXAMPLES = 8
"""Keys that are reported of each difference. They travel in an asynchronous invocation, which holds
256 KB: 5 differences with 8 keys of 1,024 bytes, each byte written as \\u00xx at worst."""

_FIELDS = ("destination", "mode", "prefix", "delete_extra", "progress")


class RunRequestError(Exception):
    """The event does not say what to do; the message says what to write."""


class Mode(StrEnum):
    """What a run does with the keys that differ."""

    AUDIT = "audit"
    """Count them."""
    REPAIR = "repair"
    """Count and enqueue them."""


class Phase(StrEnum):
    """What a run is doing."""

    COMPARE = "compare"
    """Compare, and in a repair enqueue the keys that differ."""
    DELETE = "delete"
    """List once more and enqueue the extra keys, whose number is known now."""


@dataclass
class Tally:
    """What was found and done so far, over all invocations of a run.

    Attributes:
        differences: how many keys differ, by ``ListingDifference``.
        examples: the first keys of each; of an extra one the key at the destination.
        queued: keys that were sent to the destination's function.
        deletes_queued: of those, the ones without a source object.
        seconds: time spent, without the waiting between invocations.
    """

    listed_source: int = 0
    listed_destination: int = 0
    differences: dict[str, int] = field(default_factory=lambda: dict.fromkeys(ListingDifference, 0))
    examples: dict[str, list[str]] = field(
        default_factory=lambda: {difference: [] for difference in ListingDifference}
    )
    queued: int = 0
    deletes_queued: int = 0
    invocations: int = 0
    seconds: float = 0.0

    def count(self, difference: ListingDifference, key: str) -> None:
        """Count a key that differs."""
        self.differences[difference] += 1
        if len(self.examples[difference]) < MAX_EXAMPLES:
            self.examples[difference].append(key)


@dataclass
class RunProgress:
    """How far a run has come.

    Attributes:
        after: the source key up to which, itself included, the phase is done; "" at its beginning.
    """

    phase: Phase = Phase.COMPARE
    after: str = ""
    tally: Tally = field(default_factory=Tally)

    def to_json(self) -> Json:
        """As it travels to the next invocation."""
        return {"phase": self.phase, "after": self.after} | vars(self.tally)

    @classmethod
    def from_json(cls, given: Any) -> RunProgress:
        """Read what ``to_json`` wrote.

        Raises:
            RunRequestError: it is something else.
        """
        try:
            tally = Tally(**{name: given[name] for name in vars(Tally())})
            phase, after = Phase(given["phase"]), given["after"]
            counts = (
                tally.listed_source,
                tally.listed_destination,
                tally.queued,
                tally.invocations,
            )
            if (
                not isinstance(after, str)
                or not all(isinstance(count, int) for count in counts)
                or set(tally.differences) != set(ListingDifference)
                or set(tally.examples) != set(ListingDifference)
            ):
                raise ValueError
            return cls(phase, after, tally)
        except (KeyError, TypeError, ValueError) as error:
            raise RunRequestError(
                "progress is not what an earlier invocation wrote: copy the whole of `next` from its "
                "answer or log line, or leave progress out to begin at the beginning."
            ) from error


@dataclass(frozen=True)
class RunRequest:
    """What to do.

    Attributes:
        destination: its key in the module's ``destinations``, or ``ALL_DESTINATIONS``.
        prefix: only source keys that start with this.
        delete_extra: whether replicas without a source object are enqueued as well.
        progress: the beginning, or what an earlier invocation has reached.
    """

    destination: str
    mode: Mode
    prefix: str
    delete_extra: bool
    progress: RunProgress

    def to_event(self) -> Json:
        """The event that continues this run."""
        return vars(self) | {"progress": self.progress.to_json()}


def parse_request(event: Any, destinations: Collection[str], *, may_delete: bool) -> RunRequest:
    """Read an event.

    Args:
        event: ``destination`` and ``mode``; optional ``prefix``, ``delete_extra`` and ``progress``.
        destinations: the keys of the module's destinations.
        may_delete: whether the module's ``reconcile.delete_extra`` is true.

    Raises:
        RunRequestError: the event is something else.
    """
    if not isinstance(event, dict):
        raise RunRequestError('Write an object, as in {"destination": "all", "mode": "audit"}.')
    unknown = sorted(str(name) for name in event.keys() - set(_FIELDS))
    if unknown:
        raise RunRequestError(f"{unknown[0]} is unknown: write only {', '.join(_FIELDS)}.")
    names = ", ".join(sorted(destinations))
    destination = event.get("destination")
    if not isinstance(destination, str) or destination not in (*destinations, ALL_DESTINATIONS):
        raise RunRequestError(
            f"destination is {_quoted(destination)}: write one of {names}, or {ALL_DESTINATIONS} for "
            "each of them."
        )
    mode = event.get("mode")
    if mode not in list(Mode):
        raise RunRequestError(
            f"mode is {_quoted(mode)}: write audit to count what differs, or repair to queue it too."
        )
    prefix = event.get("prefix", "")
    if not isinstance(prefix, str):
        raise RunRequestError(
            "prefix is not text: write the beginning of source keys, or leave it out."
        )
    delete_extra = event.get("delete_extra", False)
    if not isinstance(delete_extra, bool):
        raise RunRequestError("delete_extra is neither true nor false: write one of them.")
    if delete_extra:
        _check_delete(Mode(mode), may_delete=may_delete)
    begun = "progress" in event
    progress = RunProgress.from_json(event["progress"]) if begun else RunProgress()
    return RunRequest(destination, Mode(mode), prefix, delete_extra, progress)


def _check_delete(mode: Mode, *, may_delete: bool) -> None:
    if mode is Mode.AUDIT:
        raise RunRequestError(
            "An audit deletes nothing and counts extra objects anyway: leave delete_extra out, or "
            "write mode repair."
        )
    if not may_delete:
        raise RunRequestError(
            "delete_extra is off: write reconcile = { delete_extra = true } in the module as well, or "
            "leave it out here."
        )


def _quoted(given: object) -> str:
    return "missing" if given is None else repr(given)
