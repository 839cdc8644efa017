"""What the LocalStack process runs: `python -P -m local_aws.localstack_main DATA_FOLDER [--stay]`.

LocalStack itself, which ends with the process that started it and takes its functions and its
data with it. With --stay it runs until it is stopped.
"""

import dataclasses
import functools
import hashlib
import logging
import os
import shutil
import sys
import threading
import uuid
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

import psutil
from botocore import loaders, session
from localstack.aws.api import RequestContext
from localstack.aws.handlers import run_custom_response_handlers
from localstack.http import Request, Response, route
from localstack.runtime.main import main as run_localstack
from localstack.services.cloudwatch import alarm_scheduler
from localstack.services.cloudwatch.provider_v2 import CloudwatchProvider
from localstack.services.edge import ROUTER
from localstack.services.lambda_.event_source_mapping import esm_worker, esm_worker_factory
from localstack.services.lambda_.event_source_mapping.pollers.poller import (
    EmptyPollResultsException,
)
from localstack.services.lambda_.event_source_mapping.pollers.sqs_poller import SqsPoller
from localstack.services.lambda_.invocation import (
    event_manager,
    lambda_models,
    version_manager,
)
from localstack.services.lambda_.invocation.internal_sqs_queue import FakeSqsClient
from localstack.services.s3 import notifications
from localstack.services.s3 import provider as s3_provider
from localstack.services.sns import publisher as sns_publisher
from localstack.services.sqs import provider as sqs_provider
from localstack.services.sqs.models import sqs_stores
from localstack.utils.aws.arns import cloudwatch_alarm_arn, parse_arn
from localstack.utils.aws.request_context import extract_access_key_id_from_auth_header
from localstack.utils.backoff import ExponentialBackoff
from moto.sts.models import sts_backends
from twisted.web import http

from local_aws import activity, lifeline, processes
from local_aws.fork_server import FORK_SERVER


def _end(data_folder: str) -> None:
    processes.kill(psutil.Process().children())
    # Threads of LocalStack go on writing meanwhile.
    for _ in range(_REMOVALS):
        shutil.rmtree(data_folder, ignore_errors=True)
        if not os.path.exists(data_folder):  # noqa: PTH110 - nothing more than this is needed
            break
    os._exit(1)


LOG = logging.getLogger(__name__)

_REMOVALS = 100

_put_alarm = CloudwatchProvider.put_metric_alarm
_upload_part_copy = s3_provider.S3Provider.upload_part_copy

_uploads: dict[str, threading.Lock] = defaultdict(threading.Lock)

# Far below Lambda's default of 1,000 at once, and more than the tests ask for.
_ASYNCHRONOUS_INVOCATIONS = 50

# LocalStack looks at an alarm once in all its periods, so that one of a minute takes up to two.
_ONE_MINUTE = 60
_SECONDS_BETWEEN_LOOKS_AT_SUCH_ALARMS = 20

_BATCHES_AT_ONCE = int(os.environ["BATCHES_AT_ONCE"])

# How long a poller waits for a message before it looks whether it is to stop.
_SECONDS_BETWEEN_POLLS = 2


