"""``python -m model``: explore, and print what was found. ``--large`` takes minutes."""

from __future__ import annotations

import argparse
import sys

from model.explore import explore
from model.report import describe_both_ways, line, trace
from model.scenarios import LARGE, NOT_MODELLED, QUICK, TWO_WAY
from model.two_way import explore_both_ways
from model.variants import VARIANTS


def main() -> int:
    """Explore everything.

    Returns:
        0 if the protocol holds everywhere and every broken variant is found broken.
    """
    parser = argparse.ArgumentParser(prog="model", description=__doc__)
    parser.add_argument("--large", action="store_true", help="larger bounds as well")
    arguments = parser.parse_args()
    states = failures = 0
    letter_trace: tuple[str, ...] = ()
    print("The protocol as shipped\n")
    for scenario in dict.fromkeys(QUICK + LARGE) if arguments.large else QUICK:
        verdict = explore(scenario)
        states += verdict.states
        failures += verdict.problem is not None
        print(line(verdict), flush=True)
        if verdict.problem:
            print(trace(verdict.trace))
        letter_trace = letter_trace or verdict.letter_trace
    for what in TWO_WAY:
        found = explore_both_ways(what)
        states += found.states
        failures += found.problem is not None
        print(
            f"{describe_both_ways(what):<82}{found.states:>10,} states  {found.problem or 'holds'}"
        )
        print("\n".join(found.trace), end="")
    print(f"\n{states:,} states, {failures} problems")
    if letter_trace:
        print(
            "\nA letter that is wrong, about a key that is put right: another worker writes between"
        )
        print("\n".join(("this worker's write and its look.", trace(letter_trace))))
    print("\nBroken variants: each has to be found\n")
    for variant in VARIANTS:
        verdict = explore(variant.scenario, variant.decisions)
        failures += verdict.problem is None
        print(line(verdict, variant.name), flush=True)
        if verdict.trace:
            print(trace(verdict.trace) + "\n")
    print("Not modelled\n")
    for item in NOT_MODELLED:
        print(f"- {item}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
