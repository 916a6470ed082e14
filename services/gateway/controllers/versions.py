"""/v1/documents/{id}: changes to what is said of it, its versions, its file and its text."""

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Query, Response

from contracts.gateway.http import DOCUMENT_ID, DocumentView
from contracts.gateway.http_versions import (
    VERSION_MAX,
    DocumentChange,
    TextView,
    VersionList,
    VersionView,
)
from contracts.ingestion.queries import DocumentSummary
from contracts.ingestion.versions import DescribeDocumentV1, VersionSummary
from services.gateway.http.auth import Needs
from services.gateway.http.downloads import UNKNOWN, FileResponse, single_range
from services.gateway.http.problems import documented, json_response
from services.gateway.models.principal import Principal
from services.gateway.services.documents.versions import Versions

Id = Annotated[str, Path(max_length=128, description="the document's id", examples=[DOCUMENT_ID])]
Number = Annotated[int, Path(ge=1, le=VERSION_MAX, description="the version", examples=[1])]
Wanted = Annotated[
    int | None,
    Query(ge=1, le=VERSION_MAX, description="left out: the one that searches find"),
]
Range = Annotated[str | None, Header(description="one range of bytes, such as `bytes=0-1023`")]
_FILE = {
    "description": "the file's bytes",
    "content": {UNKNOWN: {"schema": {"type": "string", "format": "binary"}, "example": "(bytes)"}},
}


def version_routes(needs: Needs, versions: Versions) -> APIRouter:
    router = APIRouter(tags=["documents"])
    _route_changes(router, needs, versions)
    reader = Annotated[Principal, Depends(needs("documents:read"))]

    @router.get(
        "/v1/documents/{document_id}/versions",
        operation_id="list_versions",
        summary="List a document's versions, newest first",
        response_model=VersionList,
        responses=documented(404, 422, 503),
    )
    async def list_versions(document_id: Id, who: reader) -> Response:
        found = await versions.listed(who, document_id)
        views = [_version(version, found.name) for version in found.versions]
        return json_response(VersionList(versions=views))

    @router.get(
        "/v1/documents/{document_id}/content",
        operation_id="get_content",
        summary="Download a document's file as it was handed in",
        response_class=Response,
        responses={**documented(404, 409, 422, 503), 200: _FILE, 206: _FILE},
    )
    async def get_content(
        document_id: Id, who: reader, version: Wanted = None, range: Range = None
    ) -> Response:
        wanted = single_range(range)
        found, download = await versions.content(who, document_id, version, wanted)
        kind = found.media_type or UNKNOWN
        if found.key is None:
            kind = f"{kind}; charset=utf-8"
        return FileResponse(found.name, kind, download)

    @router.get(
        "/v1/documents/{document_id}/text",
        operation_id="get_text",
        summary="Show a document's text as it was read",
        response_model=TextView,
        responses=documented(404, 409, 422, 503),
    )
    async def get_text(document_id: Id, who: reader, version: Wanted = None) -> Response:
        found = await versions.text(who, document_id, version)
        shown = found.model_dump() | {"document_id": document_id, "version": found.ordinal}
        return json_response(TextView.model_validate(shown))

    return router


def _route_changes(router: APIRouter, needs: Needs, versions: Versions) -> None:
    writer = Annotated[Principal, Depends(needs("documents:write"))]

    @router.patch(
        "/v1/documents/{document_id}",
        operation_id="change_document",
        summary="Change a document's tags, metadata or visibility",
        description="It becomes a new version, without reading the file again, unless "
        "`metadata.title` changes.",
        response_model=DocumentView,
        responses=documented(404, 409, 413, 422, 503),
    )
    async def change_document(document_id: Id, body: DocumentChange, who: writer) -> Response:
        wanted = DescribeDocumentV1(
            document_id=document_id, changed=tuple(sorted(body.model_fields_set)), **dict(body)
        )
        return json_response(_document(await versions.describe(who, document_id, wanted)))

    @router.post(
        "/v1/documents/{document_id}/versions/{version}/restore",
        operation_id="restore_version",
        summary="Show an earlier version again, as the document's newest one",
        description="Its text, tags and metadata come back without reading the file again. Only "
        "those see it who may see both that version and the newest one.",
        status_code=202,
        response_model=DocumentView,
        responses=documented(404, 409, 422, 503),
    )
    async def restore_version(document_id: Id, version: Number, who: writer) -> Response:
        return json_response(_document(await versions.restore(who, document_id, version)), 202)


def _document(document: DocumentSummary) -> DocumentView:
    shown = document.model_dump(mode="json") | {"version": document.ordinal}
    return DocumentView.model_validate(shown)


def _version(version: VersionSummary, name: str) -> VersionView:
    shown = version.model_dump(mode="json") | {"version": version.ordinal, "name": name}
    return VersionView.model_validate(shown)
