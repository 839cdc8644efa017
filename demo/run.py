"""The demo from beginning to end."""

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
from rich.console import Console
from rich.live import Live
from rich.status import Status
from rich.text import Text

from demo import kept, play, screen
from demo.example import Example
from demo.objects import uploads
from demo.watch import Watch
from local_aws import background, processes
from local_aws.server import REPOSITORY, LocalAws


def run(console: Console, *, keep: bool, port: int, big_megabytes: int) -> bool:
    """Set up, put, watch, compare, and take down again.

    DEMO_STARTED_AT (seconds since the epoch) says when all of it began, if that was before this
    process.

    Args:
        console: where to show it.
        keep: leave everything up and say what to try with it.
        port: where on 127.0.0.1 that will be; what is not kept takes a free port.
        big_megabytes: size of the big object in millions of bytes.

    Returns:
        Whether every destination holds exactly what it should.

    Raises:
        LocalAwsError: something is missing on this machine, or Terraform failed.
        ClientError: the endpoint refused a call of the demo.
    """
    began_at = float(os.environ.get("DEMO_STARTED_AT") or psutil.Process().create_time())
    with ExitStack() as cleanup:
        if keep:
            kept.refuse_a_second()
            folder = kept.FOLDER
            shutil.rmtree(folder, ignore_errors=True)  # of one that ended with the machine
        else:
            folder = Path(tempfile.mkdtemp(prefix="s3-fanout-demo-"))
        cleanup.callback(shutil.rmtree, folder, ignore_errors=True)
        cleanup.callback(_end_children)

        external = os.environ.get("AWS_ENDPOINT_URL")
        with _step(console, f"AWS at {external}" if external else "LocalStack, on this machine"):
            if keep:
                cleanup.callback(background.stop)
                aws = background.start(port=port)
            else:
                aws = LocalAws()
                cleanup.callback(aws.stop)
                aws.start()

        example = Example(aws, folder)
        example.copy()
        if aws.is_external:
            cleanup.callback(_destroy, console, example)
            cleanup.callback(_end_children)  # Terraform first: it locks its state
        with _step(console, "terraform init"):
            example.init()
        with _step(console, "terraform apply") as status:
            outputs = example.apply(_show_progress(status))

        with _step(console, "Reading the files to put"):
            objects = uploads(REPOSITORY, big_megabytes)
        console.print()
        put_at = time.time()
        with _live(console) as live:
            watch = Watch(aws, outputs, lambda sides: live.update(screen.table(sides)))
            watch.run(objects)
        is_equal = screen.is_equal(watch.sides)
        console.print(screen.summary(watch.sides, objects))
        console.print(screen.times(began_at, put_at, watch.first_seen_at, watch.arrived_at))
        console.print()

        if keep:
            kept.save(aws, outputs)
            cleanup.pop_all()
            console.print(Text(play.hints(aws.endpoint_url)), soft_wrap=True)
        else:
            _destroy(console, example)
    return is_equal


def _destroy(console: Console, example: Example) -> None:
    if example.is_applied:
        with _step(console, "terraform destroy") as status:
            example.destroy(_show_progress(status))


def _end_children() -> None:
    """An interrupt can come while a process is being started, when nobody knows it yet."""
    processes.kill(psutil.Process().children(recursive=True))


@contextmanager
def _step(console: Console, doing: str) -> Iterator[Status]:
    """A spinner while it lasts, a line with the time it took when it is done."""
    began_at = time.monotonic()
    with console.status(doing) as status:
        yield status
    console.print(f"[green]✓[/] {doing} [dim]{time.monotonic() - began_at:.1f} s[/]")


@contextmanager
def _live(console: Console) -> Iterator[Live]:
    """What changes in place; where nothing can, as in a log, its last state."""
    try:
        with Live(console=console) as live:
            yield live
    finally:
        if not console.is_terminal:
            console.print()  # rich ends the line on terminals only
        console.print()


def _show_progress(status: Status) -> Callable[[int, int], None]:
    doing = status.status

    def show(done: int, total: int) -> None:
        if total:  # the wait is the provider's, not this machine's: it is the same on AWS
            status.update(f"{doing}: {done} of {total} resources, 25 s for each queue")

    return show
