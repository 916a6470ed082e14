"""What a group of an RTF file inherits, and what ends with it: the look of its text."""

from dataclasses import dataclass


@dataclass(slots=True)
class State:
    """Of letters: `fallback` is how many signs for old readers follow a Unicode one."""

    font: int = -1
    fallback: int = 1
    hidden: bool = False
    deleted: bool = False
    white: bool = False
    coloured: bool = False
    tiny: bool = False
    raised: bool = False
    in_table: bool = False
    nested: bool = False
    style: int = -1
    level: int = 0

    def plain(self, font: int) -> None:
        self.font = font
        self.hidden = self.deleted = self.white = self.coloured = self.tiny = self.raised = False

    def new_paragraph(self) -> None:
        self.in_table = self.nested = False
        self.style, self.level = -1, 0

    @property
    def seen(self) -> bool:
        """White letters are read where they may stand on another colour."""
        white = self.white and not self.coloured and not self.in_table
        return not (self.hidden or self.deleted or self.tiny or white)

    def set(self, word: str, number: int | None) -> None:
        """Without a number a word switches on, with 0 off."""
        on, value = number != 0, number or 0
        if word == "f":
            self.font = value
        elif word == "pard":
            self.new_paragraph()
        elif word == "v":
            self.hidden = on
        elif word in ("deleted", "mvf"):
            self.deleted = on
        elif word in ("highlight", "cb", "chcbpat", "cbpat"):
            self.coloured = on
        elif word == "fs":
            self.tiny = 0 < value <= 2
        elif word in ("super", "up"):
            self.raised = on
        elif word in ("nosupersub", "sub"):
            self.raised = False
        elif word == "s":
            self.style = value
        elif word == "outlinelevel":
            self.level = value + 1 if value < 9 else 0
        elif word == "itap":
            self.nested = value > 1
        elif word == "intbl":
            self.in_table = True
        elif word == "uc":
            self.fallback = max(value, 0)
