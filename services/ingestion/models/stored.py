"""What is kept as JSON, checked when it is read back."""

from typing import Any

from pydantic import TypeAdapter

from contracts.ingestion.chunking import CHUNKINGS, Chunking
from services.ingestion.models.parsed import Extraction
from services.ingestion.models.version import Description, Fault, Origin, Result

ORIGIN = TypeAdapter(Origin)
DESCRIPTION = TypeAdapter(Description)
RESULT = TypeAdapter(Result)
FAULT = TypeAdapter(Fault)
EXTRACTION: TypeAdapter[Extraction | None] = TypeAdapter(Extraction | None)


def wished(chunking: str | None) -> Chunking | None:
    """A tenant's wish; None for a chunking that this release does not know."""
    return next((known for known in CHUNKINGS if known == chunking), None)


def as_json(adapter: TypeAdapter[Any], value: object) -> str:
    return adapter.dump_json(value).decode()
