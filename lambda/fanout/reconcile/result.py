"""What reconcile answers: counts, the first keys of each kind, sentences; and its metrics."""

from __future__ import annotations

import time
from datetime import datetime

from ..common.config import Destination, Replication
from ..common.metrics import dimensions_of, metrics_line
from .compare import ListingDifference
from .listing import OpenUploads
from .request import Json, RunRequest

RECONCILE_UNITS = {
    "ObjectsOutOfSync": "Count",
    "ObjectsListed": "Count",
    "ObjectsQueued": "Count",
    "OpenMultipartUploads": "Count",
    "OldestMultipartUploadAge": "Seconds",
}
"""Every metric of a run, with the unit CloudWatch shows it in."""


def run_answer(request: RunRequest, delete_limit: int, uploads: OpenUploads | None) -> Json:
    """The answer of an invocation.

    Args:
        uploads: the open multipart uploads, or None when the run is not at its end.

    Returns:
        ``complete`` (whether the run is at its end), ``listed``, ``differences`` and ``examples`` by
        difference, ``queued`` and ``deletes_queued`` (keys), ``invocations``, ``seconds``,
        ``keys_per_second``, at the end ``open_uploads``, and sometimes ``note``.
    """
    tally = request.progress.tally
    listed = tally.listed_source + tally.listed_destination
    answer: Json = {
        "destination": request.destination,
        "mode": request.mode,
        "prefix": request.prefix,
        "complete": uploads is not None,
        "listed": {"source": tally.listed_source, "destination": tally.listed_destination},
        "differences": tally.differences,
        "examples": tally.examples,
        "queued": tally.queued,
        "deletes_queued": tally.deletes_queued,
        "invocations": tally.invocations,
        "seconds": tally.seconds,
        "keys_per_second": round(listed / max(tally.seconds, 0.001)),
    }
    if uploads is None:
        return answer
    answer["open_uploads"] = {"error": uploads.error} if uploads.error else {
        "count": uploads.count,
        "oldest_key": uploads.oldest_key,
        "oldest_initiated": uploads.oldest_initiated,
        "oldest_age_seconds": _age_seconds(uploads.oldest_initiated, time.time()),
    }  # fmt: skip
    note = _note(request, delete_limit)
    return answer if note is None else answer | {"note": note}


def _note(request: RunRequest, delete_limit: int) -> str | None:
    tally = request.progress.tally
    extra = tally.differences[ListingDifference.EXTRA]
    if request.delete_extra and extra > delete_limit:
        return (
            f"{extra:,} extra objects are more than reconcile.delete_limit, {delete_limit:,}, allows: "
            "none was queued for deletion. If they are to go, raise it in the module."
        )
    if request.delete_extra and extra > tally.deletes_queued:
        return "Fewer extra objects were there when they were listed again."
    return None


def out_of_sync(request: RunRequest, destination: Destination) -> int:
    """How many objects of a destination are not what they should be.

    Where deletes are not replicated, extra objects are no fault.
    """
    differences = request.progress.tally.differences
    no_fault = 0 if destination.replicate_deletes else differences[ListingDifference.EXTRA]
    return sum(differences.values()) - no_fault


def run_metrics(request: RunRequest, replication: Replication, uploads: OpenUploads) -> Json:
    """The result of a whole run as a log line that CloudWatch reads metrics from."""
    tally = request.progress.tally
    now = time.time()
    values = {
        "ObjectsOutOfSync": out_of_sync(request, replication.destination),
        "ObjectsListed": tally.listed_source + tally.listed_destination,
        "ObjectsQueued": tally.queued,
    }
    if uploads.error is None:
        values["OpenMultipartUploads"] = uploads.count
        values["OldestMultipartUploadAge"] = _age_seconds(uploads.oldest_initiated, now) or 0
    dimensions = dimensions_of(replication.source.bucket, replication.destination.name)
    return metrics_line(now, dimensions, values, RECONCILE_UNITS)


def _age_seconds(iso: str | None, now: float) -> int | None:
    return None if iso is None else max(0, round(now - datetime.fromisoformat(iso).timestamp()))
