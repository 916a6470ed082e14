"""A passage as one leg of a search found it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scored:
    """`score` is the leg's own: higher is better, comparable within one list only."""

    passage_id: str
    document_id: str
    ordinal: int
    score: float
