"""Checks an answer's citations while it streams, and keeps a model's thoughts back."""

import re
from collections.abc import Collection, Iterable
from typing import Literal

EMPTY_ANSWER = "The model gave no answer. Ask again, or choose another model."
# All that is no plain text. A citation takes the blanks before it along.
_TOKEN = re.compile(
    r"(?P<fence>```)"
    r"|(?P<code>`[^`\n]{1,200}`)"
    r"|(?P<think><think(?:ing)?>)"
    r"|(?P<blanks>[ \t]*)(?:\[(?P<square>[^\[\]\n]{1,40})\]|【(?P<lens>[^【】\n]{1,40})】)"
)
# Each of them has one of these signs.
_SIGN = re.compile(r"[`<\[【]")
# The end of a text that may still become one of them.
_OPEN = re.compile(
    r"`{1,2}[^`\n]{0,200}\Z"
    r"|</?[a-z]{0,8}\Z"
    r"|[ \t]+(?:\[[^\[\]\n]{0,40}|【[^【】\n]{0,40})?\Z"
    r"|(?:\[[^\[\]\n]{0,40}|【[^【】\n]{0,40})\Z"
)
_CODE_END = re.compile(r"```")
_CODE_OPEN = re.compile(r"`{1,2}\Z")
_THOUGHT_END = re.compile(r"</think(?:ing)?>")
_THOUGHT = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.DOTALL)
_THOUGHT_OPEN = re.compile(r"</?[a-z]{0,8}\Z")
# 1 | 1, 3 | ^1^ | Source 1 | sources 1 and 3 | 1†title. Four digits are a year.
_NUMBERS = re.compile(
    r"\s*\^?\s*(?:(?:sources?|refs?|quellen?|fuentes?|来源|出典)\.?[\s:#]*)?"
    r"(\d{1,3}(?:\s*(?:[,;&]|and|und|et|y)\s*(?:source\s*)?\d{1,3})*)\s*\^?\s*(?:†.*)?",
    re.IGNORECASE,
)
_PLAIN = re.compile(r"[\d\s,;]+")
# A number right after one of these is an index: `args[0]`. In Chinese, Japanese, Korean, Thai and
# their like a citation follows a letter without a blank.
_WORD_END = re.compile(
    r"[^\W\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\uac00-\ud7af]|[)\]]"
)
_CONTEXT = 80


def without_thoughts(text: str) -> str:
    """A finished text of a model without what it thought before."""
    return _THOUGHT.sub("", text)


class Citations:
    """One an answer. However the text is cut into pieces, the output is the same.

    A citation of several sources becomes one bracket each; numbers that no source has are left
    out, and a citation with none left is dropped with the blanks before it. Code, an index such as
    `args[0]` and a bracket that stands so in one of the `texts` of the sources are left alone.
    What stands between `<think>` and `</think>` is never shown.
    """

    def __init__(self, known: Collection[int], texts: Iterable[str] = ()) -> None:
        self._known = known
        # Only these can hold what might be a citation.
        self._texts = [" ".join(text.split()) for text in texts if _SIGN.search(text)]
        self._cited: dict[int, None] = {}
        self._held = ""
        # What the model wrote right before what is held.
        self._before = ""
        self._inside: Literal["", "code", "thought"] = ""
        # Right after a citation, and the blanks of one that was dropped there.
        self._follows_citation, self._dropped_blanks = False, ""
        self._shown = False

    @property
    def cited(self) -> tuple[int, ...]:
        """The sources named so far, in the order of their first mention."""
        return tuple(self._cited)

    def feed(self, piece: str) -> str:
        """The text that is certain by now."""
        self._held += piece
        return self._certain(final=False)

    def finish(self) -> str:
        """What was held back, or for an answer without a word, that there is none."""
        rest = self._certain(final=True)
        return rest if self._shown else EMPTY_ANSWER

    def _certain(self, *, final: bool) -> str:
        said: list[str] = []
        while self._held and (step := self._step(final=final)) is not None:
            said.append(step)
        text = "".join(said)
        if not self._shown:
            text = text.lstrip()
            self._shown = bool(text)
        return text

    def _step(self, *, final: bool) -> str | None:
        """Takes the next certain part of what is held: what is shown of it, None at the end."""
        if self._inside:
            return self._step_inside(final=final)
        if not _SIGN.search(self._held):
            # Blanks at the end may yet belong to a citation.
            return self._plain(len(self._held if final else self._held.rstrip(" \t")))
        token = _TOKEN.search(self._held)
        still_open = None if final else _OPEN.search(self._held)
        cut = still_open.start() if still_open else len(self._held)
        if token is None or token.start() >= cut:
            return self._plain(cut)
        return self._plain(token.start()) or self._special(token)

    def _step_inside(self, *, final: bool) -> str | None:
        code = self._inside == "code"
        end = (_CODE_END if code else _THOUGHT_END).search(self._held)
        still_open = None if final else (_CODE_OPEN if code else _THOUGHT_OPEN).search(self._held)
        if end is not None:
            self._inside = ""
            cut = end.end()
        else:
            cut = still_open.start() if still_open else len(self._held)
        text = self._plain(cut)
        return text if code or text is None else ""

    def _plain(self, length: int) -> str | None:
        """Takes so much as it stands; None when there is nothing to take."""
        if not length:
            return None
        self._follows_citation, self._dropped_blanks = False, ""
        return self._take(length)

    def _take(self, length: int) -> str:
        text, self._held = self._held[:length], self._held[length:]
        self._before = (self._before + text)[-_CONTEXT:]
        return text

    def _special(self, token: re.Match[str]) -> str:
        """A token at the beginning of what is held."""
        inside = token["square"] or token["lens"]
        numbers = _NUMBERS.fullmatch(inside) if inside else None
        if numbers and not self._is_index(token) and not self._is_quoted(token):
            written = re.findall(r"\d+", numbers[1])
            # Without `[9]` the rest of `[[9]1]` would read as a citation.
            if self._before[-1:] != "[" or any(int(one) in self._known for one in written):
                return self._citation(token, written)
        if token["think"] and not self._is_quoted(token):
            self._inside = "thought"
            self._plain(token.end())
            return ""
        if token["fence"]:
            self._inside = "code"
        return self._plain(token.end()) or ""

    def _is_index(self, token: re.Match[str]) -> bool:
        plain = token["square"] and _PLAIN.fullmatch(token["square"])
        return bool(plain and not token["blanks"] and self._after_word())

    def _after_word(self) -> bool:
        return not self._follows_citation and bool(_WORD_END.match(self._before[-1:]))

    def _is_quoted(self, token: re.Match[str]) -> bool:
        """Whether a source has it too, after the same two words."""
        words = self._before.rpartition("]")[2].split()[-2:]
        gap = " " if token["blanks"] or self._before[-1:].isspace() else ""
        quoted = f"{' '.join(words)}{gap}{token[0].strip()}"
        return bool(words) and any(quoted in text for text in self._texts)

    def _citation(self, token: re.Match[str], written: Iterable[str]) -> str:
        blanks = token["blanks"] or self._dropped_blanks or (" " if self._after_word() else "")
        self._take(token.end())
        numbers = dict.fromkeys(int(number) for number in written)
        kept = [number for number in numbers if number in self._known]
        self._cited.update(dict.fromkeys(kept))
        self._follows_citation = True
        self._dropped_blanks = "" if kept else blanks
        return blanks + "".join(f"[{number}]" for number in kept) if kept else ""
