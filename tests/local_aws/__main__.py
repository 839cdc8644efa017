"""The local AWS in the background: `python -m local_aws start|stop|status`."""

import argparse
import os
import sys

from local_aws import background
from local_aws.errors import LocalAwsError
from local_aws.server import DEFAULT_PORT


def main() -> int:
    """Run the command line.

    Returns:
        The exit status: 0, or 1 when something went wrong or, for `status`, nothing runs.
    """
    parser = argparse.ArgumentParser(prog="python -m local_aws", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    start = commands.add_parser("start", help="start it unless it runs; prints the endpoint")
    start.add_argument(
        "--port",
        type=int,
        default=int(os.environ.get("LOCAL_AWS_PORT") or DEFAULT_PORT),
        help=f"default: LOCAL_AWS_PORT or {DEFAULT_PORT}",
    )
    commands.add_parser("stop", help="end it and everything in it")
    commands.add_parser("status", help="print the endpoint if it runs")
    arguments = parser.parse_args()
    try:
        match arguments.command:
            case "start":
                print(background.start(port=arguments.port).endpoint_url)
            case "stop":
                print("Stopped." if background.stop() else "Nothing was running.")
            case "status":
                if not (running := background.find()):
                    print("Nothing is running.")
                    return 1
                print(running.endpoint_url)
    except LocalAwsError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
