"""What a model is asked, and what is taken of its answer."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.ingestion.entity_name import FOLDED_MAX
from services.ingestion.models.parsed import Extraction
from services.ingestion.models.stored import EXTRACTION, as_json
from services.ingestion.services.entities.asking import (
    RELATIONS_MAX,
    TOOL,
    Passage,
    prompt_for,
    read_answer,
)
from services.ingestion.services.entities.extracting import ABOUT_MAX, MENTIONS_MAX, extract

PASSAGE = Passage(
    ("Sea Handbook", "2. Lines"),
    "The Aurora Line runs three ferries from Port Ellen. The International Maritime Organization "
    "(IMO) audits the Aurora Line. Ferrywright & Söhne built the ships.",
)


def relation(subject: object, predicate: object, object: object) -> dict[str, object]:
    return {"subject": subject, "predicate": predicate, "object": object}


def read(**arguments: object) -> Extraction:
    answer = read_answer({"about": [], "mentions": [], **arguments}, PASSAGE)
    assert answer is not None
    return answer


# -- the prompt


def test_the_passage_is_fenced_by_a_marker_that_it_cannot_know() -> None:
    one, other = prompt_for(PASSAGE), prompt_for(PASSAGE)
    [opening, closing] = re.findall(r'marker="(\w+)"', one.text)
    assert opening == closing
    assert opening in one.system
    assert one.text.startswith(f'<passage marker="{opening}">\n# Sea Handbook\n# 2. Lines\nThe ')
    assert opening not in other.text


def test_the_upper_bound_holds_for_every_script() -> None:
    for text in ("word " * 400, "海" * 1200, "{}[]();" * 200):
        passage = Passage(("Title", "3. Überschrift"), text)
        prompt = prompt_for(passage)
        seen = (prompt.system, prompt.text, TOOL.description, json.dumps(TOOL.schema))
        assert passage.tokens < passage.tokens_max
        assert passage.tokens_max > sum(len(part.encode()) for part in seen)


def test_the_key_holds_the_tenant_the_model_and_everything_the_model_sees() -> None:
    text = "The same text."
    keys = {
        Passage(("T", "H"), text).key("acme", "m"),
        Passage(("T", "H"), text).key("globex", "m"),
        Passage(("T", "H"), text).key("acme", "other"),
        Passage(("T",), text).key("acme", "m"),
        Passage(("T", "H"), text + "!").key("acme", "m"),
    }
    assert len(keys) == 5
    assert Passage(("T", "H"), text).key("acme", "m") in keys


# -- the answer


def test_names_are_folded_and_those_of_relations_are_mentions() -> None:
    answer = read(
        about=["The Aurora Line"],
        mentions=["Port Ellen", "FERRYWRIGHT & Sohne", "port ellen"],
        relations=[relation("Aurora Line", " runs  ferries from ", "Port Ellen")],
    )
    assert answer.about == ("aurora line",)
    assert answer.relations == (("aurora line", "runs ferries from", "port ellen"),)
    assert answer.mentions == ("aurora line", "port ellen", "ferrywright sohne")


def test_what_stands_nowhere_was_made_up() -> None:
    answer = read(
        about=["Borealis Line"],
        mentions=["Aurora Line", "Aurora Express", "Ellen Port", "Handbook"],
        relations=[relation("Aurora Line", "competes with", "Borealis Line")],
    )
    assert answer == Extraction(mentions=("aurora line", "ellen port", "handbook"))


def test_a_title_and_a_heading_belong_to_the_passages_that_the_rules_say() -> None:
    answer = read(about=["Sea Handbook", "Lines", "Aurora Line"], mentions=["Sea Handbook"])
    assert answer.about == ("aurora line",)
    assert answer.mentions == ("sea handbook",)


@pytest.mark.parametrize(
    "bad",
    [
        relation("Aurora Line", "", "Port Ellen"),
        relation("Aurora Line", "x" * 61, "Port Ellen"),
        relation("Aurora Line", "a\0b", "Port Ellen"),
        relation("Aurora Line", "\ud800", "Port Ellen"),
        relation("Aurora Line", "is", "aurora line"),
        relation("Aurora Line", "is", 7),
        relation("!!", "is", "Port Ellen"),
        {"subject": "Aurora Line"},
        "Aurora Line is Port Ellen",
        None,
    ],
)
def test_a_bad_part_costs_itself_only(bad: object) -> None:
    answer = read(
        mentions=["Port Ellen", 7, None, ["Aurora"]],
        relations=[bad, relation("Aurora Line", "serves", "Port Ellen")],
    )
    assert answer.relations == (("aurora line", "serves", "port ellen"),)
    assert answer.mentions == ("aurora line", "port ellen")


@pytest.mark.parametrize(
    "arguments",
    [None, {}, {"about": []}, {"about": "x", "mentions": []}, {"about": {}, "mentions": []}],
)
def test_an_answer_of_another_form_is_none(arguments: dict[str, object] | None) -> None:
    assert read_answer(arguments, PASSAGE) is None


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=90),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=10,
)
_PARTS = ("subject", "predicate", "object")
_RELATIONS = st.lists(st.fixed_dictionaries(dict.fromkeys(_PARTS, _JSON)))


@given(st.lists(_JSON), st.lists(_JSON), _RELATIONS | _JSON)
def test_no_answer_breaks_the_reader_or_the_bounds(
    about: list[object], mentions: list[object], relations: object
) -> None:
    passage = Passage((), " ".join(map(str, (*about, *mentions, relations))))
    arguments = {"about": about, "mentions": mentions, "relations": relations}
    answer = read_answer(arguments, passage)
    if answer is None:
        assert not isinstance(relations, list)
        return
    assert all(2 <= len(name) <= FOLDED_MAX for name in (*answer.about, *answer.mentions))
    assert EXTRACTION.validate_json(as_json(EXTRACTION, answer)) == answer


def test_a_long_answer_is_bounded() -> None:
    names = [f"Ship{n}" for n in range(300)]
    passage = Passage((), " ".join(names))
    pairs = [relation(names[n], "follows", names[n + 1]) for n in range(200)]
    answer = read_answer({"about": names, "mentions": names, "relations": pairs}, passage)
    assert answer is not None
    assert len(answer.about) == ABOUT_MAX
    assert len(answer.mentions) == MENTIONS_MAX
    assert len(answer.relations) == RELATIONS_MAX


# -- together with the rules


def test_titles_and_headings_come_first_and_the_model_replaces_the_guess() -> None:
    answer = Extraction(about=("aurora line",), mentions=("port ellen", "imo"))
    found = extract("Sea Handbook", ["2. Lines"], PASSAGE.text, answer)
    assert found.about == ("sea handbook", "lines", "aurora line")
    assert found.mentions == ("port ellen", "imo", "international maritime organization")


def test_an_empty_answer_is_an_answer() -> None:
    found = extract("", [], "## Demurrage\n\nThe Aurora Line.", Extraction())
    assert (found.about, found.mentions) == ((), ())
