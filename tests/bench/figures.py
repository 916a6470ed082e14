"""What a measurement gives: a figure, its limit, and both printed side by side."""

from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Figure:
    """`limit` is the least or the most that is allowed, in the figure's own unit."""

    name: str
    value: float
    limit: float
    unit: str
    at_least: bool
    detail: str = ""

    @property
    def kept(self) -> bool:
        return self.value >= self.limit if self.at_least else self.value <= self.limit


def show(figures: list[Figure]) -> None:
    table = Table("", "measured", "limit", "kept", "detail", title="make bench")
    for figure in figures:
        sign = "≥" if figure.at_least else "≤"
        table.add_row(
            figure.name,
            f"{figure.value:.3g} {figure.unit}",
            f"{sign} {figure.limit:g} {figure.unit}",
            "yes" if figure.kept else "[bold red]NO",
            figure.detail,
        )
    Console(width=140).print(table)
