"""Recognises a follow-up question by rules and gives it the subject that it leaves out.

English, German and French; docs/follow-ups.md says what the rules cover.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

_WORD = re.compile(r"[\w'’&+./-]*\w")
# "l'hôtel", "d'un", "qu'elle": the word begins after the apostrophe.
_ELISION = re.compile(r"\b(?:[cdjlmnst]|qu|lorsqu|jusqu|puisqu)['’](?=\w)", re.IGNORECASE)
# The subject's words are added to the query, so a few are enough; the first ones carry it.
SUBJECT_WORDS = 10


@dataclass(frozen=True)
class _Language:
    """`stop`: words without a meaning of their own; `pointers`: words for something said before.

    `little` are all its words that are no subject.

    The patterns are matched against the question in lower case.
    """

    stop: frozenset[str]
    pointers: frozenset[str]
    possessives: frozenset[str]
    verbs: frozenset[str]
    goes_on: re.Pattern[str]
    asks_about: re.Pattern[str]
    elliptical: re.Pattern[str]
    preposition: re.Pattern[str]
    opens_a_subject: re.Pattern[str]
    too: re.Pattern[str]
    points_inside: re.Pattern[str]
    place: re.Pattern[str]
    little: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "little", self.stop | self.pointers | self.possessives)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ENGLISH = _Language(
    stop=_words("""
a about after all also am an and any are as at be been before but by can could did do does doing
else ever for from give had has have how i if in into is just kind know let like many may me might
more most much must my need no not of on or other our out please really same say see shall should
show so some still tell than then there through to too under until up us very want was we were what
when where whether which while who whom whose why will with would you your what's who's where's
how's when's that's it's there's don't doesn't didn't isn't aren't can't ok okay thanks hi hello
explain describe details detail mean means example examples the even only
first second third fourth fifth last next 1st 2nd 3rd 4th 5th
"""),
    pointers=_words("""
it it's they them this that these those he him she hers one ones former latter such above previous
earlier mentioned said again another others former's latter's that's theirs
"""),
    possessives=_words("its their his her"),
    verbs=_words("is are was were do does did can could may might must will would should has have"),
    # A question that starts so goes on from the one before.
    goes_on=re.compile(
        r"(and|but|or|so|also|then|plus|ok(ay)? (and|so|but)|what if|why not|only|even|not|except|"
        r"(the )?same( goes)? (for|in|with|as|at|on)|tell me more|say more|"
        r"more (about|on|details?)|"
        r"go on|continue|can you (explain|elaborate|give)|elaborate|"
        r"explain (it|that|this|more|further)|in (more|other) |for (example|instance))\b"
    ),
    # Asks whether the same is true of something else, however long that is.
    asks_about=re.compile(
        r"(and )?((what|how) about|(is|was) (that|this|the same) (also|still|true|valid|so)\b|"
        r"(do|does|did|would|will|can|could|should|must|are|were) "
        r"(that|this|it|they|these|those|the same)( rules?| limits?)? "
        r"(also|still|too|even|hold|apply|go|count|include|cover|change|differ|depend)\b)"
    ),
    elliptical=re.compile(
        r"(how (much|many|long|often|far|late|soon|high|big|old)|(by |until |since |from )?when|"
        r"where|who|why|what|which( ones?)?)( then| exactly)? "
        r"(in|for|on|with|without|at|from|by|after|before|during|under|over|as|per)\b"
    ),
    preposition=re.compile(r"(in|for|on|with|without|at|from|by|after|before|during|under|over)\b"),
    opens_a_subject=re.compile(r"(what|who|where)('s| is| are| was| were| does| do)\b|define\b"),
    too=re.compile(r"\b(too|as well|either|instead|there)\W*$"),
    # Pronouns that stand for nothing said before: "is it possible to …", "how long does it take
    # to …", "… the rule that covers …", "severity one", "must invoices be kept if they are paid".
    points_inside=re.compile(
        r"\b(is|was|does|will|would) it (still |also )?(take|cost|possible|necessary|"
        r"allowed|okay|ok|mean|true|safe|required|better|worth)\b.*\b(to|that|if|when|for)\b|"
        r"(?<=\w\w\w )that (?=\w+ )|"
        r"\b(?!(?:which|the|this|that|other|next|last|first|second|third|\w+er)\b)\w+ one\b|"
        r"(?<=\w )(if|when|because|while|once|unless|until|after|before) (it|they|he|she)\b"
    ),
    place=re.compile(r"\b(?:[Ii]n|[Aa]t) ((?:[^\W\d_a-zß-ÿ][\w-]* ?)+)"),
)
_GERMAN = _Language(
    stop=_words("""
