"""When two questions are the same, and when one is about its asker."""

import pytest

from services.gateway.services.cache.wording import about_asker, normalised


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("What may a hotel cost?", "  what  may a Hotel cost "),
        ("What may a hotel cost?", "WHAT MAY A HOTEL COST?!"),
        ("Was kostet ein Hotel in Köln?", "was kostet ein Hotel in Ko\u0308ln"),
        ("¿Cuánto cuesta?", "cuánto cuesta"),
        ("ホテルは？", "ホテルは?"),
        ("ﬁle a claim", "file a claim"),
        ("how\u00a0much", "how much"),
    ],
)
def test_form_makes_no_difference(one: str, other: str) -> None:
    assert normalised(one) == normalised(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("What costs 10 euros?", "What costs 100 euros?"),
        ("What is 10² m?", "What is 102 m?"),
        ("What is ½ day?", "What is 12 day?"),
        ("What is C#?", "What is C?"),
        ("What is C++?", "What is C?"),
        ("What is .NET?", "What is NET?"),
        ("What does IT approve?", "What does it approve?"),
        ("Which rules for US staff?", "Which rules for us staff?"),
        ("In Maßen?", "In Massen?"),
        ("Is it allowed?", "Is it not allowed?"),
        ("What is in v1.2?", "What is in v12?"),
        ("-5 degrees?", "5 degrees?"),
    ],
)
def test_numbers_and_names_do(one: str, other: str) -> None:
    assert normalised(one) != normalised(other)


@pytest.mark.parametrize(
    "question",
    [
        "What is my cost centre?",
        "May I fly?",
        "What I’m allowed?",
        "Wie hoch ist mein Budget?",
        "Quel est mon budget ?",
        "J'ai droit à quoi ?",
        "¿Cuál es mi presupuesto?",
        "我的预算是多少?",
        "私の予算は?",
    ],
)
def test_a_question_about_its_asker(question: str) -> None:
    assert about_asker(question)


@pytest.mark.parametrize(
    "question", ["What may a hotel in Denmark cost?", "Was kostet ein Hotel?", "Wer ist CEO?", ""]
)
def test_a_question_about_anything_else(question: str) -> None:
    assert not about_asker(question)
