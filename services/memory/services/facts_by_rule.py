"""Facts that a user states of himself, found by rule: English, German and French first persons.

Used where no model is configured, and for turns that no model has read yet. A rule misses much;
what it takes must be the user's own statement, so questions, conditions and quotations are left
out.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_VALUE_MAX, _WORDS_MAX = 80, 10
# What stands in quotation marks, on a quoted line, or in code is somebody else's word.
_QUOTED = re.compile(
    r"```.*?(?:```|\Z)|`[^`\n]*`|\"[^\"\n]*\"|“[^”\n]*”|„[^“”\n]*[“”]|«[^»\n]*»|»[^«\n]*«"
    r"|(?m:^\s*>.*$)",
    re.DOTALL,
)
# A clause with the mark that ends it.
_CLAUSE = re.compile(r"[^.!?;,\n]+(?:\.(?=\S)[^.!?;,\n]+)*[.!?;,\n]?")
# What may stand before a statement without changing it.
_LEAD = re.compile(
    r"\A(?:(?:hi|hello|well|ok|okay|so|and|but|no|actually|by the way|btw|please note(?: that)?"
    r"|note(?: that)?|remember(?: that)?|(?:just )?for your information|fyi|since|as|because"
    r"|correction|sorry"
    r"|hallo|also|und|aber|nein|übrigens|da|weil|bitte merke?(?: dir)?(?: dass)?|eigentlich"
    r"|entschuldigung"
    r"|bonjour|alors|et|mais|non|en fait|au fait|comme|puisque|note que|retiens que|pardon)"
    r"[\s:]+)+",
    re.IGNORECASE,
)
# The rest of a clause that is a sentence of its own.
_NEXT = re.compile(
    r"\s+(?:and|but|because|so|while|since|und|aber|denn|weil|et|mais|car|parce que)\s+"
    r"(?=(?:i|we|my|our|what|which|who|how|when|where|can|could|do|does|is|are|should|may|need|want"
    r"|ich|wir|mein|meine|unser|was|welche|wer|wie|wann|wo|kann|darf|soll|muss|brauche|möchte"
    r"|je|j|nous|mon|ma|mes|notre|quel|quelle|que|qui|comment|quand|où|puis|peut|dois)\b).*",
    re.IGNORECASE | re.DOTALL,
)
_TAIL = re.compile(
    r"\s+(?:now|today|at the moment|currently|nowadays|instead|as well|too|jetzt|heute|derzeit"
    r"|inzwischen|auch|nun|maintenant|désormais|aujourd'hui|actuellement|aussi)$",
    re.IGNORECASE,
)
_NO_SUBJECT = re.compile(
    r"(?:question|problem|issue|point|idea|guess|request|next|first|last|only|other|frage|problem"
    r"|anliegen|punkt|idee|question|problème|demande|idée)\b.*",
    re.IGNORECASE,
)
_NO_VALUE = re.compile(
    r"(?:what|which|who|how|when|where|why|whether|if|not sure|unclear|unknown|was|welche[rs]?|wer"
    r"|wie|wann|wo|ob|unklar|unbekannt|quel(?:le)?|quoi|comment|quand|où|si|inconnu)\b.*",
    re.IGNORECASE,
)
_NOT = "\N{NULL}"


@dataclass(frozen=True)
class Statement:
    """`value` None: what held before holds no longer."""

    subject: str
    value: str | None


@dataclass(frozen=True)
class _Rule:
    """`subject` names group `s` or is the subject itself; `denies` makes the value None."""

    pattern: re.Pattern[str]
    subject: str
    denies: bool = False
    # Several may hold at a time, so the value is part of the subject.
    many: bool = False


def _rule(pattern: str, subject: str, *, denies: bool = False, many: bool = False) -> _Rule:
    return _Rule(re.compile(pattern, re.IGNORECASE | re.DOTALL), subject, denies, many)


_NOW = r"(?: now| currently| also)?"
_JETZT = r"(?: jetzt| inzwischen| derzeit| nun| auch)?"
_NO_MORE = r"(?:no longer|don't|do not|am not|never)"
_NICHT = r"(?:nicht mehr|nicht länger|nicht)"
_RULES: Sequence[_Rule] = (
    _rule(rf"i {_NO_MORE} work (?:in|at|for|as) .+", "works in", denies=True),
    _rule(rf"i(?:'m| am)?{_NOW} (?:work|working)(?: now)? in (?P<v>.+)", "works in"),
    _rule(rf"i(?:'m| am)?{_NOW} (?:work|working)(?: now)? (?:at|for) (?P<v>.+)", "works for"),
    _rule(rf"i(?:'m| am)?{_NOW} (?:work|working) as (?:an? |the )?(?P<v>.+)", "role"),
    _rule(rf"i {_NO_MORE} live in .+", "lives in", denies=True),
    _rule(rf"i(?:'m| am)?{_NOW} (?:live|living|based)(?: now)? in (?P<v>.+)", "lives in"),
    _rule(r"i(?: have|'ve)? moved (?:from .+ )?to (?P<v>.+)", "lives in"),
    _rule(r"(?:my name is|call me) (?P<v>.+)", "name"),
    _rule(r"i(?:'m| am)(?: now)? (?:an? |the )(?!bit|little|lot|fan|one)(?P<v>.+)", "role"),
    _rule(r"i prefer (?P<v>.+)", "prefers"),
    _rule(
        r"we (?:no longer|don't|do not|stopped) (?:use|using) (?P<v>.+)",
        "uses",
        denies=True,
        many=True,
    ),
    _rule(rf"we{_NOW} use (?P<v>.+)", "uses", many=True),
    _rule(r"(?:my|our) (?P<s>[^=:]{2,40}?) (?:is|are)(?: now)? (?P<v>.+)", ""),
    _rule(rf"ich arbeite {_NICHT} (?:in|bei|für|als) .+", "works in", denies=True),
    _rule(rf"ich arbeite{_JETZT} in (?P<v>.+)", "works in"),
    _rule(rf"ich arbeite{_JETZT} (?:bei|für) (?P<v>.+)", "works for"),
    _rule(rf"ich arbeite{_JETZT} als (?P<v>.+)", "role"),
    _rule(rf"ich (?:wohne|lebe) {_NICHT} in .+", "lives in", denies=True),
    _rule(rf"ich (?:wohne|lebe){_JETZT} in (?P<v>.+)", "lives in"),
    _rule(r"ich bin nach (?P<v>.+) (?:um)?gezogen", "lives in"),
    _rule(r"(?:ich heiße|ich heisse|mein name ist) (?P<v>.+)", "name"),
    _rule(r"ich bin(?: jetzt)? (?:ein(?:e)? |der |die )(?P<v>.+)", "role"),
    _rule(r"ich bevorzuge (?P<v>.+)", "prefers"),
    _rule(
        r"wir (?:nutzen|benutzen|verwenden) (?P<v>.+?) (?:nicht mehr|nicht länger)",
        "uses",
        denies=True,
        many=True,
    ),
    _rule(rf"wir (?:nutzen|benutzen|verwenden){_JETZT} (?P<v>.+)", "uses", many=True),
    _rule(
        r"(?:meine?|unsere?) (?P<s>[^=:]{2,40}?) (?:ist|sind|lautet|heißt)(?: jetzt| nun)?"
        r" (?P<v>.+)",
        "",
    ),
    _rule(r"je ne travaille (?:plus|pas) .+", "works in", denies=True),
    _rule(r"je travaille(?: maintenant)? (?:à|au|en) (?P<v>.+)", "works in"),
    _rule(r"je travaille(?: maintenant)? (?:chez|pour) (?P<v>.+)", "works for"),
    _rule(r"je travaille comme (?P<v>.+)", "role"),
    _rule(r"je n['’]habite (?:plus|pas) .+", "lives in", denies=True),
    _rule(r"(?:j['’]habite|je vis)(?: maintenant)? (?:à |au |en )?(?P<v>.+)", "lives in"),
    _rule(r"(?:je m['’]appelle|mon nom est) (?P<v>.+)", "name"),
    _rule(r"je suis (?:une? |le |la )(?P<v>.+)", "role"),
    _rule(r"je préfère (?P<v>.+)", "prefers"),
    _rule(
        r"(?:nous n['’]utilisons|on n['’]utilise) plus (?P<v>.+)", "uses", denies=True, many=True
    ),
    _rule(r"(?:nous utilisons|on utilise)(?: maintenant)? (?P<v>.+)", "uses", many=True),
    _rule(
        r"(?:mon|ma|mes|notre|nos) (?P<s>[^=:]{2,40}?) (?:est|sont)(?: maintenant)? (?P<v>.+)", ""
    ),
)


def statements(question: str) -> list[Statement]:
    """In the order in which they are said; of several about one subject the last one holds."""
    found: dict[str, Statement] = {}
    for clause in _clauses(_QUOTED.sub(_NOT, question)):
        for statement in _stated(clause):
            found.pop(statement.subject, None)
            found[statement.subject] = statement
    return list(found.values())


def subject_of(text: str) -> str:
    """The form in which two subjects are compared."""
    return " ".join(text.casefold().replace("center", "centre").split())


def _clauses(text: str) -> Iterator[str]:
    """Statements with what leads in to them taken off; a clause that asks is left out."""
    for match in _CLAUSE.finditer(text):
        clause = match[0].strip()
        stated = _NEXT.sub("", clause)
        if _NOT in clause or (clause.endswith("?") and stated == clause):
            continue
        clause = _LEAD.sub("", stated.rstrip(".!?;, "), count=1) if stated else ""
        if clause:
            yield clause


def _stated(clause: str) -> Iterator[Statement]:
    for rule in _RULES:
        match = rule.pattern.fullmatch(clause)
        if match is None:
            continue
        groups = match.groupdict()
        value = _TAIL.sub("", (groups.get("v") or "").strip(" \"'"))
        subject = rule.subject or subject_of(groups["s"])
        if rule.many:
            subject, value = f"{subject} {value}".strip(), "yes"
        if rule.denies:
            yield Statement(subject_of(subject), None)
        elif _is_a_value(value) and not _NO_SUBJECT.fullmatch(subject):
            yield Statement(subject_of(subject), value)
        return


def _is_a_value(value: str) -> bool:
    short = 0 < len(value) <= _VALUE_MAX and len(value.split()) <= _WORDS_MAX
    return short and not _NO_VALUE.fullmatch(value)
