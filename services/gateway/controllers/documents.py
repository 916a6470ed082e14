"""/v1/documents: add, list, look at and delete documents; hear of those that changed."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from contracts.envelope import Context
from contracts.gateway.http import (
    DOCUMENT_ID,
    STATUSES,
    CertificateView,
    DocumentAccepted,
    DocumentList,
    DocumentView,
    UploadBody,
    UploadGrant,
)
from contracts.ingestion.events import DocumentDeletedV1
from contracts.ingestion.queries import DocumentsListedV1, DocumentSummary
from contracts.retrieval.events import DocumentIndexedV1
from services.gateway.http.auth import Needs
from services.gateway.http.problems import documented, json_response
from services.gateway.http.uploads import SCHEMA, UploadSlots, begin_upload
from services.gateway.models.document import AcceptedNote, Chosen, ExpectedUpload, Labels
from services.gateway.models.principal import Principal
from services.gateway.services.documents.accepting import Accepting, Granted
from services.gateway.services.documents.documents import Documents
from services.gateway.services.documents.forgetting import Forgetting
from services.gateway.services.spending.admission import Admission
from shared.outcomes import Done, Outcome

Id = Annotated[str, Path(max_length=128, description="the document's id", examples=[DOCUMENT_ID])]
Limit = Annotated[int, Query(ge=1, le=500, description="documents on a page", examples=[50])]
State = Annotated[
    str | None,
    Query(max_length=32, description=f"only documents in this state: {STATUSES}"),
]
NamePart = Annotated[
    str | None,
    Query(max_length=512, description="only documents with this in their name, in any case"),
]
Tagged = Annotated[str | None, Query(max_length=64, description="only documents with this tag")]
After = Annotated[
    str | None,
    Query(max_length=512, description="`next` of the page before; left out: the first page"),
]


@dataclass(frozen=True)
class DocumentsController:
    """An outage passes: the message comes again."""

    forgetting: Forgetting

    async def indexed(self, message: DocumentIndexedV1, context: Context) -> Outcome:
        await self.forgetting.changed(message.document_id, context)
        return Done()

    async def deleted(self, message: DocumentDeletedV1, context: Context) -> Outcome:
        await self.forgetting.deleted(message, context)
        return Done()


def document_routes(
    needs: Needs,
    accepting: Accepting,
    documents: Documents,
    upload_limit_bytes: int,
    slots: UploadSlots,
    admission: Admission,
) -> APIRouter:
    router = APIRouter(tags=["documents"])
    _route_uploads(router, needs, accepting, upload_limit_bytes, slots, admission)
    _route_list(router, needs, documents)
    _route_steering(router, needs, documents)
    _route_certificates(router, needs, documents)
    reader = Annotated[Principal, Depends(needs("documents:read"))]
    writer = Annotated[Principal, Depends(needs("documents:write"))]

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
    router: APIRouter,
    needs: Needs,
    accepting: Accepting,
    limit_bytes: int,
    slots: UploadSlots,
    admission: Admission,
) -> None:
    @router.post(
        "/v1/documents",
        operation_id="add_document",
        summary="Add a document, or a new version of one",
        status_code=202,
        response_model=DocumentAccepted,
        responses=documented(413, 415, 422, 429, 503),
        openapi_extra={"requestBody": SCHEMA},
    )
    async def add_document(
        request: Request, who: Annotated[Principal, Depends(needs("documents:write"))]
    ) -> Response:
        await admission.upload(who)
        async with slots.taken():
            note = await accepting.accept(who, await begin_upload(request, limit_bytes))
        return json_response(_accepted(note), 202)

    @router.post(
        "/v1/uploads",
        operation_id="add_upload",
        summary="Add a document whose file goes to S3 directly",
        response_model=UploadGrant,
        responses=documented(415, 422, 503),
    )
    async def add_upload(
        body: UploadBody, who: Annotated[Principal, Depends(needs("documents:write"))]
    ) -> Response:
        return json_response(_granted(await accepting.expect(who, _expected(body))))


def _expected(body: UploadBody) -> ExpectedUpload:
    labels = Labels(body.tags, dict(body.metadata), body.visibility, body.chunking)
    return ExpectedUpload(body.name, body.size, labels, body.media_type)


def _granted(granted: Granted) -> UploadGrant:
    return UploadGrant(
        document_id=granted.note.document_id,
        name=granted.note.name,
        url=granted.grant.url,
        fields=dict(granted.grant.fields),
        expires_at=granted.expires.isoformat(),
    )


def _route_list(router: APIRouter, needs: Needs, documents: Documents) -> None:
    reader = Annotated[Principal, Depends(needs("documents:read"))]

    @router.get(
        "/v1/documents",
        operation_id="list_documents",
        summary="List documents, newest first",
        response_model=DocumentList,
        responses=documented(422, 503),
    )
    async def list_documents(
        who: reader,
        limit: Limit = 50,
        after: After = None,
        state: State = None,
        query: NamePart = None,
        tag: Tagged = None,
    ) -> Response:
        chosen = Chosen(state or None, query or None, tag or None)
        return json_response(_page(await documents.list(who, limit, after, chosen)))


def _route_steering(router: APIRouter, needs: Needs, documents: Documents) -> None:
    writer = Annotated[Principal, Depends(needs("documents:write"))]

    @router.post(
        "/v1/documents/{document_id}/retry",
        operation_id="retry_document",
        summary="Work on a rejected or failed document again",
        status_code=202,
        response_model=DocumentView,
        responses=documented(404, 409, 422, 503),
    )
    async def retry_document(document_id: Id, who: writer) -> Response:
        return json_response(_view(await documents.retry(who, document_id)), 202)

    @router.post(
        "/v1/documents/{document_id}/cancel",
        operation_id="cancel_document",
        summary="Stop work on a document; a version that is ready stays",
        status_code=202,
        response_model=DocumentView,
        responses=documented(404, 409, 422, 503),
    )
    async def cancel_document(document_id: Id, who: writer) -> Response:
        return json_response(_view(await documents.cancel(who, document_id)), 202)

    @router.post(
        "/v1/documents/{document_id}/reindex",
        operation_id="reindex_document",
        summary="Read a ready document anew from the same bytes, as its next version",
        status_code=202,
        response_model=DocumentView,
        responses=documented(404, 409, 422, 503),
    )
    async def reindex_document(document_id: Id, who: writer) -> Response:
        return json_response(_view(await documents.reindex(who, document_id)), 202)


def _route_certificates(router: APIRouter, needs: Needs, documents: Documents) -> None:
    reader = Annotated[Principal, Depends(needs("documents:read"))]

    @router.get(
        "/v1/documents/{document_id}/certificate",
        operation_id="get_certificate",
        summary="Show what a document's deletion removed",
        description="For admins and for the user who deleted the document; 404 for all others, and"
        " for a document that was never deleted. It stays when a document of the same name is added"
        " again.",
        response_model=CertificateView,
        responses=documented(404, 422, 503),
    )
    async def get_certificate(document_id: Id, who: reader) -> Response:
        found = await documents.certificate(who, document_id)
        return json_response(CertificateView.model_validate(found.model_dump(mode="json")))


def _accepted(note: AcceptedNote) -> DocumentAccepted:
    return DocumentAccepted(document_id=note.document_id, name=note.name, status="accepted")


def _page(listed: DocumentsListedV1) -> DocumentList:
    return DocumentList(documents=[_view(one) for one in listed.documents], next=listed.next)


def _view(document: DocumentSummary | AcceptedNote) -> DocumentView:
    if isinstance(document, DocumentSummary):
        shown = document.model_dump(mode="json") | {"version": document.ordinal}
        return DocumentView.model_validate(shown)
    return DocumentView(
        document_id=document.document_id,
        name=document.name,
        status="accepted",
        media_type=document.media_type,
        tags=document.tags,
        visibility=document.visibility,
        owner=document.user,
        source="http",
        created_at=document.accepted_at.isoformat(),
    )