class _Poller(SqsPoller):
    """Takes messages when there are some, and has several batches processed at once.

    LocalStack's poller makes a request every other second for each queue, with the visibility time-out
    that the queue had when it began, and waits for each batch.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.is_stopped = False
        self._free = threading.Semaphore(_BATCHES_AT_ONCE)
        self._batches = activity.CountingPool(_BATCHES_AT_ONCE)

    def poll_events(self) -> None:
        """Wait for a message and hand it over; with it comes what else is there."""
        queue = parse_arn(self.source_arn)
        store = sqs_stores[queue["account"]][queue["region"]]
        visible = store.queues[queue["resource"]].visible
        with visible.not_empty:
            visible.not_empty.wait_for(lambda: visible.queue, timeout=_SECONDS_BETWEEN_POLLS)
            is_empty = not visible.queue
        if is_empty or self.is_stopped:
            raise EmptyPollResultsException(service="sqs", source_arn=self.source_arn)
        super().poll_events()

    def handle_messages(self, messages: Any) -> None:
        """Hand a batch over, and wait only when there are enough already.

        The mapping may have been disabled since the poller last looked. It is called disabled at once,
        so what was received since goes back.
        """
        self._free.acquire()
        if self.is_stopped:
            self._free.release()
            for message in messages:
                self.source_client.change_message_visibility(
                    QueueUrl=self.queue_url,
                    ReceiptHandle=message["ReceiptHandle"],
                    VisibilityTimeout=0,
                )
            return
        batch = self._batches.submit(super().handle_messages, messages)
        batch.add_done_callback(self._handled)

    def _handled(self, batch: Future[None]) -> None:
        self._free.release()
        if error := batch.exception():
            LOG.warning("A batch of %s failed: %s", self.source_arn, error)


def _from_request(context: RequestContext, *objects: Any, **named: Any) -> Any:
    """Read an event's content off a request; LocalStack leaves out who made it."""
    event = _event_of(context, *objects, **named)
    event.writer = _principal_id(
        context.account_id, extract_access_key_id_from_auth_header(context.request.headers) or ""
    )
    return event


def _record(event: Any, config_id: Any = None) -> Any:
    """What a topic is told."""
    told = _record_of(event, config_id)
    identity = told["Records"][0]["userIdentity"]
    if identity["principalId"] == _NOBODY:
        identity["principalId"] = event.writer
    return told


@functools.cache
def _principal_id(account: str, access_key: str) -> str:
    """Who has an access key, as S3's events name him: with a role, by the role's id and the session."""
    role = sts_backends[account]["aws"].get_assumed_role_from_access_key(access_key)
    return f"AWS:{role.user_id if role else account}"


_NOBODY = "AIDAJDPLRKLG7UEXAMPLE"
_event_of = notifications.S3EventNotificationContext.from_request_context
_record_of = notifications.BaseNotifier._get_event_payload


class _EventBridgeNotifier(notifications.EventBridgeNotifier):
    """Tells EventBridge keys as they are, as S3 does; LocalStack encodes them as for a topic."""

    @staticmethod
    def _get_event_payload(context: Any, config_id: Any = None) -> Any:
        plain = dataclasses.replace(context, key_name=unquote(context.key_name))
        return notifications.EventBridgeNotifier._get_event_payload(plain, config_id)


@functools.wraps(_put_alarm)
def _put_tagged_alarm(provider: Any, context: Any, request: Any) -> None:
    """LocalStack keeps the tags of an alarm where nobody asks for them."""
    tags = request.pop("Tags", [])
    _put_alarm(provider, context, request)
    arn = cloudwatch_alarm_arn(request["AlarmName"], context.account_id, context.region)
    provider.get_store(context.account_id, context.region).TAGS.tag_resource(arn, tags)


class _EveryAccount:
    """LocalStack's S3, with the buckets of all accounts."""

    def __init__(self, s3: Any, context: Any) -> None:
        self._s3 = s3
        self._context = context

    def __getattr__(self, name: str) -> Any:
        return getattr(self._s3, name)

    def get_store(self, *_: str) -> Any:
        return SimpleNamespace(buckets=self)

    def get(self, bucket: str) -> Any:
        return self._s3._get_cross_account_bucket(self._context, bucket)[1]


@functools.wraps(_upload_part_copy)
def _upload_part_copy_to_any_account(s3: Any, context: Any, request: Any) -> Any:
    """LocalStack looks for both buckets in the account of the caller, unlike in CopyObject."""
    return _upload_part_copy(_EveryAccount(s3, context), context, request)


def _one_at_a_time(operation: Callable[..., Any]) -> Callable[..., Any]:
    """LocalStack leaves half an object where an upload is completed twice or aborted meanwhile."""

    @functools.wraps(operation)
    def with_the_upload_alone(s3: Any, context: Any, **request: Any) -> Any:
        with _uploads[request["upload_id"]]:
            return operation(s3, context, **request)

    return with_the_upload_alone


