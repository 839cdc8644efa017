"""Two buckets that replicate each other: the worker of one direction and that of the other one.

Each bucket is the source of one direction and the destination of the other. What a worker writes has an
event of its own at the other side, which names the function that wrote it. Decisions are the shipped
ones, and so is the one about an echo.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from fanout.replicate.key_event import KeyEvent, is_echo

from model.explore import Table
from model.worker import SHIPPED, Busy, Decisions, Step, Workers
from model.world import Hint, Scenario, Source, Value

T = TypeVar("T")

SIDES = ("A", "B")
OWNER = "AWS:AROAOWNER:somebody"
FUNCTIONS = ("AWS:AROA1:to-b-11111111", "AWS:AROA2:to-a-22222222")
"""Who writes at B, and who at A, as S3's events name them."""
ENDINGS = ("-22222222", "-11111111")
"""What ends the name of the function of the other direction."""

Echo = Callable[[KeyEvent, str], bool]


class Event(NamedTuple):
    """A message about the key at one side."""

    hint: Hint
    writer: str | None


class Pair(NamedTuple):
    """Both buckets, the messages about each, and the worker that reads each; numbers of what they are.

    Attributes:
        queues: sets of messages.
        workers: what they are doing, 0 for nothing.
        owns: whether the object at the other side is the one that the worker of a side wrote.
        last: what the owner of the objects left the key as.
    """

    sides: tuple[int, int]
    queues: tuple[int, int]
    workers: tuple[int, int]
    owns: tuple[bool, bool]
    last: int


@dataclass(frozen=True)
class TwoWay:
    """What is explored.

    Attributes:
        writers: at which sides the owner changes the key.
        is_echo: tells what the other direction wrote.
        has_faults: whether workers die and messages are delivered twice.
    """

    scenario: Scenario
    writers: str = "A"
    decisions: Decisions = SHIPPED
    is_echo: Echo = is_echo
    has_faults: bool = False


@dataclass(frozen=True)
class Found:
    """What an exploration of both directions found."""

    states: int
    endings: int
    problem: str | None = None
    trace: tuple[str, ...] = ()


def explore_both_ways(what: TwoWay) -> Found:
    """Look at every state that can be reached, breadth first, until something is wrong."""
    explorer = _Explorer(what)
    states = [explorer.start()]
    parents: dict[Pair, tuple[Pair | None, str]] = {states[0]: (None, "")}
    endings = set()
    for state in states:
        for label, following in explorer.moves(state):
            if following not in parents:
                parents[following] = state, label
                states.append(following)
        if state.workers != (0, 0) or state.queues != (0, 0):
            continue
        endings.add(state.sides)
        problem = explorer.problem(state)
        if problem:
            return Found(len(states), len(endings), problem, explorer.way(parents, state))
    return Found(len(states), len(endings))


