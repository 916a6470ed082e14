"""A turn's record holds what the answering model was sent, and what each part of it may quote."""

from datetime import UTC, datetime
from itertools import groupby

import pytest

from contracts.gateway.turns import PromptSent, Quoted, TurnCompletedV2
from contracts.memory.queries import ContextAnsweredV1, ContextRequestedV1, PastTurn, UserTurn
from contracts.retrieval.search import SearchRequestedV1
from services.gateway.models.session import SessionSource, SessionTurn, Summary
from services.gateway.models.tenant import TenantSettings
from tests.unit.gateway.fakes import Gateway, a_hit, an_answered_search

AT = datetime(2026, 1, 1, tzinfo=UTC)


async def recorded(gateway: Gateway, question: str) -> TurnCompletedV2:
    await gateway.ask(question, conversation_id="c1")
    turn: TurnCompletedV2 = gateway.publisher.on("turns")[-1]
    return turn


def spoken(prompt: PromptSent) -> list[tuple[str, str]]:
    return [
        (role, "".join(part.text for part in parts))
        for role, parts in groupby(prompt.parts, key=lambda part: part.role)
    ]


async def test_the_record_is_exactly_what_the_model_was_sent(gateway: Gateway) -> None:
    turns = (PastTurn(turn_id="t0", question="Hotels?", answer="180 [1].", completed_at=AT),)
    recalled = (
        UserTurn(
            turn_id="t9",
            conversation_id="c9",
            question="Trains?",
            answer="By night.",
            completed_at=AT,
            quotes=(Quoted(document_id="doc-9", ordinal=3),),
        ),
    )
    gateway.requester.answers[ContextRequestedV1] = ContextAnsweredV1(
        conversation_id="c1", turns=turns, recalled=recalled
    )
    turn = await recorded(gateway, "How much is the allowance?")
    assert turn.prompt is not None
    _, system, messages = gateway.model.calls[-1]
    assert turn.prompt.system == system
    assert spoken(turn.prompt) == [(message.role, message.text) for message in messages]
    assert turn.prompt.max_tokens > 0
    quoting = {part.quotes for part in turn.prompt.parts if part.quotes}
    assert {(one.document_id, one.ordinal) for quotes in quoting for one in quotes} == {
        ("doc-1", 1),
        ("doc-2", 1),
        ("doc-9", 3),
    }
    [first] = [part for part in turn.prompt.parts if part.text.startswith("[1] (policy-1.md)")]
    assert first.quotes == (Quoted(document_id="doc-1", ordinal=1),)


async def test_earlier_answers_name_the_documents_that_they_cite(gateway: Gateway) -> None:
    def source(n: int, *, cited: bool) -> SessionSource:
        return SessionSource(
            n=n,
            document_id=f"old-{n}",
            ordinal=2,
            passage_id="p",
            name="n",
            start=0,
            end=1,
            cited=cited,
        )

    said = SessionTurn(
        turn_id="t0",
        question="Hotels?",
        query="Hotels?",
        answer="180 [1].",
        sources=(source(1, cited=True), source(2, cited=False)),
        completed_at=AT,
    )
    gateway.sessions.turns["acme", "ann", "c1"] = [said]
    gateway.sessions.summaries["acme", "ann", "c1"] = Summary(
        text="They spoke of ferries.", until=AT, documents=("doc-7",)
    )
    turn = await recorded(gateway, "How much is the allowance?")
    assert turn.prompt is not None
    [answer] = [part for part in turn.prompt.parts if part.role == "assistant"]
    assert answer.quotes == (Quoted(document_id="old-1", ordinal=2),)
    [memory] = [part for part in turn.prompt.parts if part.text.startswith("<memory")]
    # A summary does not say which version it quotes.
    assert memory.quotes == (Quoted(document_id="doc-7", ordinal=0),)


async def test_without_a_model_call_there_is_no_prompt(gateway: Gateway) -> None:
    gateway.requester.answers[SearchRequestedV1] = an_answered_search()
    assert (await recorded(gateway, "How much is the allowance?")).prompt is None
    gateway.requester.answers[SearchRequestedV1] = an_answered_search(a_hit())
    assert (await recorded(gateway, "How much is a hotel?")).prompt is not None


@pytest.mark.parametrize("consents", [True, False])
async def test_a_turn_says_whether_its_tenant_consents_to_training(
    gateway: Gateway, consents: bool
) -> None:
    gateway.ledger.kept["acme"] = (1, TenantSettings(consent_to_training=consents))
    turn = await recorded(gateway, "How much is the allowance?")
    assert turn.consent_to_training is consents
