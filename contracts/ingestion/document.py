"""The fields that describe a document in every message about it."""

from datetime import date
from typing import Annotated
from uuid import NAMESPACE_URL, uuid5

from pydantic import Field

from contracts.message import Shape

Name = Annotated[str, Field(min_length=1, max_length=512)]
Tag = Annotated[str, Field(min_length=1, max_length=64)]
Tags = Annotated[tuple[Tag, ...], Field(max_length=32)]
Value = str | int | float | bool | date
Metadata = Annotated[dict[str, Value], Field(max_length=32)]
# Users (`user:ann`) and groups (`group:law`) who may see it; none given: the whole tenant.
Visibility = Annotated[tuple[str, ...], Field(max_length=64)] | None

# The names under which an asker may see documents; None: all of the tenant's (an operator).
VisibleTo = tuple[str, ...] | None

# The state of a document's newest version: today one of life_cycle.SHOWN. The list may grow, so a
# reader takes a state that it does not know for one that is not final.
Status = str


class Counts(Shape):
    """What a version of a document holds."""

    chunks: int = Field(default=0, ge=0)
    pages: int = Field(default=0, ge=0)
    characters: int = Field(default=0, ge=0)
    entities: int = Field(default=0, ge=0)


class Failure(Shape):
    """Why a document is not ready: a stable code, and words that say what to do."""

    code: str
    message: str


def document_id(tenant: str, name: str) -> str:
    """A document's identity: the same for a tenant's name over all versions and entrances."""
    return str(uuid5(NAMESPACE_URL, f"ragops/{tenant}/{name}"))
