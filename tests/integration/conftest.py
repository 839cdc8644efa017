"""What the integration tests share: one local AWS and what is applied to it for the whole run."""

import os
from collections.abc import Iterator

import pytest

from integration.pages import ACCOUNT, Pages
from integration.roots import Root, Together
from integration.support import STACKS, Stack, apply, checkout
from local_aws.errors import LocalAwsError
from local_aws.server import BATCHES_AT_ONCE, WORK_FOLDER, LocalAws


@pytest.fixture(scope="session")
def aws() -> Iterator[LocalAws]:
    """The local AWS; its log stays in .local_aws/, named after the stage of `make test`."""
    stage = os.environ.get("FANOUT_STAGE", "test")
    running = LocalAws(
        log_file=WORK_FOLDER / f"localstack-{stage}.log",
        batches_at_once=int(os.environ.get("FANOUT_BATCHES_AT_ONCE") or BATCHES_AT_ONCE),
    )
    try:
        running.start()
    except LocalAwsError as error:
        pytest.exit(str(error), returncode=1)
    yield running
    running.stop()


@pytest.fixture(scope="session")
def stacks(aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Stack]:
    """The unversioned source buckets, applied once."""
    return apply(checkout(tmp_path_factory.mktemp("checkout")) / STACKS / "plain", aws)


@pytest.fixture
def stack(stacks: dict[str, Stack]) -> Stack:
    """The one with every kind of destination."""
    return stacks["plain"]


@pytest.fixture(scope="session")
def versioned(aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """The versioned source bucket, applied once. `test_destroy` takes it down at the very end."""
    folder = checkout(tmp_path_factory.mktemp("checkout")) / STACKS / "versioned"
    return apply(folder, aws)["versioned"]


@pytest.fixture(scope="session")
def together(aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Together:
    """All examples, and a root of the blocks in README and docs; not applied yet."""
    folder = checkout(tmp_path_factory.mktemp("checkout"))
    pages = folder / "pages"
    pages.mkdir()
    (pages / "terraform-aws-s3-fanout").symlink_to(folder)
    roots = [
        Root(path.name, path, f"1111111111{number:02}", aws)
        for number, path in enumerate(sorted((folder / "examples").iterdir()))
    ]
    return Together(folder / "together", [*roots, Root("pages", pages, ACCOUNT, aws)], aws)


@pytest.fixture(scope="session")
def pages(together: Together) -> Pages:
    """What is there before the blocks in README and docs are applied."""
    found = Pages(together.roots[-1])
    found.set_up()
    return found


@pytest.fixture(scope="session")
def roots(together: Together, pages: Pages) -> dict[str, Root]:
    """All of them applied. Objects are written to the buckets of the migration meanwhile."""
    with pages.writing():
        together.apply()
    return {root.name: root for root in together.roots}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests marked ``last`` behind all others, and mark those with the versioned source."""
    for item in items:
        if "versioned" in getattr(item, "fixturenames", ()):
            item.add_marker("versioned")
    items.sort(key=lambda item: item.get_closest_marker("last") is not None)
