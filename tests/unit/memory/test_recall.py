"""Which turns the next prompt gets, and how conversations are listed."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.memory.models.turn import TEXT_MAX, ConversationKey, Turn
from services.memory.services.outline import outlines
from services.memory.services.recall import fitting
from services.memory.services.remember import Remember

START = datetime(2026, 1, 1, tzinfo=UTC)


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
    assert sum(len(t.question) + len(t.answer) for t in chosen) <= tokens * 4
    ids = [t.turn_id for t in newest_first]
    assert [t.turn_id for t in chosen] == ids[: len(chosen)][::-1]
    assert bool(chosen) == bool(sizes)


def test_a_newest_turn_that_is_too_long_is_cut_and_not_dropped() -> None:
    (cut,) = fitting([turn(1, "x" * 1000)], 10)
    assert len(cut.question) + len(cut.answer) == 40


def test_conversations_are_listed_newest_first_by_their_first_question() -> None:
    turns = [turn(n, "", "c1" if n % 2 else "c2") for n in range(4)][::-1]
    found = outlines(turns)
    assert [(c.conversation_id, c.title.strip(), c.turns) for c in found] == [
        ("c1", "q1", 2),
        ("c2", "q0", 2),
    ]


async def test_texts_beyond_an_items_size_are_cut() -> None:
    kept: list[Turn] = []

    class Store:
        async def put(self, turn: Turn) -> None:
            kept.append(turn)

        async def recent(self, key: ConversationKey, count: int, now: datetime) -> list[Turn]:
            return []

        async def of_user(self, tenant: str, user: str, count: int, now: datetime) -> list[Turn]:
            return []

    await Remember(Store())(turn(1, "x" * (TEXT_MAX + 5)))
    assert len(kept[0].answer) == TEXT_MAX
