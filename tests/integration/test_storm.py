"""Everything that can fail does, for a while: nothing is lost, and nothing is left behind.

    FANOUT_SEED=... make soak OBJECTS=...

At the end every object that was put is compared with its replicas, and with what the replication log
says of it. `make test` has a short storm.

And what SQS would hand out for ever: an object that ends every process that processes it.
"""

import json
import os
import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import psutil
import pytest
from werkzeug import Request, Response

from integration.s3_proxy import Forward, SlowCopies
from integration.storm import Storm, killer
from integration.support import REGION, THRESHOLD, Destination, Stack
from integration.test_operations import command, entries, variables
from local_aws import waiting

OBJECTS = int(os.environ.get("FANOUT_OBJECTS") or 40)
LARGE_EVERY = 100
IS_SHORT = OBJECTS < 100
SHARE = 0.02 if IS_SHORT else 0.05
SECONDS_BETWEEN_KILLS = 2.0
TIMEOUT_SECONDS = 16 if IS_SHORT else 30
LONGEST_WRITE_SECONDS = 5  # longer than a copy takes to land
STAGING = "staging-of-the-storm"
PREFIX = "größe & more/storm/"
KEYS = [f"{PREFIX}{number}" for number in range(OBJECTS)]
FIRST = OBJECTS // 10


class Writer:
    """Puts objects, and does what else happens to a bucket and its events."""

    def __init__(self, stack: Stack, seed: str) -> None:
        self.stack = stack
        self._seed = seed
        self._queues = [d.queue_url for d in stack.destinations.values() if d.name != "renamed"]

    def write(self, number: int) -> None:
        """Bring one object to its last state."""
        chance = random.Random(f"{self._seed}/{number}")
        key = KEYS[number]
        self.put(key, chance, THRESHOLD + 1 if number % LARGE_EVERY == 20 else None)
        if chance.random() < 0.3:
            time.sleep(chance.uniform(0, 2))  # copies of what was there before are under way
            self.put(key, chance, None)
        if chance.random() < 0.1:
            tags = {"TagSet": [{"Key": "later", "Value": str(number)}]}
            self.stack.s3.put_object_tagging(Bucket=self.stack.source_bucket, Key=key, Tagging=tags)
        if chance.random() < 0.1:
            # Again, and by now perhaps of what the object was before.
            event = self.event(chance.choice(KEYS[: number + 1]), chance)
            self.stack.sqs.send_message(
                QueueUrl=chance.choice(self._queues),
                MessageBody=event,
                DelaySeconds=chance.randrange(10),
            )

    def put(self, key: str, chance: random.Random, size: int | None) -> None:
        body = chance.randbytes(chance.randrange(5000) if size is None else size)
        tags = "owner=storm" if chance.random() < 0.2 else ""
        about = {"name": key.rsplit("/", 1)[-1], "random": str(chance.random())}
        self.stack.put(
            key,
            body,
            Metadata=about,
            Tagging=tags,
            ContentType="text/storm",
            ChecksumAlgorithm="CRC64NVME",
        )

    def event(self, key: str, chance: random.Random) -> str:
        """An event about a key, whose details are wrong or out of date."""
        about = {"key": key.replace(" ", "+"), "eTag": f"{chance.getrandbits(128):032x}", "size": 1}
        record = {
            "eventSource": "aws:s3",
            "eventName": "ObjectCreated:Put",
            "s3": {"bucket": {"name": self.stack.source_bucket}, "object": about},
        }
        return json.dumps({"Records": [record]})


def entry(s3: Any, bucket: str, key: str) -> tuple[Any, ...] | None:
    """Everything about an object; None where there is none."""
    try:
        head = s3.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
        tags = s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]
    except s3.exceptions.ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
            raise
        return None
    return (
        head["ContentLength"],
        head["ContentType"],
        head["ChecksumCRC64NVME"],
        sorted(head["Metadata"].items()),
        sorted((tag["Key"], tag["Value"]) for tag in tags),
    )


def differences(stack: Stack, destinations: list[Destination]) -> tuple[list[str], list[str]]:
    """What is missing at the destinations, and what differs."""
    missing, different = [], []

    def compare(key: str) -> None:
        expected = entry(stack.s3, stack.source_bucket, key)
        assert expected is not None
        for destination in destinations:
            s3 = stack.aws.client("s3", region=destination.region)
            found = entry(s3, destination.bucket, str(destination.key_for(key)))
            if found is None:
                missing.append(f"{destination.name}: {key}")
            elif found != expected:
                different.append(f"{destination.name}: {key}: {found} is not {expected}")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(compare, KEYS))
    return missing, different


def logged_wrongly(stack: Stack, destinations: list[Destination]) -> set[tuple[str, str]]:
    """Where the replication log says otherwise than that every object is everywhere."""
    logged = {
        pair: (item["status"]["S"], item["etag"]["S"])
        for pair, item in stack.logged().items()
        if "etag" in item
    }
    etags = {key: stack.s3.head_object(Bucket=stack.source_bucket, Key=key)["ETag"] for key in KEYS}
    return {
        (destination.name, key)
        for destination in destinations
        for key, etag in etags.items()
        if logged.get((destination.name, key)) != ("COMPLETED", etag)
    }


@contextmanager
def throttled(stack: Stack, destination: Destination) -> Iterator[None]:
    """Give a function hardly any concurrency, as an account does whose others take it all."""
    stack.functions.put_function_concurrency(
        FunctionName=destination.function_name, ReservedConcurrentExecutions=1
    )
    try:
        yield
    finally:
        stack.functions.delete_function_concurrency(FunctionName=destination.function_name)


