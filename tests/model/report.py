"""What an exploration says, in words."""

from __future__ import annotations

from model.explore import Verdict
from model.world import Replicas, Scenario


def describe(scenario: Scenario) -> str:
    """One line about what is explored."""
    count = scenario.operations
    kinds = "/".join(kind.value for kind in scenario.kinds)
    workers = "1 worker" if scenario.workers == 1 else f"{scenario.workers} workers"
    parts = [f"{scenario.versioning.value}", workers, f"{count} x {kinds}"]
    if not scenario.replicate_deletes:
        parts.append("deletes stay")
    if not scenario.replicate_tags:
        parts.append("without tags")
    if not scenario.is_comparable:
        parts.append("incomparable")
    if scenario.replicas is not Replicas.PLAIN:
        parts.append(f"replicas {scenario.replicas.value}")
    if scenario.abandoned:
        parts.append(f"{scenario.abandoned} abandoned")
    if scenario.is_copy_torn:
        parts.append("copies read in two steps")
    if scenario.parts:
        what = f"copies of all but {scenario.small}" if scenario.small else "copies"
        cut = "1 part" if scenario.parts == 1 else f"{scenario.parts} parts"
        parts.append(f"{what} by upload in {cut}, {scenario.uploads} uploads")
    if scenario.may_uploads_lose:
        parts.append("older uploads may lose")
    return ", ".join(parts)


def line(verdict: Verdict, name: str = "") -> str:
    """One line about what was found."""
    result = verdict.problem or "holds"
    if verdict.trace:
        result += f", in {len(verdict.trace) - 2} steps"
    name = name or describe(verdict.scenario)
    return f"{name:<82}{verdict.states:>10,} states {verdict.seconds:6.1f} s  {result}"


def trace(lines: tuple[str, ...]) -> str:
    """A trace, with its steps numbered."""
    first, *steps, last = lines
    numbered = [f"{number:>4}. {step}" for number, step in enumerate(steps, 1)]
    return "\n".join([f"      {first}", *numbered, f"      {last}"])
