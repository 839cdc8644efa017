"""What replication costs: ours, the blog's handler's and S3 Replication's, from calls and list prices.

``make tables`` writes them into README.md and docs/scaling.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from . import prices
from .measured import GIB, Invocation, Measured
from .prices import MILLION, Price

TIB = 1024 * GIB
SMALL_BYTES = 10_000

EVENT_BYTES = 800
"""A notification with one record: 783 bytes for a key of 20 characters and a bucket name of 15 (User
Guide, "Event message structure", with every field)."""

LOG_LINE_BYTES = 230
"""The function's line about an object, for keys of 19 characters; a test compares it with the code."""

METRICS_BYTES = 328
METRICS_OBJECT_BYTES = 13
"""The line with an invocation's metrics, and what each object adds to it; likewise."""

PLATFORM_LOG_BYTES = 270
"""Lambda's own lines about an invocation, START, END and REPORT (Lambda Developer Guide, "Viewing
CloudWatch logs for Python Lambda functions")."""
PLATFORM_LOG_LINES = 3

LOG_EVENT_BYTES = 26
"""What CloudWatch Logs adds to the size of each line (API reference, PutLogEvents). That it is charged
as well is not checked."""

WRITES = {
    "CopyObject",
    "PutObjectTagging",
    "CreateMultipartUpload",
    "UploadPartCopy",
    "CompleteMultipartUpload",
    "ListMultipartUploads",
    "ListParts",
}
READS = {"HeadObject", "GetObjectTagging", "GetObject"}
QUEUE_CALLS = {"SendMessage", "DeleteMessage", "DeleteMessageBatch", "ChangeMessageVisibility"}

IDLE_POLLERS = 5
"""What an event source mapping with ``maximum_concurrency`` does not go below (Lambda Developer Guide,
"Configuring scaling behavior for SQS event source mappings")."""
POLL_SECONDS = 20
"""The longest long polling (SQS Developer Guide, "Quotas related to queues"); that Lambda's pollers wait
that long is not checked."""

COPY = "S3: COPY (or PUT, parts)"
HEAD = "S3: HEAD"
TOPIC = "SNS: publish"
FILTER = "SNS: filter"
QUEUE = "SQS: requests"
REQUESTS = "Lambda: requests"
TIME = "Lambda: time"
LOGS = "Logs"
TIME_CONTROL = "Replication Time Control"
ITEMS = [COPY, HEAD, TOPIC, FILTER, QUEUE, REQUESTS, TIME, LOGS, TIME_CONTROL]

Bill = dict[str, float]
"""Dollars by item."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the cost depends on beside the calls.

    Attributes:
        destinations: that share an event's publishing.
        log_bytes: the function writes for an object.
        has_metrics: whether it writes a line of metrics.
        filtered: whether the destination has ``prefixes``.
    """

    memory_mb: int = 512
    architecture: str = "arm64"
    destinations: int = 1
    log_bytes: int = LOG_LINE_BYTES
    has_metrics: bool = True
    filtered: bool = False


@dataclass(frozen=True, slots=True)
class DeliveryMode:
    """A way that events take to a function.

    Attributes:
        has_queue: whether messages wait in SQS for it.
        invocations: in which an object is copied; an upload is begun by one and made by the next.
    """

    work: Invocation
    has_queue: bool
    settings: Settings = field(default_factory=Settings)
    invocations: int = 1


def bill(mode: DeliveryMode, objects: float) -> Bill:
    """What it costs to replicate some objects.

    Args:
        objects: how many.
    """
    work, settings = mode.work, mode.settings
    invocations = objects / work.objects * mode.invocations

    def called(operations: set[str]) -> float:
        return sum(work.calls.get(name, 0) for name in operations) * objects / work.objects

    unknown = work.calls.keys() - WRITES - READS - QUEUE_CALLS
    if unknown:
        raise ValueError(f"no price is known for {', '.join(sorted(unknown))}")
    lines = settings.log_bytes > 0
    log_bytes = objects * mode.invocations * lines * (settings.log_bytes + LOG_EVENT_BYTES)
    if settings.has_metrics:
        log_bytes += invocations * (METRICS_BYTES + LOG_EVENT_BYTES)
        log_bytes += objects * mode.invocations * METRICS_OBJECT_BYTES
    log_bytes += invocations * (PLATFORM_LOG_BYTES + PLATFORM_LOG_LINES * LOG_EVENT_BYTES)
    seconds = objects / work.objects * work.seconds_with(settings.memory_mb)
    # SNS sends each event by itself; the pollers receive, and delete after the invocation, by batches.
    queue = called(QUEUE_CALLS) + objects + 2 * invocations if mode.has_queue else 0
    return {
        COPY: called(WRITES) * prices.S3_WRITE.each,
        HEAD: called(READS) * prices.S3_READ.each,
        TOPIC: objects / settings.destinations * prices.SNS_PUBLISH.each,
        FILTER: objects * settings.filtered * EVENT_BYTES / GIB * prices.SNS_FILTER.each,
        QUEUE: queue * prices.SQS_REQUEST.each,
        REQUESTS: invocations * prices.LAMBDA_REQUEST.each,
        TIME: seconds * settings.memory_mb / 1024 * prices.LAMBDA_TIME[settings.architecture].each,
        LOGS: log_bytes / GIB * prices.LOG_INGESTION.each,
        TIME_CONTROL: 0.0,
    }


