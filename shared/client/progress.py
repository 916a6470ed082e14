"""Progress bars on the terminal's error stream, so that the figures can be piped."""

from collections.abc import Callable

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

Advance = Callable[[int], None]
# Makes a bar from its title and total.
Bar = Callable[[str, int], Advance]


def bars(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description:<28}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
        console=console,
    )


def bar_of(progress: Progress) -> Bar:
    def bar(title: str, total: int) -> Advance:
        task = progress.add_task(title, total=total)
        return lambda count: progress.advance(task, count)

    return bar
