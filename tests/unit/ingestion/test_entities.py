"""What a passage is about and what it names."""

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.ingestion.entity_name import FOLDED_MAX
from services.ingestion.services.entities.extracting import (
    ABOUT_MAX,
    MENTIONS_MAX,
    Entities,
    extract,
)


def about(text: str = "", title: str = "", *headings: str) -> tuple[str, ...]:
    return extract(title, headings, text).about


def mentions(text: str) -> set[str]:
    return set(extract("", [], text).mentions)


# -- about


@pytest.mark.parametrize(
    ("title", "names"),
    [
        ("The Harbour  Office", ["harbour office"]),
        ("Mercury (planet)", ["mercury planet", "mercury"]),
        ("Schindler’s List", ["schindler list"]),
        ("BEYONCÉ", ["beyonce"]),
        ("Straße des 17. Juni", ["strasse des 17 juni"]),
        ("Ｆｕｌｌ Ｗｉｄｔｈ", ["full width"]),
        ("東京", ["東京"]),
        ("Москва", ["москва"]),
        ("1984", []),
        ("!!!", []),
        ("", []),
    ],
)
def test_a_title_is_folded_and_known_without_its_qualifier(title: str, names: list[str]) -> None:
    assert list(about(title=title)) == names


def test_the_innermost_heading_is_what_a_section_is_about() -> None:
    for heading in ("3.2 Refund policy", "3\\. Refund policy", "4\\) Refund policy"):
        assert about("Text.", "", "Handbook", heading) == ("refund policy",)
    assert about("Text.", "", "2014 World Cup") == ("2014 world cup",)


def test_headings_and_bold_leads_inside_the_text_count() -> None:
    text = "## Demurrage\n\nA fee.\n\n**Laytime**: days to load.\n- **Free time** – before fees.\n"
    assert about(text) == ("demurrage", "laytime", "free time")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("A harbour due is a charge on ships.", "harbour due"),
        ("Ada Lovelace (born 10 December 1815) wrote programs.", "ada lovelace"),
        ("Ada Lovelace, the daughter of Byron, was a writer.", "ada lovelace"),
        ("The Gesture (Finnish: Ele) is a 1981 film. It was a hit.", "gesture"),
        ("Der Hafen ist ein Ort.", "hafen"),
        ("Le port est un lieu.", "port"),
        ('In this contract the term "free time" means the days before fees.', "free time"),
        ("Pay soon. “Demurrage” means the fee after that.", "demurrage"),
    ],
)
def test_a_definition_says_what_the_text_is_about(text: str, name: str) -> None:
    assert about(text) == (name,)


@pytest.mark.parametrize(
    "text",
    [
        "This is a test.",
        "It is the best.",
        "There was a storm.",
        "We measured the tide. The tide is a wave.",
        "Tim Burton directed the film.",
        "nothing to see here",
    ],
)
def test_a_sentence_that_defines_nothing_is_about_nothing(text: str) -> None:
    assert about(text) == ()


def test_with_a_title_the_opening_counts_only_as_another_form_of_it() -> None:
    assert about("Zabdiel Judah (born 1977) is a boxer.", "Zab Judah") == (
        "zab judah",
        "zabdiel judah",
    )
    assert about("Tuberculosis is a disease.", "Vaccines in mice") == ("vaccines in mice",)
    sentence = "Tuberculosis spreads through the towns of the north in winter"
    assert about("Tuberculosis is a disease.", sentence) == (
        "tuberculosis spreads through the towns of the north in winter",
    )


def test_an_abbreviation_is_an_alias_on_both_sides() -> None:
    text = "The International Monetary Fund (IMF) is an agency."
    assert about(text) == ("international monetary fund", "imf")
    assert "imf" in about(title="International Monetary Fund (IMF)")
    assert "imf" in about("Text.", "", "International Monetary Fund (IMF)")
    assert {"international monetary fund", "imf"} <= mentions(text)
    assert "lmm" not in about("London is a city (LMM) on a river.")


