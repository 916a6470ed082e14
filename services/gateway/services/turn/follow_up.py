"""Recognises a follow-up question by rules and gives it the subject that it leaves out.

docs/follow-ups.md says what the rules cover, and in which languages.
"""

import re
from collections.abc import Iterable
from functools import lru_cache

from services.gateway.services.turn.follow_up_words import FRENCH, GERMAN, LANGUAGES, Language

_WORD = re.compile(r"[\w'’&+./-]*\w")
# "l'hôtel", "d'un", "qu'elle", "dell'hotel": the word begins after the apostrophe.
_ELISION = re.compile(
    r"\b(?:[cdjlmnst]|qu|lorsqu|jusqu|puisqu|un|quell|(?:d|n|a|su)ell|all|sull)['’](?=\w)",
    re.IGNORECASE,
)
# The subject's words are added to the query, so a few are enough; the first ones carry it.
SUBJECT_WORDS = 10

# "Quand ouvre-t-elle ?" points back; in "Quand la porte ouvre-t-elle ?" the subject is there.
_INVERTED = re.compile(
    r"(?:quand |où |comment |combien |pourquoi )?"
    r"(?!faut-|est-il (?:possible|permis|interdit|nécessaire|obligatoire)\b)"
    r"\w+-(?:t-)?(?:ils?|elles?)\b"
)
# The German "das" is a pronoun before these, and where no noun follows; else it is an article.
# "Sie" is the person asked.
_DAS = re.compile(
    r"\bdas(?= (auch|noch|nur|dann|denn|immer|nicht|genau|ebenfalls|für|in|im|bei|mit|an|auf|zu|"
    r"von|nach|ab|bis|so|überhaupt)\b|\W*$)"
)
_DAS_ALONE = re.compile(r"[A-ZÄÖÜ].*\bdas\b(?!.* (?!Sie\b|Ihre?n?\b)[A-ZÄÖÜ])", re.S)


def words(text: str) -> list[str]:
    return _WORD.findall(_ELISION.sub("", text))


def subject_words(text: str) -> list[str]:
    """The words that carry meaning, in their order, each once."""
    language = _language_of(text)
    kept = (word for word in words(text) if word.lower().replace("’", "'") not in language.little)
    return list({word.lower(): word for word in reversed(list(kept))}.values())[::-1]


def _language_of(text: str) -> Language:
    """The one with most of its little words; English when none has more."""
    said = {word.lower() for word in words(text)}
    return max(LANGUAGES, key=lambda known: len(said & known.little))


def _points_back(text: str, language: Language) -> bool:
    lowered = text.lower().replace("’", "'")
    if language is GERMAN:
        lowered = re.sub(r"(?<=\w )Sie\b", " ", text).lower()
    plain = language.points_inside.sub(" ", lowered)
    said = set(words(plain))
    # The department IT is no pronoun.
    if re.search(r"\bIT\b", text) and not text.isupper():
        said.discard("it")
    inverted = _INVERTED.match(plain) if language is FRENCH else None
    das = language is GERMAN and (_DAS.search(plain) or _DAS_ALONE.match(text))
    if said & language.pointers or inverted or das:
        return True
    return bool(said & language.possessives) and len(subject_words(text)) <= 2


def _has_own_name(text: str) -> bool:
    """A capital after the first word names something: the question has a subject of its own."""
    return any(word != "I" and word[0].isupper() for word in words(text)[1:])


# Several steps of a turn want to know, and popular questions come again.
@lru_cache(maxsize=1024)
def is_follow_up(question: str) -> bool:
    """True when the question cannot be understood without the one before."""
    text = question.strip().lstrip("¿¡ ")
    lowered = text.lower()
    language = _language_of(text)
    own, said = len(subject_words(text)), len(words(text))
    if own == 0:
        return said > 0
    if language.asks_about.match(lowered):
        return True
    if language.goes_on.match(lowered):
        return own <= 6
    if _points_back(text, language):
        return own <= 5
    if language.elliptical.match(lowered) and not language.verbs & set(lowered.split()):
        return own <= 3 and said <= 8
    if language.preposition.match(lowered):
        return own <= 3 and said <= 5
    if language.too.search(lowered):
        return own <= 2
    if _has_own_name(text) or language.opens_a_subject.match(lowered):
        return False
    return own == 1 and 2 <= said <= 3 and lowered.split()[0] in language.stop


def with_subject(question: str, earlier: Iterable[str]) -> str:
    """The query to search with. `earlier` are the queries before, oldest first.

    A question with a subject of its own, or without predecessor, is its own query. The subject is
    taken from the newest query that has one; that query holds what it inherited itself. A place
    that the question names itself takes the place of the one before.
    """
    queries = list(earlier)[::-1]
    if not is_follow_up(question):
        queries = [query for query in queries[:1] if _asks_the_same_elsewhere(question, query)]
    said = {word.lower() for word in words(question)}
    for query in queries:
        subject = [word for word in subject_words(query) if word.lower() not in said]
        if _places(question):
            subject = [word for word in subject if word not in _places(query)] or subject
        if subject:
            return " ".join([*subject[:SUBJECT_WORDS], question])
    return question


def _asks_the_same_elsewhere(question: str, query: str) -> bool:
    """ "What does a night cost in Denmark?" after "What may a hotel in Norway cost a night?"."""
    elsewhere = _places(question)
    asked = {word.lower() for word in subject_words(question) if word not in elsewhere}
    before = {word.lower() for word in subject_words(query) if word not in _places(query)}
    return bool(elsewhere and asked) and asked < before


def _places(text: str) -> set[str]:
    return set(words(" ".join(_language_of(text).place.findall(text))))
