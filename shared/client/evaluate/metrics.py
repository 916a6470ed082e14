"""Retrieval metrics by trec_eval, a value for each query, with bootstrap intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytrec_eval

from shared.client.evaluate.dataset import Qrels

METRICS = ("nDCG@10", "Recall@10", "Recall@100", "MRR@10", "AllHit@10")
ROUNDS = 2000
_SEED = 1
_MEASURES = {"ndcg_cut.10", "recall.10,100", "recip_rank"}
_TENTH = 0.1
Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """A mean with its 95 % interval."""

    mean: float
    low: float
    high: float


def values_of(rankings: Mapping[str, Sequence[str]], qrels: Qrels) -> dict[str, list[float]]:
    """For each judged query its METRICS in order; 0 for a query without a ranking.

    AllHit@10 is 1 when every relevant document is among the first 10 (Recall@10 = 1).
    """
    scored = {
        query: {document: float(-rank) for rank, document in enumerate(ranking)}
        for query, ranking in rankings.items()
        if ranking
    }
    measured = pytrec_eval.RelevanceEvaluator(qrels, _MEASURES).evaluate(scored)
    return {query: _row(measured.get(query)) for query in sorted(qrels)}


def _row(measured: Mapping[str, float] | None) -> list[float]:
    if measured is None:
        return [0.0] * len(METRICS)
    recall, reciprocal = measured["recall_10"], measured["recip_rank"]
    return [
        measured["ndcg_cut_10"],
        recall,
        measured["recall_100"],
        reciprocal if reciprocal >= _TENTH else 0.0,
        float(recall == 1.0),
    ]


def intervals(values: Values) -> list[Interval]:
    """For each column of queries × metrics the percentile bootstrap (Efron 1979) over queries."""
    rng, count = np.random.default_rng(_SEED), len(values)
    means = [values[rng.integers(0, count, count)].mean(axis=0) for _ in range(ROUNDS)]
    low, high = np.percentile(np.array(means), [2.5, 97.5], axis=0)
    columns = zip(values.mean(axis=0), low, high, strict=True)
    return [Interval(*(float(number) for number in column)) for column in columns]
