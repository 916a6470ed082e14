"""What a configuration achieved, as JSON that a later run can be compared with."""

import json
from collections.abc import Mapping, Set
from pathlib import Path
from typing import Any

import numpy as np

from shared.client.evaluate.dataset import Qrels
from shared.client.evaluate.errors import EvaluationError
from shared.client.evaluate.metrics import METRICS, Interval, intervals, values_of
from shared.client.evaluate.searching import Run

Result = dict[str, Any]
_PERCENTILES = (50, 95, 99)


def result_of(run: Run, qrels: Qrels) -> Result:
    """Means with `_low` and `_high`, latency, and each query's values under `per_query`."""
    values = values_of(run.rankings, qrels)
    table = np.array(list(values.values()))
    result: Result = {"queries": len(values)}
    for metric, interval in zip(METRICS, intervals(table), strict=True):
        result[metric] = interval.mean
        result[f"{metric}_low"] = interval.low
        result[f"{metric}_high"] = interval.high
    result["latency_ms"] = _latency(run.seconds)
    result["missed_legs"] = dict(run.missed)
    result["per_query"] = {
        metric: {query: row[column] for query, row in values.items()}
        for column, metric in enumerate(METRICS)
    }
    return result


def _latency(seconds: list[float]) -> dict[str, float]:
    if not seconds:
        return {}
    found = np.percentile(np.array(seconds) * 1000, _PERCENTILES)
    return {f"p{p}": round(float(ms), 2) for p, ms in zip(_PERCENTILES, found, strict=True)}


def check_comparable(
    earlier: Mapping[str, Result], configurations: Set[str], queries: Set[str]
) -> None:
    """Raises EvaluationError when a comparison would find nothing to compare."""
    both = configurations & earlier.keys()
    if not both:
        raise EvaluationError(
            f"The earlier results are of {', '.join(earlier)}: name one of these with --legs."
        )
    if any(not queries & earlier[name]["per_query"][METRICS[0]].keys() for name in both):
        raise EvaluationError("The earlier results share no query: they are of other data.")


def differences(mine: Result, other: Result) -> list[Interval]:
    """Mine minus other's, paired over the queries of both, for each of METRICS."""
    shared = sorted(mine["per_query"][METRICS[0]].keys() & other["per_query"][METRICS[0]].keys())
    return intervals(_table(mine, shared) - _table(other, shared))


def _table(result: Result, queries: list[str]) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.array(
        [[result["per_query"][metric][query] for metric in METRICS] for query in queries]
    )


def read_results(path: Path) -> Mapping[str, Result]:
    """What `--json` wrote. Raises EvaluationError."""
    try:
        read: dict[str, Result] = json.loads(path.read_text(encoding="utf-8"))
        complete = all(of["per_query"].keys() >= set(METRICS) for of in read.values())
    except (OSError, ValueError, AttributeError, KeyError, TypeError) as error:
        raise EvaluationError(f"{path} cannot be read as a file of --json ({error!r}).") from None
    if not complete:
        raise EvaluationError(f"{path} lacks the values of some metric; write it anew with --json.")
    return read


def write_run(path: Path, run: Run) -> None:
    """Query, document, rank and score between tabs; the score is only the rank turned round."""
    lines = ["query_id\tdoc_id\trank\tscore"]
    for query, ranking in run.rankings.items():
        lines += [f"{query}\t{doc}\t{rank}\t{1 / rank:.6f}" for rank, doc in enumerate(ranking, 1)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
