"""What the next prompt is given: the conversation's turns, related ones of others, facts."""

from datetime import timedelta
from typing import Any

import pytest

from contracts.memory.queries import ContextAnsweredV1, ContextRequestedV1, UserTurn
from contracts.platform.usage import ModelUsedV2
from services.memory.store.turn_table import TurnTable
from shared.testing.probe import until
from tests.integration.memory.conftest import ANN, BOB, Memory, remembering

MODEL = "amazon.nova-micro-v1:0"


async def context(
    memory: Memory, question: str, conversation: str = "c1", who: Any = ANN, **fields: Any
) -> ContextAnsweredV1:
    request = ContextRequestedV1(conversation_id=conversation, question=question, **fields)
    answer = await memory.asked(request, who)
    assert isinstance(answer, ContextAnsweredV1)
    return answer


def facts(answer: ContextAnsweredV1) -> list[tuple[str, str, bool]]:
    return [(one.subject, one.value, one.superseded) for one in answer.facts]


async def test_related_turns_of_other_conversations_are_recalled(memory: Memory) -> None:
    await memory.turn("What may a hotel in Denmark cost?", "c1")
    await memory.turn("How do I report a broken printer?", "c1")
    found = await context(memory, "And what may a hotel in Norway cost?", "c2")
    assert [one.question for one in found.recalled] == ["What may a hotel in Denmark cost?"]
    assert found.turns == ()


async def test_the_own_conversation_is_not_recalled_twice(memory: Memory) -> None:
    await memory.turn("What may a hotel in Denmark cost?", "c1")
    found = await context(memory, "What may a hotel in Denmark cost?", "c1")
    assert [one.question for one in found.turns] == ["What may a hotel in Denmark cost?"]
    assert found.recalled == ()


async def test_of_equally_related_turns_the_newer_is_recalled_first(memory: Memory) -> None:
    await memory.turn("hotel cost Denmark", "old")
    memory.clock.go(days=3)
    await memory.turn("hotel cost Denmark", "new")
    found = await context(memory, "hotel cost Denmark", "c2")
    assert [one.conversation_id for one in found.recalled] == ["new", "old"]


@pytest.mark.parametrize("who", [BOB, ANN.of("other")])
async def test_nobody_is_given_what_another_said(memory: Memory, who: Any) -> None:
    await memory.turn("I work in Lyon. What may a hotel cost?", "c1")
    found = await context(memory, "I work in Lyon. What may a hotel cost?", "c2", who)
    assert (found.turns, found.recalled, found.facts) == ((), (), ())


async def test_a_fact_is_known_the_next_day_in_another_conversation(memory: Memory) -> None:
    await memory.turn("I work in Lyon. What may a hotel cost?", "c1")
    memory.clock.go(days=1)
    assert facts(await context(memory, "what about trains", "c2")) == [("works in", "Lyon", False)]
    memory.clock.go(days=7)
    assert facts(await context(memory, "what about trains", "c2")) == []


async def test_a_fact_lives_longer_when_it_is_said_again(memory: Memory) -> None:
    await memory.turn("I work in Lyon.")
    memory.clock.go(days=5)
    await memory.turn("I work in Lyon.")
    memory.clock.go(days=5)
    assert facts(await context(memory, "trains")) == [("works in", "Lyon", False)]


async def test_a_corrected_fact_is_given_only_as_superseded(memory: Memory) -> None:
    await memory.turn("My cost centre is 4711.", "c1")
    await memory.turn("Sorry, my cost centre is 4712.", "c2")
    found = facts(await context(memory, "trains", "c3"))
    assert found == [("cost centre", "4712", False), ("cost centre", "4711", True)]


async def test_nothing_that_an_answer_says_becomes_a_fact(memory: Memory) -> None:
    await memory.turn("What does the letter say?", answer="I work in Lyon. My name is Eve.")
    assert facts(await context(memory, "trains")) == []


def a_recent(question: str, conversation: str, memory: Memory) -> UserTurn:
    memory.clock.go(seconds=1)
    return UserTurn(
        turn_id="fresh",
        conversation_id=conversation,
        question=question,
        answer="Said just now.",
        completed_at=memory.clock.now(),
    )


async def test_what_the_table_does_not_have_yet_is_known_all_the_same(memory: Memory) -> None:
    await memory.turn("My cost centre is 4711.", "c0")
    fresh = a_recent("My cost centre is 4712. What may a hotel cost?", "c1", memory)
    found = await context(memory, "What may a hotel cost?", "c2", recent=(fresh,))
    assert [one.answer for one in found.recalled] == ["Said just now."]
    assert facts(found) == [("cost centre", "4712", False), ("cost centre", "4711", True)]


