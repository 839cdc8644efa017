"""Shows the module at work on this machine: `python -m demo run`."""

import argparse
import os
import signal
import sys
from types import FrameType

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.text import Text

from demo.objects import DESTINATIONS
from demo.play import Playground, stop
from demo.run import run
from local_aws.errors import LocalAwsError
from local_aws.server import DEFAULT_PORT
from local_aws.waiting import NothingMovesError

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main() -> int:
    """Run the command line.

    Returns:
        The exit status: 0, 1 when something failed or is not equal, 130 when interrupted.
    """
    arguments = vars(_parser().parse_args())
    command = arguments.pop("command")
    console = Console(highlight=False)
    for number in _SIGNALS:
        signal.signal(number, _interrupt)
    try:
        if command == "run":
            return 0 if run(console, **arguments) else 1
        if command == "stop":
            console.print("Stopped." if stop(console) else "Nothing was up.")
        else:
            getattr(Playground(), command.replace("-", "_"))(**arguments)
    except (LocalAwsError, NothingMovesError, ClientError, BotoCoreError) as error:
        console.print(Text(str(error)), style="red", soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        if command == "run":
            console.print("Interrupted: everything the demo had started is gone.")
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    runs = commands.add_parser("run", help="the demo, from nothing to nothing")
    runs.add_argument("--keep", action="store_true", help="leave everything up at the end")
    runs.add_argument(
        "--port",
        type=int,
        default=os.environ.get("LOCAL_AWS_PORT") or str(DEFAULT_PORT),
        help=f"what is kept listens here; default: LOCAL_AWS_PORT or {DEFAULT_PORT}",
    )
    runs.add_argument(
        "--big-megabytes", type=int, default=100, metavar="N", help="size of the large object"
    )
    commands.add_parser("stop", help="end what `run --keep` left up; the others work on that:")
    put = commands.add_parser("put", help="put an object into the source bucket")
    put.add_argument("key")
    put.add_argument("text")
    commands.add_parser("where", help="find an object's replicas").add_argument("key")
    names = [destination.name for destination in DESTINATIONS]
    # Direct delivery cannot be paused here: LocalStack loses the events of a function that has no
    # concurrency, which on AWS go to the queue.
    pausable = [d.name for d in DESTINATIONS if d.delivery == "queue"]
    for name, what, choices in (
        ("ls", "list a destination's objects", names),
        ("log", "follow the log of a destination's function", names),
        ("queue", "count a destination's messages", names),
        ("dead-letters", "show a destination's dead-letter messages, with reasons", names),
        ("pause", "pause a destination", pausable),
        ("resume", "let a paused destination go on", pausable),
        ("reconcile", "compare a destination with the source", names),
    ):
        commands.add_parser(name, help=what).add_argument("destination", choices=choices)
    commands.choices["reconcile"].add_argument(
        "--repair", action="store_true", help="and replicate what differs"
    )
    return parser


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """Begin to clean up; who presses Ctrl-C again does not stop that."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
