"""Conversations listed, renamed and deleted; quotations cut; users and tenants erased."""

from datetime import timedelta
from typing import Any

import pytest

from contracts.gateway.erasures import ErasureDoneV1, TenantDeletedV1, UserErasedV1
from contracts.gateway.turns import TurnCompletedV2
from contracts.ingestion.events import DocumentDeletedV1
from contracts.ingestion.proof import DocumentPurgedV1
from contracts.memory.queries import (
    ContextRequestedV1,
    ConversationRequestedV1,
    DeleteConversationV1,
    ListConversationsV1,
    RenameConversationV1,
    TurnRequestedV1,
)
from contracts.platform.replies import RequestFailedV1
from services.memory.models.turn import CUT
from shared.outcomes import Reject
from tests.integration.memory.conftest import ANN, BOB, Memory, a_source, a_turn


async def listed(memory: Memory, who: Any = ANN, **fields: Any) -> list[tuple[str, str, int]]:
    page = await memory.asked(ListConversationsV1(**fields), who)
    return [(one.conversation_id, one.title, one.turns) for one in page.conversations]


async def opened(memory: Memory, conversation: str, who: Any = ANN) -> Any:
    return await memory.asked(ConversationRequestedV1(conversation_id=conversation), who)


def left_of(memory: Memory, *words: str) -> list[Any]:
    """Items that hold one of the words anywhere, keys included."""
    texts = [(item, str(item.serialize())) for item in memory.items()]
    return [item for item, text in texts if any(word in text for word in words)]


async def test_conversations_are_listed_by_pages_and_found_by_words(memory: Memory) -> None:
    for n in range(3):
        await memory.turn(f"Question {n}?", f"c{n}")
    page = await memory.asked(ListConversationsV1(limit=2))
    assert [one.conversation_id for one in page.conversations] == ["c2", "c1"]
    rest = await memory.asked(ListConversationsV1(limit=2, after=page.next))
    assert ([one.conversation_id for one in rest.conversations], rest.next) == (["c0"], None)
    assert await listed(memory, query="QUESTION 1") == [("c1", "Question 1?", 1)]
    assert await listed(memory, BOB) == []


async def test_a_conversation_is_opened_with_its_sources(memory: Memory) -> None:
    await memory.turn("One?", sources=(a_source(page=3),))
    await memory.turn("Two?")
    found = await opened(memory, "c1")
    assert (found.title, [turn.question for turn in found.turns]) == ("One?", ["One?", "Two?"])
    [source] = found.turns[0].sources
    assert (source.n, source.document_id, source.page, source.cited) == (1, "d1", 3, True)
    assert "text" not in source.model_dump()


@pytest.mark.parametrize("who", [BOB, ANN.of("other")])
async def test_anothers_conversation_is_as_unknown_as_none(memory: Memory, who: Any) -> None:
    await memory.turn("One?")
    unknown = await opened(memory, "nowhere")
    assert isinstance(unknown, RequestFailedV1)
    assert await opened(memory, "c1", who) == unknown
    rename = RenameConversationV1(conversation_id="c1", title="Mine")
    assert await memory.asked(rename, who) == unknown
    delete = DeleteConversationV1(conversation_id="c1", asked_until=memory.clock.now())
    removed = (await memory.asked(delete, who)).removed
    assert set(removed.values()) == {0}
    assert [turn.question for turn in (await opened(memory, "c1")).turns] == ["One?"]


async def test_a_given_title_lives_as_long_as_the_conversation(memory: Memory) -> None:
    await memory.turn("One?")
    await memory.asked(RenameConversationV1(conversation_id="c1", title="Given"))
    memory.clock.go(days=5)
    await memory.turn("Two?")
    memory.clock.go(days=5)
    assert await listed(memory) == [("c1", "Given", 1)]
    assert (await opened(memory, "c1")).title == "Given"


