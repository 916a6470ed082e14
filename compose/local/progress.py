"""What the person at the terminal sees while the system starts, works and stops."""

import time
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text


class Progress(Protocol):
    """Steps that begin and end, and lines that stay."""

    def begin(self, step: str, waits_for: str) -> None: ...

    def end(self, step: str) -> None: ...

    def say(self, line: str) -> None: ...


class Silent:
    """Shows nothing; keeps the lines for whoever asks (the tests)."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def begin(self, step: str, waits_for: str) -> None:
        self.lines.append(f"{step}: {waits_for}")

    def end(self, step: str) -> None:
        self.lines.append(f"{step}: ready")

    def say(self, line: str) -> None:
        self.lines.append(line)


class Terminal:
    """One table of steps on a terminal; plain lines when the output goes elsewhere."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)
        self._begun: dict[str, float] = {}
        self._table: dict[str, tuple[Spinner | Text, str]] = {}
        self._live: Live | None = None

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live = Live(console=self._console, get_renderable=self._render, transient=False)
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.settle()

    def settle(self) -> None:
        """Leaves the table as it stands: from here on only lines are added."""
        if self._live is not None:
            self._live.stop()
            self._live = None
        self._table.clear()

    def begin(self, step: str, waits_for: str) -> None:
        self._begun[step] = time.monotonic()
        self._table[step] = (Spinner("dots"), waits_for)
        if self._live is None:
            self._plain(f"… {step}: {waits_for}")

    def end(self, step: str) -> None:
        took = f"{time.monotonic() - self._begun.get(step, time.monotonic()):.1f} s"
        self._table[step] = (Text("✓", "green"), took)
        if self._live is None:
            self._plain(f"✓ {step} ({took})")

    def say(self, line: str) -> None:
        self._plain(line)

    def _plain(self, line: str) -> None:
        self._console.print(line, markup=False, soft_wrap=True)

    def _render(self) -> Table:
        table = Table.grid(padding=(0, 1))
        for step, (mark, text) in self._table.items():
            table.add_row(mark, step, Text(text, "dim"))
        return table
