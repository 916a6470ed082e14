"""The parts of a version that are kept as JSON, checked when they are read back."""

from typing import Any

from pydantic import TypeAdapter

from services.ingestion.models.version import Description, Fault, Origin, Result

ORIGIN = TypeAdapter(Origin)
DESCRIPTION = TypeAdapter(Description)
RESULT = TypeAdapter(Result)
FAULT = TypeAdapter(Fault)


def as_json(adapter: TypeAdapter[Any], value: object) -> str:
    return adapter.dump_json(value).decode()
