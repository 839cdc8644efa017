"""Explores every interleaving of a scenario, breadth first, so that a trace found is a shortest one."""

from __future__ import annotations

import gc
import time
from array import array
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Generic, TypeVar

from model.worker import SHIPPED, Busy, Decisions, Request, Step, Workers
from model.world import Hint, Scenario, Source, Value

T = TypeVar("T", bound=Hashable)

State = tuple[int, ...]
"""Source, replica, queue, abandoned requests, then the workers, sorted: they are all alike. All but the
queue are numbers of what the explorer's tables hold; the lowest bit of a worker says whether the
replica there is the one it wrote."""

WORKERS = 4
IDLE = 0
HINTS = tuple(int(hint) for hint in Hint)
RETURNED = int(Hint.RETURNED)


class Table(Generic[T]):
    """Numbers for things, so that states are small."""

    def __init__(self, *first: T) -> None:
        self._numbers: dict[T, int] = {}
        self._things: list[T] = []
        for thing in first:
            self.number(thing)

    def number(self, thing: T) -> int:
        """The number of a thing, a new one if need be."""
        number = self._numbers.setdefault(thing, len(self._things))
        if number == len(self._things):
            self._things.append(thing)
        return number

    def __getitem__(self, number: int) -> T:
        return self._things[number]


@dataclass(frozen=True, slots=True)
class Move:
    """One step of anybody, as far as it does not depend on the rest of the state.

    Attributes:
        actor: the worker, or the abandoned requests, or the source afterwards: whoever moves.
        replaces: whether the replica is another object now, so that nobody else wrote it.
        adds: messages that are in the queue now.
    """

    label: str
    actor: int
    replica: int = 0
    adds: int = 0
    replaces: bool = False
    is_letter: bool = False
    problem: str = ""


@dataclass(frozen=True)
class Verdict:
    """What an exploration found.

    Attributes:
        endings: in how many ways, as the two sides go, all can be quiet.
        problem: what is wrong, or None.
        trace: the shortest way there.
        letter_trace: the shortest way to a letter that says that S3 copied wrongly, which it never
            does here; () when there is none.
    """

    scenario: Scenario
    states: int
    seconds: float = field(compare=False)
    endings: int
    problem: str | None = None
    trace: tuple[str, ...] = ()
    letter_trace: tuple[str, ...] = ()


def explore(
    scenario: Scenario, decisions: Decisions = SHIPPED, *, step_by_step: bool = False
) -> Verdict:
    """Look at every state that can be reached, until something is wrong.

    Args:
        step_by_step: also tell states apart that differ only in how far a worker has read a source
            that does not change any more.
    """
    return _Explorer(scenario, decisions, step_by_step=step_by_step).explore()