aber alle als also am an andere auch auf aus bei beim bin bis bitte da dabei dann das dass dem den
denn der des die doch du durch ein eine einem einen einer eines er erst es etwa etwas für gab genau
genauso gibt gilt gelten hab habe haben hat hatte ich ihr im in ins ist ja jede jeder jedes kann
kannst können könnte man mehr mein meine mich mir mit muss müssen nach nein nicht noch nun nur ob
oder ohne schon sehr seit sein selbst sich sie sind so sogar soll sollen sollte sonst um und uns
unser unsere unter viel viele vom von vor wann war waren warum was weil weit welche welchem welchen
welcher welches wem wen wenn wer werden weshalb wie wieso wieviel will wir wird wo wofür wohin woher
worden wurde wäre während zu zum zur über darf dürfen lange oft hoch teuer sieht steht aus erkläre
erklären details beispiel ersten erste zweite zweiten dritte dritten letzte letzten nächste
"""),
    pointers=_words("""
es sie ihn ihm ihnen dies dieser diese dieses diesen diesem jene jener jenes davon dafür damit dazu
daran darüber darauf dagegen danach davor darin dort dessen deren letztere letzterer erstere
ersterer solche solcher solches derselbe dieselbe dasselbe
"""),
    possessives=_words("seine seinen seinem seiner ihre ihren ihrem ihrer"),
    verbs=_words("""
ist sind war waren darf dürfen kann können muss müssen hat haben wird werden gilt gelten soll
sollen gibt kostet kosten
"""),
    goes_on=re.compile(
        r"(und|aber|oder|also|dann|sonst|auch|nur|selbst|sogar|nicht|außer|warum nicht|wieso nicht|"
        r"was,? wenn|genauso|ebenso|(das )?gleiche|(das|die|der)selbe|gleiches|"
        r"mehr (dazu|davon|über)|"
        r"erklär\w* (das|es|dies)|weiter|zum beispiel)\b"
    ),
    asks_about=re.compile(
        r"(und )?(was ist (mit|bei)|wie (ist|sieht|steht|verhält|wäre)( \w+)? (es|das|sich)\b|"
        r"(gilt|gelten|galt|trifft|betrifft|zählt|geht|ist|sind|muss|müssen|darf|kann|wird) "
        r"(das|dies|es|sie|er|diese|dasselbe|das gleiche) "
        r"(auch|noch|nur|dann|ebenfalls|genauso|ebenso|immer|so|für|bei|in|im)\b)"
    ),
    elliptical=re.compile(
        r"(wie (viele?|lange|oft|weit|hoch|spät|teuer|groß|alt)|wieviel|(bis |ab |seit )?wann|"
        r"wo|wer|warum|wieso|was|welche[rsnm]?)( dann| genau| denn)? "
        r"(in|im|ins|bei|beim|für|mit|ohne|an|am|auf|aus|von|vom|nach|vor|während|zum|zur|ab|bis|als)\b"
    ),
    preposition=re.compile(
        r"(in|im|bei|beim|für|mit|ohne|an|am|auf|aus|von|vom|nach|vor|während|zum|zur|ab|bis|unter)\b"
    ),
    opens_a_subject=re.compile(r"(was|wer|wo) (ist|sind|war|waren|bedeutet|heißt)\b|definiere\b"),
    too=re.compile(r"\b(auch|ebenfalls|genauso|dort|davon|dabei|stattdessen|das)\W*$"),
    points_inside=re.compile(
        r"\bgibt es\b|\b(ist|wäre|war) es (möglich|erlaubt|nötig|notwendig|üblich|verboten|"
        r"pflicht)\b|\bdauert es\b.*\b(bis|um)\b|"
        r"(?<=[\w,] )(wenn|falls|weil|nachdem|bevor|bis|sobald|dass|ob) (es|sie|er)\b"
    ),
    place=re.compile(r"\b(?:[Ii]n|[Ii]m|[Bb]ei) ((?:[^\W\d_a-zß-ÿ][\w-]* ?)+)"),
)
_FRENCH = _Language(
    stop=_words("""