def _backoff(initial_interval: float, max_interval: float) -> ExponentialBackoff:
    """LocalStack's first wait is a second even when the configured maximum is less."""
    return ExponentialBackoff(
        initial_interval=min(initial_interval, max_interval), max_interval=max_interval
    )


def _start(worker: esm_worker.EsmWorker) -> None:
    worker.poller.is_stopped = False
    _start_enabled(worker)


def _stop(worker: esm_worker.EsmWorker) -> None:
    """From now on no message is taken, though it may last until the mapping is called disabled."""
    worker.poller.is_stopped = True
    _stop_enabled(worker)


_start_enabled = esm_worker.EsmWorker.start
_stop_enabled = esm_worker.EsmWorker.stop


def _delete(worker: esm_worker.EsmWorker) -> None:
    """LocalStack leaves a disabled mapping to a thread that does not run, and lists it for ever."""
    worker.poller.is_stopped = True
    _delete_enabled(worker)
    if not worker.enabled:
        worker.delete_esm_in_store()


_delete_enabled = esm_worker.EsmWorker.delete


def _many_threads(**arguments: Any) -> ThreadPoolExecutor:
    """LocalStack runs as many asynchronous invocations of a function as there are cores, plus four."""
    return activity.CountingPool(max_workers=_ASYNCHRONOUS_INVOCATIONS, **arguments)


def _poll(poller: event_manager.Poller, *_: Any) -> None:
    """Hand a function's asynchronous invocations to its threads until it gets others.

    LocalStack's poller keeps to itself what it receives after it was stopped.
    """
    function = poller.version_manager.function_version
    queue = {"QueueUrl": poller.event_queue_url}
    client = event_manager.get_sqs_client(function, client_config=event_manager.CLIENT_CONFIG)
    while not poller._shutdown_event.is_set():
        received = client.receive_message(
            **queue,
            WaitTimeSeconds=_SECONDS_BETWEEN_POLLS,
            MaxNumberOfMessages=10,
            VisibilityTimeout=function.config.timeout + 60,
        )
        for message in received["Messages"] or ():
            if poller._shutdown_event.is_set():
                client.send_message(**queue, MessageBody=message["Body"])
                client.delete_message(**queue, ReceiptHandle=message["ReceiptHandle"])
                activity.ACTIVITY.end()
            else:
                poller.invoker_pool.submit(poller.handle_message, message)


def _send(client: FakeSqsClient, **message: Any) -> Any:
    """Queue an asynchronous invocation, be it the first time or again."""
    activity.ACTIVITY.begin()
    return _send_message(client, **message)


def _take(poller: event_manager.Poller, message: dict[str, str]) -> None:
    """Handle an asynchronous invocation; by now the pool counts it, so the queue need not."""
    activity.ACTIVITY.end()
    _handle_message(poller, message)


_send_message = FakeSqsClient.send_message
_handle_message = event_manager.Poller.handle_message


def _look_often(scheduler: Any, func: Callable[..., Any], period: float, **named: Any) -> Any:
    seconds = _SECONDS_BETWEEN_LOOKS_AT_SUCH_ALARMS if period <= _ONE_MINUTE else period
    return _schedule(scheduler, func=func, period=seconds, **named)


_schedule = alarm_scheduler.Scheduler.schedule


@route(activity.PATH)  # type: ignore[untyped-decorator]
def _tell_activity(_request: Request, **_: Any) -> Response:
    processes = {"processes": FORK_SERVER.running()}
    return Response.for_json(activity.ACTIVITY.as_json() | processes)


def _uuid5(namespace: uuid.UUID, name: str | bytes) -> uuid.UUID:
    """Python's own takes bytes from 3.12 on, and LocalStack's KMS gives it some."""
    content = name if isinstance(name, bytes) else name.encode()
    digest = hashlib.sha1(namespace.bytes + content, usedforsecurity=False).digest()
    return uuid.UUID(bytes=digest[:16], version=5)


