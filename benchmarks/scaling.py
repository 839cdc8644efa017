"""One destination's queue under load: a simulation of SQS, Lambda's pollers and S3's rate limit.

Nothing in it is random: messages arrive evenly, every batch takes the same time for as many objects,
back-offs are the mean ones. A poller that is free receives what is there, up to a batch.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from dataclasses import dataclass, field

from fanout.replicate.failures import FailureKind
from fanout.replicate.work_queue import backoff_seconds

BATCH = 10
"""Messages in an invocation; the module's ``batch_size``."""

FIRST_POLLERS = 5
POLLERS_PER_SECOND = 300 / 60
"""Lambda begins with five invocations at once and adds up to 300 a minute (Lambda Developer Guide,
"Configuring scaling behavior for SQS event source mappings")."""


@dataclass(frozen=True, slots=True)
class Load:
    """What is written to the source.

    Attributes:
        objects: how many.
        per_second: at what rate, which is also that of the messages; the first comes at nought.
    """

    objects: int
    per_second: float

    def arrival(self, number: float) -> float:
        """When a message is there, counted from nought as it is; in seconds."""
        return number / self.per_second

    def arrived(self, now: float) -> int:
        """How many messages are there."""
        return min(self.objects, math.floor(now * self.per_second + 1e-6) + 1)


@dataclass(frozen=True, slots=True)
class Limits:
    """What holds a destination back.

    Attributes:
        concurrency: the least of ``maximum_concurrency`` and what the account has left for it.
        copies_per_second: what S3 takes before it answers SlowDown.
        call_seconds: of a batch, however many objects are in it.
        object_seconds: of a batch, for each of its objects.
    """

    concurrency: int
    copies_per_second: float
    call_seconds: float
    object_seconds: float

    def seconds(self, objects: int) -> float:
        """How long an invocation takes with some objects."""
        return self.call_seconds + self.object_seconds * objects


@dataclass(frozen=True, slots=True)
class Parcel:
    """Messages that follow each other, and were received together.

    Attributes:
        first: of them, counted from nought in the order of arrival.
        receives: how often they were received.
    """

    first: int
    count: int
    receives: int = 0


@dataclass(slots=True)
class Run:
    """What came of it.

    Attributes:
        copies: objects, as the time they were there and which they are.
        refused: copies that S3 answered with SlowDown.
        busy_seconds: that invocations took together.
        most_waiting: messages that nobody had received, at one time.
        most_hidden: messages in flight at one time: in work or in back-off.
        most_busy: invocations at one time.
    """

    load: Load
    copies: list[tuple[float, Parcel]] = field(default_factory=list)
    refused: int = 0
    invocations: int = 0
    busy_seconds: float = 0.0
    most_waiting: int = 0
    most_hidden: int = 0
    most_busy: int = 0

    @property
    def seconds(self) -> float:
        """When the last object was copied, counted from the beginning."""
        return max(at for at, _ in self.copies)

    def delay(self, part: float) -> float:
        """What a part of the objects, from 0 to 1, waited at most; in seconds.

        Objects of one parcel count with their mean.
        """
        rank, seen = part * self.load.objects, 0
        for seconds, count in sorted(
            (at - self.load.arrival(parcel.first + (parcel.count - 1) / 2), parcel.count)
            for at, parcel in self.copies
        ):
            seen += count
            if seen >= rank:
                return seconds
        raise ValueError(f"no object is at {part}")


def simulate(load: Load, limits: Limits) -> Run:
    """Run until everything is copied."""
    run = Run(load)
    # Pollers that the mapping has not added yet are free when it does.
    free = [_starts_at(number) for number in range(limits.concurrency)]
    heapq.heapify(free)
    ends: list[tuple[float, int]] = []  # of invocations, with their messages
    backoffs: list[tuple[float, int, Parcel]] = []  # by when they end
    again: deque[Parcel] = deque()  # back in the queue
    fresh = in_again = in_work = in_backoff = 0
    tokens, filled_at = limits.copies_per_second, 0.0
    now = 0.0

    while fresh < load.objects or again or backoffs:
        # A poller that has been free for long receives what is there now, not what was.
        now = max(now, heapq.heappop(free))
        if not again:
            following = [load.arrival(fresh)] if fresh < load.objects else []
            following += [backoffs[0][0]] if backoffs else []
            now = max(now, min(following))
        while backoffs and backoffs[0][0] <= now:
            parcel = heapq.heappop(backoffs)[2]
            again.append(parcel)
            in_backoff -= parcel.count
            in_again += parcel.count
        arrived = load.arrived(now)
        run.most_waiting = max(run.most_waiting, arrived - fresh + in_again)
        while ends and ends[0][0] <= now:
            in_work -= heapq.heappop(ends)[1]

        batch, room = [], BATCH
        while again and again[0].count <= room:
            batch.append(again.popleft())
            room -= batch[-1].count
            in_again -= batch[-1].count
        if received := min(room, arrived - fresh):
            batch.append(Parcel(fresh, received))
            fresh += received
            room -= received
        count = BATCH - room

        refill = (now - filled_at) * limits.copies_per_second
        tokens, filled_at = min(limits.copies_per_second, tokens + refill), now
        end = now + limits.seconds(count)
        for parcel in batch:
            done = min(parcel.count, int(tokens))
            tokens -= done
            if done:
                run.copies.append((end, Parcel(parcel.first, done)))
            if left := parcel.count - done:
                run.refused += left
                refused = Parcel(parcel.first + done, left, parcel.receives + 1)
                back = end + backoff_seconds(FailureKind.TRANSIENT, refused.receives, lambda: 0.5)
                heapq.heappush(backoffs, (back, refused.first, refused))
                in_backoff += left
                count -= left
        heapq.heappush(free, end)
        heapq.heappush(ends, (end, count))
        in_work += count
        run.invocations += 1
        run.busy_seconds += end - now
        run.most_busy = max(run.most_busy, len(ends))
        run.most_hidden = max(run.most_hidden, in_work + in_backoff)
    return run


def _starts_at(number: int) -> float:
    """When the mapping adds a poller, counted from nought."""
    return max(0, number - FIRST_POLLERS + 1) / POLLERS_PER_SECOND
