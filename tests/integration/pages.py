"""What README and docs say to apply, in one root module.

The quick start, for buckets that are there. And the blog's set-up around two buckets that are written to
all the time, which docs/migration.md puts the module beside, or in the place of.
"""

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from markdown_it import MarkdownIt

from integration import blog
from integration.roots import Root
from integration.support import REGION
from local_aws.server import REPOSITORY

ACCOUNT = "123456789012"  # the one in the pages
BESIDE = "media"
IN_PLACE = "cinema"
SECONDS_BETWEEN_WRITES = 0.5


@dataclass
class Pages:
    """The root module, and what was put into each bucket of the migration: the newest content."""

    root: Root
    put: dict[str, dict[str, bytes]] = field(default_factory=lambda: {BESIDE: {}, IN_PLACE: {}})
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def set_up(self) -> None:
        """Make the buckets, and the blog's topics and functions; write the root module."""
        client = self.root.client
        for bucket, region in {
            "photos": REGION,
            "photos-copy": REGION,
            "photos-us": "us-west-2",
            BESIDE: REGION,
            IN_PLACE: REGION,
        }.items():
            client("s3", region).create_bucket(
                Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": region}
            )
        for bucket in self.put:
            topic = client("sns").create_topic(Name=f"{bucket}-events")["TopicArn"]
            blog.deploy(client, topic, f"{bucket}-copy")
            created = {"TopicArn": topic, "Events": ["s3:ObjectCreated:*"]}
            client("s3").put_bucket_notification_configuration(
                Bucket=bucket, NotificationConfiguration={"TopicConfigurations": [created]}
            )
        (self.root.folder / "main.tf").write_text(_configuration())

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Go on putting objects, every third time one that is there already."""
        ended = threading.Event()

        def write() -> None:
            for number in self.numbers:
                for bucket, put in self.put.items():
                    key = f"a b/{number - 2 if number % 3 == 2 else number}.txt"
                    body = f"{number}".encode()
                    self.root.put(bucket, key, body)
                    put[key] = body
                if ended.wait(SECONDS_BETWEEN_WRITES):
                    return

        writer = threading.Thread(target=write)
        writer.start()
        try:
            yield
        finally:
            ended.set()
            writer.join()


def blocks(page: str, language: str) -> list[str]:
    """The code blocks of a page, without the indentation they have in it."""
    tokens = MarkdownIt().parse((REPOSITORY / page).read_text())
    return [t.content.rstrip() for t in tokens if (t.type, t.info) == ("fence", language)]


def _configuration() -> str:
    """The pages' blocks, each with a name of its own.

    The second one of the migration is for another bucket than the first.
    """
    provider = f'provider "aws" {{\n  region = "{REGION}"\n}}'
    quick_start, *_ = blocks("README.md", "hcl")
    beside, in_place = blocks("docs/migration.md", "hcl")
    return "\n\n".join(
        [
            provider,
            quick_start,
            beside.replace('module "fanout"', 'module "beside"'),
            in_place.replace('module "fanout"', 'module "in_place"').replace(
                f'"{BESIDE}', f'"{IN_PLACE}'
            ),
        ]
    )
