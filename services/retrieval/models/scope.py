"""Whose passages a query may touch: part of every query, never applied to its results."""

from dataclasses import dataclass

from services.retrieval.models.filter import Filter


@dataclass(frozen=True, slots=True)
class Scope:
    """`visible_to` is the principal's own set; what the whole tenant may see is always in it."""

    tenant: str
    visible_to: tuple[str, ...] = ()
    filter: Filter | None = None