@contextmanager
def patient(stack: Stack, destination: Destination) -> Iterator[None]:
    """Give a function and its queue the time for several requests that hang, and not much more."""
    # What a killed function held becomes visible again after this.
    visibility = str(TIMEOUT_SECONDS + 1)
    with (
        stack.function_timeout(destination, TIMEOUT_SECONDS),
        stack.queue_attributes(destination, VisibilityTimeout=visibility, DelaySeconds="1"),
    ):
        yield


def test_nothing_is_lost_in_a_storm(stack: Stack) -> None:
    stack.require_function_processes()
    seed = os.environ.get("FANOUT_SEED") or str(random.SystemRandom().randrange(10**9))
    print(f"\nFANOUT_SEED={seed}")
    destinations = [stack.destinations[name] for name in ("plain", "abroad", "reports")]
    stack.s3.create_bucket(Bucket=STAGING, CreateBucketConfiguration={"LocationConstraint": REGION})
    storm = Storm(seed, SHARE, SlowCopies(stack.aws.endpoint_url, STAGING, seed))
    writer = Writer(stack, seed)
    for destination in stack.destinations.values():  # other tests leave some
        stack.sqs.purge_queue(QueueUrl=destination.dead_letter_queue_url)
    started = time.monotonic()
    with ExitStack() as blowing:
        proxied = stack.proxied(
            storm, ["S3", "SQS"], LONGEST_WRITE_SECONDS=str(LONGEST_WRITE_SECONDS)
        )
        blowing.enter_context(proxied)
        blowing.callback(storm.end)
        for destination in destinations:
            blowing.enter_context(patient(stack, destination))
        kills = blowing.enter_context(killer(stack, destinations, seed, SECONDS_BETWEEN_KILLS))
        with ThreadPoolExecutor(8) as pool:
            with throttled(stack, destinations[0]):
                list(pool.map(writer.write, range(FIRST)))
            list(pool.map(writer.write, range(FIRST, OBJECTS)))
        written = time.monotonic()

        def settled() -> bool:
            return all(stack.messages(d) == 0 for d in destinations) and differences(
                stack, destinations
            ) == ([], [])

        stack.eventually("every replica equal and nothing left to do", settled)
        over = time.monotonic()
    dead_letters = [
        dead_letter for d in stack.destinations.values() for dead_letter in stack.dead_letters(d)
    ]
    uploads = [
        f"{d.name}: {upload}\n" + "\n".join(storm.about_uploads[f"/{d.bucket}/{upload['Key']}"])
        for d in destinations
        for upload in stack.aws.client("s3", region=d.region)
        .list_multipart_uploads(Bucket=d.bucket)
        .get("Uploads", ())
    ]
    print(
        f"{OBJECTS} objects to {len(destinations)} destinations in {over - started:.0f} s "
        f"({written - started:.0f} s of writing): 0 missing, 0 different; "
        f"{storm.requests} requests, of which {dict(sorted(storm.spoilt.items()))}; "
        f"{kills[0]} kills; {len(dead_letters)} dead-letter messages, {len(uploads)} open uploads",
        *uploads,
        sep="\n",
    )
    assert dead_letters == []
    assert uploads == []
    if stack.replication_log_table_name:
        missed, wrong = stack.not_logged(), logged_wrongly(stack, destinations)
        print(f"{len(missed)} outcomes were not written to the log, {len(wrong)} are wrong there")
        assert wrong <= missed
        for destination in destinations:
            failed = stack.run(command("What has failed"), **variables(stack, destination))
            assert {(destination.name, entry["key"]) for entry in json.loads(failed)} <= missed
        where = entries(stack, KEYS[-1])
        assert {where[d.name]["status"] for d in destinations} == {"COMPLETED"}
    assert storm.spoilt.keys() == storm.ways.keys(), "the storm is too gentle"
    assert kills[0] > 0


@pytest.mark.soak
def test_an_object_that_ends_the_process_becomes_a_dead_letter_and_its_neighbours_arrive(
    stack: Stack,
) -> None:
    stack.require_function_processes()
    destination = stack.destinations["plain"]
    keys = [f"poison/{number}" for number in range(10)]
    poison = keys[5]
    path = f"/{destination.bucket}/{destination.key_for(poison)}"
    kills = 0

    def kill(request: Request, forward: Forward) -> Response:
        nonlocal kills
        if request.path != path:
            return forward(request)
        kills += 1
        port = request.environ["REMOTE_PORT"]
        for process in stack.aws.function_processes(destination.function_name):
            with suppress(psutil.NoSuchProcess):  # one that has ended meanwhile
                if any(connection.laddr.port == port for connection in process.net_connections()):
                    process.kill()
        return Response(status=503)

    # So often is a message retried that nobody has the patience for 96 times three minutes.
    with (
        stack.function_timeout(destination, 3),
        stack.proxied(kill, LONGEST_WRITE_SECONDS="1"),
        stack.queue_attributes(destination, VisibilityTimeout="4"),
    ):
        for key in keys:
            stack.put(key, key.encode())
        for key in keys:
            if key != poison:
                stack.eventually(key, lambda key=key: stack.at_destination(destination, key))  # type: ignore[misc]
        neighbours_arrived_after = kills
        waiting.eventually(
            "nothing left to do", lambda: stack.messages(destination) == 0, state=lambda: kills
        )

    [dead_letter] = stack.dead_letters(destination)
    print(
        f"neighbours were there after {neighbours_arrived_after} kills, the dead-letter message "
        f"after {kills}"
    )
    assert dead_letter["MessageAttributes"]["Reason"]["StringValue"] == "ReceivedTooOften"
    assert poison in dead_letter["Body"].replace("\\", "")
    assert stack.at_destination(destination, poison) is None
    stack.sqs.send_message(QueueUrl=destination.queue_url, MessageBody=dead_letter["Body"])
    stack.wait_until_equal(keys)
