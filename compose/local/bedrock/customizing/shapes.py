"""Checks a request against botocore's own description of the operation, patterns too."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import botocore.session
from botocore.model import Shape

from compose.local.bedrock.errors import ValidationError

_KINDS: dict[str, type] = {
    "structure": dict,
    "map": dict,
    "list": list,
    "string": str,
    "integer": int,
    "long": int,
    "boolean": bool,
}


@cache
def _model_of(service: str) -> Any:
    return botocore.session.get_session().get_service_model(service)


def check_shape(operation: str, body: Any, service: str = "bedrock") -> dict[str, Any]:
    """The body. Raises ValidationError, which names the first fields that do not fit."""
    wanted = _model_of(service).operation_model(operation).input_shape
    faults = list(_faults(wanted, body, ""))
    if faults:
        raise ValidationError("; ".join(faults[:5]))
    found: dict[str, Any] = body
    return found


def _faults(shape: Any, value: Any, where: str) -> Iterator[str]:
    kind = _KINDS.get(shape.type_name)
    if kind is not None and not isinstance(value, kind):
        yield f"{where or 'the body'} is no {shape.type_name}"
    elif shape.type_name == "structure":
        yield from (f"{where}{name} is missing" for name in _missing(shape, value))
        for name, part in value.items():
            if name not in shape.members:
                yield f"{where}{name} is not known"
            else:
                yield from _faults(shape.members[name], part, f"{where}{name}.")
    elif shape.type_name == "list":
        for place, part in enumerate(value):
            yield from _faults(shape.member, part, f"{where}{place}.")
    elif shape.type_name == "map":
        for name, part in value.items():
            yield from _faults(shape.value, part, f"{where}{name}.")
    elif shape.type_name == "string":
        yield from _text_faults(shape, value, where.rstrip("."))


def _missing(shape: Any, value: dict[str, Any]) -> list[str]:
    """What stands in the path is no part of the body."""
    in_body = [
        n for n in shape.required_members if "location" not in shape.members[n].serialization
    ]
    return [name for name in in_body if name not in value]


def _text_faults(shape: Shape, value: str, where: str) -> Iterator[str]:
    told = shape.metadata
    if "enum" in told and value not in told["enum"]:
        yield f"{where} must be one of {', '.join(told['enum'])}"
    if len(value) < told.get("min", 0) or len(value) > told.get("max", len(value)):
        yield f"{where} has the wrong length"
    if "pattern" in told and not re.fullmatch(told["pattern"], value):
        yield f"{where} does not match {told['pattern']}"
