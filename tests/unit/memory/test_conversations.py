"""Which turns the next prompt gets, and how conversations are listed."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from contracts.envelope import Context
from contracts.gateway.turns import TurnCompletedV1
from services.memory.bootstrap import bootstrap
from services.memory.models.turn import TEXT_MAX, ConversationKey, Turn
from services.memory.services.conversations import fitting, outlines
from services.memory.settings import MemorySettings
from shared.outcomes import Done, Reject
from shared.testing.fakes import no_bus
from shared.tokens import estimated_tokens

START = datetime(2026, 1, 1, tzinfo=UTC)
CONTEXT = Context(tenant="acme", principal="ann")


def turn(n: int, text: str = "word", conversation: str = "c1") -> Turn:
    key = ConversationKey(tenant="acme", user="ann", conversation_id=conversation)
    return Turn(
        key=key,
        turn_id=f"t{n}",
        question=f"q{n} {text}",
        answer=text,
        completed_at=START + timedelta(minutes=n),
    )


@given(st.lists(st.integers(0, 400), max_size=12), st.integers(1, 300))
def test_the_chosen_are_the_newest_without_a_gap_and_fit(sizes: list[int], tokens: int) -> None:
    newest_first = [turn(n, "x" * size) for n, size in enumerate(sizes)][::-1]
    chosen = fitting(newest_first, tokens)
    # An empty text still counts as a token, so one turn that is cut may be one above.
    spent = sum(estimated_tokens(t.question) + estimated_tokens(t.answer) for t in chosen)
    assert spent <= tokens + 1
    ids = [t.turn_id for t in newest_first]
    assert [t.turn_id for t in chosen] == ids[: len(chosen)][::-1]
    assert bool(chosen) == bool(sizes)


def test_a_newest_turn_that_is_too_long_is_cut_and_not_dropped() -> None:
    (cut,) = fitting([turn(1, "x" * 1000)], 10)
    assert cut.question
    assert estimated_tokens(cut.question) + estimated_tokens(cut.answer) <= 11


def test_conversations_are_listed_newest_first_by_their_first_question() -> None:
    turns = [turn(n, "", "c1" if n % 2 else "c2") for n in range(4)][::-1]
    found = outlines(turns)
    assert [(c.conversation_id, c.title.strip(), c.turns) for c in found] == [
        ("c1", "q1", 2),
        ("c2", "q0", 2),
    ]


class MemoryStore:
    """services.ports.TurnStore in a list."""

    def __init__(self) -> None:
        self.turns: list[Turn] = []

    async def ping(self) -> None:
        return None

    async def put(self, turn: Turn) -> None:
        self.turns.append(turn)

    async def recent(self, key: ConversationKey, count: int, now: datetime) -> list[Turn]:
        return [turn for turn in reversed(self.turns) if turn.key == key][:count]

    async def of_user(self, tenant: str, user: str, count: int, now: datetime) -> list[Turn]:
        return self.turns[::-1][:count]


async def test_texts_beyond_an_items_size_are_cut() -> None:
    store = MemoryStore()
    async with bootstrap(MemorySettings(), bus=no_bus(), store=store) as service:
        completed = service.handlers["memory-events"][TurnCompletedV1]
        outcome = await completed(a_completed_turn("x" * (TEXT_MAX + 5)), CONTEXT)
    assert outcome == Done()
    assert len(store.turns[0].answer) == TEXT_MAX


async def test_a_turn_without_a_user_is_rejected() -> None:
    async with bootstrap(MemorySettings(), bus=no_bus(), store=MemoryStore()) as service:
        completed = service.handlers["memory-events"][TurnCompletedV1]
        outcome = await completed(a_completed_turn("x"), Context(tenant="acme"))
    assert isinstance(outcome, Reject)


def a_completed_turn(answer: str) -> TurnCompletedV1:
    return TurnCompletedV1(
        turn_id="t1",
        conversation_id="c1",
        question="q",
        query="q",
        answer=answer,
        model="m",
        prompt_version="1",
        sources=(),
        input_tokens=1,
        output_tokens=1,
        cost_usd=Decimal(0),
        started_at=START,
        completed_at=START,
    )
