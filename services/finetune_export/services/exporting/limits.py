"""What providers accept: dated data in limits.json, by format and base model."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from services.finetune_export.models.export import Stage


class ExportRefused(Exception):
    """No set can be made of this; the message says what to do, `stages` how far it came."""

    def __init__(self, message: str, stages: Sequence[Stage] = ()) -> None:
        super().__init__(message)
        self.stages = list(stages)


@dataclass(frozen=True)
class Limits:
    """`least` and `most` records of a set, both files together; characters a record."""

    least: int
    most: int
    characters: int
    multi_turn: bool
    reserved_words: bool


@cache
def table() -> dict[str, Any]:
    text = (files(__package__) / "limits.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def limits_of(format: str, base_model: str) -> Limits:
    """Raises ExportRefused for an unknown format, or a model that does not take it."""
    formats = table()["formats"]
    if format not in formats:
        raise ExportRefused(f"unknown format {format!r}; known are {', '.join(sorted(formats))}")
    model = base_model.removeprefix("us.").removeprefix("eu.").removeprefix("apac.")
    for row in formats[format]:
        if model.startswith(tuple(row["models"])):
            least, most = row["records"]
            return Limits(least, most, row["characters"], row["multi_turn"], row["reserved_words"])
    fitting = sorted({model for row in formats[format] for model in row["models"]})
    raise ExportRefused(
        f"{base_model!r} does not take {format}; models that do begin with {', '.join(fitting)}"
    )
