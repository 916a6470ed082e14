"""What the graph adds to a ranking."""

from math import log2

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.retrieval.models.graph import QUESTION, Link
from services.retrieval.services.graph.hop import SEEDS, Scale, asked_names, longest
from services.retrieval.services.graph.hop import raised as raised_on
from services.retrieval.services.searching.fusion import Fused
from services.retrieval.services.searching.ranking import DEPTH, Ranked, by_fusion


def ranked(**scores: float) -> list[Ranked]:
    return by_fusion([Fused(name, score, {}) for name, score in scores.items()])


def link(seed: str, to: str, entity: str = "x", named_by: int = 1) -> Link:
    return Link(seed, entity, to, f"doc-{to}", 1, named_by)


def raised(
    before: list[Ranked], links: list[Link], weight: float, beyond: dict[str, Ranked] | None = None
) -> list[Ranked]:
    """On the ranking's own scale."""
    return raised_on(before, links, weight, Scale.of(before), beyond or {})


def scores(places: list[Ranked]) -> dict[str, float]:
    return {place.passage_id: place.score for place in places}


def test_a_link_raises_by_weight_times_strength_times_the_seeds_score() -> None:
    before = ranked(a=10.0, b=6.0, c=2.0)
    after = raised(before, [link("b", "c", named_by=3)], 0.5)
    # b stands at one half between c and a; three passages name the entity.
    assert scores(after) == pytest.approx({"a": 10, "b": 6, "c": 2 + 8 * 0.5 * 0.5 / log2(4)})


def test_a_passage_that_no_leg_found_enters_at_the_last_place() -> None:
    after = raised(ranked(a=3.0, b=1.0), [link("a", "new")], 0.25)
    assert scores(after) == pytest.approx({"a": 3, "b": 1, "new": 1.5})
    new = after[1]
    assert (new.passage_id, new.fused_rank, dict(new.fused.legs)) == ("new", None, {})
    assert new.graph is not None
    assert (new.graph.raw, new.graph.added, new.graph.rank) == (1.0, 0.5, 1)
    assert new.graph.link == link("a", "new")


def test_a_passage_found_below_the_ranking_keeps_what_its_legs_said() -> None:
    (low,) = ranked(low=-5.0)
    after = raised(ranked(a=3.0, b=1.0), [link("a", "low")], 0.25, {"low": low})
    (found,) = (place for place in after if place.passage_id == "low")
    assert (found.fused, found.score) == (low.fused, 1.5)


def test_owners_of_one_name_share_its_strength() -> None:
    after = raised(ranked(a=1.0, b=0.0), [link("a", "one"), link("a", "two")], 0.5)
    assert scores(after)["one"] == scores(after)["two"] == 0.25


def test_the_strongest_of_several_links_counts_alone() -> None:
    links = [link("a", "c", "rare"), link("a", "c", "frequent", 20), link("b", "c", "other")]
    after = raised(ranked(a=4.0, b=2.0, c=0.0), links, 0.5)
    assert scores(after)["c"] == pytest.approx(2.0)
    (c,) = (place for place in after if place.passage_id == "c")
    assert c.graph is not None
    assert c.graph.link.entity == "rare"


def test_only_the_first_passages_are_seeds() -> None:
    before = ranked(**{f"p{n}": float(10 - n) for n in range(SEEDS + 2)})
    after = raised(before, [link(f"p{SEEDS}", "new")], 1.0)
    assert after == before


def test_the_scale_ends_at_the_depth_that_is_reranked() -> None:
    before = ranked(**{f"p{n:03}": 1000.0 - n for n in range(DEPTH + 30)})
    after = raised(before, [link("p000", "new")], 0.5)
    assert scores(after)["new"] == pytest.approx(1000 - (DEPTH - 1) / 2)


@pytest.mark.parametrize("values", [{"a": 3.0}, {"a": 3.0, "b": 3.0}])
def test_equal_scores_are_no_division_by_zero(values: dict[str, float]) -> None:
    assert scores(raised(ranked(**values), [link("a", "new")], 0.5))["new"] == 2.5


def test_nothing_comes_of_nothing() -> None:
    before = ranked(a=2.0, b=1.0)
    assert raised(before, [], 0.5) == before
    assert raised(before, [link("elsewhere", "b")], 0.5) == before


names = st.sampled_from("abcdefgh")


@given(
    st.dictionaries(names, st.floats(-10, 10), min_size=1),
    st.lists(st.builds(link, names, names, st.sampled_from(["x", "y"]), st.integers(0, 50))),
    st.floats(0, 1),
)
def test_hits_rise_by_no_more_than_the_weight_and_never_fall(
    found: dict[str, float], links: list[Link], weight: float
) -> None:
    before = ranked(**dict(sorted(found.items(), key=lambda item: -item[1])))
    after = raised(before, links, weight)
    high, low = before[0].score, before[-1].score
    start = low if low < high else high - 1
    for name, score in scores(after).items():
        own = scores(before).get(name, start)
        assert own - 1e-9 <= score <= own + weight * (high - start) + 1e-9
    assert [place.score for place in after] == sorted(scores(after).values(), reverse=True)
    assert raised(before, links[::-1], weight) == after


def test_a_name_of_the_question_counts_as_a_seed_of_one() -> None:
    before = ranked(a=10.0, b=6.0, c=2.0)
    after = raised(before, [link(QUESTION, "b", named_by=3), link(QUESTION, "new", "y")], 0.6)
    expected = {"a": 10, "b": 6 + 8 * 0.6 / log2(4), "c": 2, "new": 2 + 8 * 0.6}
    assert scores(after) == pytest.approx(expected)


def test_a_passage_that_gains_twice_shows_the_stronger_link_and_both_gains() -> None:
    asked = raised(ranked(a=3.0, b=2.0, c=1.0), [link(QUESTION, "c", "asked")], 0.5)
    after = raised(asked, [link("a", "c", "weak", named_by=7)], 0.5)
    (c,) = (place for place in after if place.passage_id == "c")
    assert c.graph is not None
    assert c.graph.link.entity == "asked"
    assert c.graph.added == pytest.approx(1.0 + 1.0 * 0.5 / log2(8))
    assert c.score == pytest.approx(1.0 + c.graph.added)


def test_every_run_of_words_may_be_a_name() -> None:
    names = asked_names("Where was the director of Ed Wood's film born?")
    assert {"ed wood", "ed wood film", "director of ed wood", "film born"} <= set(names)
    assert not {"the", "of", "was", "", "where was the"} & set(names)
    assert asked_names("?!") == []


def test_a_pasted_page_gives_a_bounded_number_of_names() -> None:
    assert len(asked_names(" ".join(f"word{n}" for n in range(3_000)))) < 64 * 8


def test_of_names_within_each_other_the_longest_counts() -> None:
    links = [link(QUESTION, name, name) for name in ("new york", "york", "new york city", "yorker")]
    assert [one.entity for one in longest(links)] == ["new york city", "yorker"]
