"""Reads a multipart upload; the file is spooled to disk, its parts are checked."""

import json
from typing import Annotated, Any, TypeVar

from fastapi import Request
from pydantic import Field, TypeAdapter, ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from contracts.ingestion.document import Metadata, Tags
from services.gateway.http.limits import too_large
from services.gateway.models.document import Upload
from services.gateway.models.refusals import InvalidRequest

T = TypeVar("T")
_TAGS: TypeAdapter[Tags] = TypeAdapter(Tags)
_METADATA: TypeAdapter[Metadata] = TypeAdapter(Metadata)
_Reader = Annotated[str, Field(pattern=r"^(user|group):[^\x00-\x1f]{1,128}$")]
_VISIBILITY: TypeAdapter[tuple[str, ...]] = TypeAdapter(
    Annotated[tuple[_Reader, ...], Field(min_length=1, max_length=64)]
)
_FIELDS_MAX = 40
_FIELD_BYTES_MAX = 64 * 1024

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
                },
            },
        }
    },
}


async def read_upload(request: Request, limit_bytes: int) -> Upload:
    """Raises InvalidRequest, or HTTPException 413."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise InvalidRequest("body", "Send the file as multipart/form-data, in the field 'file'.")
    try:
        async with request.form(
            max_files=1, max_fields=_FIELDS_MAX, max_part_size=_FIELD_BYTES_MAX
        ) as form:
            return await _upload(form, limit_bytes)
    except ClientDisconnect:
        raise HTTPException(400, "The upload broke off. Send it again.") from None
    except HTTPException as error:
        if error.status_code != 400:
            raise
        raise InvalidRequest("body", str(error.detail)) from None


async def _upload(form: FormData, limit_bytes: int) -> Upload:
    file = form.get("file")
    if not isinstance(file, UploadFile):
        raise InvalidRequest("file", "Send the file in the field 'file', with its file name.")
    if (file.size or 0) > limit_bytes:
        raise too_large(limit_bytes)
    tags = [tag.strip() for field in _texts(form, "tags") for tag in field.split(",")]
    return Upload(
        file_name=file.filename or "",
        tags=_checked(_TAGS, "tags", [tag for tag in tags if tag]),
        metadata=_checked(_METADATA, "metadata", _parsed(form, "metadata", "an object")),
        visibility=_visibility(form),
        body=await file.read(),
    )


def _texts(form: FormData, field: str) -> list[str]:
    return [value for value in form.getlist(field) if isinstance(value, str)]


def _visibility(form: FormData) -> tuple[str, ...] | None:
    """An empty list is refused: a document that nobody sees is a mistake."""
    if not any(text.strip() for text in _texts(form, "visibility")):
        return None
    return _checked(_VISIBILITY, "visibility", _parsed(form, "visibility", "a list"))


def _parsed(form: FormData, field: str, what: str) -> object:
    texts = [text for text in _texts(form, field) if text.strip()]
    try:
        return json.loads(texts[0]) if texts else {}
    except ValueError:
        raise InvalidRequest(field, f"This is not JSON. Send {what}.") from None


def _checked(adapter: TypeAdapter[T], field: str, value: object) -> T:
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join([field, *(str(part) for part in first["loc"][:1])])
        raise InvalidRequest(where, first["msg"]) from None
