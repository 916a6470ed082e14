"""Refuses what no store can hold: NUL, lone surrogates, NaN and infinite numbers, by field."""

import json
import math
import re
from collections.abc import Iterator

from fastapi import Request

from services.gateway.http.limits import UPLOADS_PATH
from services.gateway.models.refusals import InvalidRequest

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
# Deeper than any filter; JSON may nest as deep as it is long.
_DEPTH_MAX = 32
_BODIES = ("POST", "PUT", "PATCH")
# Any text may be asked for: contracts/gateway/http.py makes it searchable.
_ASKED = ("question", "query")


async def clean(request: Request) -> None:
    """A dependency of every route. Raises InvalidRequest that names the field."""
    for field, text in request.path_params.items():
        check(field, text)
    for field, text in request.query_params.multi_items() if request.scope["query_string"] else ():
        check(field, text)
    # An upload is read as it streams in: http/uploads.py checks its fields.
    if request.method in _BODIES and request.scope["path"] != UPLOADS_PATH:
        try:
            fields = await request.json()
        except ValueError:
            return  # FastAPI refuses it
        for field, value in fields.items() if isinstance(fields, dict) else ():
            if not (field in _ASKED and isinstance(value, str)):
                check(field, value)


def parsed(field: str, text: str, what: str) -> object:
    """The JSON of a form's field. Raises InvalidRequest; `what` says what to send instead."""
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidRequest(field, f"This is not JSON. Send {what}.") from None
    check(field, value)
    return value


def check(field: str, value: object) -> None:
    """Raises InvalidRequest when something in `value` cannot be kept; names where it stands."""
    for path, fault in _faults(value):
        shown = ".".join([_shown(field), *path])
        raise InvalidRequest(shown, fault)
    if _UNSTORABLE.search(field):
        raise InvalidRequest(_shown(field), "A name holds NUL or half a character; remove it.")


def _faults(value: object) -> Iterator[tuple[list[str], str]]:
    """Where something is wrong, and what. Without recursion, which JSON could exhaust."""
    open_: list[tuple[list[str], object]] = [([], value)]
    while open_:
        path, one = open_.pop()
        if isinstance(one, str):
            if _UNSTORABLE.search(one):
                yield path, "It holds NUL or half a character (a lone surrogate); remove it."
        elif isinstance(one, float):
            if not math.isfinite(one):
                yield path, "It is no finite number; leave it out, or send it as text."
        elif isinstance(one, dict | list):
            if len(path) >= _DEPTH_MAX:
                yield path[:3], f"It nests deeper than {_DEPTH_MAX} levels."
                continue
            pairs = one.items() if isinstance(one, dict) else enumerate(one)
            for key, inner in pairs:
                if isinstance(key, str) and _UNSTORABLE.search(key):
                    yield [*path, _shown(key)], "Its name holds NUL or half a character."
                open_.append(([*path, _shown(str(key))], inner))


def _shown(name: str) -> str:
    """A field's name that can itself be answered."""
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", name)[:64]
