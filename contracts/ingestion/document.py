"""The fields that describe a document in every message about it."""

import math
import re
import unicodedata
from datetime import date
from typing import Annotated
from uuid import NAMESPACE_URL, uuid5

from pydantic import AfterValidator, Field

from contracts.message import Shape

# Neither PostgreSQL nor UTF-8 can hold them.
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def storable(text: str) -> str:
    """The text itself. Raises ValueError for NUL characters and lone surrogates."""
    if _UNSTORABLE.search(text):
        raise ValueError("it holds NUL characters or lone surrogates; remove them")
    return text


def _all_storable(texts: tuple[str, ...]) -> tuple[str, ...]:
    for text in texts:
        storable(text)
    return texts


def _storable_values(metadata: dict[str, "Value"]) -> dict[str, "Value"]:
    for key, value in metadata.items():
        storable(key)
        if isinstance(value, str):
            storable(value)
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError("a number is NaN or infinite; leave it out, or write it as text")
    return metadata


Name = Annotated[str, Field(min_length=1, max_length=512), AfterValidator(storable)]
Tag = Annotated[str, Field(min_length=1, max_length=64)]
Tags = Annotated[tuple[Tag, ...], Field(max_length=32), AfterValidator(_all_storable)]
Value = str | int | float | bool | date
Metadata = Annotated[dict[str, Value], Field(max_length=32), AfterValidator(_storable_values)]
Reader = Annotated[str, Field(pattern=r"^(user|group):[^\x00-\x1f]{1,128}$")]
# Users (`user:ann`) and groups (`group:law`) who may see it; none given: the whole tenant.
Visibility = Annotated[tuple[str, ...], Field(max_length=64), AfterValidator(_all_storable)] | None

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


# The documents that a part came in, from the nearest to the outermost; none: no part.
Parents = Annotated[tuple[str, ...], Field(max_length=16)]


class Failure(Shape):
    """Why a document is not ready: a stable code, and words that say what to do."""

    code: str
    message: str


def normal_name(raw: str) -> str:
    """The name that identifies a document, whichever way it came; empty when nothing is left.

    NFC. Control characters and line separators become blanks, and blanks in a row are one.
    Formatting characters (bidirectional controls, zero width) are removed, and so is what is no
    character: surrogates, private and unassigned code points.
    """
    kinds = [(letter, unicodedata.category(letter)) for letter in raw]
    shown = "".join(
        " " if kind in ("Cc", "Zl", "Zp") else letter
        for letter, kind in kinds
        if kind not in ("Cf", "Cs", "Co", "Cn")
    )
    return " ".join(unicodedata.normalize("NFC", shown).split())


_DRIVE = re.compile(r"^[A-Za-z]:(?=[/\\])")


def normal_path(raw: str) -> str:
    """A file's name with its folders, each part as `normal_name` has it; empty: nothing is left.

    Drives, leading slashes, `.` and `..` are left out, so that no path leads outside.
    """
    parts = map(normal_name, re.split(r"[/\\]", _DRIVE.sub("", raw)))
    return "/".join(part for part in parts if part.strip(". "))


def document_id(tenant: str, name: str) -> str:
    """A document's identity: the same for a tenant's name over all versions and entrances."""
    return str(uuid5(NAMESPACE_URL, f"ragops/{tenant}/{name}"))
