"""What the integration tests share: one local AWS and one applied stack for the whole run."""

from collections.abc import Iterator

import pytest

from integration.support import Stack, apply, checkout
from local_aws.errors import LocalAwsError
from local_aws.server import WORK_FOLDER, LocalAws


@pytest.fixture(scope="session")
def aws() -> Iterator[LocalAws]:
    """The local AWS; its log stays in .local_aws/localstack-test.log."""
    running = LocalAws(log_file=WORK_FOLDER / "localstack-test.log")
    try:
        running.start()
    except LocalAwsError as error:
        pytest.exit(str(error), returncode=1)
    yield running
    running.stop()


@pytest.fixture(scope="session")
def stacks(aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Stack]:
    """The stack, applied once. `test_destroy` takes it down at the very end."""
    return apply(checkout(tmp_path_factory.mktemp("checkout")), aws)


@pytest.fixture
def stack(stacks: dict[str, Stack]) -> Stack:
    """Its main source bucket."""
    return stacks["plain"]


@pytest.fixture
def versioned(stacks: dict[str, Stack]) -> Stack:
    """Its versioned source bucket."""
    return stacks["versioned"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests marked ``last`` behind all others."""
    items.sort(key=lambda item: item.get_closest_marker("last") is not None)