class _Explorer:
    def __init__(self, what: TwoWay) -> None:
        self._what = what
        self._scenario = what.scenario
        self._workers = Workers(what.scenario, what.decisions)
        self._sides: Table[Source] = Table()
        self._queues: Table[frozenset[Event]] = Table(frozenset())
        self._busy: Table[Busy | None] = Table(None)
        self._values: Table[Value | None] = Table(None)
        self._steps: dict[tuple[int, int, int, bool], list[Step]] = {}

    def start(self) -> Pair:
        source, replica = self._scenario.start()
        number = self._sides.number(_at_rest(source))
        last = self._values.number(replica)
        return Pair((number, number), (0, 0), (0, 0), (False, False), last)

    def way(self, parents: dict[Pair, tuple[Pair | None, str]], state: Pair) -> tuple[str, ...]:
        """How it came to a state."""
        here, there = (self._sides[side].current for side in state.sides)
        lines = [f"in the end: A {here or 'absent'}, B {there or 'absent'}"]
        before: Pair | None = state
        while before is not None:
            before, label = parents[before]
            lines.append(label or "at first: both are equal")
        return tuple(reversed(lines))

    def moves(self, state: Pair) -> Iterator[tuple[str, Pair]]:
        for here in (0, 1):
            if SIDES[here] in self._what.writers:
                yield from self._changed(state, here)
            if state.workers[here]:
                yield from self._worked(state, here)
            else:
                yield from self._received(state, here)

    def _changed(self, state: Pair, here: int) -> Iterator[tuple[str, Pair]]:
        for label, source, hint in self._scenario.changes(self._sides[state.sides[here]]):
            other = self._sides[state.sides[1 - here]]._replace(left=source.left)
            sides = _set(state.sides, 1 - here, self._sides.number(other))
            sides = _set(sides, here, self._sides.number(_at_rest(source)))
            last = self._values.number(source.current.value if source.current else None)
            owns = _set(state.owns, 1 - here, item=False)
            state_then = self._with_event(state, here, Event(hint, OWNER))
            following = state_then._replace(sides=sides, owns=owns, last=last)
            yield f"at {SIDES[here]} {label}", following

    def _with_event(self, state: Pair, here: int, event: Event) -> Pair:
        queue = self._queues.number(self._queues[state.queues[here]] | {event})
        return state._replace(queues=_set(state.queues, here, queue))

    def _received(self, state: Pair, here: int) -> Iterator[tuple[str, Pair]]:
        events = self._queues[state.queues[here]]
        for event in events:
            left = self._queues.number(events - {event})
            taken = state._replace(queues=_set(state.queues, here, left))
            key_event = KeyEvent("bucket", "key", "ObjectCreated:Put", writer=event.writer)
            if self._what.is_echo(key_event, ENDINGS[here]):
                yield f"from {SIDES[here]}: an echo", taken
                continue
            for label, busy in self._workers.receive(event.hint, None):
                workers = _set(state.workers, here, self._busy.number(busy))
                owns = _set(state.owns, here, item=False)
                # Delivered at least once: the message may stay.
                for before in (taken, state) if self._what.has_faults else (taken,):
                    following = before._replace(workers=workers, owns=owns)
                    yield f"from {SIDES[here]}: {label}", following

    def _worked(self, state: Pair, here: int) -> Iterator[tuple[str, Pair]]:
        source, other = state.sides[here], state.sides[1 - here]
        key = (state.workers[here], source, other, state.owns[here])
        if key not in self._steps:
            busy, current = self._busy[key[0]], self._sides[other].current
            assert busy is not None
            replica = current.value if current else None
            self._steps[key] = list(
                self._workers.steps(busy, self._sides[source], replica, owns=key[3])
            )
        for step in self._steps[key]:
            yield f"from {SIDES[here]}: {step.label}", self._after(state, here, step)
        if self._what.has_faults:
            dead = state._replace(workers=_set(state.workers, here, 0))
            returned = Event(Hint.RETURNED, None)
            yield f"from {SIDES[here]}: dies", self._with_event(dead, here, returned)

    def _after(self, state: Pair, here: int, step: Step) -> Pair:
        there = 1 - here
        side = self._sides[state.sides[there]]
        replica = side.current.value if side.current else None
        if step.replaces or step.replica != replica:
            hint = Hint.TOUCHED
            if step.replaces and step.replica is not None:
                hint = Hint.WROTE_A if step.replica.content == "A" else Hint.WROTE_B
            written = self._scenario.written(side, step.replica)._replace(left=side.left)
            number = self._sides.number(_at_rest(written))
            state = state._replace(
                sides=_set(state.sides, there, number), owns=_set(state.owns, there, item=False)
            )
            state = self._with_event(state, there, Event(hint, FUNCTIONS[here]))
        if step.comes_back or step.is_letter:
            state = self._with_event(state, here, Event(Hint.RETURNED, None))
        return state._replace(
            workers=_set(state.workers, here, self._busy.number(step.busy)),
            owns=_set(state.owns, here, step.owns),
        )

    def problem(self, state: Pair) -> str | None:
        here, there = (self._sides[side].current for side in state.sides)
        if (here and here.value) != (there and there.value):
            return "all is quiet, and the sides differ"
        is_last = (here.value if here else None) == self._values[state.last]
        if len(self._what.writers) == 1 and not is_last:
            return "all is quiet, and the last write of the only writer is lost"
        return None


def _at_rest(source: Source) -> Source:
    """With no seconds: equal content is told by its checksum here."""
    versions = tuple(version._replace(second=0) for version in source.versions)
    return source._replace(versions=versions, second=0, is_later=True)


def _set(pair: tuple[T, T], place: int, item: T) -> tuple[T, T]:
    return (item, pair[1]) if place == 0 else (pair[0], item)


def no_echo(event: KeyEvent, echo_ending: str) -> bool:
    """Takes every event for news. Broken."""
    del event, echo_ending
    return False
