"""Follow-ups are recognised by rule and get the subject of the conversation."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.services.turn.follow_up import is_follow_up, subject_words, with_subject

EARLIER = "What is the warranty of the X200 pump?"

FOLLOW_UPS = [
    "and for the second one?",
    "And for the X300?",
    "what about Germany?",
    "How about managers?",
    "why?",
    "Why not?",
    "How long does it last?",
    "Is it transferable?",
    "Who approves that?",
    "Does this apply to contractors?",
    "When do they expire?",
    "in Germany?",
    "For managers?",
    "the second one",
    "Can you explain that further?",
    "Tell me more",
    "What are its limits?",
    "how much?",
    "And?",
    "But not on weekends?",
    "Can I extend it?",
    "what if it breaks?",
    "Are there others?",
    "which one is cheaper?",
    "give me an example",
    "What does that mean?",
    "who approves?",
]
OWN_SUBJECT = [
    "What is the travel allowance in France?",
    "Who is the head of the legal department?",
    "How do I reset my VPN password?",
    "Is it possible to work from another country during summer holidays?",
    "How long does it take to get a visa for Japan?",
    "Which documents does the IT department need before the first day?",
    "What is the rule that covers overtime on public holidays in Austria?",
    "refund policy",
    "VPN?",
    "What is fusion?",
    "Define churn",
    "Where are the fire exits?",
    "List the steps for closing an incident",
    "Explain the escalation procedure for incidents of severity one in production",
    "Who founded Acme?",
]


@pytest.mark.parametrize("question", FOLLOW_UPS)
def test_a_follow_up_gets_the_subject(question: str) -> None:
    assert is_follow_up(question)
    query = with_subject(question, [EARLIER])
    assert "warranty" in query
    assert "X200" in query
    assert query.endswith(question)


@pytest.mark.parametrize("question", OWN_SUBJECT)
def test_a_question_with_its_own_subject_stays_as_it_is(question: str) -> None:
    assert not is_follow_up(question)
    assert with_subject(question, [EARLIER]) == question


def test_the_subject_lives_on_over_several_follow_ups() -> None:
    first = "What is the daily meal allowance in France?"
    second = with_subject("What about Germany?", [first])
    third = with_subject("and Spain?", [first, second])
    assert {"daily", "meal", "allowance", "Spain"} <= set(subject_words(third))


def test_a_new_topic_replaces_the_subject() -> None:
    query = with_subject("why?", [EARLIER, "Who approves home office?"])
    assert "office" in query
    assert "warranty" not in query


def test_without_a_conversation_there_is_nothing_to_add() -> None:
    assert with_subject("and for the second one?", []) == "and for the second one?"


def test_a_predecessor_without_subject_is_skipped() -> None:
    assert "warranty" in with_subject("and then?", [EARLIER, "why?"])


def test_the_added_words_are_bounded() -> None:
    long = " ".join(f"word{n}" for n in range(100))
    assert with_subject("why?", [long]).split()[-2:] == ["word9", "why?"]


@given(st.text(max_size=200), st.lists(st.text(max_size=200), max_size=3))
def test_the_question_itself_is_never_lost(question: str, earlier: list[str]) -> None:
    assert with_subject(question, earlier).endswith(question)
