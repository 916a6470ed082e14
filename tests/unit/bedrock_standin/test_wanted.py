"""What a question asks for, and the part of a long sentence that has it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from compose.local.bedrock.passages import Passages
from compose.local.bedrock.ring import Ring
from compose.local.bedrock.wanted import wanted

FILLING = "and whatever else the parties agreed upon at any other time, " * 12


@pytest.fixture
def passages(tmp_path: Path) -> Iterator[Passages]:
    passages = Passages(Ring(tmp_path, 1024**2))
    yield passages
    passages.close()


@pytest.mark.parametrize(
    ("text", "kept", "begins", "ends"),
    [
        (
            f"{FILLING}the keeper is liable up to 8800 crowns a tonne.",
            "8800 crowns a tonne.",
            "… ",
            ".",
        ),
        (f"The keeper is liable up to 8800 crowns, {FILLING}", "up to 8800 crowns,", "The", " …"),
        (f"{FILLING}he is liable up to 8800 crowns, {FILLING}", "up to 8800 crowns,", "… ", " …"),
        ("数" * 700 + "仓库责任上限八千元" + "数" * 700, "责任上限八千元", "… ", " …"),
        (FILLING, "the parties agreed", "and", " …"),
    ],
)
def test_a_long_sentence_is_cut_around_what_is_asked(
    passages: Passages, text: str, kept: str, begins: str, ends: str
) -> None:
    seeking = wanted("Up to which amount is the keeper liable? 责任上限", "", passages)
    cut = seeking.around(text, 300)
    assert kept in cut
    assert len(cut) <= 304
    assert cut.startswith(begins)
    assert cut.endswith(ends)
    assert all(part in text for part in cut.strip("… ").split(" … "))


def test_a_short_sentence_is_not_cut(passages: Passages) -> None:
    assert wanted("How long?", "", passages).around("Two days.", 300) == "Two days."


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("HX-177 | 377", True),
        ("hx-177, old", True),
        ("HX-1770", False),
        ("AHX-177", False),
        ("HX-177-B", False),
        ("HX-17", False),
    ],
)
def test_a_key_stands_as_a_whole(passages: Passages, text: str, held: bool) -> None:
    assert wanted("Pressure of HX-177?", "", passages).holds_key(text) is held


@pytest.mark.parametrize(
    ("question", "names_one"),
    [("Pressure of HX-177?", True), ("What is 0x80070005?", True), ("Revenue in 2023?", False)],
)
def test_a_part_number_names_one_thing_and_a_year_does_not(
    passages: Passages, question: str, names_one: bool
) -> None:
    assert wanted(question, "", passages).names_one is names_one


def test_words_of_the_question_itself_weigh_more_than_those_of_the_conversation(
    passages: Passages,
) -> None:
    seeking = wanted("And in Denmark?", "hotel Norway And in Denmark?", passages)
    assert seeking.share("Denmark") == pytest.approx(2 * seeking.share("Norway"))
    assert seeking.share("hotel Norway Denmark") == pytest.approx(1)


@pytest.mark.parametrize(
    ("question", "text", "held"),
    [
        ("What may a hotel in Norway cost?", "A hotel in Norway costs 190.", True),
        ("What may a hotel in Norway cost?", "What a hotel in Denmark costs.", False),
        ("May I ask? What is it?", "What I may.", False),
        ("Pressure of HX-177 at 10:15?", "At 10:15 it rose.", True),
    ],
)
def test_a_text_holds_the_names_and_keys_of_the_question(
    passages: Passages, question: str, text: str, held: bool
) -> None:
    assert wanted(question, "", passages).holds_name(text) is held


@pytest.mark.parametrize(
    ("question", "said", "is_another"),
    [
        ("When does the contract with Bergkristall end?", "It is with Nordwind.", True),
        ("When Does The Contract With Bergkristall End?", "It is with Nordwind.", False),
        ("When does the contract with Nordwint end?", "It is with Nordwind.", False),
        ("When does the contract with BKT end?", "It is with Nordwind.", False),
        ("Does the contract end in March?", "It is with Nordwind.", False),
        ("Does the contract with Bergkristall end?", "Contracts end on 31 March.", False),
        ("Wann endet der Vertrag mit Bergkristall?", "Er ist mit Nordwind.", False),
    ],
)
def test_a_sentence_about_another_name_is_told(
    passages: Passages, question: str, said: str, is_another: bool
) -> None:
    assert wanted(question, "", passages).asks_for_another(said, [said]) is is_another