# -- mentions


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Directed by Tim Burton, starring Johnny Depp.", {"tim burton", "johnny depp"}),
        ("He read Gone with the Wind twice.", {"gone with the wind", "gone", "wind"}),
        ("She met J. K. Rowling in Paris.", {"j k rowling", "paris"}),
        ("They saw the Spider-Man films.", {"spider man", "man"}),
        ("the 2014–15 Ukrainian Hockey Championship", {"2014 15 ukrainian hockey championship"}),
        ("In 1994 The Beatles met.", {"beatles"}),
        ("see the refund policy below", {"refund policy", "refund policy below"}),
        ("see [laytime rules](laytime.md)", {"laytime rules"}),
        ("call `open_bus` first", {"open bus"}),
        ("она живёт в городе Санкт-Петербург", {"санкт петербург"}),
        ("彼は『吾輩は猫である』を読んだ", {"吾輩は猫である"}),
        ("il lit « Les Misérables »", {"les miserables", "miserables"}),
        ("Wood's life, O’Brien’s house", {"wood", "o brien"}),
    ],
)
def test_names_in_a_text(text: str, names: set[str]) -> None:
    assert names <= mentions(text)


@pytest.mark.parametrize("text", ["", "However, this was it.", "In 2002 the 7 were 12.", "…—!?"])
def test_small_words_and_numbers_name_nothing(text: str) -> None:
    assert mentions(text) == set()


def test_a_name_does_not_run_on_through_lower_case_or_a_comma() -> None:
    found = mentions("Paris, then London received Oslo")
    assert {"paris", "london", "oslo"} <= found
    assert not {"paris london", "london oslo", "paris then london"} & found


@pytest.mark.parametrize(
    ("title", "text"),
    [
        ("The Saimaa Gesture", "They filmed The Saimaa Gesture in 1981."),
        ("Refund policy", "Ask under our refund policy first."),
        ("Kiss and Tell (1945 film)", 'She played in "Kiss and Tell" that year.'),
        ("Café de Flore", "They met at Cafe de Flore."),
        ("MÜNCHEN", "Er wohnt in München."),
        ("Ed Wood (film)", "He played Ed Wood Sr. on stage."),
    ],
)
def test_what_one_passage_names_meets_what_another_is_about(title: str, text: str) -> None:
    assert set(about(title=title)) & mentions(text)


# -- bounds


def test_mentions_are_bounded_and_whole_names_come_before_their_parts() -> None:
    people = [f"Anna{n:03d}x Maria{n:03d}x Berg{n:03d}x" for n in range(60)]
    found = extract("", [], ", ".join(people)).mentions
    assert len(found) == MENTIONS_MAX
    assert {name.lower() for name in people} <= set(found)


def test_abouts_are_bounded() -> None:
    text = "".join(f"## Heading h{n}\n\ntext\n\n" for n in range(50))
    assert len(about(text)) == ABOUT_MAX


ANY_TEXT = st.text(max_size=400) | st.text("Aa bB(.)\"'*#[]`\n-1中لn", max_size=200)


@given(ANY_TEXT, st.lists(ANY_TEXT, max_size=2), ANY_TEXT)
def test_any_text_has_bounded_folded_names(title: str, headings: list[str], text: str) -> None:
    found = extract(title, headings, text)
    assert len(found.about) <= ABOUT_MAX
    assert len(found.mentions) <= MENTIONS_MAX
    for names in (found.about, found.mentions):
        assert len(set(names)) == len(names)
        assert all(2 <= len(name) <= FOLDED_MAX for name in names)
        assert all(name == " ".join(name.casefold().split()) for name in names)


@given(ANY_TEXT)
def test_the_same_characters_in_another_form_are_the_same_names(text: str) -> None:
    forms = {form: unicodedata.normalize(form, text) for form in ("NFC", "NFD")}
    assert extract("", [], forms["NFC"]) == extract("", [], forms["NFD"])


@pytest.mark.parametrize(
    "text",
    ["A" * 20_000, "A b " * 5_000, "(" * 20_000, '"' * 20_000, "A (B) " * 4_000, "# " * 9_000,
     "the " * 6_000, "**" * 9_000, "A, " * 6_000, "é" * 20_000],
)  # fmt: skip
def test_no_text_takes_long(text: str) -> None:
    """A passage holds 2,000 characters at most; ten times that must still be quick."""
    took = []
    # The best of three: others of this process collect garbage meanwhile.
    for _ in range(3):
        started = time.process_time()
        assert isinstance(extract("", [], text), Entities)
        took.append(time.process_time() - started)
    assert min(took) < 1
