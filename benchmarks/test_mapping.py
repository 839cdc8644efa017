"""The function copies on the model as the benchmark drives it."""

from pathlib import Path

from support.aws.figures import MIB
from support.aws.server import model

from .environment import environment
from .mapping import drive, event_of, function


def test_the_function_copies_on_the_model_as_the_benchmark_drives_it(tmp_path: Path) -> None:
    with model() as running, environment(function(running), tmp_path / "log") as process:
        for size, invocations in ((10_000, 1), (200 * MIB, 2)):
            running.clear(is_versioned=True)
            running.sqs.send(running.queue, event_of("a", running.make("a", size)))

            assert len(list(drive(running, process, timeout=60))) == invocations

            running.check(["a"])
            assert not running.queue.messages
            assert not running.s3.store.uploads
