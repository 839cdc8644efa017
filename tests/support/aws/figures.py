"""How long a call takes on the model, and how many it takes, each with its source."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024**2


@dataclass(frozen=True, slots=True)
class Figures:
    """What the model promises. Times in seconds, rates in calls per second and prefix.

    S3 publishes rates but no latencies, except that small requests take "roughly 100-200
    milliseconds" at most times (User Guide, "Best practices design patterns"), which includes the way of
    a client outside. The latencies here are round figures of the order that clients in the same
    Region see; a benchmark on them compares programs, it does not predict a time.

    Attributes:
        head: HEAD, GET and the reading of tags. Assumed.
        write: small writes: deletes, tags, aborts. Assumed.
        copy: what a CopyObject or UploadPartCopy takes beyond its bytes. Assumed.
        create: CreateMultipartUpload. Assumed.
        complete: CompleteMultipartUpload. Assumed.
        listing: a page of parts or objects. Assumed.
        keep_alive: S3 answers a copy or a completion that takes long with 200 at once and with white
            space until it is done (API reference, CompleteMultipartUpload; CopyObject has errors inside
            of 200 answers). The interval is assumed.
        queue: an SQS call. Its FAQ says "tens or low hundreds of milliseconds".
        stream_bytes: bytes per second of one copy. Parts of 1 GiB took 13.9 to 17.2 s in the
            measurements of awslabs/aws-c-s3, pull request 288: 60 to 74 MiB/s.
        object_bytes: bytes per second of all copies for one upload; None: no limit is known. One
            function with 940 streams moved 2 TB in less than five minutes, which is 7 GB/s.
        writes: PUT, COPY, POST and DELETE before ``SlowDown`` (User Guide, "Optimizing Amazon S3
            performance": 3,500 a second and partitioned prefix).
        reads: GET and HEAD, likewise (5,500).
    """

    head: float = 0.010
    write: float = 0.030
    copy: float = 0.050
    create: float = 0.030
    complete: float = 0.060
    listing: float = 0.040
    keep_alive: float = 10
    queue: float = 0.010
    stream_bytes: float = 72 * MIB
    object_bytes: float | None = None
    writes: int = 3500
    reads: int = 5500

    def copy_seconds(self, size: int) -> float:
        """How long one stream takes to copy some bytes."""
        return self.copy + size / self.stream_bytes


@dataclass(slots=True)
class Rate:
    """A budget of calls that refills while time passes, and holds those of one second."""

    per_second: int
    left: float
    at: float

    def take(self, now: float) -> bool:
        """Use one call of the budget; False when there is none left."""
        self.left = min(self.per_second, self.left + (now - self.at) * self.per_second)
        self.at = now
        if self.left < 1:
            return False
        self.left -= 1
        return True