a ai alors après as au aussi autre autres aux avant avec avez avons bien c ce ces cet cette chez
combien comme comment d dans de depuis des dois doit doivent donc du elle elles en encore est
est-ce et eu faire fait faut il ils j je jusque jusqu l la le les leur leurs là m ma mais me mes
moi mon même n ne non nos notre nous on ont ou où oui par pareil parce pas pendant peu peut
peuvent plus plutôt pour pourquoi pouvez puis-je qu quand que quel quelle quelles quels qui quoi s
sa sans se sera ses seulement si son sont sous sur t ta te temps tes toi ton tous tout toute
toutes très tu un une va vaut vers voir vos votre vous y à ça été être était est-il est-elle
faut-il peut-on doit-on y-a-t-il lequel laquelle lesquels lesquelles chose expliquez exemple
détails premier première deuxième
"""),
    pointers=_words("""
cela ça ceci celui celle ceux celles celui-ci celle-ci ceux-ci celles-ci celui-là celle-là il elle
ils elles lui là-bas
"""),
    possessives=_words("son sa ses leur leurs"),
    verbs=_words(
        "est sont était faut peut peuvent doit doivent a ont va vaut coûte coûtent est-ce"
    ),
    goes_on=re.compile(
        r"(et|mais|donc|alors|sinon|aussi|même|pareil|idem|seulement|pas|sauf|pourquoi pas|"
        r"la même chose|c['’]est pareil|par exemple|plus de détails|dites-m['’]en plus|"
        r"continue[zr]?)\b"
    ),
    asks_about=re.compile(
        r"(et )?(qu['’]en est-il|quid|(est-ce que |et )?(cela|ça|ceci|c['’]est)\b|"
        r"est-ce (aussi|encore|également|toujours|le cas|pareil|valable|vrai|la même)\b)"
    ),
    elliptical=re.compile(
        r"(combien( de temps| de fois)?|(jusqu['’]à |depuis |à partir de )?quand|où|qui|pourquoi|"
        r"comment|lesquel(le)?s|lequel|laquelle|quoi) "
        r"(en|au|aux|à|dans|pour|avec|sans|chez|par|sur|sous|pendant|après|avant|depuis)\b"
    ),
    preposition=re.compile(
        r"(en|au|aux|dans|pour|avec|sans|chez|par|sur|sous|pendant|après|avant|depuis)\b"
    ),
    opens_a_subject=re.compile(
        r"(qu['’]est-ce|(qui|où|quel(le)?s?) (est|sont|était)|que (signifie|veut))\b"
    ),
    too=re.compile(r"\b(aussi|également|là-bas|non plus|à la place)\W*$"),
    # "Les factures sont-elles …", "il faut", "s'il …", "lorsqu'elles …".
    points_inside=re.compile(
        r"\b(il y a|y a-t-il|il faut|il est (possible|permis|interdit|nécessaire|obligatoire))\b|"
        r"(?<=\w )(si |s['’]|quand |lorsqu['’]|qu['’]|parce qu['’])(ils?|elles?)\b"
    ),
    place=re.compile(
        r"\b(?:[Ee]n|[Aa]ux?|[Àà]|[Dd]ans) (?:la |le |les |l['’])?((?:[^\W\d_a-zß-ÿ][\w-]* ?)+)"
    ),
)
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


def _language_of(text: str) -> _Language:
    """The one with most of its little words; English when none has more."""
    said = {word.lower() for word in words(text)}
    return max((_ENGLISH, _GERMAN, _FRENCH), key=lambda known: len(said & known.little))


def _points_back(text: str, language: _Language) -> bool:
    lowered = text.lower().replace("’", "'")
    if language is _GERMAN:
        lowered = re.sub(r"(?<=\w )Sie\b", " ", text).lower()
    plain = language.points_inside.sub(" ", lowered)
    said = set(words(plain))
    # The department IT is no pronoun.
    if re.search(r"\bIT\b", text) and not text.isupper():
        said.discard("it")
    inverted = _INVERTED.match(plain) if language is _FRENCH else None
    das = language is _GERMAN and (_DAS.search(plain) or _DAS_ALONE.match(text))
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
    text = question.strip()
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
