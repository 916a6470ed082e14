"""The metrics against their definitions, written out plainly."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.client.evaluate.metrics import METRICS, Interval, intervals, values_of

DOCUMENTS = [f"d{n}" for n in range(130)]
JUDGED = st.dictionaries(st.sampled_from(DOCUMENTS), st.integers(-1, 3), min_size=1, max_size=15)
QRELS = st.dictionaries(
    st.sampled_from(["q1", "q2", "q3"]),
    JUDGED.filter(lambda judged: max(judged.values()) > 0),
    min_size=1,
)
RANKING = st.lists(st.sampled_from(DOCUMENTS), unique=True, max_size=100)
RUN = st.dictionaries(st.sampled_from(["q1", "q2", "q3", "unjudged"]), RANKING)


def defined(ranking: list[str], judged: dict[str, int]) -> list[float]:
    relevant = {document for document, relevance in judged.items() if relevance > 0}
    gains = [max(judged.get(document, 0), 0) for document in ranking[:10]]
    ideal = sorted((max(relevance, 0) for relevance in judged.values()), reverse=True)[:10]
    places = [place for place, document in enumerate(ranking[:10], 1) if document in relevant]
    top = relevant & set(ranking[:10])
    return [
        discounted(gains) / discounted(ideal),
        len(top) / len(relevant),
        len(relevant & set(ranking[:100])) / len(relevant),
        1 / places[0] if places else 0.0,
        float(top == relevant),
    ]


def discounted(gains: list[int]) -> float:
    return sum(gain / math.log2(place + 1) for place, gain in enumerate(gains, 1))


@given(run=RUN, qrels=QRELS)
def test_each_value_is_what_its_definition_says(
    run: dict[str, list[str]], qrels: dict[str, dict[str, int]]
) -> None:
    found = values_of(run, qrels)
    assert list(found) == sorted(qrels)
    for query, judged in qrels.items():
        assert found[query] == pytest.approx(defined(run.get(query, []), judged), abs=1e-6)


def test_the_first_hundred_and_the_first_ten() -> None:
    ranking = [f"d{n}" for n in range(100)]
    values = values_of({"q": ranking}, {"q": {"d10": 1, "d99": 1}})["q"]
    assert dict(zip(METRICS, values, strict=True)) == {
        "nDCG@10": 0.0,
        "Recall@10": 0.0,
        "Recall@100": 1.0,
        "MRR@10": 0.0,
        "AllHit@10": 0.0,
    }


def test_an_interval_holds_its_mean_and_narrows_with_the_queries() -> None:
    few, many = (np.array([[n % 2, 1.0] for n in range(count)]) for count in (20, 2000))
    [wide, certain], [narrow, _] = intervals(few), intervals(many)
    assert certain == Interval(1.0, 1.0, 1.0)
    for interval in (wide, narrow):
        assert interval.low < interval.mean == 0.5 < interval.high
    # The normal approximation: 1.96 · 0.5 / √n on each side.
    assert narrow.high - narrow.low == pytest.approx(2 * 1.96 * 0.5 / math.sqrt(2000), rel=0.1)
    assert intervals(few) == intervals(few)
