"""What is put into the source bucket arrives, whole, where it is wanted and nowhere else."""

from concurrent.futures import ThreadPoolExecutor

from integration.support import Destination, Stack
from support.objects import AWKWARD_KEYS, EVERYTHING

LONGEST = 1024  # bytes of a key (User Guide, "Naming Amazon S3 objects")


def longest_key(prefix: str, destination_prefix: str) -> str:
    """A key whose replica's key is as long as a key may be."""
    length = LONGEST - max(len(destination_prefix.encode()), 0) - len(prefix.encode())
    return prefix + "é" * (length // 2) + "x" * (length % 2)


def test_awkward_keys_arrive_everywhere_they_are_wanted_and_nothing_else_does(stack: Stack) -> None:
    prefixes = ["", "reports/", "größe & more/", "reports-not/"]
    keys = [prefix + key for prefix in prefixes for key in AWKWARD_KEYS.values()]
    keys = [key for key in keys if len(f"mirror/{key}".encode()) < LONGEST]
    keys += [longest_key("reports/", "mirror/")]

    def put(key: str) -> None:
        stack.put(
            key,
            body=b"" if key.endswith("/") else key.encode() * 3,
            ContentType="text/x-awkward; charset=utf-8",
            CacheControl="max-age=60",
            Metadata={"length": str(len(key)), "quoted": "a 'b' \"c\""},
        )

    before = {d.name: stack.keys(d.bucket, d.region) for d in stack.destinations.values()}
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(put, keys))
    stack.wait_until_equal(keys)
    stack.wait_until_quiet()
    for destination in stack.destinations.values():
        wanted = {destination.key_for(key) for key in keys} - {None}
        new = stack.keys(destination.bucket, destination.region) - before[destination.name]
        assert new == wanted


def test_headers_metadata_tags_and_redirect_arrive(stack: Stack) -> None:
    stack.put(
        "reports/attributes",
        b"attributes",
        **EVERYTHING,
    )
    stack.wait_until_equal(["reports/attributes"])


def test_an_empty_object_arrives(stack: Stack) -> None:
    stack.put("reports/empty", b"")
    stack.wait_until_equal(["reports/empty"])


def test_replicas_have_the_storage_class_that_was_asked_for(stack: Stack) -> None:
    stack.put("reports/class", b"class")
    stack.wait_until_equal(["reports/class"])

    def storage_class(destination: Destination) -> str:
        key = destination.key_for("reports/class")
        s3 = stack.aws.client("s3", region=destination.region)
        head = s3.head_object(Bucket=destination.bucket, Key=key)
        return str(head.get("StorageClass", "STANDARD"))

    classes = {name: storage_class(d) for name, d in stack.destinations.items()}
    assert classes == {
        "plain": "STANDARD",
        "abroad": "STANDARD_IA",
        "reports": "STANDARD",
        "renamed": "STANDARD",
    }


def test_a_key_overwritten_by_several_writers_ends_equal_everywhere(stack: Stack) -> None:
    keys = ["reports/contended", "größe & more/contended"]

    def write(writer: int) -> None:
        for turn in range(25):
            body = f"{writer}/{turn}".encode() * (1 + (writer * 25 + turn) % 7)
            stack.put(keys[turn % 2], body, Metadata={"writer": str(writer), "turn": str(turn)})

    with stack.delays_of_direct_delivery("1"):
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(write, range(4)))
        stack.wait_until_quiet()
        stack.wait_until_equal(keys)


def test_a_destination_that_is_paused_keeps_its_events_and_catches_up(stack: Stack) -> None:
    plain = stack.destinations["plain"]
    with stack.paused(plain):
        stack.put("paused", b"paused")
        stack.eventually("the event in the queue", lambda: stack.messages(plain) == 1)
        assert stack.at_destination(plain, "paused") is None
    stack.wait_until_equal(["paused"])