class _Explorer:
    """The states of one scenario and how they are connected."""

    def __init__(self, scenario: Scenario, decisions: Decisions, *, step_by_step: bool) -> None:
        self._scenario = scenario
        self._step_by_step = step_by_step
        self._workers = Workers(scenario, decisions)
        self._sources: Table[Source] = Table()
        self._replicas: Table[Value | None] = Table(None)
        self._busy: Table[Busy | None] = Table(None)
        self._requests: Table[tuple[Request, ...]] = Table(())
        # What happens to one part of a state depends on few others: each is worked out once.
        self._source_moves: dict[int, tuple[Move, ...]] = {}
        self._worker_moves: dict[tuple[int, int, int], tuple[Move, ...]] = {}
        self._landing_moves: dict[tuple[int, int, int], tuple[Move, ...]] = {}
        self._abandoning_moves: dict[tuple[int, int], tuple[Move, ...]] = {}
        self._receiving_moves: dict[tuple[int, int], tuple[Move, ...]] = {}
        self._last_reads: dict[tuple[int, int], tuple[Move, ...]] = {}
        self._kept: dict[tuple[int, int], bool] = {}
        self._alone: dict[tuple[int, int, int], Move | None] = {}
        self._rests: dict[tuple[int, int, int], bool] = {}

    def explore(self) -> Verdict:
        started = time.process_time()
        states = [self._start()]
        known = set(states)
        parents = array("q", [-1])
        problem = letter = None
        gc.disable()  # millions of tuples, all of which stay
        try:
            for number, state in enumerate(states):
                for move, _, following in self._moves(state):
                    following = _sorted(following)
                    if move.is_letter and letter is None:
                        letter = (number, following)
                    if following in known and not move.problem:
                        continue
                    known.add(following)
                    states.append(following)
                    parents.append(number)
                    problem = move.problem or self._problem(following)
                    if problem:
                        break
                if problem:
                    break
        finally:
            gc.enable()
        seconds = time.process_time() - started
        return Verdict(
            self._scenario,
            len(states),
            seconds,
            len(self._kept),
            problem,
            self._trace(states, parents, parents[-1], states[-1]) if problem else (),
            self._trace(states, parents, *letter) if letter else (),
        )

    def _start(self) -> State:
        source, replica = self._scenario.start()
        sides = self._sources.number(source), self._replicas.number(replica)
        return (*sides, 0, 0, *(IDLE,) * self._scenario.workers)

    # What can happen. Each move comes with the position of the worker who makes it and the state that
    # follows, in which the workers still have their positions.

    def _moves(self, state: State) -> Iterator[tuple[Move, int, State]]:
        source, replica, queue, requests, *workers = state
        for move in self._of_source(source):
            head = (move.actor, replica, queue | move.adds, requests)
            for following in self._reading_on((*head, *workers)):
                yield move, -1, following
        if requests:
            for move in self._of_requests(requests, source, replica):
                following = (source, move.replica, queue | move.adds, move.actor, *workers)
                if move.replaces:
                    following = _disowned(following, -1)
                yield move, -1, following
        for position, worker in enumerate(workers, WORKERS):
            if position > WORKERS and worker == state[position - 1]:
                continue  # what this worker can do, the one before it has done
            left, right = state[WORKERS:position], state[position + 1 :]
            if worker == IDLE:
                for hint in HINTS:
                    if queue & hint:
                        for move in self._of_receiving(hint, source):
                            for left_in_queue in (queue & ~hint, queue):
                                adds = left_in_queue | move.adds
                                head = (source, replica, adds, requests)
                                yield move, position, (*head, *left, move.actor, *right)
                continue
            for move in self._of_worker(worker, source, replica):
                head = (source, move.replica, queue | move.adds, requests)
                following = (*head, *left, move.actor, *right)
                if move.replaces:
                    following = _disowned(following, position)
                yield move, position, following
            for move in self._of_dying(worker, requests):
                head = (source, replica, queue | move.adds, move.actor)
                yield move, position, (*head, *left, IDLE, *right)

    def _of_source(self, source: int) -> tuple[Move, ...]:
        moves = self._source_moves.get(source)
        if moves is None:
            moves = self._source_moves[source] = tuple(
                Move(label, self._sources.number(then), adds=int(hint))
                for label, then, hint in self._scenario.changes(self._sources[source])
            )
        return moves

    def _of_receiving(self, hint: int, source: int) -> tuple[Move, ...]:
        key = (hint, source)
        moves = self._receiving_moves.get(key)
        if moves is None:
            moves = self._receiving_moves[key] = tuple(
                move
                for label, busy in self._workers.receive(Hint(hint))
                for move in self._reads_on(source, Move(label, self._worker(busy, owns=False)))
            )
        return moves

    def _of_worker(self, worker: int, source: int, replica: int) -> tuple[Move, ...]:
        key = (worker, source, replica)
        moves = self._worker_moves.get(key)
        if moves is None:
            moves = self._worker_moves[key] = tuple(
                move
                for step in self._workers.steps(
                    self._at_work(worker),
                    self._sources[source],
                    self._replicas[replica],
                    owns=bool(worker & 1),
                )
                for move in self._reads_on(source, self._move(step))
            )
        return moves

    def _move(self, step: Step) -> Move:
        return Move(
            step.label,
            self._worker(step.busy, owns=step.owns),
            self._replicas.number(step.replica),
            RETURNED if step.comes_back else 0,
            step.replaces,
            step.is_letter,
            step.problem,
        )

    def _reads_on(self, source: int, move: Move) -> Iterator[Move]:
        """With all that the worker reads next from a source that nobody changes any more.

        Whether it reads now or later makes no difference to anybody, and dying before or after it
        makes none either; so it reads at once, and there are far fewer states.
        """
        steps: list[Step] = []
        if move.actor != IDLE and self._is_read_at_once(source):
            steps = list(
                self._workers.steps_at_source(
                    self._at_work(move.actor),
                    self._sources[source],
                    self._replicas[move.replica],
                    owns=bool(move.actor & 1),
                )
            )
        if not steps:
            yield move
        for then in map(self._move, steps):
            both = replace(
                move,
                label=f"{move.label}; {then.label}",
                actor=then.actor,
                adds=move.adds | then.adds,
                is_letter=then.is_letter,
                problem=move.problem or then.problem,
            )
            yield from self._reads_on(source, both)

    def _is_read_at_once(self, source: int) -> bool:
        return not self._step_by_step and not self._of_source(source)

    def _reading_on(self, state: State) -> Iterator[State]:
        """The same for all workers, if the source has just changed for the last time."""
        source, replica, queue, requests, *workers = state
        if not self._is_read_at_once(source):
            yield state
            return
        ends = []
        for worker in workers:
            key = (worker, source)
            moves = self._last_reads.get(key)
            if moves is None:
                moves = self._last_reads[key] = tuple(self._reads_on(source, Move("", worker)))
            ends.append(moves)
        for end in product(*ends):
            adds = queue
            for move in end:
                adds |= move.adds
            yield (source, replica, adds, requests, *(move.actor for move in end))

    def _of_dying(self, worker: int, requests: int) -> tuple[Move, ...]:
        key = (worker >> 1, requests)
        moves = self._abandoning_moves.get(key)
        if moves is None:
            busy = self._at_work(worker)
            found = [Move("dies", requests, adds=RETURNED)]
            others = self._requests[requests]
            request = self._workers.abandoned(busy)
            if request is not None and len(others) < self._scenario.abandoned:
                number = self._requests.number(tuple(sorted((*others, request), key=repr)))
                adds = 0 if request.has_message else RETURNED
                found.append(Move("dies, and S3 is still at work", number, adds=adds))
            moves = self._abandoning_moves[key] = tuple(found)
        return moves

    def _of_requests(self, requests: int, source: int, replica: int) -> tuple[Move, ...]:
        key = (requests, source, replica)
        moves = self._landing_moves.get(key)
        if moves is None:
            moves = self._landing_moves[key] = tuple(
                self._landing(n, requests, source, replica)
                for n in range(len(self._requests[requests]))
            )
        return moves

    def _landing(self, which: int, requests: int, source: int, replica: int) -> Move:
        found = list(self._requests[requests])
        request = found.pop(which)
        landing = self._workers.landing(request, self._sources[source], self._replicas[replica])
        if landing.request is not None:
            found.append(landing.request)
        return Move(
            landing.label,
            self._requests.number(tuple(sorted(found, key=repr))),
            self._replicas.number(landing.replica),
            RETURNED if landing.request is None and request.has_message else 0,
            landing.replaces,
        )

    def _at_work(self, worker: int) -> Busy:
        busy = self._busy[worker >> 1]
        assert busy is not None
        return busy

    def _worker(self, busy: Busy | None, *, owns: bool) -> int:
        return IDLE if busy is None else self._busy.number(busy) << 1 | owns

    # What must not be

    def _problem(self, state: State) -> str | None:
        source, replica, queue, requests, *workers = state
        if not queue and not requests and not any(workers):
            sides = (source, replica)
            is_kept = self._kept.get(sides)
            if is_kept is None:
                is_kept = self._kept[sides] = self._scenario.is_kept(
                    self._sources[source], self._replicas[replica]
                )
            if not is_kept:
                return "all is quiet, and the replica is wrong"
        if not self._comes_to_rest(source, replica, queue, requests, workers):
            return "the source rests and one worker at a time is left alone, yet it never ends"
        return None

    def _comes_to_rest(
        self, source: int, replica: int, queue: int, requests: int, workers: Iterable[int]
    ) -> bool:
        """Whether all ends if the source rests, nobody dies and workers work one after the other."""
        if self._sources[source].is_lost:
            return True  # its messages wait for somebody to bring it back
        disown = False
        while requests:
            move = self._of_requests(requests, source, replica)[0]
            requests, replica, queue = move.actor, move.replica, queue | move.adds
            disown = disown or move.replaces
        for move in self._of_source(source):
            if self._sources[move.actor].left == self._sources[source].left:
                source = move.actor  # no operation: a second passes
                break
        for worker in workers:
            if worker != IDLE:
                end = self._left_alone(worker & ~disown, source, replica)
                if end is None:
                    return False
                replica, queue, disown = end.replica, queue | end.adds, disown or end.replaces
        key = (source, replica, queue)
        rests = self._rests.get(key)
        if rests is None:
            rests = self._rests[key] = self._queue_empties(source, replica, queue)
        return rests

    def _queue_empties(self, source: int, replica: int, queue: int) -> bool:
        seen = set()
        while queue:
            if (replica, queue) in seen:
                return False
            seen.add((replica, queue))
            hint = queue & -queue
            end = self._left_alone(self._of_receiving(hint, source)[0].actor, source, replica)
            if end is None:
                return False
            replica, queue = end.replica, queue & ~hint | end.adds
        return True

    def _left_alone(self, worker: int, source: int, replica: int) -> Move | None:
        """What a worker whom nobody disturbs has done in the end; None when there is no end."""
        key = (worker, source, replica)
        if key in self._alone:
            return self._alone[key]
        seen = set()
        adds, replaces = 0, False
        while worker != IDLE:
            if (worker, replica) in seen:
                self._alone[key] = None
                return None
            seen.add((worker, replica))
            move = self._of_worker(worker, source, replica)[0]
            worker, replica, adds = move.actor, move.replica, adds | move.adds
            replaces = replaces or move.replaces
        end = self._alone[key] = Move("", IDLE, replica, adds, replaces)
        return end

    # How it came to that

    def _trace(
        self, states: list[State], parents: array[int], before_last: int, last: State
    ) -> tuple[str, ...]:
        path = [before_last]
        while parents[path[-1]] >= 0:
            path.append(parents[path[-1]])
        steps = [states[number] for number in reversed(path)]
        names = [f"worker {n}" for n in range(1, self._scenario.workers + 1)]
        lines = [f"at first: {self._sides(steps[0])}"]
        for before, after in zip(steps, [*steps[1:], last], strict=True):
            # Of several moves that lead there, the one that must not be comes first.
            move, position, following = max(
                (found for found in self._moves(before) if _sorted(found[2]) == after),
                key=lambda found: (bool(found[0].problem), found[0].is_letter),
            )
            name = "" if position < 0 else names[position - WORKERS] + " "
            lines.append(f"{name}{move.label}")
            order = sorted(zip(following[WORKERS:], names, strict=True), key=lambda pair: pair[0])
            names = [name for _, name in order]
        return (*lines, f"in the end: {self._sides(last)}")

    def _sides(self, state: State) -> str:
        source, replica = self._sources[state[0]], self._replicas[state[1]]
        return f"source {source.current or 'absent'}, replica {replica or 'absent'}"


def _sorted(state: State) -> State:
    if len(state) == WORKERS + 2:
        return state if state[-2] <= state[-1] else (*state[:-2], state[-1], state[-2])
    return (*state[:WORKERS], *sorted(state[WORKERS:]))


def _disowned(state: State, position: int) -> State:
    """With no worker but the one at the position owning the replica."""
    return tuple(
        part & ~1 if number >= WORKERS and number != position else part
        for number, part in enumerate(state)
    )
