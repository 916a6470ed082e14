"""An upload: its file is passed on as it streams in, its other fields are checked."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any, TypeVar

from fastapi import Request
from pydantic import Field, TypeAdapter, ValidationError

from contracts.ingestion.chunking import CHUNKINGS, Chunking, known_chunking
from contracts.ingestion.document import Metadata, Reader, Tags
from services.gateway.http.cleanness import check, parsed
from services.gateway.http.limits import too_large
from services.gateway.http.multipart import Form
from services.gateway.models.document import Labels
from services.gateway.models.refusals import InvalidRequest
from shared.errors import Unavailable

T = TypeVar("T")
_TAGS: TypeAdapter[Tags] = TypeAdapter(Tags)
_METADATA: TypeAdapter[Metadata] = TypeAdapter(Metadata)
_VISIBILITY: TypeAdapter[tuple[str, ...]] = TypeAdapter(
    Annotated[tuple[Reader, ...], Field(min_length=1, max_length=64)]
)

# What OpenAPI says of the body: FastAPI does not know it, since it is read here.
SCHEMA: dict[str, Any] = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "example": {
                "file": "(the file's bytes, with its name)",
                "tags": "travel,denmark",
                "metadata": '{"year": 2026, "draft": false}',
                "visibility": '["user:ann", "group:law"]',
            },
            "schema": {
                "type": "object",
                "required": ["file"],
                "properties": {
                    "file": {
                        "type": "string",
                        "format": "binary",
                        "description": "The file; its name becomes the document's name. A name "
                        "that the tenant has already is a new version of that document.",
                    },
                    "tags": {
                        "type": "string",
                        "description": "Separated by commas; the field may be repeated.",
                    },
                    "metadata": {
                        "type": "string",
                        "contentMediaType": "application/json",
                        "description": "A JSON object; its values are texts, numbers, true or "
                        "false, and dates.",
                    },
                    "visibility": {
                        "type": "string",
                        "contentMediaType": "application/json",
                        "description": "A JSON list of the users and groups who may see it; the "
                        "uploader is not added. Left out: the whole tenant.",
                    },
                    "chunking": {
                        "type": "string",
                        "enum": list(CHUNKINGS),
                        "description": "How the document is cut into passages. Left out: as the "
                        "tenant has it.",
                    },
                },
            },
        }
    },
}


class UploadSlots:
    """So many uploads at once; each holds a part of its file in memory. Others wait their turn."""

    def __init__(self, count: int, wait_s: float) -> None:
        self._free, self._wait_s = asyncio.Semaphore(count), wait_s

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[None]:
        """Raises Unavailable when no slot becomes free in time."""
        try:
            async with asyncio.timeout(self._wait_s):
                await self._free.acquire()
        except TimeoutError:
            raise Unavailable("uploads", "all slots are taken") from None
        try:
            yield
        finally:
            self._free.release()


class StreamedUpload:
    """models.document.Upload over a request whose body is still coming in."""

    def __init__(self, form: Form, file_name: str, limit_bytes: int) -> None:
        self._form, self._limit_bytes, self._labels = form, limit_bytes, Labels()
        self.file_name = file_name

    @property
    def labels(self) -> Labels:
        return self._labels

    async def chunks(self) -> AsyncIterator[bytes]:
        """Raises InvalidRequest, or HTTPException 413 for a file over the limit."""
        count = 0
        async for piece in self._form.file():
            count += len(piece)
            if count > self._limit_bytes:
                raise too_large(self._limit_bytes)
            yield piece
        self._labels = _labels(self._form.fields)


async def begin_upload(request: Request, limit_bytes: int) -> StreamedUpload:
    """Reads up to the file's first byte. Raises InvalidRequest."""
    form = Form(request)
    await form.begin()
    return StreamedUpload(form, form.file_name or "", limit_bytes)


def _labels(fields: dict[str, list[str]]) -> Labels:
    texts = fields.get("tags", ())
    tags = [tag.strip() for text in texts for tag in text.split(",") if tag.strip()]
    check("tags", tags)
    metadata = _json(fields, "metadata", "an object")
    visibility = _json(fields, "visibility", "a list")
    return Labels(
        tags=_checked(_TAGS, "tags", tags),
        metadata={} if metadata is None else _checked(_METADATA, "metadata", metadata),
        # An empty list is refused: a document that nobody sees is a mistake.
        visibility=None if visibility is None else _checked(_VISIBILITY, "visibility", visibility),
        chunking=_chunking(fields),
    )


def _chunking(fields: dict[str, list[str]]) -> Chunking | None:
    name = next((text.strip() for text in fields.get("chunking", ()) if text.strip()), None)
    if name is None:
        return None
    try:
        return known_chunking(name)
    except ValueError as error:
        raise InvalidRequest("chunking", str(error)) from None


def _json(fields: dict[str, list[str]], field: str, what: str) -> object:
    """None when nothing was given; a given `null` is no value of any field."""
    text = next((text for text in fields.get(field, ()) if text.strip()), None)
    if text is None:
        return None
    value = parsed(field, text, what)
    if value is None:
        raise InvalidRequest(field, f"Send {what}.")
    return value


def _checked(adapter: TypeAdapter[T], field: str, value: object) -> T:
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join([field, *(str(part) for part in first["loc"][:1])])
        raise InvalidRequest(where, first["msg"]) from None
