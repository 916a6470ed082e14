"""Figures on a terminal."""

from collections.abc import Mapping

from rich.table import Table

from shared.client.answers.agreement import Agreement
from shared.client.answers.results import Figure
from shared.client.evaluate.metrics import ROUNDS, Interval

_DIGITS = {"words": 1, "latency_ms": 0, "cost_usd": 6}


def figure_table(title: str, found: Mapping[str, Figure], *, signed: bool) -> Table:
    table = Table(title=title, title_justify="left", caption_justify="left")
    table.add_column("measure", no_wrap=True)
    for column in ("questions", "mean", "95 % interval"):
        table.add_column(column, justify="right", no_wrap=True)
    table.caption = f"Intervals by {ROUNDS:,} bootstrap rounds over questions" + (
        ", paired; bold: it does not hold 0" if signed else ""
    )
    for name, one in found.items():
        sign, digits = "+" if signed else "", _DIGITS.get(name, 3)
        mean, low, high = (
            f"{value:{sign}.{digits}f}"
            for value in (one.interval.mean, one.interval.low, one.interval.high)
        )
        apart = signed and not one.interval.low <= 0 <= one.interval.high
        cells = (str(one.count), mean, f"{low} to {high}")
        table.add_row(name, *cells, style="bold" if apart else None)
    return table


def agreement_table(title: str, found: Mapping[str, Agreement]) -> Table:
    table = Table(title=title, title_justify="left", caption_justify="left")
    table.add_column("of", no_wrap=True)
    for column in ("answers", "agreed, 95 % interval", "Cohen's kappa, 95 % interval"):
        table.add_column(column, justify="right", no_wrap=True)
    table.caption = f"Intervals by {ROUNDS:,} bootstrap rounds over answers"
    for name, one in found.items():
        count = sum(sum(row) for row in one.table)
        kappa = _shown(one.kappa) if one.kappa else "none: only one kind occurs"
        table.add_row(name, str(count), _shown(one.agreed), kappa)
    return table


def confusion_table(name: str, one: Agreement) -> Table:
    table = Table(title=name, title_justify="left")
    table.add_column("person, judge")
    for kind in one.kinds:
        table.add_column(kind, justify="right")
    for kind, row in zip(one.kinds, one.table, strict=True):
        table.add_row(kind, *map(str, row))
    return table


def _shown(one: Interval) -> str:
    return f"{one.mean:.3f} ({one.low:.3f} to {one.high:.3f})"
