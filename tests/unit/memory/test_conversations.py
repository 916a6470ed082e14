"""Which turns the next prompt gets, what is cut of a turn, and how conversations are listed."""

from datetime import UTC, datetime, timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from services.memory.models.turn import CUT, ConversationKey, Source, Turn, Vector
from services.memory.services.conversations import outlines
from services.memory.services.embedding import cosines
from services.memory.services.recalling import fitting
from shared.tokens import estimated_tokens

START = datetime(2026, 1, 1, tzinfo=UTC)


def turn(n: int, text: str = "word", conversation: str = "c1") -> Turn:
    key = ConversationKey(tenant="acme", user="ann", conversation_id=conversation)
    at = START + timedelta(minutes=n)
    return Turn(
        key=key,
        turn_id=f"t{n}",
        question=f"q{n} {text}",
        answer=text,
        asked_at=at,
        completed_at=at,
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


def test_conversations_are_listed_newest_first_by_title_or_first_question() -> None:
    turns = [turn(n, "", "c1" if n % 2 else "c2") for n in range(4)][::-1]
    found = outlines(turns, {"c2": "Given"})
    assert [(c.conversation_id, c.title, c.turns) for c in found] == [
        ("c1", "q1", 2),
        ("c2", "Given", 2),
    ]


def test_a_conversation_is_found_by_the_words_of_its_title_and_questions() -> None:
    turns = [turn(1, "Hotel in Wien", "c1"), turn(0, "train", "c2")]
    titles = {"c2": "Travel"}
    found = [
        [one.conversation_id for one in outlines(turns, titles, words)]
        for words in (["hotel", "wien"], ["travel", "train"], ["hotel", "train"])
    ]
    assert found == [["c1"], ["c2"], []]


def source(n: int, document: str, ordinal: int = 1, *, cited: bool = True) -> Source:
    return Source(
        n=n,
        document_id=document,
        ordinal=ordinal,
        passage_id=f"{document}:{ordinal}:0",
        name=f"{document}.md",
        start=0,
        end=9,
        cited=cited,
    )


def test_an_answer_that_quotes_a_deleted_document_is_replaced() -> None:
    quoting = turn(1).model_copy(update={"sources": (source(1, "d1"), source(2, "d2"))})
    cut = quoting.without("d1", 1)
    assert (cut.answer, [one.n for one in cut.sources]) == (CUT, [2])
    assert cut.question == quoting.question
    assert quoting.without("d3", 1) == quoting


def test_an_answer_that_does_not_quote_it_loses_the_source_only() -> None:
    seen = turn(1).model_copy(update={"sources": (source(1, "d1", cited=False),)})
    cut = seen.without("d1", 1)
    assert (cut.answer, cut.sources) == (seen.answer, ())


def test_a_document_that_was_added_again_stays_quoted() -> None:
    newer = turn(1).model_copy(update={"sources": (source(1, "d1", ordinal=3),)})
    assert newer.without("d1", 2) == newer


def vector(*values: float, model: str = "m") -> Vector:
    halves = np.asarray(values, dtype="<f2").tobytes()
    return Vector(model=model, dimension=len(values), halves=halves)


def test_vectors_of_another_space_are_not_compared() -> None:
    others = [vector(1, 0), None, vector(0, 1), vector(1, 0, model="n"), vector(1, 0, 0)]
    alike = cosines(vector(1, 0), others)
    assert [None if np.isnan(one) else round(float(one), 3) for one in alike] == [
        1.0,
        None,
        0.0,
        None,
        None,
    ]
    assert np.isnan(cosines(vector(1, 0), [None])).all()
