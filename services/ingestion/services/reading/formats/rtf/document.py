"""RTF as Markdown: the final text in its code pages, headings, lists, tables, notes, margins."""

import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from services.ingestion.models.errors import Rejected
from services.ingestion.models.parsed import Parsed
from services.ingestion.services.reading.formats.office.packages import real_title
from services.ingestion.services.reading.formats.office.word_styles import (
    TABLE_OF_CONTENTS,
    WORDS_IN_A_PAGE_NUMBER,
)
from services.ingestion.services.reading.formats.rtf.head import (
    Font,
    Style,
    encoding_of,
    fonts_of,
    styles_of,
    white_of,
)
from services.ingestion.services.reading.formats.rtf.state import State
from services.ingestion.services.reading.formats.rtf.tables import Rows
from services.ingestion.services.reading.formats.symbols import readable, shown
from services.ingestion.services.reading.markup import heading, joined, line, raised, tidied

_TOKEN = re.compile(
    rb"\\([a-zA-Z]+)(-?\d{1,9})? ?|\\'([0-9a-fA-F]{2})|\\([^a-zA-Z])|([{}])"
    rb"|([^\\{}\r\n]+)|[\r\n\\]",
    re.S,
)
_BRACE = re.compile(rb"\\bin(\d{1,9}) ?|\\.|[{}]", re.S)
_DEPTH_MAX = 10_000
_FORMATTING = re.compile(rb"\\[a-z]+-?\d* ?|\\\*|[{}]")
_SYMBOL = re.compile(rb"\s*SYMBOL +(\d{1,5})\b.*?(Symbol|Wingdings)", re.S)
_PAGE = re.compile(rb"\s*(PAGE|NUMPAGES|SECTIONPAGES)\b")

_SIGNS = {
    "tab": " ",
    "line": "\n",
    "softline": "\n",
    "lbr": "\n",
    "bullet": "•",
    "emdash": "—",
    "endash": "–",
    "lquote": "‘",
    "rquote": "’",
    "ldblquote": "“",
    "rdblquote": "”",
    "emspace": " ",
    "enspace": " ",
    "qmspace": " ",
    "~": "\xa0",
    "_": "-",
    "{": "{",
    "}": "}",
    "\\": "\\",
}
_ENCODINGS = {"ansi": "cp1252", "mac": "mac_roman", "pc": "cp437", "pca": "cp850"}
# Texts beside the text, which end where their group ends.
_NOTES = ("footnote", "shptxt", "dptxbxtext")
_MARGINS = frozenset(f"{kind}{page}" for kind in ("header", "footer") for page in ("", *"lrf"))
_MARKS = ("listtext", "pntext")
# Groups without text of the document. Others that begin with `\*` are left out unless known.
_NO_TEXT = (
    "pict nonshppict shprslt nonesttables sp objdata themedata filetbl revtbl annotation atnid "
    "atnauthor xe tc tcn rxe txe author operator keywords comment doccomm subject company manager "
    "category hlinkbase creatim revtim printim buptim ftnsep ftnsepc ftncn aftnsep"
)
_LEFT_OUT = frozenset(_NO_TEXT.split())
_KNOWN = ("shpinst", "do", "nesttableprops", "ud", "fldinst", "pntext", "listtext")


@dataclass(slots=True)
class _Story:
    """A text of its own: the document's, a note's, a margin's, the mark of an item."""

    kind: str = ""
    blocks: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    aside: list[str] = field(default_factory=list)
    mark: str = ""
    numbered: bool = False
    rows: Rows = field(default_factory=Rows)


def read_rtf(body: bytes) -> Parsed:
    begun = body.lstrip(b"\xef\xbb\xbf \r\n\t")
    if not begun.startswith(b"{\\rtf"):
        raise Rejected("unreadable", "The file is broken, or no RTF; save it anew.")
    document = _Document(begun)
    text = tidied(joined(document.blocks()))
    return Parsed(text, markdown=True, title=real_title(document.title))


