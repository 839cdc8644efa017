"""What an exploration says, in words."""

from __future__ import annotations

from model.explore import Verdict
from model.two_way import TwoWay
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
    parts += [what for what, is_so in _world(scenario).items() if is_so]
    return ", ".join(parts)


def describe_both_ways(what: TwoWay) -> str:
    """One line about what is explored."""
    at = "at both sides" if len(what.writers) > 1 else "at one side"
    faults = ", workers die" if what.has_faults else ""
    return f"two-way, {describe(what.scenario)}, written {at}{faults}"


def _world(scenario: Scenario) -> dict[str, bool]:
    return {
        "older uploads may lose": scenario.may_uploads_lose,
        "invocations may end": scenario.may_time_out,
        "others' uploads": scenario.is_foreign,
        "begun in one second": scenario.is_second_shared,
        "by new processes": not scenario.is_known,
        "of middle size": scenario.is_middle,
        "workers unseen": not scenario.are_workers_seen,
    }


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
