"""Explores every interleaving of a scenario, breadth first, so that a trace found is a shortest one."""

from __future__ import annotations

import gc
import time
from array import array
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Generic, TypeVar

from fanout.replicate.protocol import Finish

from model.parts import Parts, ending
from model.worker import (
    SHIPPED,
    Busy,
    Completed,
    Decisions,
    Request,
    Step,
    Uploads,
    Workers,
    is_in_parts,
)
from model.world import Hint, Scenario, Source, Value, kind_of

T = TypeVar("T", bound=Hashable)

State = tuple[int, ...]
"""Source, replica, queue, abandoned requests, uploads, then the workers, sorted: they are all alike. All
but the queue are numbers of what the explorer's tables hold.

A worker's number has, from its lowest bit on: whether the replica there is the one it wrote; whether a
hint is among its messages; for each upload, whether its message is; for each, whether it is one to
abort; what it is doing. The queue has a bit for each hint, then one for each upload.
"""

WORKERS = 5
IDLE = 0
OWNS = 1
HAS_HINT = 2
HELD = 2
"""Where the uploads of a worker begin."""
QUEUED = 4
"""Where the uploads in the queue begin."""
MOST_UPLOADS = 6
OLDER = HELD + MOST_UPLOADS
"""Where those begin that it is to abort, having completed a newer one."""
BUSY = OLDER + MOST_UPLOADS
ALL_UPLOADS = (1 << MOST_UPLOADS) - 1
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
    uploads: int = 0
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
        self._parts = Parts(scenario, self._workers)
        self._sources: Table[Source] = Table()
        self._replicas: Table[Value | None] = Table(None)
        self._busy: Table[Busy | None] = Table(None)
        self._requests: Table[tuple[Request, ...]] = Table(())
        self._uploads: Table[Uploads] = Table(())
        # What happens to one part of a state depends on few others: each is worked out once.
        self._source_moves: dict[int, tuple[Move, ...]] = {}
        self._worker_moves: dict[tuple[int, int, int, int], tuple[Move, ...]] = {}
        self._landing_moves: dict[tuple[int, int, int], tuple[Move, ...]] = {}
        self._abandoning_moves: dict[tuple[int, int, int], tuple[Move, ...]] = {}
        self._receiving_moves: dict[tuple[int, int, int], tuple[Move, ...]] = {}
        self._receptions: dict[int, tuple[tuple[int, int], ...]] = {}
        self._last_reads: dict[tuple[int, int, int], tuple[Move, ...]] = {}
        self._closed_uploads: dict[int, int] = {0: 0}
        self._used: dict[tuple[int, int], tuple[int, tuple[int, ...]]] = {}
        self._kept: dict[tuple[int, int], bool] = {}
        self._alone: dict[tuple[int, int, int, int], Move | None] = {}
        self._rests: dict[State, bool] = {}

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
                    if following not in known:
                        following = self._tidy(following)
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
        return (*sides, 0, 0, 0, *(IDLE,) * self._scenario.workers)

    # What can happen. Each move comes with the position of the worker who makes it and the state that
    # follows, in which the workers still have their positions.

    def _moves(self, state: State) -> Iterator[tuple[Move, int, State]]:
        source, replica, queue, requests, uploads, *workers = state
        for move in self._of_source(source):
            head = (move.actor, replica, queue | move.adds, requests, uploads)
            for following in self._reading_on((*head, *workers)):
                yield move, -1, following
        if requests:
            for move in self._of_requests(requests, source, replica):
                number = self._overtaken(uploads) if move.replaces else uploads
                head = (source, move.replica, queue | move.adds, move.actor, number)
                following = (*head, *workers)
                if move.replaces:
                    following = _disowned(following, -1)
                yield move, -1, following
        for position, worker in enumerate(workers, WORKERS):
            if position > WORKERS and worker == state[position - 1]:
                continue  # what this worker can do, the one before it has done
            left, right = state[WORKERS:position], state[position + 1 :]
            if worker == IDLE:
                for taken, left_in_queue in self._of_queue(queue):
                    for move in self._of_receiving(taken, source, uploads):
                        head = (source, replica, left_in_queue | move.adds, requests, uploads)
                        yield move, position, (*head, *left, move.actor, *right)
                continue
            for move in self._of_worker(worker, source, replica, uploads):
                if move.uploads and len(self._uploads[move.uploads]) > self._scenario.uploads:
                    continue
                head = (source, move.replica, queue | move.adds, requests, move.uploads)
                following = (*head, *left, move.actor, *right)
                if move.replaces:
                    following = _disowned(following, position)
                yield move, position, following
            for move in self._of_dying(worker, requests, uploads):
                head = (source, replica, queue | move.adds, move.actor, move.uploads)
                yield move, position, (*head, *left, IDLE, *right)

    def _of_source(self, source: int) -> tuple[Move, ...]:
        moves = self._source_moves.get(source)
        if moves is None:
            moves = self._source_moves[source] = tuple(
                Move(label, self._sources.number(then), adds=int(kind_of(hint, self._scenario)))
                for label, then, hint in self._scenario.changes(self._sources[source])
            )
        return moves

    def _of_queue(self, queue: int) -> tuple[tuple[int, int], ...]:
        """What can be received at once, and what is in the queue then.

        One hint, for several are as good as the last of them, with any uploads; any message may stay.
        """
        receptions = self._receptions.get(queue)
        if receptions is None:
            hints = [0, *(hint for hint in HINTS if queue & hint)]
            batches = [
                hint | named << QUEUED for named in _within(queue >> QUEUED) for hint in hints
            ]
            receptions = self._receptions[queue] = tuple(
                (taken, queue & ~taken | staying)
                for taken in batches
                if taken
                for staying in _within(taken)
            )
        return receptions

    def _of_receiving(self, taken: int, source: int, uploads: int) -> tuple[Move, ...]:
        key = (taken, source, uploads)
        moves = self._receiving_moves.get(key)
        if moves is None:
            named = taken >> QUEUED
            hint = Hint(taken & ~(named << QUEUED))
            there = [self._uploads[uploads][number] for number in _numbers(named)]
            carries = named << HELD | (HAS_HINT if hint else 0)
            moves = self._receiving_moves[key] = tuple(
                move
                for label, busy in self._workers.receive(hint, there)
                for move in self._reads_on(
                    source, Move(label, self._worker(busy, carries), uploads=uploads)
                )
            )
        return moves

    def _of_worker(self, worker: int, source: int, replica: int, uploads: int) -> tuple[Move, ...]:
        key = (worker, source, replica, uploads)
        moves = self._worker_moves.get(key)
        if moves is None:
            moves = self._worker_moves[key] = tuple(
                move
                for step in self._steps(
                    worker, self._sources[source], self._replicas[replica], uploads
                )
                for move in self._reads_on(source, self._move(step, worker, uploads))
            )
        return moves

    def _steps(
        self, worker: int, source: Source, replica: Value | None, uploads: int
    ) -> Iterable[Step]:
        busy, owns = self._at_work(worker), bool(worker & OWNS)
        there, held = self._uploads[uploads], _numbers(worker >> HELD & ALL_UPLOADS)
        if isinstance(busy.action, Finish):
            return self._parts.end(busy, replica, there, held)
        if is_in_parts(busy.action):
            if isinstance(busy.partial, Completed):
                older = _numbers(worker >> OLDER & ALL_UPLOADS)
                return self._parts.abort_older(busy, replica, there, older, owns=owns)
            return self._parts.copy(busy, source, replica, there, held, owns=owns)
        return self._workers.steps(busy, source, replica, owns=owns)

    def _move(self, step: Step, worker: int, uploads: int) -> Move:
        carries = worker & (ALL_UPLOADS << HELD | HAS_HINT)
        older = sum(1 << OLDER + number for number in step.older)
        adds = RETURNED if step.comes_back else 0
        if step.uploads is not None:
            uploads = self._uploads.number(step.uploads)
        if step.replaces:
            uploads = self._overtaken(uploads)
        if step.sends:
            adds |= 1 << QUEUED + len(self._uploads[uploads]) - 1
        if step.lets_go is not None:  # a message that names what is gone is a hint
            carries = carries & ~(1 << HELD + step.lets_go) | HAS_HINT
        busy = step.busy
        unused = carries & ~(self._closed(uploads) << HELD | HAS_HINT)
        if busy is None and unused:
            busy, adds = ending(comes_back=step.comes_back), adds & ~RETURNED
            carries = unused | (HAS_HINT if carries != unused else 0)
        return Move(
            step.label,
            IDLE if busy is None else self._worker(busy, carries | older | step.owns),
            self._replicas.number(step.replica),
            adds,
            uploads,
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
                    owns=bool(move.actor & OWNS),
                )
            )
        if not steps:
            yield move
        for step in steps:
            then = self._move(step, move.actor, move.uploads)
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
        source, replica, queue, requests, uploads, *workers = state
        if not self._is_read_at_once(source):
            yield state
            return
        ends = []
        for worker in workers:
            key = (worker, source, uploads)
            moves = self._last_reads.get(key)
            if moves is None:
                move = Move("", worker, uploads=uploads)
                moves = self._last_reads[key] = tuple(self._reads_on(source, move))
            ends.append(moves)
        for end in product(*ends):
            adds = queue
            for move in end:
                adds |= move.adds
            yield (source, replica, adds, requests, uploads, *(move.actor for move in end))

    def _of_dying(self, worker: int, requests: int, uploads: int) -> tuple[Move, ...]:
        key = (worker & ~OWNS, requests, uploads)
        moves = self._abandoning_moves.get(key)
        if moves is None:
            busy, there = self._at_work(worker), self._uploads[uploads]
            held = worker >> HELD & ALL_UPLOADS
            named = held << QUEUED
            adds = named | (RETURNED if worker & HAS_HINT else 0)
            if self._parts.is_done_with(busy, there, _numbers(held)):
                adds = 0
            found = [Move("dies", requests, adds=adds, uploads=uploads)]
            others = self._requests[requests]
            for request, then in self._abandoned(busy, there, _numbers(held)):
                if len(others) < self._scenario.abandoned:
                    number = self._requests.number(tuple(sorted((*others, request), key=repr)))
                    label = "dies, and S3 is still at work"
                    left = named if request.has_message else adds
                    found.append(Move(label, number, adds=left, uploads=self._uploads.number(then)))
            moves = self._abandoning_moves[key] = tuple(found)
        return moves

    def _abandoned(
        self, busy: Busy, uploads: Uploads, held: list[int]
    ) -> Iterator[tuple[Request, Uploads]]:
        if is_in_parts(busy.action):
            yield from self._parts.abandoned(busy, uploads, held)
            return
        request = self._workers.abandoned(busy)
        if request is not None:
            yield request, uploads

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
        busy = self._busy[worker >> BUSY]
        assert busy is not None
        return busy

    def _worker(self, busy: Busy, carries: int) -> int:
        return self._busy.number(busy) << BUSY | carries

    # Uploads

    def _closed(self, uploads: int) -> int:
        closed = self._closed_uploads.get(uploads)
        if closed is None:
            there = enumerate(self._uploads[uploads])
            closed = sum(1 << number for number, upload in there if not upload.is_open)
            self._closed_uploads[uploads] = closed
        return closed

    def _overtaken(self, uploads: int) -> int:
        """With the replica written after they were begun."""
        if not self._scenario.may_uploads_lose:
            return uploads
        return self._uploads.number(
            tuple(upload._replace(is_overtaken=upload.is_open) for upload in self._uploads[uploads])
        )

    def _tidy(self, state: State) -> State:
        """With what makes no difference set to one value."""
        return _sorted(self._tidied(state)) if state[4] else _sorted(state)

    def _tidied(self, state: State) -> State:
        """Without the uploads that nobody can name; a message that names what is gone is a hint."""
        source, replica, queue, requests, uploads, *workers = state
        named = queue >> QUEUED
        gone = named & self._closed(uploads)
        if gone:
            named &= ~gone
            queue = queue & (1 << QUEUED) - 1 | named << QUEUED | RETURNED
        used = named
        for worker in workers:
            used |= (worker >> HELD | worker >> OLDER) & ALL_UPLOADS
        key = (uploads, used)
        if key not in self._used:
            self._used[key] = self._without_unused(uploads, _numbers(used))
        left, moved = self._used[key]
        if left == uploads:
            return (source, replica, queue, requests, uploads, *workers)
        queue = queue & (1 << QUEUED) - 1 | moved[named] << QUEUED
        for n, worker in enumerate(workers):
            held, older = worker >> HELD & ALL_UPLOADS, worker >> OLDER & ALL_UPLOADS
            carries = worker & (1 << HELD) - 1 | moved[held] << HELD | moved[older] << OLDER
            workers[n] = worker >> BUSY << BUSY | carries
        return (source, replica, queue, requests, left, *workers)

    def _without_unused(self, uploads: int, used: list[int]) -> tuple[int, tuple[int, ...]]:
        """The uploads that are left, and what becomes of a set of them."""
        there = self._uploads[uploads]
        return self._uploads.number(tuple(there[number] for number in used)), tuple(
            sum(1 << place for place, number in enumerate(used) if members >> number & 1)
            for members in range(1 << MOST_UPLOADS)
        )

    # What must not be

    def _problem(self, state: State) -> str | None:
        source, replica, queue, requests, _, *workers = state
        if not queue and not requests and not any(workers):
            sides = (source, replica)
            is_kept = self._kept.get(sides)
            if is_kept is None:
                is_kept = self._kept[sides] = self._scenario.is_kept(
                    self._sources[source], self._replicas[replica]
                )
            if not is_kept:
                return "all is quiet, and the replica is wrong"
        if not self._comes_to_rest(state):
            return "the source rests and one worker at a time is left alone, yet it never ends"
        return None

    def _comes_to_rest(self, state: State) -> bool:
        """Whether all ends if the source rests, nobody dies and workers work one after the other."""
        source, replica, queue, requests, uploads, *workers = state
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
                end = self._left_alone(worker & ~disown, source, replica, uploads)
                if end is None:
                    return False
                replica, queue, uploads = end.replica, queue | end.adds, end.uploads
                disown = disown or end.replaces
        following = self._tidy((source, replica, queue, 0, uploads))
        rests = self._rests.get(following)
        if rests is None:
            rests = self._rests[following] = self._queue_empties(following)
        return rests

    def _queue_empties(self, state: State) -> bool:
        seen = set()
        while state[2]:
            if state in seen:
                return False
            seen.add(state)
            source, replica, queue, _, uploads = state
            # Uploads first, since whoever takes a hint may begin another one.
            taken = 1 << queue.bit_length() - 1
            worker = self._of_receiving(taken, source, uploads)[0].actor
            end = self._left_alone(worker, source, replica, uploads)
            if end is None:
                return False
            queue = queue & ~taken | end.adds
            state = self._tidy((source, end.replica, queue, 0, end.uploads))
        return True

    def _left_alone(self, worker: int, source: int, replica: int, uploads: int) -> Move | None:
        """What a worker whom nobody disturbs has done in the end; None when there is no end."""
        key = (worker, source, replica, uploads)
        if key in self._alone:
            return self._alone[key]
        seen = set()
        adds, replaces = 0, False
        while worker != IDLE:
            if (worker, replica, uploads) in seen:
                self._alone[key] = None
                return None
            seen.add((worker, replica, uploads))
            move = self._of_worker(worker, source, replica, uploads)[0]
            worker, replica, uploads = move.actor, move.replica, move.uploads
            adds, replaces = adds | move.adds, replaces or move.replaces
        end = self._alone[key] = Move("", IDLE, replica, adds, uploads, replaces)
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
                (found for found in self._moves(before) if self._tidy(found[2]) == after),
                key=lambda found: (bool(found[0].problem), found[0].is_letter),
            )
            name = "" if position < 0 else names[position - WORKERS] + " "
            lines.append(f"{name}{move.label}")
            workers = (self._tidied(following) if following[4] else following)[WORKERS:]
            order = sorted(zip(workers, names, strict=True), key=lambda pair: pair[0])
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
        part & ~OWNS if number >= WORKERS and number != position else part
        for number, part in enumerate(state)
    )


def _numbers(members: int) -> list[int]:
    """Of the bits that are set."""
    return [number for number in range(members.bit_length()) if members >> number & 1]


def _within(members: int) -> list[int]:
    """Every set of some of these bits, none and all of them too."""
    found = [0]
    for number in _numbers(members):
        found += [within | 1 << number for within in found]
    return found
