"""From bytes to letters: the encoding of a text, and the signs that would hide its words."""

import codecs
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator

from services.ingestion.models.errors import Rejected

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_UNKNOWN = "The encoding of the text cannot be told; save the file as UTF-8 and send it again."
_BINARY = "The file is said to be text but holds binary data; send it under its right name."
# Bytes that detection looks at; lines of ASCII say nothing and do not count.
_SAMPLE = 64 * 1024
# So few letters beyond ASCII tell nothing.
_FEW_LETTERS = 2
# Letters of other alphabets, read as Windows-1252.
_IN_WORDS_ELSEWHERE = re.compile(r"(?<=[^\W\d_])[¹²³¼½¾¨´¸¯ªº¿¡£¥§©®±µ¶»«](?=[^\W\d_])")
# Fewer may be of one script by chance.
_LEAST_LETTERS = 16
# A decoder that meets more wrong bytes than one in so many has the wrong encoding.
_GOOD_FOR_BAD = 500
# An older standard's decoding holds control characters where Windows has letters.
_WINDOWS = {
    "iso8859-1": "cp1252",
    "iso8859-15": "cp1252",
    "iso8859-2": "cp1250",
    "iso8859-4": "cp1257",
    "iso8859-13": "cp1257",
    "iso8859-7": "cp1253",
    "iso8859-8": "cp1255",
    "iso8859-9": "cp1254",
}
_TRUSTED = re.compile(
    r"utf|cp125|iso8859|iso2022|koi8-[ru]$|cp(437|850|852|866|874|932|949)$|mac-roman$"
    r"|gb|big5|euc|shift_jis|johab|hz"
)
_EAST_ASIAN = re.compile(r"gb|big5|euc|shift_jis|johab|hz|iso2022|cp(932|949)$")
# Some of them have no byte that ASCII has not.
_SPELT_OTHERWISE = re.compile(rf"utf-7|{_EAST_ASIAN.pattern}")
# With letters and signs of ASCII; other pairs of bytes are as rarely among them as chance has it.
_EAST_ASIAN_SIGNS = re.compile(r"[\t\n\r -~\u3000-\u30ff\u4e00-\u9fa5\uac00-\ud7a3\uff00-\uff5e]")
# Letters beyond ASCII that a language of Western Europe writes, lower case.
_WESTERN = (
    *("äöüß", "àâæçéèêëîïôœùûüÿ", "áéíñóúü", "ãáâàçéêíóôõúü", "àèéìíîòóùú"),
    *("åäöé", "æøåéü", "áðéíóúýþæö", "éëïöüèáóú", "àçèéíïòóúü", "äöõüšž"),
)
_FOREIGN = re.compile("[\udc80-\udcff]")
_BEYOND_ASCII = re.compile("[^\x00-\x7f]")
_SYMBOLS = frozenset("°±§£€©®™–—“”„‘’‚…²³¹µ½¼¾×÷·•«»‹›¿¡´¨ºª†‰¢¥\u00a0\u00ad")


def decode(body: bytes, declared: str | None = None) -> str:
    """By its byte order mark, else as declared, else UTF-8, else as its letters suggest.

    Raises Rejected for binary data and for an encoding that cannot be told.
    """
    mark = next((name for mark, name in _MARKS if body.startswith(mark)), None)
    if mark:
        return body.decode(mark, "replace")
    if body[:_SAMPLE].count(0) * _GOOD_FOR_BAD > len(body[:_SAMPLE]):
        return _wide(body)
    named = _codec(declared)
    if named and not named.startswith(("utf-16", "utf-32")):
        # No text of another alphabet is UTF-8 by chance, whatever a template declares.
        spelt = None if _SPELT_OTHERWISE.match(named) else _strict(body, "utf-8")
        text = spelt or _strict(body, named) or _mended(body, named)
        if text is not None:
            return text
    if b"\x1b$" in body and (text := _strict(body, "iso2022_jp")) is not None:
        return text
    text = _strict(body, "utf-8") or _mended(body, "utf-8")
    return text if text is not None else _detected(body)


