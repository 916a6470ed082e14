"""What a soak shows while it runs, and what it found: a line for each thing that must hold."""

import time
from dataclasses import dataclass, field
from typing import TextIO

from shared.client.progress import Advance

_TERMINAL_S, _FILE_S = 0.2, 15.0
_WIDTH, _LONGEST = 58, 60


@dataclass(frozen=True)
class Row:
    what: str
    expected: str
    found: str
    holds: bool

    def __str__(self) -> str:
        mark = "ok   " if self.holds else "WRONG"
        if self.expected == self.found:
            return f"{mark} {self.what:<{_WIDTH}} {self.found}"
        return f"{mark} {self.what:<{_WIDTH}} expected {self.expected}, found {self.found}"


@dataclass
class Report:
    """Rows are written as they come. Figures say how much or how fast, and cannot be wrong."""

    out: TextIO
    rows: list[Row] = field(default_factory=list)
    figures: dict[str, str] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        return bool(self.rows) and all(row.holds for row in self.rows)

    @property
    def wrong(self) -> list[str]:
        return [str(row) for row in self.rows if not row.holds]

    def check(self, what: str, expected: object, found: object) -> bool:
        row = Row(what, _short(expected), _short(found), expected == found)
        self.rows.append(row)
        self._write(str(row))
        return row.holds

    def figure(self, what: str, value: str) -> None:
        self.figures[what] = value
        self._write(f"      {what:<{_WIDTH}} {value}")

    def _write(self, line: str) -> None:
        self.out.write(f"{line}\n")
        self.out.flush()


def _short(value: object) -> str:
    text = f"{value:,}" if type(value) is int else str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


@dataclass(frozen=True)
class Lines:
    """Progress with rate and time left: a line that is written anew, in a file a line each time."""

    stream: TextIO

    def bar(self, title: str, total: int) -> Advance:
        terminal, began = self.stream.isatty(), time.monotonic()
        done, shown = 0, began

        def advance(count: int) -> None:
            nonlocal done, shown
            done, now = done + count, time.monotonic()
            if done < total and now - shown < (_TERMINAL_S if terminal else _FILE_S):
                return
            shown = now
            rate = done / max(now - began, 1e-3)
            left = f"{_span((total - done) / max(rate, 1e-3))} left" if done < total else "done"
            text = f"{title}: {done:,} of {total:,}, {rate:,.1f} a second, {left}"
            if terminal:
                text = f"\r{text:<78}"
            self.stream.write(text if terminal and done < total else f"{text}\n")
            self.stream.flush()

        return advance


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
