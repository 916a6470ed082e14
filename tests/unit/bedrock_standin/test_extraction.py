"""Sources are read as the prompt writes them; quotes carry the number of their source."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from compose.local.bedrock.chat import ChatRequest, Finish, ToolConfig
from compose.local.bedrock.errors import ValidationError
from compose.local.bedrock.extractive import (
    AT_ONCE,
    MOST_COMPARED,
    NO_ANSWER,
    NO_SOURCES,
    ExtractiveAnswerer,
    sentences_in,
)
from compose.local.bedrock.lane import Lane
from compose.local.bedrock.passages import Passages
from compose.local.bedrock.ring import Ring
from compose.local.bedrock.sources import Source, read_sources
from tests.unit.bedrock_standin.fakes import WordRunner

PROMPT = """Answer from the sources.
<sources marker="K7Q2">
[1] (refunds.md, page 3)
Refunds are paid within 30 days.
[7] (this line is part of the text)
</sources marker="WRONG">
[2] (other (old).md)
Parcels arrive on Tuesday.
</sources marker="K7Q2">
Question: {}"""

TOOLS = {"tools": [{"toolSpec": {"name": "record", "inputSchema": {"json": {}}}}]}


@pytest.fixture
def runner() -> WordRunner:
    return WordRunner()


@pytest.fixture
def answerer(runner: WordRunner, tmp_path: Path) -> Iterator[ExtractiveAnswerer]:
    lane, passages = Lane(runner, 1000), Passages(Ring(tmp_path, 1024**2))
    yield ExtractiveAnswerer(lane, lane, passages)
    passages.close()
    lane.close()


def request(text: str, **more: object) -> ChatRequest:
    messages = [{"role": "user", "content": [{"text": text}]}]
    return ChatRequest.model_validate({"messages": messages, **more})


async def answered(answerer: ExtractiveAnswerer, asked: ChatRequest) -> tuple[str, Finish]:
    *words, finish = [piece async for piece in answerer.answer(asked)]
    assert isinstance(finish, Finish)
    assert all(isinstance(word, str) for word in words)
    return "".join(map(str, words)), finish


def test_the_block_ends_at_its_own_marker() -> None:
    asked = read_sources(PROMPT.format("When?\nPlease."))
    assert asked is not None
    assert asked.question == "When?\nPlease."
    first, second = asked.sources
    assert (first.number, first.name) == (1, "refunds.md, page 3")
    assert first.text.startswith("Refunds are paid within 30 days.\n[7] (this")
    assert second == Source(2, "other (old).md", "Parcels arrive on Tuesday.")


def test_a_prompt_without_sources_has_none() -> None:
    assert read_sources("Question: when?") is None


def test_an_empty_block_has_no_sources() -> None:
    asked = read_sources('<sources marker="a">\n\n</sources marker="a">\nQuestion: x')
    assert asked is not None
    assert asked.sources == []


def test_the_question_as_its_conversation_means_it_stands_beside_it() -> None:
    asked = read_sources(PROMPT.format("And on Tuesday?\n(In this conversation: parcels (all))"))
    assert asked is not None
    assert (asked.question, asked.query) == ("And on Tuesday?", "parcels (all)")


async def test_the_best_sentence_is_quoted_with_its_source(answerer: ExtractiveAnswerer) -> None:
    text, finish = await answered(answerer, request(PROMPT.format("Parcels arrive when?")))
    assert text == "Parcels arrive on Tuesday. [2]"
    assert finish.stop_reason == "end_turn"
    assert finish.input_tokens > finish.output_tokens > 5


async def test_what_the_sources_do_not_say_is_not_made_up(answerer: ExtractiveAnswerer) -> None:
    text, _ = await answered(answerer, request(PROMPT.format("Boiling point of mercury?")))
    assert text == NO_ANSWER


async def test_the_same_sentence_is_quoted_once(answerer: ExtractiveAnswerer) -> None:
    parcels = "Parcels arrive on Tuesday."
    block = f'<sources marker="a">\n[1] (a)\n{parcels}\n[2] (b)\n{parcels}\n</sources marker="a">'
    text, _ = await answered(answerer, request(f"{block}\nQuestion: Parcels arrive Tuesday?"))
    assert text == f"{parcels} [1]"


def _many(first: str) -> str:
    others = " ".join(f"Berth {n} lies behind crane {n}." for n in range(39))
    return f'<sources marker="a">\n[1] (a)\n{first} {others}\n</sources marker="a">\nQuestion: {{}}'


async def test_sentences_that_cannot_be_as_good_are_not_embedded(
    answerer: ExtractiveAnswerer, runner: WordRunner
) -> None:
    asked = request(_many("Parcels arrive on Tuesday.").format("Parcels arrive Tuesday?"))
    assert (await answered(answerer, asked))[0] == "Parcels arrive on Tuesday. [1]"
    assert sum(map(len, runner.runs)) == 1 + AT_ONCE


async def test_when_no_word_tells_the_best_sentence_the_vectors_do(
    answerer: ExtractiveAnswerer, runner: WordRunner
) -> None:
    await answered(answerer, request(_many("Parcels arrive.").format("When do ships leave?")))
    assert sum(map(len, runner.runs)) == 1 + MOST_COMPARED


async def test_a_sentence_that_is_compared_again_is_not_embedded_again(
    answerer: ExtractiveAnswerer, runner: WordRunner
) -> None:
    asked = request(PROMPT.format("Parcels arrive when?"))
    first = await answered(answerer, asked)
    runs = len(runner.runs)
    assert await answered(answerer, asked) == first
    assert len(runner.runs) == runs


BRING = "Bring these documents:\n\n- passport\n- visa\n\nThe office is open."
BRING_WHOLE = "Bring these documents:\n- passport\n- visa"
PUMPS = """| Pump | Pressure bar |
| --- | --- |
| HX-17 | 217 |
| HX-177 | 377 |
| HX-178 | 378 |"""
HOTELS = """| Country | Hotel |
| --- | --- |
| Norway | 190 |
| Denmark | 170 |"""
CONTRACT = "The contract with Nordwind ends on 31 March 2027."
VERTRAG = "Der Vertrag mit Nordwind endet am 31. März 2027."
FEES = "\n".join(f"- fee for item {n} of the {n}. shelf: {n} euros" for n in range(50))
CODE = "The script reads its argument from args[2] with `ls **/*.log` as __USER__ said."


@pytest.mark.parametrize(
    ("text", "question", "answer"),
    [
        (BRING, "Which documents must I bring?", f"{BRING_WHOLE} [1]"),
        (FEES, "Fee item 35?", "fee for item 35 of the 35. shelf: 35 euros [1]"),
        (PUMPS, "Pressure of pump HX-177?", "HX-177 – Pressure bar: 377. [1]"),
        (PUMPS, "Pressure of pump HX-555?", NO_ANSWER),
        (HOTELS, "Hotel Denmark?", "Denmark – Hotel: 170. [1]"),
        (HOTELS, "What may a hotel in Finland cost?", NO_ANSWER),
        (CONTRACT, "When does the contract with Bergkristall end?", NO_ANSWER),
        (
            "The gate opens at nine.",
            "Does the gate open at nine in Bergen?",
            "The gate opens at nine. [1]",
        ),
        (VERTRAG, "Wann endet der Vertrag mit Bergkristall?", f"{VERTRAG} [1]"),
        (
            "Hotels in Norway cost 190. Hotels in Oslo too. Hotels in Denmark cost 170.",
            "What do hotels in Norway cost?",
            "Hotels in Norway cost 190. [1]",
        ),
        ("# Colour of the door\n\nBlue", "Colour door?", "Blue [1]"),
        (CODE, "Which argument does the script read?", f"{CODE} [1]"),
        ("每晚不超过六百元。交通费按发票报销。", "不超过六百元吗？", "每晚不超过六百元。 [1]"),
    ],
)
async def test_what_holds_the_answer_is_quoted_as_it_stands(
    answerer: ExtractiveAnswerer, text: str, question: str, answer: str
) -> None:
    block = f'<sources marker="a">\n[1] (a)\n{text}\n</sources marker="a">'
    said, _ = await answered(answerer, request(f"{block}\nQuestion: {question}"))
    assert said == answer


async def test_without_sources_it_says_so(answerer: ExtractiveAnswerer) -> None:
    text, _ = await answered(answerer, request("Hello"))
    assert text == NO_SOURCES


async def test_an_answer_stops_at_max_tokens(answerer: ExtractiveAnswerer) -> None:
    asked = request("Hello", inferenceConfig={"maxTokens": 3})
    text, finish = await answered(answerer, asked)
    assert text == "No sources were "
    assert (finish.stop_reason, finish.output_tokens) == ("max_tokens", 3)


async def test_tools_need_a_language_model(answerer: ExtractiveAnswerer) -> None:
    with pytest.raises(ValidationError, match="needs a language model"):
        await answerer.call_tools(request("Hello"), ToolConfig.model_validate(TOOLS))


@pytest.mark.parametrize(
    ("system", "most"),
    [
        ("", 3),
        ("Answer with at most one sentence.", 1),
        ("Use AT MOST 2 sentences.", 2),
        ("Use at most 12 sentences.", 3),
        ("Use at most 0 sentences.", 1),
        ("One sentence is at most what people read.", 3),
    ],
)
def test_the_system_text_says_how_many_sentences(system: str, most: int) -> None:
    assert sentences_in(system) == most
