"""Answers are measured by words and citations, offline too."""

import json
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from shared.client.answers.command import main
from shared.client.answers.measures import measured
from shared.client.answers.questions import Asked, Gold, read_questions
from shared.client.answers.recorded import Answered, Recorded, Shown
from shared.client.answers.results import differences, values_of, write_run
from shared.client.evaluate.errors import EvaluationError

SAMPLES = Path(__file__).parents[2] / "quality/answers"
GOLD = Gold(document="policy.docx", quote="Denmark 155 62")
ASKED = Asked(id="q1", question="What may a hotel cost?", answers=("155 EUR",), gold=(GOLD,))
UNKNOWN = Asked(id="q2", question="Who is the chief?")
SOURCES = (
    Shown(n=1, document="policy.docx", text="| Denmark | 155 | 62 |\nHotels are paid in EUR."),
    Shown(n=2, document="other.md", text="A hotel in Denmark costs 155 EUR a night."),
)


def given(answer: str, *cited: int, **fields: Any) -> Answered:
    return Answered(
        id="q1",
        question="q",
        answer=answer,
        sources=SOURCES,
        cited=cited,
        seconds=0.5,
        **fields,
    )


def test_an_answer_is_compared_by_its_words() -> None:
    exact = measured(ASKED, given("155 EUR [1]", 1, cost_usd=0.001))
    assert (exact["exact_match"], exact["token_f1"], exact["holds_answer"]) == (1, 1, 1)
    assert (exact["words"], exact["latency_ms"], exact["cost_usd"]) == (2, 500, 0.001)
    longer = measured(ASKED, given("A hotel may cost 155 EUR [1].", 1))
    assert (longer["exact_match"], longer["holds_answer"]) == (0, 1)
    # hotel may cost 155 EUR against 155 EUR: 2 · 2 / (5 + 2).
    assert longer["token_f1"] == pytest.approx(4 / 7)
    wrong = measured(ASKED, given("1,155 EUR [1]", 1))
    assert (wrong["exact_match"], wrong["holds_answer"]) == (0, 0)
    assert "cost_usd" not in wrong


@pytest.mark.parametrize(
    ("cited", "expected"),
    [((1,), (1, 1, 1)), ((1, 2), (1, 0.5, 1)), ((2,), (0, 0, 0)), ((), (0, 0, 0))],
)
def test_a_citation_is_right_when_its_passage_tells(
    cited: tuple[int, ...], expected: tuple[float, float, float]
) -> None:
    found = measured(ASKED, given("155 EUR", *cited))
    names = ("gold_cited", "citation_precision", "citation_recall")
    assert tuple(found[name] for name in names) == expected


@pytest.mark.parametrize(
    ("answer", "support"),
    [
        ("A hotel in Denmark costs 155 EUR [2].", 1),
        ("A hotel in Denmark costs 165 EUR [2].", 0),
        ("A hotel in Denmark costs 155 EUR [2]. Breakfast is never included there [2].", 0.5),
        ("A hotel in Denmark costs 155 EUR.", 0),
        # What the measure cannot see: it is about words.
        ("A hotel in Denmark costs not 155 EUR [2].", 1),
    ],
)
def test_support_is_lexical(answer: str, support: float) -> None:
    assert measured(ASKED, given(answer, 2))["lexical_support"] == support


@pytest.mark.parametrize(
    ("asked", "answer", "cited", "right"),
    [
        (UNKNOWN, "The sources do not answer this question.", (), 1),
        (UNKNOWN, "I found nothing about this in your documents.", (), 1),
        (UNKNOWN, "It is Maria Holm.", (), 0),
        (UNKNOWN, "A hotel in Denmark costs 155 EUR [2].", (2,), 0),
        (ASKED, "The sources do not answer this question.", (), 0),
        (ASKED, "155 EUR [1]. The policy does not say why.", (1,), 1),
    ],
)
def test_a_refusal_is_right_when_the_documents_do_not_tell(
    asked: Asked, answer: str, cited: tuple[int, ...], right: float
) -> None:
    found = measured(asked, given(answer, *cited))
    assert found["right_refusal"] == right
    assert ("token_f1" in found) is bool(asked.answers)


def test_a_difference_is_paired_by_question_and_seeded() -> None:
    """Paired, a small gain shows that the spread between questions would hide."""
    spread = random.Random(1)
    worse = {f"q{n}": {"token_f1": spread.random()} for n in range(50)}
    better = {name: {"token_f1": of["token_f1"] + 0.05} for name, of in worse.items()}
    found = differences(better, worse)["token_f1"]
    assert found.count == 50
    assert found.interval.mean == pytest.approx(0.05)
    assert found.interval.low == pytest.approx(0.05)
    assert differences(better, worse) == differences(better, worse)
    with pytest.raises(EvaluationError, match="share no question"):
        differences(better, {"other": {"token_f1": 1.0}})


def test_the_set_of_the_repository_is_whole() -> None:
    """Each gold passage's document is among the samples; some questions have no answer."""
    questions = read_questions(SAMPLES)
    names = {file.name for file in questions.files()}
    assert {gold.document for one in questions.questions for gold in one.gold} == names
    answered = [one for one in questions.questions if one.answers]
    assert len(answered) >= 40
    assert len(questions.questions) - len(answered) >= 10


def _a_run(path: Path, answer: str) -> None:
    questions = read_questions(SAMPLES)
    answers = [
        given(f"{answer} {one.answers[0] if one.answers else ''}").model_copy(update={"id": one.id})
        for one in questions.questions
    ]
    recorded = Recorded(set="answers", at=datetime.now(UTC), answers=tuple(answers))
    write_run(path, recorded, values_of(questions, recorded))


def test_recorded_answers_are_measured_and_compared_without_a_system(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, other, again = (tmp_path / f"{name}.json" for name in ("one", "other", "again"))
    _a_run(one, "")
    _a_run(other, "Perhaps it is, as far as anybody knows,")
    assert main([str(SAMPLES), "--recorded", str(one), "--json", str(again)]) == 0
    assert json.loads(again.read_text()) == json.loads(one.read_text())
    assert main(["--compare", str(one), str(other)]) == 0
    shown = capsys.readouterr().out
    assert "exact_match" in shown
    assert "-1.000 to -1.000" in shown


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "cannot be read"),
        ('{"id": "a", "question": "q", "answer": "x"}', "cannot be read"),
        ('{"id": "a", "question": "q", "answers": ["x"]}', "no gold passage"),
        ('{"id": "a", "question": "q"}\n{"id": "a", "question": "r"}', "comes twice"),
        ("", "holds no question"),
    ],
)
def test_a_broken_set_says_where(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str, reason: str
) -> None:
    (tmp_path / "questions.jsonl").write_text(line)
    assert main([str(tmp_path)]) == 1
    told = " ".join(capsys.readouterr().err.split())
    assert reason in told