async def test_without_an_embedding_only_what_was_said_just_before_is_recalled(
    memory: Memory,
) -> None:
    await memory.turn("yesterday", "c0")
    memory.clock.go(days=1)
    await memory.turn("one", "c1")
    await memory.turn("two", "c2")
    memory.model.away = True
    found = await context(memory, "hotel", "c3")
    assert [one.question for one in found.recalled] == ["two", "one"]


async def test_a_turn_that_could_not_be_embedded_is_remembered(memory: Memory) -> None:
    memory.model.away = True
    await memory.turn("I work in Lyon.")
    found = await context(memory, "hotel")
    assert [one.question for one in found.turns] == ["I work in Lyon."]
    assert facts(found) == [("works in", "Lyon", False)]


async def test_vectors_of_another_model_are_not_compared(table: TurnTable) -> None:
    async with remembering(table) as memory:
        await memory.turn("hotel cost Denmark", "c1")
    async with remembering(table, embedding_dimension=99) as memory:
        memory.model.embedded.clear()
        memory.clock.go(hours=2)
        item = next(one for one in memory.items() if one.turn_id)
        item.update(actions=[type(item).vector_model.set("another")])
        found = await context(memory, "hotel cost Denmark", "c2")
    assert found.recalled == ()


async def test_a_question_is_embedded_once_and_metered(memory: Memory) -> None:
    answer = await context(memory, "hotel cost Denmark", "c1")
    assert (answer.input_tokens, answer.cost_usd) == (5, "0.001")
    await memory.turn("hotel cost Denmark", "c1")
    assert memory.model.embedded == ["hotel cost Denmark"]
    await until(lambda: memory.publisher.of(ModelUsedV2))
    [used] = memory.publisher.of(ModelUsedV2)
    assert (used.service, used.purpose, used.input_tokens) == ("memory", "remember", 5)


async def test_a_request_of_an_earlier_release_gets_the_turns_alone(memory: Memory) -> None:
    await memory.turn("I work in Lyon.")
    found = await memory.asked(ContextRequestedV1(conversation_id="c1"))
    assert [turn.question for turn in found.turns] == ["I work in Lyon."]
    assert (found.recalled, found.facts, memory.model.embedded) == ((), (), ["I work in Lyon."])


async def test_a_model_finds_facts_when_one_is_named(table: TurnTable) -> None:
    async with remembering(table, memory_model=MODEL) as memory:
        memory.model.facts = {
            "facts": [
                {"subject": "Laptop", "value": "ThinkPad X1"},
                {"subject": "boss", "value": "made up by the model"},
                {"subject": 3, "value": None},
                "nonsense",
            ]
        }
        await memory.turn("The ThinkPad X1 that I got is slow.")
        assert facts(await context(memory, "trains")) == [("laptop", "ThinkPad X1", False)]
        memory.model.facts = {"facts": [{"subject": "laptop", "value": ""}]}
        await memory.turn("I gave the laptop back.")
        assert "laptop" in memory.model.read[-1].splitlines()[0]
        assert facts(await context(memory, "trains")) == []
        memory.model.facts = {"other": 1}
        await memory.turn("I work in Lyon.")
        assert facts(await context(memory, "trains")) == [("works in", "Lyon", False)]
        await until(lambda: len(memory.publisher.of(ModelUsedV2)) >= 7)
    used = [one for one in memory.publisher.of(ModelUsedV2) if one.model == MODEL]
    assert [(one.purpose, one.output_tokens) for one in used] == [("remember", 9)] * 3


async def test_texts_beyond_an_items_size_are_cut(memory: Memory) -> None:
    await memory.turn("What?", answer="x" * 150_000)
    [item] = [one for one in memory.items() if one.turn_id]
    assert len(item.answer) == 100_000


async def test_the_best_of_many_turns_comes_first(memory: Memory) -> None:
    for n in range(30):
        await memory.turn(f"question {n} about topic {n}", f"c{n}")
    memory.clock.go(minutes=1)
    found = await context(memory, "question 7 about topic 7", "other")
    assert found.recalled[0].question == "question 7 about topic 7"
    assert len(found.recalled) <= 4
    assert all(memory.clock.now() - one.completed_at < timedelta(days=1) for one in found.recalled)
