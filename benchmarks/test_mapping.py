"""The function copies on the model as the benchmark drives it."""

from pathlib import Path

from support.aws.figures import MIB
from support.aws.server import model

from .from_start import started
from .mapping import drive, event_of, function


def test_the_function_copies_on_the_model_as_the_benchmark_drives_it(tmp_path: Path) -> None:
    with model() as running, started(function(running), tmp_path, None) as process:
        for size in (10_000, 200 * MIB):
            running.clear(is_versioned=True)
            running.sqs.send(running.queue, event_of("a", running.make("a", size)))

            assert len(list(drive(running, process, timeout=60))) == 1, size

            running.check(["a"])
            assert not running.queue.messages
            assert not running.s3.store.uploads
