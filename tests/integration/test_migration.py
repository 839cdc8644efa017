"""From the blog's set-up to the module, with no object missed in between."""

import hashlib

from integration.pages import BESIDE, IN_PLACE, Pages, blocks
from integration.roots import Root, Together
from integration.support import run_documented

MORE = 20


def test_no_object_is_missed_on_either_way(roots: dict[str, Root], pages: Pages) -> None:
    root = roots["pages"]

    def go_on(objects: int) -> None:
        seen = {bucket: len(put) for bucket, put in pages.put.items()}
        for bucket, put in pages.put.items():
            root.eventually("more objects", lambda b=bucket, p=put: len(p) >= seen[b] + objects)  # type: ignore[misc]

    during_the_apply = {bucket: len(put) for bucket, put in pages.put.items()}
    assert all(count > 20 for count in during_the_apply.values()), during_the_apply

    with pages.writing():
        go_on(MORE)
        run_the_page_s_commands(root)
        go_on(MORE)

    for bucket, put in pages.put.items():
        expected = {key: hashlib.md5(body).hexdigest() for key, body in put.items()}
        root.eventually(
            f"{bucket} replicated",
            lambda b=bucket, e=expected: etags(root, f"{b}-copy") == e,  # type: ignore[misc]
        )
    root.wait_until_quiet()

    # Nobody invokes the other one any more.
    root.client("lambda").delete_function(FunctionName=f"{IN_PLACE}-copy")
    root.put(IN_PLACE, "last.txt", b"last")
    root.eventually("the last object", lambda: root.content(f"{IN_PLACE}-copy", "last.txt"))


def test_the_topic_that_stays_is_left_as_it_was(roots: dict[str, Root]) -> None:
    s3 = roots["pages"].client("s3")
    topics = s3.get_bucket_notification_configuration(Bucket=BESIDE)["TopicConfigurations"]
    assert [(t["TopicArn"].rsplit(":")[-1], t["Events"]) for t in topics] == [
        (f"{BESIDE}-events", ["s3:ObjectCreated:*"])
    ]


def test_destroying_what_was_applied_leaves_nothing(
    roots: dict[str, Root], together: Together
) -> None:
    together.destroy()
    assert {root.name: root.left() for root in roots.values()} == {name: {} for name in roots}
    assert roots["cross-account"].partner("s3").list_buckets()["Buckets"] == []


def run_the_page_s_commands(root: Root) -> None:
    """Remove the old function as docs/migration.md says."""
    (commands,) = blocks("docs/migration.md", "sh")
    subscriptions = root.client("sns").list_subscriptions
    before = len(subscriptions()["Subscriptions"])
    run_documented(root.aws, commands, root.account)
    assert len(subscriptions()["Subscriptions"]) == before - 1
    functions = root.client("lambda").list_functions()["Functions"]
    assert f"{BESIDE}-copy" not in [function["FunctionName"] for function in functions]


def etags(root: Root, bucket: str) -> dict[str, str]:
    """The MD5 of each object of a bucket."""
    pages = root.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return {
        item["Key"]: item["ETag"].strip('"') for page in pages for item in page.get("Contents", ())
    }
