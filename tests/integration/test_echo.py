"""Between two buckets that replicate each other, a change goes there and nothing comes back."""

from integration.support import Content, Stack, wait_until_idle


def lines(stack: Stack, key: str) -> list[tuple[str, int]]:
    """What the functions of a source did with a key, and in how many S3 calls."""
    return [
        (line["action"], line["calls"])
        for destination in stack.destinations.values()
        for line in stack.log_lines(destination)
        if line.get("key") == key
    ]


def test_a_put_a_change_of_tags_and_a_delete_go_there_and_nothing_comes_back(
    stacks: dict[str, Stack],
) -> None:
    left, right = stacks["left"], stacks["right"]
    key = "echo.txt"

    def settled(changes: int, expected: Content | None) -> None:
        """Wait until there is nothing left to do."""
        left.eventually("the change", lambda: len(lines(left, key)) >= changes)
        wait_until_idle(left, right)
        for stack in (left, right):
            assert stack.at_source(key) == expected
        assert len(lines(left, key)) == changes
        assert lines(right, key) == []

    left.put(key, b"echo", Tagging="a=1")
    settled(1, left.at_source(key))
    assert lines(left, key)[-1] == ("copied", 5)  # COPY, 2 HEAD, and twice the tags

    tags = {"TagSet": [{"Key": "a", "Value": "2"}]}
    left.s3.put_object_tagging(Bucket=left.source_bucket, Key=key, Tagging=tags)
    settled(2, left.at_source(key))
    assert lines(left, key)[-1] == ("tagged", 9)  # look, tags, look

    left.s3.delete_object(Bucket=left.source_bucket, Key=key)
    settled(3, None)
    assert lines(left, key)[-1] == ("deleted", 7)  # look, tags of the replica, proof, delete, look
