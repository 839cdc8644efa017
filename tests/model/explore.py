"""Explores every interleaving of a scenario, breadth first, so that a trace found is a shortest one."""

from __future__ import annotations

import gc
import time
from array import array
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Generic, TypeVar

from fanout.replicate.actions import AbortUploads, BeginUpload, CopyParts, ListUploads

from model.multipart import FOREIGN, SLOTS, Multipart
from model.worker import (
    SHIPPED,
    UPLOAD_ACTIONS,
    Busy,
    Decisions,
    Request,
    Step,
    Uploads,
    Workers,
)
from model.world import Hint, Scenario, Source, Value, kind_of

T = TypeVar("T", bound=Hashable)

State = tuple[int, ...]
"""Source, replica, queue, abandoned requests, uploads, then the workers, sorted: they are all alike. All
but the queue are numbers of what the explorer's tables hold.

A worker's number has in its lowest bit whether the replica there is the one it wrote, and what it is
doing in the others. The queue has a bit for each hint, then one for each upload that a message leaves to
whoever receives it.
"""

WORKERS = 5
IDLE = 0
OWNS = 1
BUSY = 1
LEFT = 4
"""Where the messages that leave an upload begin in the queue."""
ALL_HINTS = (1 << LEFT) - 1
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
        self._multipart = Multipart(scenario, self._workers)
        self._sources: Table[Source] = Table()
        self._replicas: Table[Value | None] = Table(None)
        self._busy: Table[Busy | None] = Table(None)
        self._requests: Table[tuple[Request, ...]] = Table(())
        self._uploads: Table[Uploads] = Table(())
        # What happens to one part of a state depends on few others: each is worked out once.
        self._source_moves: dict[int, tuple[Move, ...]] = {}
        self._worker_moves: dict[tuple[int, ...], tuple[Move, ...]] = {}
        self._landing_moves: dict[tuple[int, int, int], tuple[Move, ...]] = {}
        self._abandoning_moves: dict[tuple[int, int, int, str], tuple[Move, ...]] = {}
        self._receiving_moves: dict[tuple[int, int], tuple[Move, ...]] = {}
        self._receptions: dict[int, tuple[tuple[int, int], ...]] = {}
        self._last_reads: dict[tuple[int, int], tuple[Move, ...]] = {}
        self._named: dict[int, frozenset[str]] = {IDLE: frozenset()}
        self._copied: dict[int, tuple[str, object] | None] = {IDLE: None}
        self._equal: dict[tuple[int, int, int], bool] = {}
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
        uploads = self._uploads.number((FOREIGN,) if self._scenario.is_foreign else ())
        return (*sides, 0, 0, uploads, *(IDLE,) * self._scenario.workers)

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
                    for move in self._of_receiving(taken, source):
                        head = (source, replica, left_in_queue | move.adds, requests, uploads)
                        yield move, position, (*head, *left, move.actor, *right)
                continue
            others = (*left, *right)
            for move in self._of_worker(worker, source, replica, uploads, queue, others):
                if move.uploads and len(self._uploads[move.uploads]) > self._most_uploads:
                    continue
                head = (source, move.replica, queue | move.adds, requests, move.uploads)
                following = (*head, *left, move.actor, *right)
                if move.replaces:
                    following = _disowned(following, position)
                yield move, position, following
            for move in self._of_dying(worker, requests, uploads, queue, others):
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

        One message, for several are as good as the last of them; it may stay.
        """
        receptions = self._receptions.get(queue)
        if receptions is None:
            receptions = self._receptions[queue] = tuple(
                (1 << number, left)
                for number in _numbers(queue)
                for left in (queue & ~(1 << number), queue)
                if left != queue or number < LEFT or not self._scenario.are_workers_seen
            )
        return receptions

    def _of_receiving(self, taken: int, source: int) -> tuple[Move, ...]:
        key = (taken, source)
        moves = self._receiving_moves.get(key)
        if moves is None:
            upload_id = SLOTS[_numbers(taken >> LEFT)[0]] if taken >> LEFT else None
            hint = Hint(taken & ALL_HINTS) if upload_id is None else Hint.RETURNED
            moves = self._receiving_moves[key] = tuple(
                move
                for label, busy in self._workers.receive(hint, upload_id)
                for move in self._reads_on(source, Move(label, self._worker(busy)))
            )
        return moves

    def _of_worker(
        self,
        worker: int,
        source: int,
        replica: int,
        uploads: int,
        queue: int = 0,
        others: tuple[int, ...] = (),
    ) -> tuple[Move, ...]:
        """What a worker can do; what others and messages name matters only to few of its actions."""
        named, free = 0, ""
        action = self._at_work(worker).action
        if isinstance(action, ListUploads):
            ids = self._ids_at_work(queue, others)
            named = sum(1 << SLOTS.index(each) for each in ids)
        elif isinstance(action, BeginUpload):
            free = self._free(uploads, queue, others)
            named = SLOTS.index(free)
        key = (worker, source, replica, uploads, named)
        moves = self._worker_moves.get(key)
        if moves is None:
            at_work = [SLOTS[number] for number in _numbers(named)]
            moves = self._worker_moves[key] = tuple(
                move
                for step in self._steps(
                    worker, self._sources[source], self._replicas[replica], uploads, at_work, free
                )
                for move in self._reads_on(source, self._move(step, uploads))
            )
        return moves

    def _steps(
        self,
        worker: int,
        source: Source,
        replica: Value | None,
        uploads: int,
        at_work: list[str],
        free: str,
    ) -> Iterable[Step]:
        busy, owns = self._at_work(worker), bool(worker & OWNS)
        if isinstance(busy.action, UPLOAD_ACTIONS):
            there = self._uploads[uploads]
            return self._multipart.steps(busy, source, replica, there, at_work, free, owns=owns)
        return self._workers.steps(busy, source, replica, owns=owns)

    def _move(self, step: Step, uploads: int) -> Move:
        adds = RETURNED if step.comes_back else 0
        if step.continues is not None:
            adds = 1 << LEFT + SLOTS.index(step.continues)
        if step.uploads is not None:
            uploads = self._uploads.number(step.uploads)
        if step.replaces:
            uploads = self._overtaken(uploads)
        return Move(
            step.label,
            IDLE if step.busy is None else self._worker(step.busy) | step.owns,
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
            then = self._move(step, move.uploads)
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
            key = (worker, source)
            moves = self._last_reads.get(key)
            if moves is None:
                move = Move("", worker)
                moves = self._last_reads[key] = tuple(self._reads_on(source, move))
            ends.append(moves)
        for end in product(*ends):
            adds = queue
            for move in end:
                adds |= move.adds
            yield (source, replica, adds, requests, uploads, *(move.actor for move in end))

    def _of_dying(
        self, worker: int, requests: int, uploads: int, queue: int, others: tuple[int, ...]
    ) -> tuple[Move, ...]:
        busy = self._at_work(worker)
        is_beginning = isinstance(busy.action, BeginUpload)
        free = self._free(uploads, queue, others) if is_beginning else ""
        key = (worker & ~OWNS, requests, uploads, free)
        moves = self._abandoning_moves.get(key)
        if moves is None:
            adds = 0 if self._multipart.is_done_with(busy) else RETURNED
            found = [Move("dies", requests, adds=adds, uploads=uploads)]
            others_in_flight = self._requests[requests]
            for request, then in self._abandoned(busy, self._uploads[uploads], free):
                there = self._uploads.number(then)
                if request is None:
                    found.append(Move("dies, having begun", requests, adds=adds, uploads=there))
                elif len(others_in_flight) < self._scenario.abandoned:
                    in_flight = tuple(sorted((*others_in_flight, request), key=repr))
                    number = self._requests.number(in_flight)
                    label = "dies, and S3 is still at work"
                    left = 0 if request.has_message else adds
                    found.append(Move(label, number, adds=left, uploads=there))
            moves = self._abandoning_moves[key] = tuple(found)
        return moves

    def _abandoned(
        self, busy: Busy, uploads: Uploads, free: str
    ) -> Iterator[tuple[Request | None, Uploads]]:
        if isinstance(busy.action, UPLOAD_ACTIONS):
            yield from self._multipart.abandoned(busy, uploads, free)
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

    def _worker(self, busy: Busy) -> int:
        return self._busy.number(busy) << BUSY

    # Uploads

    @property
    def _most_uploads(self) -> int:
        return self._scenario.uploads + self._scenario.is_foreign

    def _ids_at_work(self, queue: int, others: tuple[int, ...]) -> set[str]:
        """The uploads that others work on, or that are left to whoever receives a message."""
        ids = {SLOTS[number] for number in _numbers(queue >> LEFT)}
        for other in others:
            if other != IDLE:
                upload_id = self._at_work(other).progress.upload_id
                ids |= {upload_id} if upload_id is not None else set()
        return ids

    def _free(self, uploads: int, queue: int, others: tuple[int, ...]) -> str:
        """An id that nobody has ever heard of, as far as anybody remembers."""
        used = {each.id for each in self._uploads[uploads]} | self._ids_at_work(queue, others)
        for other in others:
            used |= self._ids_of(other)
        return next(each for each in SLOTS if each not in used)

    def _ids_of(self, worker: int) -> frozenset[str]:
        """The uploads that a worker knows of."""
        number = worker >> BUSY
        ids = self._named.get(number)
        if ids is None:
            action = self._at_work(worker).action
            known = action.ids if isinstance(action, AbortUploads) else ()
            ids = self._named[number] = frozenset(known)
        return ids

    def _overtaken(self, uploads: int) -> int:
        """With the replica written after they were begun."""
        if not self._scenario.may_uploads_lose:
            return uploads
        there = (upload._replace(is_overtaken=True) for upload in self._uploads[uploads])
        return self._uploads.number(tuple(there))

    # What must not be

    def _problem(self, state: State) -> str | None:
        source, replica, queue, requests, uploads, *workers = state
        if not requests and not any(workers):
            sides = (source, replica)
            is_kept = self._kept.get(sides)
            if is_kept is None:
                is_kept = self._kept[sides] = self._scenario.is_kept(
                    self._sources[source], self._replicas[replica]
                )
            if not queue and not is_kept:
                return "all is quiet, and the replica is wrong"
            there = self._uploads[uploads]
            is_left = len(there) > self._scenario.is_foreign
            if not queue and is_left and self._scenario.are_workers_seen:
                return "all is quiet, and an upload is left open"
            if (
                queue
                and self._scenario.has_budget
                and not self._leaves_alone(source, replica, uploads)
            ):
                return "over budget: a replica that is in order is written again"
        if self._is_copied_twice(uploads, workers):
            return "over budget: two workers copy the parts of one object"
        if not self._comes_to_rest(state):
            return "the source rests and one worker at a time is left alone, yet it never ends"
        return None

    def _is_copied_twice(self, uploads: int, workers: list[int]) -> bool:
        if not uploads or not self._scenario.are_workers_seen:
            return False
        copied = [found for worker in workers if (found := self._copied_by(worker)) is not None]
        if len(copied) < 2:
            return False
        there = {each.id for each in self._uploads[uploads]}
        sources = [source for upload_id, source in copied if upload_id in there]
        return len(sources) > len(set(sources))

    def _copied_by(self, worker: int) -> tuple[str, object] | None:
        """The upload whose parts a worker copies, and the identity of the object."""
        number = worker >> BUSY
        if number not in self._copied:
            action = self._at_work(worker).action
            self._copied[number] = (
                (action.upload_id, action.copy.source.identity)
                if isinstance(action, CopyParts)
                else None
            )
        return self._copied[number]

    def _leaves_alone(self, source: int, replica: int, uploads: int) -> bool:
        """Whether nobody writes a replica again that was made of what the source is."""
        key = (source, replica, uploads)
        is_alone = self._equal.get(key)
        if is_alone is None:
            is_alone = self._equal[key] = not self._is_in_order(source, replica) or not any(
                move.actor != IDLE and self._writes_alone(move, source, replica, uploads)
                for move in self._of_receiving(RETURNED, source)
            )
        return is_alone

    def _is_in_order(self, source: int, replica: int) -> bool:
        current, there = self._sources[source].current, self._replicas[replica]
        if current is None or there is None:
            return False
        return self._scenario.is_known_equal(current, self._sources[source], there)

    def _writes_alone(self, move: Move, source: int, replica: int, uploads: int) -> bool:
        end = self._left_alone(move.actor, source, replica, uploads)
        return end is None or end.replaces

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
                end = self._left_alone(worker & ~(OWNS * disown), source, replica, uploads)
                if end is None:
                    return False
                replica, queue, uploads = end.replica, queue | end.adds, end.uploads
                disown = disown or end.replaces
        following = (source, replica, queue, 0, uploads)
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
            worker = self._of_receiving(taken, source)[0].actor
            end = self._left_alone(worker, source, replica, uploads)
            if end is None:
                return False
            queue = queue & ~taken | end.adds
            state = (source, end.replica, queue, 0, end.uploads)
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
                (found for found in self._moves(before) if _sorted(found[2]) == after),
                key=lambda found: (bool(found[0].problem), found[0].is_letter),
            )
            name = "" if position < 0 else names[position - WORKERS] + " "
            lines.append(f"{name}{move.label}")
            workers = following[WORKERS:]
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
