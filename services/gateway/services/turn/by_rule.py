"""Answers by rule where no language model is configured: greetings, counts, and summaries.

An extractive model quotes sentences only, so "hello" or "how many documents do I have" would get
"The sources do not answer this".
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from services.gateway.models.principal import Principal
from services.gateway.models.turn import Source
from services.gateway.services.documents.documents import Documents
from services.gateway.services.turn.answering import NOTHING_FOUND, SEARCH_MISSING, Reply
from shared.errors import DeadlineMissed, RequestRefused, Unavailable

EXTRACTIVE = "local.extractive-v1"
Kind = Literal["greeting", "thanks", "count", "summary"]
_LISTED = 500
_QUOTED, _QUOTED_CHARACTERS = 3, 300

# (language, kind, the whole question in lower case without its last marks)
_PATTERNS: Sequence[tuple[str, Kind, str]] = (
    (
        "en",
        "greeting",
        (
            r"(hi|hello|hey|good (morning|afternoon|evening)|greetings)( (there|all|everyone))?"
            r"|help( me)?|(hi|hello|hey)?,? ?(what|how) can (you do|you help me|i ask( you)?)"
            r"|who are you|what are you|how are you"
        ),
    ),
    (
        "de",
        "greeting",
        (
            r"(hallo|moin|servus|grüezi|grüß (gott|dich)|guten (tag|morgen|abend))( zusammen)?"
            r"|hilfe|was kannst du|was kann ich (dich )?fragen|wer bist du|wie geht es dir"
        ),
    ),
    (
        "fr",
        "greeting",
        (
            r"(bonjour|bonsoir|salut|coucou)( à tous)?|aide|que (peux-tu|sais-tu) faire"
            r"|qui es-tu|comment ça va|ça va"
        ),
    ),
    ("en", "thanks", r"(many )?thanks( a lot)?|thank you( very much)?|thx|bye|goodbye"),
    ("de", "thanks", r"danke( schön| sehr)?|vielen dank|tschüss|auf wiedersehen"),
    ("fr", "thanks", r"merci( beaucoup)?|au revoir"),
    (
        "en",
        "count",
        (
            r"(how many|count( all)?( of)?)( of)?( the| my| our)? (documents|files|docs)"
            r"( (do (i|we|you) have|are there|are here|have (i|we) (added|uploaded)|can i see"
            r"|do you (know|hold)|exist))?( here| in total| altogether)?"
        ),
    ),
    (
        "de",
        "count",
        (
            r"wie ?viele (dokumente|dateien|unterlagen)"
            r"( (habe ich|haben wir|hast du|gibt es|sind (da|hier)|kennst du))?( hier| insgesamt)?"
        ),
    ),
    (
        "fr",
        "count",
        (
            r"combien de (documents|fichiers)"
            r"( (ai-je|avons-nous|as-tu|y a-t-il|j'ai|il y a|est-ce que j'ai))?( ici| en tout)?"
        ),
    ),
    (
        "en",
        "summary",
        (
            r"(please )?(can you |could you )?(please )?(summari[sz]e|sum up|tl;?dr:?"
            r"|(give me |write |make )?a( short)? summary of)( of)?( the| my| this)?"
            r"( document| file)? (?P<subject>.+)"
        ),
    ),
    (
        "de",
        "summary",
        (
            r"(bitte )?(fass|fasse|fassen sie)( bitte)?( mir)?( das| die| den| mein(e|en)?)?"
            r"( dokument| datei)? (?P<subject>.+) zusammen"
            r"|(gib mir )?(eine )?(kurze )?zusammenfassung (von|der|des|zu)( dokument| datei)?"
            r" (?P<other>.+)"
        ),
    ),
    (
        "fr",
        "summary",
        (
            r"(s'il (te|vous) plaît,? )?(résume|résumez|résumer)(-moi)?( le| la| les| mon)?"
            r"( document| fichier)? (?P<subject>.+)"
            r"|(fais-moi )?(un )?résumé (de|du|des)( document| fichier)? (?P<other>.+)"
        ),
    ),
)
_RULES = tuple((language, kind, re.compile(rule)) for language, kind, rule in _PATTERNS)
_MARKS = re.compile(r"[\s.!?…]+$")

_GREETING: Mapping[str, str] = {
    "en": "Hello! Ask me about your documents, for example what a rule says or what something"
    " costs: I answer with passages from them and name their sources.",
    "de": "Hallo! Fragen Sie mich etwas zu Ihren Dokumenten, etwa was eine Regel besagt oder was"
    " etwas kostet: Ich antworte mit Stellen daraus und nenne die Quellen.",
    "fr": "Bonjour ! Posez-moi une question sur vos documents, par exemple ce que dit une règle ou"
    " ce que coûte une chose : je réponds par des passages et j'en cite les sources.",
}
_THANKS: Mapping[str, str] = {
    "en": "You are welcome. Ask on whenever you like.",
    "de": "Gern geschehen. Fragen Sie jederzeit weiter.",
    "fr": "Avec plaisir. Posez d'autres questions quand vous voulez.",
}
_COUNT: Mapping[str, str] = {
    "en": "Documents that you can see: {count}. Of these, {ready} can be searched now.",
    "de": "Dokumente, die Sie sehen können: {count}. Davon sind {ready} jetzt durchsuchbar.",
    "fr": "Documents que vous pouvez voir : {count}. Parmi eux, {ready} sont consultables"
    " maintenant.",
}
_MORE: Mapping[str, str] = {"en": "more than {}", "de": "mehr als {}", "fr": "plus de {}"}
_NO_LIST: Mapping[str, str] = {
    "en": "The list of documents is not available now. Ask again in a moment.",
    "de": "Die Liste der Dokumente ist gerade nicht verfügbar. Fragen Sie gleich noch einmal.",
    "fr": "La liste des documents n'est pas disponible. Posez la question dans un instant.",
}
_SUMMARY: Mapping[str, str] = {
    "en": "A written summary needs a language model, and none is configured. These passages fit"
    " best:",
    "de": "Eine geschriebene Zusammenfassung braucht ein Sprachmodell, und keines ist"
    " eingerichtet. Diese Stellen passen am besten:",
    "fr": "Un résumé rédigé demande un modèle de langage, et aucun n'est configuré. Voici les"
    " passages les plus proches :",
}


@dataclass(frozen=True)
class Intent:
    """What a question wants beside an answer from the documents; `subject` of a summary."""

    kind: Kind
    language: str
    subject: str = ""


def intent_of(question: str) -> Intent | None:
    """None for a question about what stands in the documents: most are."""
    text = " ".join(_MARKS.sub("", question).split())
    for language, kind, rule in _RULES:
        if match := rule.fullmatch(text.lower()):
            found = match.groupdict()
            name = next((key for key in ("subject", "other") if found.get(key)), None)
            # Lower case may change a text's length, so that its places say nothing then.
            same = len(text.lower()) == len(text)
            said = text[slice(*match.span(name))] if name and same else found.get(name or "") or ""
            return Intent(kind, language, said.strip("\"'“”„«» "))
    return None


@dataclass(frozen=True)
class ByRule:
    documents: Documents

    async def answer(self, intent: Intent, who: Principal, searched: bool, reply: Reply) -> None:
        """`searched` is False when the passages of a summary could not be looked up."""
        match intent.kind:
            case "greeting":
                reply.say(_GREETING[intent.language])
            case "thanks":
                reply.say(_THANKS[intent.language])
            case "count":
                reply.say(await self._counted(intent.language, who))
            case "summary":
                _quote(intent, searched, reply)

    async def _counted(self, language: str, who: Principal) -> str:
        try:
            page = await self.documents.list(who, _LISTED, None)
        except (DeadlineMissed, RequestRefused, Unavailable):
            return _NO_LIST[language]
        ready = sum(1 for one in page.documents if one.status == "ready")
        if page.next is None:
            return _COUNT[language].format(count=len(page.documents), ready=ready)
        more = _MORE[language]
        return _COUNT[language].format(count=more.format(_LISTED), ready=more.format(ready))


def _quote(intent: Intent, searched: bool, reply: Reply) -> None:
    """The best passages, those of a document of that name before all others."""
    if not reply.sources:
        reply.say(NOTHING_FOUND if searched else SEARCH_MISSING)
        return
    named = [one for one in reply.sources if intent.subject.lower() in one.name.lower()]
    quoted = (named or reply.sources)[:_QUOTED]
    lines = [f"- {_beginning(source)} [{source.n}]" for source in quoted]
    reply.say("\n".join([_SUMMARY[intent.language], "", *lines]))
    reply.cited = tuple(quoted)


def _beginning(source: Source) -> str:
    """The passage's first sentences on one line."""
    text = " ".join(source.text.split())
    if len(text) <= _QUOTED_CHARACTERS:
        return text
    cut = text[:_QUOTED_CHARACTERS]
    end = max(cut.rfind(mark) for mark in (". ", "! ", "? "))
    return cut[: end + 1] if end > 0 else cut.rsplit(" ", 1)[0] + " …"
