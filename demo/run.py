"""The demo from beginning to end."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
from botocore.exceptions import BotoCoreError
from rich.console import Console
from rich.live import Live
from rich.text import Text

from demo import play, screen
from demo.example import Example
from demo.objects import uploads
from demo.watch import Watch
from local_aws import background, processes
from local_aws.errors import LocalAwsError
from local_aws.server import REPOSITORY, LocalAws

# Few: client, AWS and functions share one machine, and what is measured is the functions.
THREADS = 4


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
            if running := play.find() or background.find():
                raise LocalAwsError(
                    f"Something is up already, at {running.endpoint_url}: "
                    "end it with `make demo-stop`."
                )
            folder = play.FOLDER
            shutil.rmtree(folder, ignore_errors=True)  # of one that ended with the machine
        else:
            folder = Path(tempfile.mkdtemp(prefix="s3-fanout-demo-"))
        cleanup.callback(shutil.rmtree, folder, ignore_errors=True)
        threads = ThreadPoolExecutor(THREADS)

        def end_work() -> None:
            # An interrupt can come while a process is being started, when nobody knows it yet.
            processes.kill(psutil.Process().children())
            threads.shutdown(cancel_futures=True)

        cleanup.callback(end_work)

        example = Example(folder)
        external = os.environ.get("AWS_ENDPOINT_URL")
        with screen.step(console, f"{external or 'LocalStack'} and terraform init"):
            initialized = threads.submit(example.init)
            if keep:
                cleanup.callback(background.stop)
                aws = background.start(port=port)
            else:
                aws = LocalAws()
                cleanup.callback(aws.stop)
                aws.start()
            initialized.result()

        cleanup.enter_context(_blaming_what_ended(aws))
        if aws.is_external:  # nothing else removes what is made there
            cleanup.callback(example.destroy, aws, console)
            cleanup.callback(end_work)  # before that: Terraform locks its state
        reading = threads.submit(uploads, REPOSITORY, big_megabytes)
        example.apply(aws, console)

        objects = reading.result()
        watch = Watch(aws, example.outputs(aws))
        with Live(console=console, transient=True) as live:
            watch.run(
                objects, threads, lambda: live.update(screen.report(watch.destinations, objects))
            )
        console.print(screen.report(watch.destinations, objects))
        console.print(screen.verdict(watch.destinations, watch.gave_up))
        if watch.first_seen_at:
            console.print(f"First replica {watch.first_seen_at - began_at:.0f} s after the start.")
        console.print()

        if keep:
            cleanup.pop_all()
            console.print(Text(play.suggestions(aws.endpoint_url)), soft_wrap=True)
        else:
            console.print(screen.NEXT)
    return screen.is_equal(watch.destinations)


@contextmanager
def _blaming_what_ended(aws: LocalAws) -> Iterator[None]:
    """Say that LocalStack has ended rather than what came of it."""
    try:
        yield
    except (LocalAwsError, BotoCoreError):
        aws.require_running()
        raise
