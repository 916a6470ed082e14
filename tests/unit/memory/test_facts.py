"""Facts of the user: what the rules take from a question, and what of it stands."""

from datetime import UTC, datetime, timedelta

import pytest

from services.memory.models.turn import Fact
from services.memory.services.facts import standing
from services.memory.services.facts_by_rule import statements

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("question", "stated"),
    [
        ("I work in Lyon. What is the daily allowance?", [("works in", "Lyon")]),
        ("I work in Lyon, what is the allowance?", [("works in", "Lyon")]),
        ("I work in Lyon and what may a hotel cost?", [("works in", "Lyon")]),
        ("Actually I work in Paris now.", [("works in", "Paris")]),
        ("I moved to Paris.", [("lives in", "Paris")]),
        ("My cost centre is 4711, where do I book?", [("cost centre", "4711")]),
        ("no, my cost center is 4712", [("cost centre", "4712")]),
        ("We use SAP. How do I export?", [("uses sap", "yes")]),
        ("We no longer use SAP.", [("uses sap", None)]),
        ("I no longer work in Lyon.", [("works in", None)]),
        ("I'm a nurse.", [("role", "nurse")]),
        ("my name is Ann Lee", [("name", "Ann Lee")]),
        ("I work for Acme Inc. in sales", [("works for", "Acme Inc")]),
        ("Ich arbeite in Köln. Was darf ein Hotel kosten?", [("works in", "Köln")]),
        ("Meine Kostenstelle ist 4711.", [("kostenstelle", "4711")]),
        ("Wir nutzen jetzt SAP.", [("uses sap", "yes")]),
        ("Wir nutzen SAP nicht mehr.", [("uses sap", None)]),
        ("Ich heiße Jürgen.", [("name", "Jürgen")]),
        ("Je travaille à Lyon. Quel hôtel ?", [("works in", "Lyon")]),
        ("J'habite à Nantes.", [("lives in", "Nantes")]),
        ("Nous utilisons SAP.", [("uses sap", "yes")]),
        ("Mon centre de coûts est 4711.", [("centre de coûts", "4711")]),
        ("I work in Lyon. Sorry, I work in Nice.", [("works in", "Nice")]),
    ],
)
def test_a_statement_of_the_user_is_taken(
    question: str, stated: list[tuple[str, str | None]]
) -> None:
    assert [(one.subject, one.value) for one in statements(question)] == stated


@pytest.mark.parametrize(
    "question",
    [
        "Is my cost centre 4711?",
        "My cost centre is what?",
        "If I work in Lyon, what is the allowance?",
        "Where do I work?",
        'The handbook says "I work in Lyon". Is that right?',
        "> I work in Lyon\nWhat does this line mean?",
        "What does `my token is 4711` mean?",
        "He said „ich arbeite in Köln“. Stimmt das?",
        "Mein Problem ist die Rechnung.",
        "My question is how to book.",
        "She works in Lyon.",
        "I work in Lyon?",
        "The policy states that employees work in Lyon.",
        "my " + "very " * 30 + "cat is 4711",
        "my text is " + "word " * 40,
        "",
    ],
)
def test_what_is_asked_assumed_or_quoted_is_no_fact(question: str) -> None:
    assert statements(question) == []


def fact(subject: str, value: str | None, day: int) -> Fact:
    return Fact(
        subject=subject,
        value=value,
        said_at=START + timedelta(days=day),
        turn_id=f"t{day}",
        conversation_id="c",
    )


def shown(*facts: Fact) -> list[tuple[str, str | None, bool]]:
    return [(one.subject, one.value, one.superseded) for one in standing(facts)]


def test_a_corrected_fact_stands_after_its_correction_and_is_marked() -> None:
    old, new, other = fact("place", "Lyon", 0), fact("place", "Paris", 2), fact("name", "Ann", 1)
    expected = [("place", "Paris", False), ("place", "Lyon", True), ("name", "Ann", False)]
    assert shown(old, new, other) == expected
    assert shown(new, other, old) == expected


def test_what_was_said_again_is_not_superseded_by_itself() -> None:
    assert shown(fact("place", "Lyon", 0), fact("place", "lyon", 1)) == [("place", "lyon", False)]


def test_what_holds_no_longer_is_left_out() -> None:
    assert shown(fact("place", "Lyon", 0), fact("place", None, 1)) == []
    assert shown(fact("place", None, 1), fact("place", "Nice", 2)) == [("place", "Nice", False)]
