"""A slice of a run: comparing from where the last one stopped, until the end or until time is up."""

from __future__ import annotations

import time

from .comparing import Kind, Pairing, difference, merge, remaining, replica_key, segments
from .config import Destination
from .hints import Hints
from .listing import Bucket, CallError, OpenUploads
from .report import Log
from .request import Request

KEYS_BETWEEN_LINES = 100_000
"""After this many keys a line in the log says how far the slice has come."""


class Slice:
    """What one invocation does of a run. It moves the progress of its request forward."""

    def __init__(
        self,
        request: Request,
        destination: Destination,
        *,
        source: Bucket,
        replicas: Bucket,
        hints: Hints,
        delete_limit: int,
        log: Log,
    ) -> None:
        self._request = request
        self._progress = request.progress
        self._tally = request.progress.tally
        self._destination = destination
        self._segments = segments(destination, request.prefix)
        self._source = source
        self._replicas = replicas
        self._hints = hints
        self._delete_limit = delete_limit
        self._log = log
        self._began = time.monotonic()
        self._seconds_before = self._tally.seconds

    def run(self, until: float) -> OpenUploads | None:
        """Compare.

        Args:
            until: when to stop, by ``time.monotonic``. At least one key is worked on.

        Returns:
            The open multipart uploads when the run is at its end, else None.

        Raises:
            CallError: AWS refused something, or did not answer.
            UnsortedListingError: see there.
        """
        self._tally.slices += 1
        is_done = self._pass(until)
        if is_done and self._progress.phase == "compare" and self._deletes():
            self._progress.phase, self._progress.after = "delete", ""
            is_done = self._pass(until)
        self._save()
        if not is_done:
            self._say_how_far()
            return None
        try:
            return self._replicas.open_uploads(self._segments)
        except CallError as error:
            # Whoever owns the bucket may not have allowed that yet, and the run has done its work.
            return OpenUploads(error=str(error))

    def _pass(self, until: float) -> bool:
        """Go on with a phase; returns whether it is done."""
        see = self._count if self._progress.phase == "compare" else self._queue_extra
        seen = 0
        for segment, after in remaining(self._segments, self._progress.after):
            behind = replica_key(self._destination, after) if after else ""
            for pairing in merge(
                self._source.objects(segment.source, after),
                self._replicas.objects(segment.destination, behind),
                self._destination,
            ):
                see(pairing)
                self._progress.after = pairing.key
                seen += 1
                if time.monotonic() > until:
                    return False
                if seen % KEYS_BETWEEN_LINES == 0:
                    self._save()
                    self._say_how_far()
        return True

    def _count(self, pairing: Pairing) -> None:
        self._tally.listed_source += pairing.source is not None
        self._tally.listed_destination += pairing.replica is not None
        kind = difference(pairing, self._destination)
        if kind is None:
            return
        is_extra = kind is Kind.EXTRA
        self._tally.count(
            kind, replica_key(self._destination, pairing.key) if is_extra else pairing.key
        )
        self._log.write("DEBUG", action="differs", difference=kind, key=pairing.key)
        if self._request.mode == "repair" and not is_extra:
            self._hints.add(pairing.key)

    def _queue_extra(self, pairing: Pairing) -> None:
        if difference(pairing, self._destination) is not Kind.EXTRA:
            return
        # Some may have come since they were counted.
        if self._tally.deletes_queued < self._delete_limit:
            self._tally.deletes_queued += 1
            self._hints.add(pairing.key)

    def _deletes(self) -> bool:
        extra = self._tally.differences[Kind.EXTRA]
        return self._request.delete_extra and 0 < extra <= self._delete_limit

    def _save(self) -> None:
        """Send what waits to be sent, so that everything up to the cursor is done."""
        self._hints.flush()
        self._tally.queued += self._hints.queued
        self._hints.queued = 0
        self._tally.seconds = round(self._seconds_before + time.monotonic() - self._began, 3)

    def _say_how_far(self) -> None:
        self._log.write(
            "INFO",
            action="reconciling",
            destination=self._destination.name,
            listed=self._tally.listed_source + self._tally.listed_destination,
            differences=self._tally.differences,
            queued=self._tally.queued,
            seconds=self._tally.seconds,
            next=self._request.to_event(),
        )
