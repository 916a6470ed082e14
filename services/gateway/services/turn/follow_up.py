"""Recognises a follow-up question by rules and gives it the subject that it leaves out."""

import re
from collections.abc import Iterable

_WORD = re.compile(r"[\w'’&+./-]*\w")
# The subject's words are added to the query, so a few are enough; the first ones carry it.
SUBJECT_WORDS = 10

_STOP_TEXT = """
a about after all also am an and any are as at be been before but by can could did do does
doing else ever for from give had has have how i if in into is just kind know let like many
may me might more most much must my need no not of on or other our out please really same
say see shall should show so some still tell than then there through to too under until up
us very want was we were what when where whether which while who whom whose why will with
would you your what's who's where's how's when's that's it's there's don't doesn't didn't
isn't aren't can't ok okay thanks hi hello explain describe details detail mean means
example examples
"""
_STOP = frozenset(_STOP_TEXT.split())
# Words that stand for something said before.
_POINTERS_TEXT = """
it its it's they them their theirs this that these those he him his she her hers one ones
former latter such above previous earlier mentioned said again another others former's
latter's that's
"""
_POINTERS = frozenset(_POINTERS_TEXT.split())
_ORDINALS_TEXT = """
first second third fourth fifth last next 1st 2nd 3rd 4th 5th
"""
_ORDINALS = frozenset(_ORDINALS_TEXT.split())
# A question that starts so goes on from the one before.
_GOES_ON = re.compile(
    r"(and|but|or|so|also|then|plus|ok(ay)? (and|so|but)|what about|how about|what if|why not|"
    r"and what|same for|tell me more|say more|more (about|on|details?)|go on|continue|"
    r"can you (explain|elaborate|give)|elaborate|explain (it|that|this|more|further)|"
    r"in (more|other) |for (example|instance))\b"
)
_PREPOSITION = re.compile(r"(in|for|on|with|without|at|from|by|after|before|during|under|over)\b")
_OPENS_A_SUBJECT = re.compile(r"(what|who|where)('s| is| are| was| were| does| do)\b|define\b")
# "it" without a referent: "is it possible to …", "how long does it take to …".
_EMPTY_IT = re.compile(
    r"\b(is|was|does|will|would) it (take|cost|possible|necessary|allowed|okay|ok|mean|true|safe|"
    r"required|better|worth)\b.*\b(to|that|if|when|for)\b"
)
# "that" as a conjunction or relative: "… the rule that covers …", "make sure that …".
_RELATIVE_THAT = re.compile(r"\b\w{3,} that (?=\w+ )")


def words(text: str) -> list[str]:
    return _WORD.findall(text)


def subject_words(text: str) -> list[str]:
    """The words that carry meaning, in their order, each once."""
    kept = (
        word
        for word in words(text)
        if not {word.lower().replace("’", "'")} & (_STOP | _POINTERS | _ORDINALS)
    )
    return list({word.lower(): word for word in reversed(list(kept))}.values())[::-1]


def _points_back(text: str) -> bool:
    lowered = _EMPTY_IT.sub(" ", text.lower().replace("’", "'"))
    if len(subject_words(text)) >= 2:
        lowered = _RELATIVE_THAT.sub(" ", lowered)
    # The department IT is no pronoun.
    pointing = {word for word in words(lowered) if word in _POINTERS}
    if re.search(r"\bIT\b", text) and not text.isupper():
        pointing.discard("it")
    return bool(pointing)


def _has_own_name(text: str) -> bool:
    """A capital after the first word names something: the question has a subject of its own."""
    return any(word != "I" and word[0].isupper() for word in words(text)[1:])


def is_follow_up(question: str) -> bool:
    """True when the question cannot be understood without the one before."""
    text = question.strip()
    lowered = text.lower()
    own = len(subject_words(text))
    if own == 0:
        return bool(words(text))
    if _GOES_ON.match(lowered):
        return own <= 6
    if _points_back(text):
        return own <= 5
    if _PREPOSITION.match(lowered):
        return own <= 3 and len(words(text)) <= 5
    if _has_own_name(text) or _OPENS_A_SUBJECT.match(lowered):
        return False
    return own == 1 and 2 <= len(words(text)) <= 3 and lowered.split()[0] in _STOP


def with_subject(question: str, earlier: Iterable[str]) -> str:
    """The query to search with. `earlier` are the queries before, oldest first.

    A question with a subject of its own, or without predecessor, is its own query. The subject is
    taken from the newest query that has one; that query holds what it inherited itself.
    """
    if not is_follow_up(question):
        return question
    said = {word.lower() for word in words(question)}
    for query in reversed(list(earlier)):
        subject = [word for word in subject_words(query) if word.lower() not in said]
        if subject:
            return " ".join([*subject[:SUBJECT_WORDS], question])
    return question
