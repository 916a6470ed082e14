"""Fusion: what holds for any lists, and the recipe's own arithmetic."""

import random
from statistics import fmean, pstdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.retrieval.services.searching.fusion import Method, fuse

METHODS: tuple[Method, ...] = ("zscore", "minmax", "rrf")
IDS = st.text("abcdefgh", min_size=1, max_size=3)
# Whole numbers, so that scaling a list does not make or break a tie by rounding.
LISTS = st.fixed_dictionaries(
    {
        "bm25": st.dictionaries(IDS, st.integers(-1000, 1000).map(float), max_size=30),
        "dense": st.dictionaries(IDS, st.integers(-1000, 1000).map(float), max_size=30),
    }
)
WEIGHTS = {"bm25": 0.5, "dense": 0.5}
methods = pytest.mark.parametrize("method", METHODS)


@methods
@given(lists=LISTS)
def test_holds_every_passage_once_and_falls(
    method: Method, lists: dict[str, dict[str, float]]
) -> None:
    fused = fuse(lists, WEIGHTS, method)
    assert sorted(f.passage_id for f in fused) == sorted({*lists["bm25"], *lists["dense"]})
    keys = [(-f.score, f.passage_id) for f in fused]
    assert keys == sorted(keys)


@methods
@given(lists=LISTS, seed=st.integers())
def test_the_order_of_lists_and_of_their_entries_does_not_matter(
    method: Method, lists: dict[str, dict[str, float]], seed: int
) -> None:
    def shuffled(scores: dict[str, float]) -> dict[str, float]:
        return dict(random.Random(seed).sample(list(scores.items()), len(scores)))

    backwards = {leg: shuffled(lists[leg]) for leg in reversed(lists)}
    assert fuse(lists, WEIGHTS, method) == fuse(backwards, WEIGHTS, method)


@methods
@given(lists=LISTS, scale=st.sampled_from([0.25, 2.0, 64.0]), shift=st.integers(-500, 500))
def test_the_scale_of_a_list_does_not_matter(
    method: Method, lists: dict[str, dict[str, float]], scale: float, shift: int
) -> None:
    scaled = lists | {"bm25": {of: scale * x + shift for of, x in lists["bm25"].items()}}
    before = {f.passage_id: f.score for f in fuse(lists, WEIGHTS, method)}
    after = {f.passage_id: f.score for f in fuse(scaled, WEIGHTS, method)}
    assert after == pytest.approx(before, abs=1e-6)


@methods
@given(lists=LISTS)
def test_better_in_every_list_is_better_in_all(
    method: Method, lists: dict[str, dict[str, float]]
) -> None:
    winner = {leg: {**scores, "winner": 1001.0} for leg, scores in lists.items()}
    assert fuse(winner, WEIGHTS, method)[0].passage_id == "winner"


@methods
@given(lists=LISTS)
def test_an_empty_list_changes_nothing(method: Method, lists: dict[str, dict[str, float]]) -> None:
    with_empty = lists | {"graph": {}}
    assert fuse(with_empty, WEIGHTS, method) == fuse(lists, WEIGHTS, method)


@methods
@given(scores=LISTS.map(lambda lists: lists["bm25"]))
def test_one_list_alone_keeps_its_order(method: Method, scores: dict[str, float]) -> None:
    fused = fuse({"bm25": scores, "dense": {}}, WEIGHTS, method)
    assert [f.passage_id for f in fused] == sorted(scores, key=lambda of: (-scores[of], of))


@methods
def test_nothing_found_is_an_empty_list(method: Method) -> None:
    assert fuse({}, WEIGHTS, method) == []
    assert fuse({"bm25": {}, "dense": {}}, WEIGHTS, method) == []


@methods
def test_equal_scores_stand_in_order_of_id(method: Method) -> None:
    fused = fuse({"bm25": {"c": 2.1, "a": 2.1, "b": 2.1}}, {}, method)
    assert [f.passage_id for f in fused] == ["a", "b", "c"]


def test_zscore_is_the_recipes() -> None:
    lists = {"bm25": {"a": 9.0, "b": 5.0, "c": 1.0}, "dense": {"b": 0.8, "d": 0.4}}
    mean, deviation = fmean([9.0, 5.0, 1.0]), pstdev([9.0, 5.0, 1.0])
    last = (1.0 - mean) / deviation
    expected = {
        "a": 0.5 * (9 - mean) / deviation - 0.5,
        "b": 0.5 * 0 + 0.5,
        "c": 0.5 * last - 0.5,
        "d": 0.5 * last - 0.5,
    }
    assert {f.passage_id: f.score for f in fuse(lists, WEIGHTS)} == pytest.approx(expected)


def test_zscore_is_by_the_first_100_only() -> None:
    scores = {f"{n:03}": float(300 - n) for n in range(150)}
    first = [float(300 - n) for n in range(100)]
    best, *_, last = fuse({"bm25": scores}, {})
    assert best.score == pytest.approx((300 - fmean(first)) / pstdev(first))
    assert last.score == pytest.approx((151 - fmean(first)) / pstdev(first))


def test_minmax_runs_from_nought_to_one_and_a_missing_passage_gets_nought() -> None:
    fused = fuse({"bm25": {"a": 9.0, "b": 5.0, "c": 1.0}, "dense": {"c": 3.0}}, {}, "minmax")
    assert {f.passage_id: f.score for f in fused} == {"a": 1.0, "b": 0.5, "c": 1.0}


def test_rrf_is_by_rank() -> None:
    fused = fuse({"bm25": {"a": 9.0, "b": 5.0}, "dense": {"b": 1.0}}, {}, "rrf")
    expected = {"a": 1 / 61, "b": 1 / 62 + 1 / 61}
    assert {f.passage_id: f.score for f in fused} == pytest.approx(expected)


def test_weights_decide_between_legs() -> None:
    lists = {"bm25": {"a": 2.0, "b": 1.0}, "dense": {"b": 2.0, "a": 1.0}}
    assert fuse(lists, {"bm25": 0.9, "dense": 0.1})[0].passage_id == "a"
    assert fuse(lists, {"bm25": 0.1, "dense": 0.9})[0].passage_id == "b"


def test_each_passage_keeps_what_each_leg_said() -> None:
    fused = {f.passage_id: f for f in fuse({"bm25": {"a": 9.0, "b": 5.0}, "dense": {"b": 1.0}}, {})}
    assert set(fused["a"].legs) == {"bm25"}
    assert (fused["b"].legs["bm25"].raw, fused["b"].legs["bm25"].rank) == (5.0, 2)
    assert fused["b"].legs["bm25"].normalised == pytest.approx(-1)
    assert (fused["b"].legs["dense"].raw, fused["b"].legs["dense"].rank) == (1.0, 1)


def test_the_only_passage_that_a_leg_found_stands_out() -> None:
    """One passage holds the code; the dense leg likes its neighbours' codes as well."""
    near = {f"near{n}": 0.9 - n / 100 for n in range(20)}
    fused = fuse(
        {"bm25": {"code": 7.0}, "dense": near | {"code": 0.88}}, {"bm25": 0.5, "dense": 0.5}
    )
    assert fused[0].passage_id == "code"
    assert fused[0].legs["bm25"].normalised == 1.0