async def test_a_deleted_conversation_is_gone_and_does_not_come_back_late(memory: Memory) -> None:
    await memory.turn("I work in Lyon.", sources=(a_source(),))
    await memory.asked(RenameConversationV1(conversation_id="c1", title="Given"))
    await memory.turn("I live in Nice.", "c2")
    late = a_turn(99, "My name is Ann.", memory.clock.now() + timedelta(seconds=2))
    delete = DeleteConversationV1(
        conversation_id="c1", asked_until=memory.clock.now() + timedelta(seconds=2)
    )
    answer = await memory.asked(delete)
    assert answer.removed == {"turns": 1, "facts": 1, "titles": 1}
    await memory.hears(late)
    assert await listed(memory) == [("c2", "I live in Nice.", 1)]
    assert left_of(memory, "Lyon", "My name", "Given", "quotation") == []
    found = await memory.asked(ContextRequestedV1(conversation_id="c1", question="x"))
    assert [(one.subject, one.value) for one in found.facts] == [("lives in", "Nice")]
    # The conversation may be taken up again by a question that is asked after the delete.
    memory.clock.go(minutes=1)
    await memory.turn("And now?", "c1")
    assert len((await opened(memory, "c1")).turns) == 1


async def test_quotations_of_a_deleted_document_are_cut(memory: Memory) -> None:
    await memory.turn("One?", sources=(a_source(),), answer="A secret sentence [1].")
    await memory.turn("Two?", "c2", BOB, sources=(a_source(),), answer="A secret sentence [1].")
    await memory.turn("Three?", sources=(a_source(document="d2"),), answer="Other [1].")
    await memory.hears(DocumentDeletedV1(document_id="d1", ordinal=1), ANN)
    answers = [turn.answer for turn in (await opened(memory, "c1")).turns]
    assert answers == [CUT, "Other [1]."]
    assert [turn.answer for turn in (await opened(memory, "c2", BOB)).turns] == [CUT]
    assert left_of(memory, "secret") == []
    # The way from the document to the turns is gone too, or an erasure would not find it.
    left = [item for item in left_of(memory, "quotation#") if "d1" in item.conversation]
    assert left == []
    await erase(memory, "ann")
    assert left_of(memory, "#ann") == []


async def test_a_quotation_that_comes_after_the_delete_is_cut(memory: Memory) -> None:
    await memory.hears(DocumentDeletedV1(document_id="d1", ordinal=1), ANN)
    await memory.turn("One?", sources=(a_source(),), answer="A secret sentence [1].")
    await memory.turn("Two?", sources=(a_source(ordinal=2),), answer="A new sentence [1].")
    answers = [turn.answer for turn in (await opened(memory, "c1")).turns]
    assert answers == [CUT, "A new sentence [1]."]


async def test_another_tenants_document_of_the_same_id_cuts_nothing(memory: Memory) -> None:
    await memory.turn("One?", sources=(a_source(),), answer="A sentence [1].")
    await memory.hears(DocumentDeletedV1(document_id="d1", ordinal=1), ANN.of("other"))
    assert [turn.answer for turn in (await opened(memory, "c1")).turns] == ["A sentence [1]."]


async def erase(memory: Memory, user: str | None, round: int = 1) -> dict[str, int]:
    until = memory.clock.now() + timedelta(seconds=5)
    message = UserErasedV1(erasure_id="e1", user=user, asked_until=until, round=round)
    await memory.hears(message)
    [done] = memory.publisher.of(ErasureDoneV1)[round - 1 :]
    assert (done.erasure_id, done.service, done.round) == ("e1", "memory", round)
    return done.removed


async def a_full_user(memory: Memory, who: Any = ANN) -> TurnCompletedV2:
    await memory.turn("I work in Lyon.", "c1", who, sources=(a_source(),))
    turn = await memory.turn("What now?", "c2", who)
    await memory.asked(RenameConversationV1(conversation_id="c2", title="Given"), who)
    return turn


