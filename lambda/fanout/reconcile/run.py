"""One invocation of reconcile: a segment of a run until time is up, and how the run continues."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from ..common import config as configuration
from ..common.aws import call, queue_url
from ..common.config import Destination, Reconciliation, Replication, Source
from ..common.errors import AwsError
from ..common.log import Log
from .compare import ComparedKey, ListingDifference, compare_listed, merge_listings
from .enqueue import KeyEnqueuer
from .listing import BucketListing, OpenUploads, listed_prefixes, remaining_prefixes, rewritten_key
from .request import ALL_DESTINATIONS, Json, Mode, Phase, RunRequest, RunRequestError, parse_request
from .result import run_answer, run_metrics

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_sqs.client import SQSClient

SHARE_OF_TIME = 0.8
"""How much of its time an invocation compares. The rest is for the calls that are under way then."""

KEYS_BETWEEN_LOG_LINES = 100_000
"""After this many keys a log line reports the progress."""


class ReconcileContext(Protocol):
    """What is used of Lambda's context object."""

    function_name: str
    log_group_name: str

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the function is killed."""
        ...


@dataclass(frozen=True)
class Reconciler:
    """Handles the invocations of one execution environment.

    Attributes:
        functions: the client of Lambda.
        s3: gives the client for a region; see ``aws.listing_client``.
    """

    settings: Reconciliation
    functions: Any
    s3: Callable[[str], S3Client]
    sqs: SQSClient
    log: Log

    def handle(self, event: Any, context: ReconcileContext) -> Json:
        """Run one segment of a run, or begin a run for each destination.

        Returns:
            What was found and done (see ``run_answer``); or the runs that were ``begun``; or ``error``,
            a sentence that says what to write.

        Raises:
            AwsError: AWS refused something, or did not answer.
            ConfigurationError: a destination's function is of another version.
            UnsortedListingError: see there.
        """
        settings = self.settings
        try:
            request = parse_request(event, settings.functions, may_delete=settings.delete_extra)
            if request.destination == ALL_DESTINATIONS:
                return self._begin_all(request, context)
            replication = self._replication(request.destination)
            _check(request, replication.destination)
        except RunRequestError as error:
            self.log.write("ERROR", action="reconcile-refused", explanation=str(error))
            return {"error": str(error)}
        return self._run_segment(request, replication, context)

    def _run_segment(
        self, request: RunRequest, replication: Replication, context: ReconcileContext
    ) -> Json:
        limit = self.settings.delete_limit
        url = queue_url(self.sqs, replication.source.account_id, replication.queue_name)
        segment = RunSegment(
            request,
            replication.destination,
            source=self._listing(replication.source),
            replicas=self._listing(replication.destination),
            enqueuer=KeyEnqueuer(self.sqs, url, replication.source.bucket),
            delete_limit=limit,
            log=self.log,
        )
        time_left = context.get_remaining_time_in_millis() / 1000
        uploads = segment.run(time.monotonic() + SHARE_OF_TIME * time_left)
        answer = run_answer(request, limit, uploads)
        if uploads is None:
            self._invoke(request.to_event(), context)
            return answer | {
                "next": request.to_event(),
                "note": "It continues by itself, and ends with a line of action reconciled in log "
                f"group {context.log_group_name}. If it is interrupted, invoke the function with "
                "next of the last line.",
            }
        self.log.write("INFO", action="reconciled", **answer)
        if not request.prefix:
            self.log.write_metrics(run_metrics(request, replication, uploads))
        return answer

    def _begin_all(self, request: RunRequest, context: ReconcileContext) -> Json:
        begun = []
        for name in sorted(self.settings.functions):
            deletes = False
            # Where the settings cannot be read, the destination's own run says why.
            with suppress(AwsError, configuration.ConfigurationError):
                destination = self._replication(name).destination
                if not listed_prefixes(destination, request.prefix):
                    continue
                deletes = request.delete_extra and destination.replicate_deletes
            event = request.to_event() | {"destination": name, "delete_extra": deletes}
            self._invoke(event, context)
            begun.append(name)
        note = f"Each ends with a line of action reconciled in log group {context.log_group_name}."
        return {"begun": begun, "note": note}

    def _invoke(self, event: Json, context: ReconcileContext) -> None:
        """Invoke this function with another event, without waiting."""
        name, payload = context.function_name, json.dumps(event, ensure_ascii=False).encode()
        request = {"FunctionName": name, "InvocationType": "Event", "Payload": payload}
        call(self.functions, "Invoke", name, **request)

    def _replication(self, destination: str) -> Replication:
        """The settings of a destination's own function.

        This function's environment, 4 KB for all destinations, has no room for them.
        """
        name = self.settings.functions[destination]
        found = call(self.functions, "GetFunctionConfiguration", name, FunctionName=name)
        return configuration.load_replication(found.get("Environment", {}).get("Variables", {}))

    def _listing(self, side: Source | Destination) -> BucketListing:
        return BucketListing(self.s3(side.region), side.bucket, side.account_id)


def _check(request: RunRequest, destination: Destination) -> None:
    """Refuse what cannot be done with this destination.

    Raises:
        RunRequestError: says what to write instead.
    """
    if not listed_prefixes(destination, request.prefix):
        raise RunRequestError(
            f"Nothing that starts with {request.prefix!r} is replicated to {destination.name}: write "
            f"a prefix that meets one of {', '.join(destination.prefixes)}."
        )
    if request.delete_extra and not destination.replicate_deletes:
        raise RunRequestError(
            f"Destination {destination.name} keeps the replicas of deleted objects "
            "(replicate_deletes = false), and nothing tells other extra objects from them: write "
            "replicate_deletes = true for it in the module, or leave delete_extra out."
        )


@dataclass
class RunSegment:
    """What one invocation does of a run. It advances the progress of its request."""

    request: RunRequest
    destination: Destination
    source: BucketListing
    replicas: BucketListing
    enqueuer: KeyEnqueuer
    delete_limit: int
    log: Log

    def __post_init__(self) -> None:
        self._progress = self.request.progress
        self._tally = self.request.progress.tally
        self._prefixes = listed_prefixes(self.destination, self.request.prefix)
        self._began = time.monotonic()
        self._seconds_before = self._tally.seconds

    def run(self, until: float) -> OpenUploads | None:
        """Compare.

        Args:
            until: when to stop, by ``time.monotonic``. At least one key is compared.

        Returns:
            The open multipart uploads when the run is at its end, else None.

        Raises:
            AwsError: AWS refused something, or did not answer.
            UnsortedListingError: see there.
        """
        self._tally.invocations += 1
        is_done = self._run_phase(until)
        if is_done and self._progress.phase is Phase.COMPARE and self._may_delete():
            self._progress.phase, self._progress.after = Phase.DELETE, ""
            is_done = self._run_phase(until)
        self._save()
        if not is_done:
            self._log_progress()
            return None
        try:
            return self.replicas.open_uploads(self._prefixes)
        except AwsError as error:
            # The bucket's owner may not have allowed that yet. The run itself is complete.
            return OpenUploads(error=str(error))

    def _run_phase(self, until: float) -> bool:
        """Continue with a phase; returns whether it is done."""
        process = self._count if self._progress.phase is Phase.COMPARE else self._enqueue_extra
        keys = 0
        for prefix, after in remaining_prefixes(self._prefixes, self._progress.after):
            behind = rewritten_key(self.destination, after) if after else ""
            for compared in merge_listings(
                self.source.objects(prefix.source, after),
                self.replicas.objects(prefix.destination, behind),
                self.destination,
            ):
                process(compared)
                self._progress.after = compared.key
                keys += 1
                if time.monotonic() > until:
                    return False
                if keys % KEYS_BETWEEN_LOG_LINES == 0:
                    self._save()
                    self._log_progress()
        return True

    def _count(self, compared: ComparedKey) -> None:
        self._tally.listed_source += compared.source is not None
        self._tally.listed_destination += compared.replica is not None
        difference = compare_listed(compared, self.destination)
        if difference is None:
            return
        is_extra = difference is ListingDifference.EXTRA
        is_copied = not is_extra and difference is not ListingDifference.ARCHIVED
        example = rewritten_key(self.destination, compared.key) if is_extra else compared.key
        self._tally.count(difference, example)
        self.log.write("DEBUG", action="differs", difference=difference, key=compared.key)
        if self.request.mode is Mode.REPAIR and is_copied:
            self.enqueuer.add(compared.key)

    def _enqueue_extra(self, compared: ComparedKey) -> None:
        if compare_listed(compared, self.destination) is not ListingDifference.EXTRA:
            return
        # Others may have appeared since they were counted.
        if self._tally.deletes_queued < self.delete_limit:
            self._tally.deletes_queued += 1
            self.enqueuer.add(compared.key)

    def _may_delete(self) -> bool:
        extra = self._tally.differences[ListingDifference.EXTRA]
        return self.request.delete_extra and 0 < extra <= self.delete_limit

    def _save(self) -> None:
        """Send what waits to be sent, so that everything up to the cursor is done."""
        self.enqueuer.flush()
        self._tally.queued += self.enqueuer.queued
        self.enqueuer.queued = 0
        self._tally.seconds = round(self._seconds_before + time.monotonic() - self._began, 3)

    def _log_progress(self) -> None:
        self.log.write(
            "INFO",
            action="reconciling",
            destination=self.destination.name,
            listed=self._tally.listed_source + self._tally.listed_destination,
            differences=self._tally.differences,
            queued=self._tally.queued,
            seconds=self._tally.seconds,
            next=self.request.to_event(),
        )
