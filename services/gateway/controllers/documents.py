"""/v1/documents: add, list, look at and delete documents."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from contracts.gateway.http import DocumentAccepted, DocumentList, DocumentView
from services.gateway.http.auth import Needs
from services.gateway.http.json_response import json_response
from services.gateway.http.problems import documented
from services.gateway.http.uploads import SCHEMA, read_upload
from services.gateway.models.principal import Principal
from services.gateway.services.documents.accepting import AcceptDocument
from services.gateway.services.documents.documents import (
    DeleteDocument,
    ListDocuments,
    ShowDocument,
)

Limit = Annotated[int, Query(ge=1, le=500)]
After = Annotated[str | None, Query(max_length=512, description="`next` of the page before")]


@dataclass(frozen=True)
class DocumentCases:
    """The use cases behind the resource."""

    accept: AcceptDocument
    show: ShowDocument
    list: ListDocuments
    delete: DeleteDocument


def document_routes(needs: Needs, cases: DocumentCases, upload_limit_bytes: int) -> APIRouter:
    router = APIRouter(tags=["documents"])
    reader = Annotated[Principal, Depends(needs("documents:read"))]
    writer = Annotated[Principal, Depends(needs("documents:write"))]

    @router.post(
        "/v1/documents",
        summary="Add a document, or a new version of one",
        status_code=202,
        response_model=DocumentAccepted,
        responses=documented(413, 415, 422, 503),
        openapi_extra={"requestBody": SCHEMA},
    )
    async def add(request: Request, who: writer) -> Response:
        upload = await read_upload(request, upload_limit_bytes)
        return json_response(await cases.accept(who, upload), 202)

    @router.get(
        "/v1/documents",
        summary="List documents, newest first",
        response_model=DocumentList,
        responses=documented(422, 503),
    )
    async def listing(who: reader, limit: Limit = 50, after: After = None) -> Response:
        return json_response(await cases.list(who, limit, after))

    @router.get(
        "/v1/documents/{document_id}",
        summary="Where a document stands",
        response_model=DocumentView,
        responses=documented(404, 422, 503),
    )
    async def show(document_id: str, who: reader) -> Response:
        return json_response(await cases.show(who, document_id))

    @router.delete(
        "/v1/documents/{document_id}",
        summary="Delete a document: invisible at once",
        status_code=202,
        response_model=DocumentView,
        responses=documented(404, 422, 503),
    )
    async def delete(document_id: str, who: writer) -> Response:
        return json_response(await cases.delete(who, document_id), 202)

    return router
