"""One invocation of the reconcile function: what is asked for, a slice of it, and how it goes on."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from . import config as configuration
from .clients import queue_url
from .comparing import segments
from .config import Destination, Reconciliation, Replication, Source
from .hints import Hints
from .listing import Bucket, CallError
from .report import Log
from .request import ALL, Json, Request, RequestError, parse
from .result import metrics, result
from .slices import Slice

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_sqs.client import SQSClient

SHARE_OF_TIME = 0.8
"""How much of its time an invocation compares; the rest is for the calls that are under way then."""


class Context(Protocol):
    """What is used of Lambda's context object."""

    function_name: str
    log_group_name: str

    def get_remaining_time_in_millis(self) -> int:
        """Time until the function is ended."""
        ...


class Reconciler:
    """What one execution environment does with the invocations it gets."""

    def __init__(
        self,
        settings: Reconciliation,
        functions: Any,
        s3: Callable[[str], S3Client],
        sqs: SQSClient,
        log: Log,
    ) -> None:
        """Take the clients.

        Args:
            functions: that of Lambda.
            s3: gives the client for a region; see ``clients.listing_client``.
        """
        self._settings = settings
        self._functions = functions
        self._s3 = s3
        self._sqs = sqs
        self._log = log

    def handle(self, event: Any, context: Context) -> Json:
        """Work on one slice of a run, or begin a run for each destination.

        Returns:
            What was found and done (see ``result``); or the runs that were ``begun``; or ``error``, a
            sentence that says what to write.

        Raises:
            CallError: AWS refused something, or did not answer.
            ConfigurationError: a destination's function is of another version.
            UnsortedListingError: see there.
        """
        settings = self._settings
        try:
            request = parse(event, settings.functions, may_delete=settings.delete_extra)
            if request.destination == ALL:
                return self._begin_all(request, context)
            replication = self._replication(request.destination)
            _refuse(request, replication.destination)
        except RequestError as error:
            self._log.write("ERROR", action="reconcile-refused", explanation=str(error))
            return {"error": str(error)}
        return self._work_on(request, replication, context)

    def _work_on(self, request: Request, replication: Replication, context: Context) -> Json:
        limit = self._settings.delete_limit
        url = queue_url(self._sqs, replication.source.account_id, replication.queue_name)
        piece = Slice(
            request,
            replication.destination,
            source=self._bucket(replication.source),
            replicas=self._bucket(replication.destination),
            hints=Hints(self._sqs, url, replication.source.bucket),
            delete_limit=limit,
            log=self._log,
        )
        time_left = context.get_remaining_time_in_millis() / 1000
        uploads = piece.run(time.monotonic() + SHARE_OF_TIME * time_left)
        answer = result(request, limit, uploads)
        if uploads is not None:
            self._log.write("INFO", action="reconciled", **answer)
            if not request.prefix:
                self._log.write_metrics(metrics(request, replication, uploads))
            return answer
        self._invoke(request.to_event(), context)
        return answer | {
            "next": request.to_event(),
            "note": "It goes on by itself, and ends with a line of action reconciled in log group "
            f"{context.log_group_name}. Should it be interrupted, invoke the function with next of "
            "the last line.",
        }

    def _begin_all(self, request: Request, context: Context) -> Json:
        begun = []
        for name in sorted(self._settings.functions):
            deletes = False
            try:
                destination = self._replication(name).destination
            except (CallError, configuration.ConfigurationError):
                pass  # Its own run fails of that, and keeps no other from being begun.
            else:
                if not segments(destination, request.prefix):
                    continue
                deletes = request.delete_extra and destination.replicate_deletes
            event = request.to_event() | {"destination": name, "delete_extra": deletes}
            self._invoke(event, context)
            begun.append(name)
        note = f"Each ends with a line of action reconciled in log group {context.log_group_name}."
        return {"begun": begun, "note": note}

    def _invoke(self, event: Json, context: Context) -> None:
        """Invoke this function with another event, without waiting."""
        try:
            self._functions.invoke(
                FunctionName=context.function_name,
                InvocationType="Event",
                Payload=json.dumps(event, ensure_ascii=False).encode(),
            )
        except (BotoCoreError, ClientError) as error:
            raise CallError(f"Invoke of {context.function_name}", error) from error

    def _replication(self, destination: str) -> Replication:
        """The settings that a destination's own function has.

        They are read there, because this function's environment has 4 KB for all destinations.
        """
        name = self._settings.functions[destination]
        try:
            found = self._functions.get_function_configuration(FunctionName=name)
        except (BotoCoreError, ClientError) as error:
            raise CallError(f"GetFunctionConfiguration of {name}", error) from error
        return configuration.load_replication(found.get("Environment", {}).get("Variables", {}))

    def _bucket(self, side: Source | Destination) -> Bucket:
        return Bucket(self._s3(side.region), side.bucket, side.account_id)


def _refuse(request: Request, destination: Destination) -> None:
    """Refuse what cannot be done with this destination.

    Raises:
        RequestError: says what to write instead.
    """
    if not segments(destination, request.prefix):
        raise RequestError(
            f"Nothing that starts with {request.prefix!r} is replicated to {destination.name}: write "
            f"a prefix that meets one of {', '.join(destination.prefixes)}."
        )
    if request.delete_extra and not destination.replicate_deletes:
        raise RequestError(
            f"Destination {destination.name} keeps the replicas of deleted objects "
            "(replicate_deletes = false), and nothing tells other extra objects from them: write "
            "replicate_deletes = true for it in the module, or leave delete_extra out."
        )
