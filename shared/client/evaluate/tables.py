"""Results as tables for the terminal."""

from collections.abc import Mapping

from rich.table import Table

from shared.client.evaluate.metrics import METRICS, ROUNDS, Interval
from shared.client.evaluate.results import Result

_NO_LATENCY = "–"


def results_table(title: str, results: Mapping[str, Result], concurrency: int) -> Table:
    queries = max(result["queries"] for result in results.values())
    table = _table(f"{title}, {queries} queries", "legs")
    for percentile in ("p50", "p95", "p99"):
        table.add_column(f"{percentile}\nms", justify="right")
    table.caption = (
        f"95 % intervals by {ROUNDS:,} bootstrap rounds over queries; "
        f"latency as the client sees it, {concurrency} searches at once"
    )
    for name, result in results.items():
        latency = result["latency_ms"]
        times = [_milliseconds(latency.get(key)) for key in ("p50", "p95", "p99")]
        table.add_row(name, *(_cell(result, metric) for metric in METRICS), *times)
    return table


def differences_table(title: str, found: Mapping[str, list[Interval]]) -> Table:
    table = _table(title, "legs")
    table.caption = "Paired over queries; bold: the interval does not hold 0"
    for name, intervals in found.items():
        table.add_row(name, *(_signed(interval) for interval in intervals))
    return table


def _table(title: str, first: str) -> Table:
    table = Table(title=title, title_justify="left", caption_justify="left")
    table.add_column(first, no_wrap=True)
    for metric in METRICS:
        table.add_column(metric, justify="right", no_wrap=True)
    return table


def _cell(result: Result, metric: str) -> str:
    low, high = result[f"{metric}_low"], result[f"{metric}_high"]
    return f"{result[metric]:.4f}\n{low:.3f}–{high:.3f}"


def _signed(interval: Interval) -> str:
    text = f"{interval.mean:+.4f}\n{interval.low:+.3f} {interval.high:+.3f}"
    return text if interval.low <= 0 <= interval.high else f"[bold]{text}[/bold]"


def _milliseconds(value: float | None) -> str:
    return _NO_LATENCY if value is None else f"{value:.0f}"