def native_bill(objects: float, size: float, *, time_control: bool) -> Bill:
    """What S3 Replication costs: a PUT for each object, and for time control each GB.

    Its reads of the source are not on the price page, nor is how many parts it makes of a large
    object; both are counted as nothing.
    """
    price = prices.S3_REPLICATION_TIME_CONTROL.each
    nothing = dict.fromkeys(ITEMS, 0.0)
    return nothing | {
        COPY: objects * prices.S3_WRITE.each,
        TIME_CONTROL: objects * size / GIB * price * time_control,
    }


def total(items: Bill) -> float:
    """Dollars of all items."""
    return sum(items.values())


def overhead(items: Bill) -> float:
    """What is paid beyond S3's copies, as a part of their price."""
    return total(items) / items[COPY] - 1


def transfer(size: float, price: Price = prices.TRANSFER) -> float:
    """Dollars for moving some bytes to another region; the same whoever copies."""
    return size / GIB * price.each


def idle_month() -> float:
    """Dollars a month for the pollers of a queue in which nothing is."""
    receives = IDLE_POLLERS * 30 * 24 * 3600 / POLL_SECONDS
    return receives * prices.SQS_REQUEST.each


def small(measured: Measured) -> dict[str, Bill]:
    """A million objects of 10 kB, by column."""
    return {
        "`queue`": bill(DeliveryMode(measured.batch, has_queue=True), MILLION),
        "`direct`": bill(DeliveryMode(measured.single, has_queue=False), MILLION),
        "blog's handler": bill(blog(measured.blog), MILLION),
        "S3 Replication": native_bill(MILLION, SMALL_BYTES, time_control=False),
        "with time control": native_bill(MILLION, SMALL_BYTES, time_control=True),
    }


def large(measured: Measured) -> dict[str, Bill]:
    """A TiB in objects of a GiB, by column.

    With direct delivery the message that names an upload is in the queue as well.
    """
    objects = TIB / GIB
    queue = bill(DeliveryMode(measured.large, has_queue=True, invocations=2), objects)
    direct = queue | {QUEUE: queue[QUEUE] - 3 * objects * prices.SQS_REQUEST.each}
    return {
        "`queue`": queue,
        "`direct`": direct,
        "blog's handler": bill(blog(measured.blog_large), objects),
        "S3 Replication": native_bill(objects, GIB, time_control=False),
        "with time control": native_bill(objects, GIB, time_control=True),
    }


def blog(work: Invocation) -> DeliveryMode:
    """The blog's handler, with our function's memory and architecture; it logs nothing itself."""
    return DeliveryMode(work, has_queue=False, settings=Settings(log_bytes=0, has_metrics=False))


def changes(measured: Measured) -> dict[str, Bill]:
    """What a million small objects cost with `delivery = "queue"` if something were different."""
    mode = DeliveryMode(measured.batch, has_queue=True)

    def changed(**settings: object) -> Bill:
        return bill(replace(mode, settings=replace(mode.settings, **settings)), MILLION)  # type: ignore[arg-type]

    fewer = {name: number for name, number in measured.batch.calls.items() if name != "HeadObject"}
    one_head = replace(measured.batch, calls=fewer | {"HeadObject": measured.batch.objects})
    cheapest = Settings(memory_mb=256, log_bytes=0, destinations=10)
    return {
        "as it is, one destination": changed(),
        "10 destinations share the topic": changed(destinations=10),
        '`function.log_level = "WARNING"`': changed(log_bytes=0),
        "`function.memory_mb = 256`": changed(memory_mb=256),
        "`function.memory_mb = 1769`": changed(memory_mb=1769),
        '`function.architecture = "x86_64"`': changed(architecture="x86_64"),
        "with `prefixes`, which SNS filters by": changed(filtered=True),
        "one message in each batch, as when little is written": bill(
            replace(mode, work=measured.single), MILLION
        ),
        "(no setting) one HEAD instead of two": bill(replace(mode, work=one_head), MILLION),
        "(no setting) no HEAD": bill(
            replace(mode, work=replace(measured.batch, calls=fewer)), MILLION
        ),
        "(no setting) one HEAD, 10 destinations, 256 MB, `WARNING`": bill(
            replace(mode, work=one_head, settings=cheapest), MILLION
        ),
    }