def _codec(name: str | None) -> str | None:
    """What browsers read it as: a page that says GB2312 or Latin-1 holds more than that."""
    try:
        found = codecs.lookup((name or "").strip().strip("\"'")).name
    except (LookupError, ValueError):
        return None
    wider = {"gb2312": "gb18030", "gbk": "gb18030", "iso8859-1": "cp1252", "ascii": None}
    wider |= {"shift_jis": "cp932", "euc_kr": "cp949", "iso8859-9": "cp1254"}
    return wider.get(found, found)


def _strict(body: bytes, encoding: str) -> str | None:
    try:
        return body.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        return None


def _mended(body: bytes, encoding: str) -> str | None:
    """With a few foreign bytes, read as Windows-1252; None where there are too many.

    For UTF-8 the letters that it spells must outnumber them: other encodings spell none by chance.
    """
    text = body.decode(encoding, "surrogateescape")
    bad = len(_FOREIGN.findall(text))
    if encoding == "utf-8":
        good = len(_BEYOND_ASCII.findall(text)) - bad
        fits = good >= 2 * bad
    else:
        fits = bad == 1 or bad * _GOOD_FOR_BAD <= len(body)
    return _FOREIGN.sub(_western, text) if fits else None


def _western(sign: re.Match[str]) -> str:
    return bytes([ord(sign[0]) - 0xDC00]).decode("cp1252", "replace")


def _detected(body: bytes) -> str:
    sample = b"\n".join(_telling(body))
    for encoding in _candidates(sample):
        text = _strict(body, encoding) or _mended(body, encoding)
        if text is not None and _plausible(text):
            return text
    if text := _of_one_script(body):
        return text
    raise Rejected("unreadable", _UNKNOWN)


def _telling(body: bytes) -> Iterator[bytes]:
    size = 0
    for line in body.splitlines():
        if not line.isascii() or b"\x1b" in line:
            yield line[: _SAMPLE - size]
            size += len(line)
        if size >= _SAMPLE:
            return


def _wide(body: bytes) -> str:
    """UTF-16 without a mark, told by where its zero bytes stand, or by its letters."""
    head = body[: _SAMPLE - _SAMPLE % 2]
    even, odd = head[::2].count(0), head[1::2].count(0)
    for encoding, zeros, others in (("utf-16-le", odd, even), ("utf-16-be", even, odd)):
        if zeros > len(head) / 8 and others * 20 < zeros:
            text = _strict(body, encoding)
            if text is not None and _plausible(text):
                return text
    if text := _of_one_script(body):
        return text
    raise Rejected("unreadable", _BINARY)


def _of_one_script(body: bytes) -> str | None:
    """UTF-16 without a mark: in the right order its letters are of East Asia, or of one block.

    Pairs of ASCII's letters are signs of Chinese too, but Chinese has many other bytes.
    """
    may_be_east_asian = 10 * sum(byte > 0x7F for byte in body[:_SAMPLE]) > len(body[:_SAMPLE])
    for encoding in ("utf-16-le", "utf-16-be"):
        text = _strict(body, encoding)
        if not text or len(text) < _LEAST_LETTERS:
            continue
        if may_be_east_asian and len(_EAST_ASIAN_SIGNS.findall(text)) * 10 > 9 * len(text):
            return text
        letters = (letter for letter in text if letter > "\x7f" and letter.isalpha())
        blocks = Counter(ord(letter) >> 8 for letter in letters)
        ((_, most),) = blocks.most_common(1) or [(0, 0)]
        if 3 * most > len(text) and 10 * most > 9 * blocks.total() and _plausible(text):
            return text
    return None


