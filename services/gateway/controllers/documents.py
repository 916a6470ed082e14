"""/v1/documents: add, list, look at and delete documents."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from contracts.gateway.http import DOCUMENT_ID, DocumentAccepted, DocumentList, DocumentView
from contracts.ingestion.queries import DocumentsListedV1, DocumentSummary
from services.gateway.http.auth import Needs
from services.gateway.http.problems import documented, json_response
from services.gateway.http.uploads import SCHEMA, UploadSlots, begin_upload
from services.gateway.models.document import AcceptedNote
from services.gateway.models.principal import Principal
from services.gateway.services.documents.accepting import Accepting
from services.gateway.services.documents.documents import Documents

Id = Annotated[str, Path(max_length=128, description="the document's id", examples=[DOCUMENT_ID])]
Limit = Annotated[int, Query(ge=1, le=500, description="documents on a page", examples=[50])]
After = Annotated[
    str | None,
    Query(max_length=512, description="`next` of the page before; left out: the first page"),
]


def document_routes(
    needs: Needs,
    accepting: Accepting,
    documents: Documents,
    upload_limit_bytes: int,
    slots: UploadSlots,
) -> APIRouter:
    router = APIRouter(tags=["documents"])
    _route_uploads(router, needs, accepting, upload_limit_bytes, slots)
    reader = Annotated[Principal, Depends(needs("documents:read"))]
    writer = Annotated[Principal, Depends(needs("documents:write"))]

    @router.get(
        "/v1/documents",
        operation_id="list_documents",
        summary="List documents, newest first",
        response_model=DocumentList,
        responses=documented(422, 503),
    )
    async def list_documents(who: reader, limit: Limit = 50, after: After = None) -> Response:
        return json_response(_page(await documents.list(who, limit, after)))

    @router.get(
        "/v1/documents/{document_id}",
        operation_id="get_document",
        summary="Show where a document stands",
        response_model=DocumentView,
        responses=documented(404, 422, 503),
    )
    async def get_document(document_id: Id, who: reader) -> Response:
        return json_response(_view(await documents.show(who, document_id)))

    @router.delete(
        "/v1/documents/{document_id}",
        operation_id="delete_document",
        summary="Delete a document: nobody finds it any more from now on",
        status_code=202,
        response_model=DocumentView,
        responses=documented(404, 422, 503),
    )
    async def delete_document(document_id: Id, who: writer) -> Response:
        return json_response(_view(await documents.delete(who, document_id)), 202)

    return router


def _route_uploads(
    router: APIRouter, needs: Needs, accepting: Accepting, limit_bytes: int, slots: UploadSlots
) -> None:
    @router.post(
        "/v1/documents",
        operation_id="add_document",
        summary="Add a document, or a new version of one",
        status_code=202,
        response_model=DocumentAccepted,
        responses=documented(413, 415, 422, 503),
        openapi_extra={"requestBody": SCHEMA},
    )
    async def add_document(
        request: Request, who: Annotated[Principal, Depends(needs("documents:write"))]
    ) -> Response:
        async with slots.taken():
            note = await accepting.accept(who, await begin_upload(request, limit_bytes))
        return json_response(_accepted(note), 202)


def _accepted(note: AcceptedNote) -> DocumentAccepted:
    return DocumentAccepted(document_id=note.document_id, name=note.name, status="accepted")


def _page(listed: DocumentsListedV1) -> DocumentList:
    return DocumentList(documents=[_view(one) for one in listed.documents], next=listed.next)


def _view(document: DocumentSummary | AcceptedNote) -> DocumentView:
    if isinstance(document, DocumentSummary):
        return DocumentView.model_validate(document.model_dump(mode="json"))
    return DocumentView(
        document_id=document.document_id,
        name=document.name,
        status="accepted",
        media_type=document.media_type,
        tags=document.tags,
        created_at=document.accepted_at.isoformat(),
    )
