"""The blend with the reranker."""

from collections.abc import Mapping

import pytest

from services.retrieval.services.searching.fusion import fuse
from services.retrieval.services.searching.ranking import Ranked, blend, by_fusion


def ranked(**legs: Mapping[str, float]) -> list[Ranked]:
    return by_fusion(fuse(legs, dict.fromkeys(legs, 0.5)))


def ids(places: list[Ranked]) -> list[str]:
    return [place.passage_id for place in places]


def test_the_blend_is_the_mean_of_z_scores() -> None:
    before = ranked(bm25={"a": 3.0, "b": 1.0}, dense={"a": 3.0, "b": 1.0})
    blended = blend(before, {"a": 0.0, "b": 1.0}, depth=50)
    assert ids(blended) == ["a", "b"]
    assert [r.score for r in blended] == pytest.approx([(1 + 1 - 1) / 3, (-1 - 1 + 1) / 3])


def test_the_reranker_turns_a_close_race() -> None:
    before = ranked(bm25={"a": 3.0, "b": 2.9, "c": 0.0}, dense={"a": 3.0, "b": 2.9, "c": 0.0})
    assert ids(before) == ["a", "b", "c"]
    assert ids(blend(before, {"a": 0.0, "b": 1.0, "c": 0.1}, depth=50))[0] == "b"


def test_only_the_first_are_reranked_and_scores_fall_along_the_list() -> None:
    before = ranked(bm25={name: float(-n) for n, name in enumerate("abcdef")})
    blended = blend(before, {"a": 0.0, "b": 0.5, "c": 1.0}, depth=3)
    assert set(ids(blended)[:3]) == {"a", "b", "c"}
    assert ids(blended)[3:] == ["d", "e", "f"]
    scores = [place.score for place in blended]
    assert scores == sorted(scores, reverse=True)
    assert [place.rerank is None for place in blended] == [False] * 3 + [True] * 3


def test_a_passage_the_reranker_did_not_get_to_stays_with_its_last_z() -> None:
    before = ranked(bm25={"a": 3.0, "b": 2.0, "c": 1.0})
    blended = blend(before, {"a": 0.2, "b": 0.9}, depth=50)
    assert sorted(ids(blended)) == ["a", "b", "c"]
    assert next(p for p in blended if p.passage_id == "c").rerank is None


def test_an_answer_without_scores_changes_nothing() -> None:
    before = ranked(bm25={"a": 3.0, "b": 2.0, "c": 1.0})
    assert ids(blend(before, {}, depth=50)) == ["a", "b", "c"]


def test_a_single_score_of_the_reranker_compares_nothing() -> None:
    before = ranked(bm25={"a": 3.0, "b": 2.0, "c": 1.0})
    assert ids(blend(before, {"c": 0.9}, depth=50)) == ["a", "b", "c"]


def test_nothing_to_rerank() -> None:
    assert blend([], {}, depth=50) == []


def test_a_list_that_is_trusted_less_is_outvoted_by_words() -> None:
    before = ranked(bm25={"a": 3.0, "b": 1.0}, dense={"a": 0.6, "b": 0.7})
    relevance = {"a": 0.6, "b": 0.7}
    assert ids(blend(before, relevance, depth=50)) == ["b", "a"]
    trust = {"dense": 0.25, "rerank": 0.25}
    assert ids(blend(before, relevance, depth=50, trust=trust)) == ["a", "b"]
