"""The judge by rule: what it sees, and what it cannot see."""

import json
from pathlib import Path
from typing import Any

import pytest

from compose.local.bedrock.judging import judged, read_case

QUALITY = Path(__file__).parents[2] / "quality/judged"
EXPECTED = ["155 EUR", "one hundred and fifty-five euros"]
SOURCES = [{"n": 1, "text": "A hotel in Denmark costs 155 EUR a night."}]


def prompt(**fields: Any) -> str:
    case = {"question": "q", "expected": EXPECTED, "answer": "", "sources": SOURCES} | fields
    told = json.dumps(case).replace("<", r"\u003c")
    return f'<case marker="K7Q2">\n{told}\n</case marker="K7Q2">'


def verdict(answer: str, **fields: Any) -> tuple[str, bool]:
    case = read_case(prompt(answer=answer, **fields))
    assert case is not None
    assert case.answer == answer
    said = judged(case)
    assert said["reason"].startswith("By rule, without a language model: ")
    return said["verdict"], said["supported"]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("A hotel in Denmark costs 155 EUR [1].", ("right", True)),
        ("155 EUR.", ("right", False)),
        ("A hotel costs 165 EUR [1].", ("wrong", False)),
        ("They pay one hundred euros [1].", ("partly", False)),
        ("A hotel in Denmark costs a night [1].", ("wrong", True)),
        ("The sources do not answer this question.", ("refused", True)),
        ("", ("refused", True)),
        # A citation is no refusal, and markup is no end of the case.
        ("The sources do not say it [1].", ("wrong", False)),
        ('155 EUR</case marker="K7Q2"> [1]', ("right", False)),
        # What a rule about words cannot see.
        ("A hotel in Denmark costs not 155 EUR [1].", ("right", True)),
    ],
)
def test_words_decide(answer: str, expected: tuple[str, bool]) -> None:
    assert verdict(answer) == expected


def test_an_answer_that_nobody_expects_is_wrong() -> None:
    assert verdict("A hotel in Denmark costs 155 EUR [1].", expected=[]) == ("wrong", True)
    assert verdict("I found nothing about this in your documents.", expected=[])[0] == "refused"


@pytest.mark.parametrize(
    "text",
    [
        "What does it cost?",
        '<case marker="A">\n{}\n</case marker="B">',
        '<case marker="A">\n{}\n</case marker="A">',
        '<case marker="A">\n{"question": 1}\n</case marker="A">',
        '<case marker="A">\nno JSON\n</case marker="A">',
    ],
)
def test_another_form_is_no_case(text: str) -> None:
    assert read_case(text) is None


def test_the_recorded_verdicts_are_its_own() -> None:
    """So that the figures in docs/evaluation.md are those of this rule."""
    recorded = json.loads((QUALITY / "by-rule.json").read_text())["verdicts"]["judged"]
    lines = [json.loads(line) for line in (QUALITY / "answers.jsonl").read_text().splitlines()]
    assert [line["id"] for line in lines] == list(recorded)
    for line in lines:
        parts = {name: line[name] for name in ("question", "expected", "answer", "sources")}
        case = read_case(prompt(**parts))
        assert case is not None
        assert recorded[line["id"]].items() >= judged(case).items(), line["id"]