class _Document:
    def __init__(self, body: bytes) -> None:
        self.title = ""
        self._body = body
        self._encoding, self._usual_font = "cp1252", -1
        self._fonts: dict[int, Font] = {}
        self._styles: dict[int, Style] = {}
        self._white: frozenset[int] = frozenset()
        self._state = State()
        # What `}` brings back, and whether it ends a story.
        self._outer: list[tuple[State, bool]] = []
        self._stories = [_Story()]
        self._margins: dict[str, None] = {}
        # Letters of the same font, which a code page may write with two bytes each.
        self._bytes = bytearray()
        # How many signs for old readers come next, behind a Unicode one.
        self._instead = 0
        self._starred = False
        self._result = True

    def blocks(self) -> Iterator[str]:
        at = 0
        while token := _TOKEN.match(self._body, at):
            at = token.end()
            if token[0] in (b"\r", b"\n"):
                # Writers break their lines anywhere, also between the two bytes of a letter.
                continue
            word, number, code, sign, brace, text = token.groups()
            if text is not None or code is not None:
                self._letters(text if text is not None else bytes([int(code, 16)]))
                continue
            self._end_letters()
            if brace == b"{":
                self._begin_group()
            elif brace == b"}":
                self._end_group()
                if not self._outer:
                    break
            elif word is not None:
                at = self._word(word.decode(), None if number is None else int(number), at)
            elif sign is not None:
                self._sign(chr(sign[0]))
        self._end_letters()
        while self._outer:
            self._end_group()
        yield from self._finished(self._stories[0])
        yield from self._margins

    def _begin_group(self) -> None:
        if len(self._outer) >= _DEPTH_MAX:
            raise Rejected("too_complex", "The file's groups lie too deep; save it anew.")
        self._outer.append((self._state, False))
        self._state = copy.copy(self._state)
        self._instead, self._starred = 0, False

    def _end_group(self) -> None:
        self._instead = 0
        self._state, ends_story = self._outer.pop()
        if ends_story:
            self._end_story(self._stories.pop())

    def _word(self, word: str, number: int | None, at: int) -> int:
        """The place to read on from."""
        starred, self._starred, self._instead = self._starred, False, 0
        if word in _LEFT_OUT or (starred and word not in _KNOWN):
            return self._group_end(at)
        if word == "bin":
            return at + max(number or 0, 0)
        if word in ("fonttbl", "stylesheet", "colortbl"):
            end = self._group_end(at)
            self._define(word, self._body[at:end])
            return end
        if word == "fldinst":
            end = self._group_end(at)
            self._field(_FORMATTING.sub(b"", self._body[at:end]))
            return end
        if word == "nesttableprops":
            # Where the cells of a table in a cell end says nothing about the cells around it.
            self._row_word("nestrow", 0)
            return self._group_end(at)
        if word == "fldrslt" and not self._result:
            return self._group_end(at)
        if word == "upr":
            # The same text follows in Unicode.
            first = self._body.find(b"{", at)
            return self._group_end(first + 1) + 1 if first >= 0 else at
        if word in _NOTES or word in _MARGINS or word in _MARKS or word == "title":
            self._begin_story(word)
        elif word in _SIGNS:
            self._say(_SIGNS[word])
        elif word == "u" and number is not None:
            self._unicode(number & 0xFFFF)
        elif not self._row_word(word, number or 0):
            self._format(word, number)
        return at

    def _define(self, word: str, told: bytes) -> None:
        if word == "fonttbl":
            self._fonts |= fonts_of(told, self._encoding)
        elif word == "stylesheet":
            self._styles = styles_of(told)
        else:
            self._white = white_of(told)

    def _field(self, told: bytes) -> None:
        """Page numbers say nothing; Word keeps a letter of a symbol font as a field."""
        symbol = _SYMBOL.match(told)
        if symbol is not None:
            self._say(shown(symbol[2].decode(), int(symbol[1])))
        numbers = _PAGE.match(told) is not None
        self._stories[-1].numbered |= numbers
        self._result = symbol is None and not numbers

    def _format(self, word: str, number: int | None) -> None:
        if word == "plain":
            self._state.plain(self._usual_font)
        elif word == "cf":
            self._state.white = (number or 0) in self._white
        elif word == "deff":
            self._usual_font = self._state.font = number or 0
        elif word == "ansicpg":
            self._encoding = encoding_of(number or 0)
        elif word in _ENCODINGS:
            self._encoding = _ENCODINGS[word]
        elif word == "field":
            self._result = True
        elif word == "chpgn":
            self._stories[-1].numbered = True
        else:
            self._state.set(word, number)

    def _row_word(self, word: str, number: int) -> bool:
        """Whether it is about paragraphs and tables."""
        story, rows = self._stories[-1], self._stories[-1].rows
        if word in ("par", "sect", "page"):
            self._end_paragraph()
        elif word == "trowd":
            if not self._in_table() and "".join(story.words).strip():
                self._end_paragraph()
            rows.define()
        elif word in ("cell", "nestcell"):
            rows.paragraph(self._marked(), *story.aside)
            story.aside.clear()
            rows.end_cell(nested=word == "nestcell")
        elif word in ("row", "nestrow"):
            rows.end_row(nested=word == "nestrow")
        else:
            return rows.defined(word, number)
        return True

    def _sign(self, sign: str) -> None:
        if sign == "*":
            self._starred = True
        elif sign in "\r\n":
            self._end_paragraph()
        elif self._instead:
            self._instead -= 1
        elif sign in _SIGNS:
            self._say(_SIGNS[sign])

    def _letters(self, letters: bytes) -> None:
        if self._instead:
            skipped = min(self._instead, len(letters))
            self._instead -= skipped
            letters = letters[skipped:]
        self._bytes += letters

    def _end_letters(self) -> None:
        if not self._bytes:
            return
        font = self._fonts.get(self._state.font, Font(self._encoding))
        if font.symbols:
            self._say("".join(shown(font.symbols, code) for code in self._bytes))
        else:
            self._say(self._bytes.decode(font.encoding, "replace"))
        self._bytes.clear()

    def _unicode(self, code: int) -> None:
        font = self._fonts.get(self._state.font, Font(self._encoding))
        self._say(readable(chr(code), font.symbols))
        self._instead = self._state.fallback

    def _say(self, text: str) -> None:
        if self._state.seen:
            self._stories[-1].words.append(raised(text) if self._state.raised else text)

    def _in_table(self) -> bool:
        return self._state.in_table or self._stories[-1].rows.is_open

    def _marked(self) -> str:
        """The open paragraph's text, with its mark in a list; empty for a page's number.

        Two halves of a sign beyond 16 bits become one.
        """
        story = self._stories[-1]
        halves = "".join(story.words).encode("utf-16-le", "surrogatepass")
        text = halves.decode("utf-16-le", "replace").strip(" \t\n")
        if story.numbered and len(re.sub(r"\W", "", text)) <= WORDS_IN_A_PAGE_NUMBER:
            text = ""
        marked = f"{story.mark} {text}" if story.mark and text else text
        story.words.clear()
        story.mark, story.numbered = "", False
        return marked

    def _end_paragraph(self) -> None:
        story = self._stories[-1]
        if self._state.nested and self._in_table():
            story.words.append(" ")
            return
        style = self._styles.get(self._state.style, Style(0, ""))
        text = self._marked()
        if TABLE_OF_CONTENTS.match(style.name):
            text = ""
        if self._in_table():
            story.rows.paragraph(text, *story.aside)
        else:
            story.blocks += story.rows.finished()
            level = self._state.level or style.level
            story.blocks += [heading(level, text) if level else text, *story.aside]
        story.aside.clear()

    def _begin_story(self, kind: str) -> None:
        outer, is_story = self._outer[-1]
        if is_story:
            return
        self._outer[-1] = outer, True
        self._stories.append(_Story(kind))
        self._state.new_paragraph()
        self._state.plain(self._usual_font)

    def _end_story(self, story: _Story) -> None:
        # Its paragraph ends in the state of the text around it.
        around = self._stories[-1]
        blocks = self._finished(story)
        if story.kind in _NOTES:
            around.aside += blocks
        elif story.kind in _MARGINS:
            self._margins |= dict.fromkeys(blocks)
        elif story.kind == "title":
            self.title = line(" ".join(blocks))
        else:
            mark = line(" ".join(blocks))
            around.mark = mark if re.search(r"\w", mark) else "-" if mark else ""

    def _finished(self, story: _Story) -> list[str]:
        self._stories.append(story)
        state, self._state = self._state, State(in_table=story.rows.is_open)
        if story.words or story.aside:
            self._end_paragraph()
        self._stories.pop()
        self._state = state
        return [*story.blocks, *story.rows.finished()]

    def _group_end(self, at: int) -> int:
        """The place of the `}` of the group that this place is in."""
        depth = 1
        while sign := _BRACE.search(self._body, at):
            at = sign.end()
            if sign[1]:
                at += int(sign[1])
            depth += {b"{": 1, b"}": -1}.get(sign[0], 0)
            if not depth:
                return sign.start()
        return len(self._body)
