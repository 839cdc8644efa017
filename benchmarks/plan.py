"""The scaling plan's scenarios, simulated; and one object of 50 TB, which needs no queue."""

from __future__ import annotations

import math
from dataclasses import dataclass

from fanout.replicate.buckets import streams_for
from fanout.replicate.upload_plan import MARGIN_SECONDS, MIB, least_part_bytes

from . import cost, prices
from .measured import Measured
from .scaling import Limits, Load, Run, simulate

WRITES_PER_PREFIX = 3_500
"""A second and partitioned prefix, at least (S3 User Guide, "Best practices design patterns")."""
ACCOUNT_CONCURRENCY = 1_000
"""Lambda's default for an account and region (Lambda Developer Guide, "Lambda quotas")."""
SNS_PER_SECOND = 30_000
"""Messages published in us-east-1 (General Reference, "Amazon SNS endpoints and quotas")."""
MEMORY_MB = 512
STREAM_BYTES = 72 * MIB
"""A second and part, as in the model of S3 that ``make bench`` runs on."""
LARGE_BYTES = 50 * 10**12
TIMEOUT_SECONDS = 900


@dataclass(frozen=True, slots=True)
class Scenario:
    """A load, and the inputs it meets.

    Attributes:
        account_concurrency: of the account, shared evenly by all destinations.
        prefixes: that S3 has partitioned the destination by.
    """

    load: str
    inputs: str
    objects: int
    per_second: float
    maximum_concurrency: int = 50
    prefixes: int = 1
    destinations: int = 1
    account_concurrency: int = ACCOUNT_CONCURRENCY

    def limits(self, measured: Measured) -> Limits:
        """What holds each destination back."""
        one = measured.single.seconds_with(MEMORY_MB)
        ten = measured.batch.seconds_with(MEMORY_MB)
        each = (ten - one) / (measured.batch.objects - measured.single.objects)
        return Limits(
            concurrency=min(
                self.maximum_concurrency, self.account_concurrency // self.destinations
            ),
            copies_per_second=self.prefixes * WRITES_PER_PREFIX,
            call_seconds=one - each,
            object_seconds=each,
        )


SUSTAINED, BURST, MANY = (
    "10,000 objects a second for 2 minutes",
    "1,000,000 objects at 30,000 a second",
    "1,000 objects a second for 5 minutes, 100 destinations",
)
SCENARIOS = [
    Scenario(SUSTAINED, "defaults", 1_200_000, 10_000),
    Scenario(SUSTAINED, "`maximum_concurrency = 300`, 4 prefixes", 1_200_000, 10_000, 300, 4),
    Scenario(BURST, "defaults", 1_000_000, SNS_PER_SECOND),
    Scenario(BURST, "`maximum_concurrency = 100`", 1_000_000, SNS_PER_SECOND, 100),
    Scenario(BURST, "`maximum_concurrency = 300`, 4 prefixes", 1_000_000, SNS_PER_SECOND, 300, 4),
    Scenario(MANY, "defaults", 300_000, 1_000, destinations=100),
    Scenario(
        MANY, "account concurrency 5,000", 300_000, 1_000, destinations=100,
        account_concurrency=5_000,
    ),
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a scenario came to, for each destination; dollars for all together."""

    scenario: Scenario
    run: Run
    usd: float


def outcomes(measured: Measured) -> list[Outcome]:
    """Simulate all scenarios: seconds of processor time."""
    found = []
    for scenario in SCENARIOS:
        run = simulate(Load(scenario.objects, scenario.per_second), scenario.limits(measured))
        # A refused copy is a message received again; S3 does not charge its answer (User Guide,
        # "Understanding your AWS billing and usage reports").
        handled = scenario.objects + run.refused
        work = measured.with_objects(handled / run.invocations)
        mode = cost.DeliveryMode(
            work, has_queue=True, settings=cost.Settings(destinations=scenario.destinations)
        )
        bill = cost.bill(mode, handled)
        not_charged = run.refused * (
            prices.S3_WRITE.each + prices.SNS_PUBLISH.each / scenario.destinations
        )
        usd = (cost.total(bill) - not_charged) * scenario.destinations
        found.append(Outcome(scenario, run, usd))
    return found


@dataclass(frozen=True, slots=True)
class Giant:
    """One object of ``LARGE_BYTES``: its parts are copied in waves of as many as there are streams."""

    part_bytes: int
    parts: int
    streams: int
    waves: int
    wave_seconds: float
    invocations: int
    seconds: float
    usd: float


def giant() -> Giant:
    """How long it takes, by the sizes that the function chooses."""
    part = least_part_bytes(LARGE_BYTES)
    parts = -(-LARGE_BYTES // part)
    streams = streams_for(MEMORY_MB)
    wave = part / STREAM_BYTES
    waves = math.ceil(parts / streams)
    # A part that would not be done in time is not begun.
    in_one = int((TIMEOUT_SECONDS - max(MARGIN_SECONDS) - 0.25 * wave) // wave)
    invocations = math.ceil(waves / in_one)
    seconds = waves * wave
    time = prices.LAMBDA_TIME["arm64"].each * MEMORY_MB / 1024 * seconds
    return Giant(
        part, parts, streams, waves, wave, invocations, seconds,
        (parts + 2) * prices.S3_WRITE.each + time,
    )  # fmt: skip