async def test_an_erased_user_leaves_no_trace_also_with_a_late_turn(memory: Memory) -> None:
    redriven = await a_full_user(memory)
    await a_full_user(memory, BOB)
    theirs = len(left_of(memory, "bob"))
    assert await erase(memory, "ann") == {"turns": 2, "facts": 1, "titles": 1}
    await memory.hears(redriven)
    assert left_of(memory, "ann", redriven.turn_id, "#ann") == []
    assert len(left_of(memory, "bob")) == theirs
    assert set((await erase(memory, "ann", round=2)).values()) == {0}
    # He may come back.
    memory.clock.go(minutes=1)
    await memory.turn("Hello again")
    assert await listed(memory) == [("c1", "Hello again", 1)]


async def test_an_erased_tenant_leaves_no_trace(memory: Memory) -> None:
    redriven = await a_full_user(memory)
    await a_full_user(memory, BOB)
    await a_full_user(memory, ANN.of("other"))
    assert await erase(memory, None) == {"turns": 4, "facts": 2, "titles": 2}
    await memory.hears(redriven)
    assert left_of(memory, "acme") == []
    assert len(await listed(memory, ANN.of("other"))) == 2


async def test_a_deleted_tenant_leaves_no_trace_and_begins_anew(memory: Memory) -> None:
    redriven = await a_full_user(memory)
    await memory.hears(DocumentDeletedV1(document_id="d1", ordinal=1))
    [purged] = memory.publisher.of(DocumentPurgedV1)
    assert (purged.service, [(one.place, one.removed) for one in purged.places]) == (
        "memory",
        [("turns", 1)],
    )
    until = memory.clock.now() + timedelta(seconds=5)
    deleted = TenantDeletedV1(erasure_id="e1", until=until)
    await memory.hears(deleted)
    [done] = memory.publisher.of(ErasureDoneV1)
    assert (done.service, done.removed) == ("memory", {"turns": 2, "facts": 1, "titles": 1})
    assert left_of(memory, "acme") == []
    calls = len(memory.model.embedded)
    late = ANN.model_copy(update={"occurred_at": until})
    await memory.hears(redriven, late)
    await memory.hears(DocumentDeletedV1(document_id="d1", ordinal=1), late)
    assert left_of(memory, "acme") == []
    # Nobody pays for what comes late.
    assert len(memory.model.embedded) == calls
    memory.clock.go(minutes=1)
    await memory.turn("Hello again")
    assert await listed(memory) == [("c1", "Hello again", 1)]


async def test_a_turn_without_a_user_is_rejected(memory: Memory) -> None:
    completed = memory.service.handlers["memory-events"][TurnCompletedV2]
    nobody = ANN.model_copy(update={"principal": None})
    outcome = await completed(a_turn(1, "q", memory.clock.now()), nobody)
    assert isinstance(outcome, Reject)


async def test_a_turn_is_found_by_its_id_by_its_own_user_alone(memory: Memory) -> None:
    await memory.turn("Hotels?", "c1")
    said = await memory.turn("Trains?", "c2")
    answered = await memory.asked(TurnRequestedV1(turn_id=said.turn_id))
    assert (answered.conversation_id, answered.turn.question) == ("c2", "Trains?")
    assert answered.turn.asked_at == said.started_at
    for who in (BOB, ANN.of("other")):
        refused = await memory.asked(TurnRequestedV1(turn_id=said.turn_id), who)
        assert isinstance(refused, RequestFailedV1)
        assert refused.code == "not_found"
    memory.clock.go(days=8)
    assert isinstance(await memory.asked(TurnRequestedV1(turn_id=said.turn_id)), RequestFailedV1)


async def test_a_remembered_turn_names_what_its_answer_cites(memory: Memory) -> None:
    await memory.turn("Hotels?", "c1", sources=(a_source(1, "d1"), a_source(2, "d2", cited=False)))
    found = await memory.asked(ContextRequestedV1(conversation_id="c1"))
    assert [one.document_id for one in found.turns[0].quotes] == ["d1"]
