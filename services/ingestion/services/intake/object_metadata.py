"""What a dropped object's own metadata (`x-amz-meta-…`) say of the document."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import Field, ValidationError

from contracts.ingestion.chunking import known_chunking
from contracts.ingestion.document import Metadata, Reader, Tags
from contracts.message import Shape
from services.ingestion.models.version import Description

_LISTS = ("tags", "visibility")


class _Said(Shape):
    tags: Tags = ()
    metadata: Metadata = Field(default_factory=dict)
    visibility: tuple[Reader, ...] | None = Field(default=None, min_length=1, max_length=64)


def description_of(said: Mapping[str, str]) -> Description:
    """`tags` and `visibility` are separated by commas, `chunking` is a name, all else is metadata.

    A number, true and false are read as such. Raises ValueError that names the field.
    """
    fields: dict[str, Any] = {
        name: tuple(part.strip() for part in said[name].split(",") if part.strip())
        for name in _LISTS
        if name in said
    }
    rest = {name: _value(text) for name, text in said.items() if name not in (*_LISTS, "chunking")}
    try:
        checked = _Said(**fields, metadata=rest)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"][:2])
        raise ValueError(f"The object's {where} cannot be used: {first['msg']}") from None
    chunking = known_chunking(said["chunking"]) if "chunking" in said else None
    values = checked.model_dump(mode="json")["metadata"]
    return Description(checked.tags, values, checked.visibility, chunking)


def _value(text: str) -> str | int | float | bool:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value if isinstance(value, bool | int | float) else text