def _candidates(sample: bytes) -> Iterator[str]:
    import chardet

    western = _strict(sample, "cp1252")
    if western and all(sign < "\x80" or sign in _SYMBOLS for sign in western):
        yield "cp1252"
    told = _codec(chardet.detect(sample)["encoding"])
    letters = {sign for sign in (western or "").lower() if sign.isalpha() and sign > "\x7f"}
    fits = any(letters <= set(alphabet) for alphabet in _WESTERN)
    # A few accents in a short text may spell a sign of Chinese by chance, or anything else.
    rare = western and 4 * len(_BEYOND_ASCII.findall(western)) < len(western)
    few = len(letters) <= _FEW_LETTERS and not _IN_WORDS_ELSEWHERE.search(western or "")
    if rare and fits and told and (few or _EAST_ASIAN.match(told)):
        yield "cp1252"
    if told and _TRUSTED.match(told):
        text = _strict(sample, told) or ""
        if told == "gb18030" and _share(text, _KANA) > 0.15:
            yield from ("euc_jp", "cp932")
        if told in _WINDOWS and _CONTROLS.search(text):
            yield _WINDOWS[told]
        if told == "cp1250" and _SIGN_IN_WORD.search(text):
            older = _strict(sample, "iso8859-2") or ""
            if len(_SIGN_IN_WORD.findall(older)) < len(_SIGN_IN_WORD.findall(text)):
                yield "iso8859-2"
        yield told
    if western and fits:
        yield "cp1252"
    if told:
        yield told


_KANA = re.compile(r"[\u3040-\u30ff]")
_CONTROLS = re.compile(r"[\x80-\x9f]")
_SIGN_IN_WORD = re.compile(r"(?<=[^\W\d_])[^\w\s'’.,:;/()\[\]{}<>|=&@#+*_\-–—\"“”…](?=[^\W\d_])")
_STRANGE = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f-\x84\x86-\x9f\ue000-\uf8ff\uff61-\uff9f]")


def _share(text: str, signs: re.Pattern[str]) -> float:
    beyond = sum(1 for sign in text if sign > "\x7f")
    return len(signs.findall(text)) / beyond if beyond else 0.0


def _plausible(text: str) -> bool:
    """Control and private characters, or katakana of half width, are signs of a wrong guess."""
    return len(_STRANGE.findall(text)) * 100 <= len(text)


# Soft hyphens, zero-width signs, marks of direction, tags: nobody sees them, and no search
# finds a word that holds one. A joiner after other letters than these is part of the writing.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff"
    "\U000e0000-\U000e007f]|(?<=[\u0000-\u058f])[\u200c\u200d]"
)
_FORMS = re.compile("[\ufb00-\ufb06\ufb50-\ufd3d\ufd50-\ufdff\ufe70-\ufefc]+")
_BREAKS = re.compile("\r\n|[\r\x0b\x85\u2028]")
_PARAGRAPHS = re.compile("[\x0c\u2029]")
_BLANKS = re.compile("[\u00a0\u2000-\u200a\u202f\u205f\u3000]")
_HYPHENS = re.compile("[\u2010\u2011]")
# Colours of a terminal, then what no text holds.
_NO_SIGNS = re.compile(
    "\x1b\\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]"
)
_EMBEDDED = re.compile(r"data:[\w.+-]+/[\w.+-]+(?:;[\w.=-]+)*;base64,[A-Za-z0-9+/_=-]*")


def tidy(text: str) -> str:
    """The same words as a person sees them: NFC, no invisible signs, ligatures as letters.

    What is embedded as base64, mostly a picture, is no words.
    """
    if ";base64," in text:
        text = _EMBEDDED.sub("", text)
    if text.isascii() and text.isprintable():
        return text
    text = _PARAGRAPHS.sub("\n\n", _BREAKS.sub("\n", text))
    text = _INVISIBLE.sub("", _NO_SIGNS.sub(_blank, text))
    text = _FORMS.sub(lambda form: unicodedata.normalize("NFKC", form[0]), text)
    return unicodedata.normalize("NFC", _HYPHENS.sub("-", _BLANKS.sub(" ", text)))


def _blank(sign: re.Match[str]) -> str:
    return " " if len(sign[0]) == 1 else ""