def _spare_the_processor() -> None:
    """Leave out what nobody looks at here.

    To put an object, look at it, and send, receive and delete a message takes LocalStack 6 ms of
    processor time so, and 20 ms otherwise.
    """
    # Every message becomes four requests to CloudWatch. The depth of queues, which alarms are on, is
    # told by others.
    sqs_provider.CloudwatchDispatcher.dispatch_sqs_metric = _nothing
    # So do an invocation's two; errors, which an alarm is on, are still told.
    version_manager.record_cw_metric_invocation = _nothing
    # LocalStack has a log of its own.
    http.HTTPFactory.log = _nothing  # type: ignore[method-assign]
    # Twisted makes a class for every request to parse its content type with, and after a hundred
    # thousand requests that is half of the time.
    http._parseContentType = functools.lru_cache(http._parseContentType)
    # For each account, region and service that is used first: every one is read from files anew.
    setattr(loaders.JSONFileLoader, "load_file", _load_once)  # noqa: B010
    setattr(session.Session, "get_available_regions", _regions_once)  # noqa: B010
    # Nobody downloads a function's code, and to presign its address takes a new client each time.
    lambda_models.S3Code.generate_presigned_url = lambda *_, **_named: "http://127.0.0.1/"


_load_file = loaders.JSONFileLoader.load_file
_regions = session.Session.get_available_regions


@functools.cache
def _load(path: str) -> Any:
    return _load_file(loaders.JSONFileLoader(), path)


def _load_once(_loader: Any, path: str) -> Any:
    return _load(path)


@functools.cache
def _regions_of(service: str, partition: str, non_regional: bool) -> list[str]:
    return _regions(session.Session(), service, partition, non_regional)


def _regions_once(
    _session: Any, service_name: str, partition_name: str = "aws", allow_non_regional: bool = False
) -> list[str]:
    return list(_regions_of(service_name, partition_name, allow_non_regional))


def _nothing(*_: Any, **_named: Any) -> None:
    pass


def main() -> None:
    """Run LocalStack until SIGTERM, or without --stay until the parent is gone.

    Raises:
        SystemExit: with LocalStack's exit status.
    """
    uuid.uuid5 = _uuid5
    _spare_the_processor()
    event_manager.ThreadPoolExecutor = _many_threads
    FakeSqsClient.send_message = _send
    event_manager.Poller.handle_message = _take
    event_manager.Poller.run = _poll
    setattr(notifications.S3EventNotificationContext, "from_request_context", _from_request)  # noqa: B010
    setattr(notifications.BaseNotifier, "_get_event_payload", staticmethod(_record))  # noqa: B010
    notifications.ThreadPoolExecutor = activity.CountingPool
    sns_publisher.ThreadPoolExecutor = activity.CountingPool
    run_custom_response_handlers.append(activity.ACTIVITY.note_answer)
    ROUTER.add(_tell_activity)
    alarm_scheduler.Scheduler.schedule = _look_often
    esm_worker.ExponentialBackoff = _backoff
    esm_worker.EsmWorker.start = _start
    esm_worker.EsmWorker.stop = _stop
    esm_worker.EsmWorker.delete = _delete
    esm_worker_factory.SqsPoller = _Poller
    CloudwatchProvider.put_metric_alarm = _put_tagged_alarm
    s3_provider.S3Provider.upload_part_copy = _upload_part_copy_to_any_account
    for name in ("complete_multipart_upload", "abort_multipart_upload"):
        operation = getattr(s3_provider.S3Provider, name)
        setattr(s3_provider.S3Provider, name, _one_at_a_time(operation))
    notifiers = notifications.NotificationDispatcher.notifiers
    notifiers["EventBridgeConfiguration"] = _EventBridgeNotifier()
    data_folder = sys.argv[1]
    # Two LocalStacks on one machine would write the objects of equally named buckets to one place.
    s3_provider.DEFAULT_S3_TMP_DIR = os.path.join(data_folder, "s3")  # noqa: PTH118
    if "--stay" not in sys.argv[2:]:
        lifeline.hold(lambda: _end(data_folder))
    run_localstack()


if __name__ == "__main__":
    main()
