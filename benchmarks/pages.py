"""``make tables``: write tables of inputs, outputs, costs and scaling into README.md and docs.

A table stands between two comments; what is around them is written by hand.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path

from . import cost, interface, measured, plan, prices
from .interface import table

REPOSITORY = Path(__file__).parents[1]
README = REPOSITORY / "README.md"
LOGS = REPOSITORY / "docs/logs.md"
SCALING = REPOSITORY / "docs/scaling.md"


def costs(figures: measured.Measured) -> str:
    """A million small objects by item, and a TiB."""
    small, large = cost.small(figures), cost.large(figures)
    rows = [
        [item, *(_usd(bill[item]) for bill in small.values())]
        for item in cost.ITEMS
        if any(bill[item] for bill in small.values())
    ]
    rows.append(["**together**", *(f"**{_usd(cost.total(bill))}**" for bill in small.values())])
    rows.append(["beyond COPY", *(f"{cost.overhead(bill):.0%}" for bill in small.values())])
    rows.append(
        ["**1 TiB in objects of 1 GiB**"]
        + [f"**{_usd(cost.total(large[column]))}**" for column in small]
    )
    return table(["1,000,000 objects of 10 kB, US dollars", *small], rows)


def changes(figures: measured.Measured) -> str:
    """What other settings and circumstances would come to."""
    return table(
        ['a million objects with `delivery = "queue"`', "US dollars", "beyond COPY"],
        [
            [name, _usd(cost.total(bill)), f"{cost.overhead(bill):.0%}"]
            for name, bill in cost.changes(figures).items()
        ],
    )


def price_list() -> str:
    """The prices, with what they rest on."""
    return table(
        ["what", "US dollars", "for", "page", "the figure here is from"],
        [
            [
                p.what,
                f"{p.usd:.10f}" if p.usd < 0.001 else f"{p.usd:g}",
                f"{p.units:,.0f} {p.unit}",
                f"[{p.page.split('/')[3]}]({p.page})",
                p.rests_on,
            ]
            for p in prices.ALL
        ],
    )


def scenario(outcome: plan.Outcome) -> list[str]:
    """A row of the scaling table."""
    run = outcome.run
    return [
        outcome.scenario.load,
        outcome.scenario.inputs,
        f"{run.most_busy}",
        f"{run.most_waiting:,}",
        f"{run.most_hidden:,}",
        f"{run.refused:,}",
        _seconds(run.delay(0.5)),
        _seconds(run.delay(0.99)),
        _seconds(run.seconds),
        _usd(outcome.usd),
    ]


SCENARIO_HEAD = [
    "load", "inputs", "invocations at once", "most waiting", "most in flight",
    "copies refused", "delay p50", "delay p99", "all copied after", "US dollars",
]  # fmt: skip


def giant() -> str:
    """The object of 50 TB, in one line."""
    g = plan.giant()
    return (
        f"{g.parts:,} parts of {g.part_bytes / 2**20:,.0f} MiB, {g.streams} at once: {g.waves} waves of "
        f"{g.wave_seconds:.0f} s, {g.seconds:,.0f} s in {g.invocations} invocations, ${g.usd:.2f} "
        f"(and ${cost.transfer(plan.LARGE_BYTES):,.0f} of transfer to another region)."
    )


def replaced(text: str, name: str, content: str) -> str:
    """A page with what stands between the comments of a name replaced.

    Raises:
        ValueError: the comments are not there.
    """
    begin, end = f"<!-- {name}: written by make tables -->", f"<!-- /{name} -->"
    before, rest = text.split(begin)
    _, after = rest.split(end)
    return f"{before}{begin}\n{content}\n{end}{after}"


def readme(text: str, figures: measured.Measured) -> str:
    """The README with its tables."""
    text = replaced(text, "costs", costs(figures))
    text = replaced(text, "inputs", interface.inputs(REPOSITORY / "variables.tf"))
    return replaced(text, "outputs", interface.outputs(REPOSITORY / "outputs.tf"))


def logs(text: str) -> str:
    """docs/logs.md with what a million objects' lines cost."""
    each = cost.METRICS_BYTES + cost.LOG_EVENT_BYTES
    lines = {
        'an object\'s line; none with `log_level = "WARNING"`': cost.LOG_LINE_BYTES
        + cost.LOG_EVENT_BYTES,
        "metrics, one object an invocation": each + cost.METRICS_OBJECT_BYTES,
        "metrics, ten objects an invocation": each / 10 + cost.METRICS_OBJECT_BYTES,
    }
    price = prices.MILLION / measured.GIB * prices.LOG_INGESTION.each
    rows = [[what, f"{size:.0f}", f"${size * price:.2f}"] for what, size in lines.items()]
    return replaced(text, "log costs", table(["for a million objects", "bytes each", ""], rows))


def scaling(text: str, figures: measured.Measured, rows: Sequence[Sequence[str]]) -> str:
    """docs/scaling.md with its tables."""
    text = replaced(text, "scenarios", table(SCENARIO_HEAD, rows))
    text = replaced(text, "giant", giant())
    text = replaced(text, "changes", changes(figures))
    text = replaced(text, "prices", price_list())
    return replaced(text, "basis", basis(figures))


def basis(figures: measured.Measured) -> str:
    """What follows from how long an invocation takes."""
    one, ten = (
        figures.single.seconds_with(plan.MEMORY_MB),
        figures.batch.seconds_with(plan.MEMORY_MB),
    )
    rate = figures.batch.objects / ten
    calculation = 1 - (figures.batch.seconds - figures.batch.cpu_seconds) / ten
    text = (
        f"An invocation with {plan.MEMORY_MB} MB takes {one * 1000:.0f} ms for one object of 10 kB and "
        f"{ten * 1000:.0f} ms for ten, from {figures.origin}, with a processor's share of 512/1,769; "
        f"{calculation:.0%} of the latter is calculation. So a full batch makes {rate:.0f} objects a "
        f"second, `maximum_concurrency = 50` makes {50 * rate:,.0f}, and {plan.WRITES_PER_PREFIX:,} "
        f"writes a prefix are reached with {plan.WRITES_PER_PREFIX / rate:.0f}. With direct delivery "
        f"{plan.ACCOUNT_CONCURRENCY:,} invocations at once make {plan.ACCOUNT_CONCURRENCY / one:,.0f}."
    )
    return textwrap.fill(text, 108)


def _usd(dollars: float) -> str:
    if dollars == 0:
        return "-"
    return f"{dollars:,.0f}" if dollars >= 100 else f"{dollars:.2f}"


def _seconds(seconds: float) -> str:
    return f"{seconds:,.0f} s" if seconds >= 10 else f"{seconds:.1f} s"


def main() -> None:
    """Write the pages."""
    figures = measured.read()
    README.write_text(readme(README.read_text(), figures))
    LOGS.write_text(logs(LOGS.read_text()))
    rows = [scenario(outcome) for outcome in plan.outcomes(figures)]
    SCALING.write_text(scaling(SCALING.read_text(), figures, rows))


if __name__ == "__main__":
    main()
