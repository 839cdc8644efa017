"""Tries every removal: `python -m enforced`, in a quarter of an hour."""

import sys
import tempfile
from pathlib import Path

from enforced.conftest import deploy
from enforced.removals import ALL, problem
from local_aws.enforcing import EnforcingAws


def main() -> int:
    """Run; returns the exit code."""
    unnoticed = 0
    with tempfile.TemporaryDirectory() as folder, EnforcingAws() as aws:
        deployed = deploy(Path(folder), aws)
        for removal in ALL:
            found = problem(removal, deployed)
            unnoticed += found is not None
            print(found or f"{removal}: refused", flush=True)
        # With all of them again nothing is, there and back.
        with deployed.world.until_the_end:
            deployed.world.apply(deployed.other_inputs)
            deployed.world.apply(deployed.inputs)
            deployed.world.destroy(deployed.inputs)
    print(f"{len(ALL)} removals, {unnoticed} not noticed")
    return 1 if unnoticed else 0


if __name__ == "__main__":
    sys.exit(main())
