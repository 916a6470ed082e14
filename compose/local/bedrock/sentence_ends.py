"""Where sentences end, in scripts with and without blanks; abbreviations and dates end none."""

import re
from itertools import pairwise

# A stop with what closes after it, and a reference such as [3]; a blank must follow.
_STOP = re.compile(r"""[.!?]+["'”’»“)\]]*(?:\s?\[\d{1,3}\])*(?=\s+\S)""")
# These stops need no blank after them: ideographic, Devanagari, Urdu, Arabic, Armenian, Ethiopic,
# Myanmar, Khmer.
_FULL_STOP = re.compile(r"""[。！？｡।॥۔؟։።။៕]+[」』”’）)»"]*""")
_OPENING = "\"'“„‘«(¿¡["
_WORD = re.compile(r"[^\W_](?:[\w.]*\w)?\Z")
_BEFORE_ORDINAL = re.compile(r"(\w+)\s+\d+\Z")
_AFTER_NUMBER = re.compile(r"\d\s+\S+\Z")
_VOWELS = frozenset("aeiouyäöüåæøœáàâãéèêëíìîïóòôõúùûýÿаеёиоуыэюяіїєαεηιουω")

# Any short word may be one before a digit ("approx. 35", "No. 5"); these also stand before names.
_ABBREVIATIONS_TEXT = """
dr prof mr mrs ms messrs mme mlle mgr st ste sr sra srta sig ing dipl gen col capt lt sgt rev hon
pres gov sen rep hr hrn fr frl dhr mevr vs cf al approx incl excl resp dept univ ave blvd
bzw vgl ggf evtl inkl exkl zzgl abzgl sog gem tel abt bsp max min bes einschl geb gest str
env av boul núm avda ej aprox máx mín pag bijv evt osv ул руб тыс млн млрд им проф см др пр
jan feb mär apr jun jul aug sep sept oct okt nov dec dez
"""
_ABBREVIATIONS = frozenset(_ABBREVIATIONS_TEXT.split())
# These may also be the last word of a sentence: then a capital follows.
_OFTEN_LAST = frozenset(
    {"a.m", "p.m", "etc", "usw", "inc", "ltd", "corp", "co", "jr", "plc", "gmbh"}
)
_MONTHS_TEXT = "jan feb mär mar apr mai may jun jul aug sep okt oct nov dez dec"
_MONTHS = frozenset(_MONTHS_TEXT.split())
# German ordinals are a number and a stop: "am 3. Stock" goes on after these words.
_BEFORE_ORDINALS_TEXT = """
am der die das den dem des im vom zum zur bis ab seit beim jeder jede jedes jeden ein eine einem
einer einen
"""
_BEFORE_ORDINALS = frozenset(_BEFORE_ORDINALS_TEXT.split())
_SHORT_WORD = 6


def split_sentences(text: str) -> list[str]:
    """The sentences of a paragraph, as they stand."""
    ends = {m.end() for m in _FULL_STOP.finditer(text)}
    ends |= {m.end() for m in _STOP.finditer(text) if _ends(text, m)}
    edges = [0, *sorted(ends), len(text)]
    parts = (text[a:b].strip() for a, b in pairwise(edges))
    return [part for part in parts if part]


def _ends(text: str, stop: re.Match[str]) -> bool:
    following = text[stop.end() :].lstrip().lstrip(_OPENING)[:4]
    if following[:1].islower():
        return False
    if not re.match(r"\.(?!\.)", stop[0]):
        return True
    before = text[max(0, stop.start() - 40) : stop.start()]
    word = _WORD.search(before)
    if word is None:
        return True
    if word[0].isdigit():
        return before != word[0] and not _is_ordinal(before, following)
    return not _is_abbreviation(word[0], before, following)


def _is_ordinal(before: str, following: str) -> bool:
    if following[:3].lower() in _MONTHS:
        return True
    led = _BEFORE_ORDINAL.search(before)
    return led is not None and led[1].lower() in _BEFORE_ORDINALS


def _is_abbreviation(word: str, before: str, following: str) -> bool:
    plain = word.lower()
    if plain in _OFTEN_LAST:
        return not following[:1].isupper()
    # An initial, or the last letter of "e.g.", "z. B.", "U.S.".
    last = plain.rpartition(".")[2]
    if last.isalpha() and len(last) == 1:
        return True
    if plain in _ABBREVIATIONS:
        return True
    if not word.isalpha():
        return False
    if following[:1].isdigit():
        return len(word) <= _SHORT_WORD
    # "Hbf.", "Bhf.": no vowel, and neither a unit ("5 kg.") nor an acronym ("PDF.").
    spelled = not _VOWELS & set(plain) and not word.isupper() and len(word) < _SHORT_WORD
    return spelled and _AFTER_NUMBER.search(before) is None
