"""The protocol is right in every interleaving, and the model would see it if it were not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from model import report
from model.explore import explore
from model.scenarios import HEADERS, KEPT, NOT_MODELLED, QUICK, TAGS, TWO_WAY, UPLOADS
from model.two_way import TwoWay, explore_both_ways, no_echo
from model.variants import VARIANTS, Variant
from model.world import Replicas, Scenario


@pytest.fixture
def show(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Prints although pytest keeps what tests print."""

    def print_anyhow(text: str) -> None:
        with capsys.disabled():
            print(f"\n{text}", end="")

    return print_anyhow


@pytest.fixture(scope="module", autouse=True)
def _what_is_not_modelled(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    capture = request.config.pluginmanager.getplugin("capturemanager")
    assert capture is not None
    with capture.global_and_fixture_disabled():
        print("\n\nNot modelled:", *NOT_MODELLED, sep="\n- ")


@pytest.mark.parametrize("scenario", QUICK, ids=report.describe)
def test_the_replica_is_right_whenever_all_is_quiet(
    scenario: Scenario, show: Callable[[str], None]
) -> None:
    verdict = explore(scenario)
    show(report.line(verdict))
    assert verdict.endings > 1
    assert verdict.problem is None, f"{verdict.problem}\n{report.trace(verdict.trace)}"
    if scenario.replicas is not Replicas.PLAIN:  # else an equal ETag is all a replica is known by
        assert not verdict.letter_trace, report.trace(verdict.letter_trace)


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_a_broken_variant_is_found(variant: Variant, show: Callable[[str], None]) -> None:
    verdict = explore(variant.scenario, variant.decisions)
    show(report.line(verdict, variant.name))
    assert verdict.problem is not None
    assert verdict.trace


@pytest.mark.parametrize("what", TWO_WAY, ids=report.describe_both_ways)
def test_what_the_only_writer_left_survives_at_both_sides_and_two_writers_end_equal(
    what: TwoWay, show: Callable[[str], None]
) -> None:
    found = explore_both_ways(what)
    show(f"{report.describe_both_ways(what):<82}{found.states:>10,} states  holds")
    assert found.endings > 1
    assert found.problem is None, "\n".join(found.trace)


def test_a_lone_writer_loses_a_write_where_an_echo_is_news(show: Callable[[str], None]) -> None:
    what = replace(TWO_WAY[0], has_faults=False, is_echo=no_echo)
    found = explore_both_ways(what)
    show(
        f"{'copies what the other direction wrote':<82}{found.states:>10,} states  {found.problem}"
    )
    assert found.problem == "all is quiet, and the last write of the only writer is lost"


@pytest.mark.parametrize(
    "scenario", [HEADERS, TAGS, KEPT, replace(UPLOADS, workers=1)], ids=report.describe
)
def test_reading_a_source_at_rest_at_once_hides_no_ending(scenario: Scenario) -> None:
    scenario = replace(scenario, operations=2)
    verdict, step_by_step = explore(scenario), explore(scenario, step_by_step=True)
    assert verdict.endings == step_by_step.endings > 1
    assert verdict.states < step_by_step.states
    assert step_by_step.problem is None


def test_the_same_states_are_found_every_time() -> None:
    assert explore(HEADERS) == explore(HEADERS)
