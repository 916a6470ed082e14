"""Audits: what is held of each document, and what is left of passages that are gone."""

from dataclasses import dataclass

from contracts.envelope import Context
from contracts.retrieval.audit import (
    AuditIndexV1,
    AuditNamesV1,
    IndexAuditedV1,
    IndexedDocument,
    IndexedVersion,
    NamesAuditedV1,
)
from services.retrieval.models.holding import HeldVersion, Page
from services.retrieval.services.indexing.auditing import Auditing, Pair, versions_of
from shared.outcomes import Done, Outcome


@dataclass(frozen=True)
class AuditsController:
    auditing: Auditing

    async def index(self, message: AuditIndexV1, context: Context) -> Outcome:
        page = Page(message.after, message.limit, message.document_ids)
        found, more = await self.auditing.page(context.tenant, page)
        beside = self.auditing.beside is not None
        documents = tuple(_document(pair, beside) for pair in found)
        return Done(IndexAuditedV1(documents=documents, next=more))

    async def names(self, message: AuditNamesV1, context: Context) -> Outcome:
        strays = await self.auditing.strays(context.tenant, remove=message.remove)
        return Done(NamesAuditedV1(strays=strays))


def _document(pair: Pair, beside: bool) -> IndexedDocument:
    held = pair[0] or pair[1]
    assert held is not None
    head = pair[0].head if pair[0] else None
    return IndexedDocument(
        document_id=held.document_id,
        head=head.ordinal if head else None,
        live=head is not None and head.live,
        versions=tuple(_version(*both, beside) for both in versions_of(pair)),
    )


def _version(stored: HeldVersion | None, graph: HeldVersion | None, beside: bool) -> IndexedVersion:
    ordinal = (stored or graph or HeldVersion(0, 0)).ordinal
    passages = stored.passages if stored else 0
    if beside:
        found = graph or HeldVersion(ordinal, 0, 0)
        return IndexedVersion(
            ordinal=ordinal, passages=passages, in_graph=found.passages, names=found.names
        )
    return IndexedVersion(
        ordinal=ordinal, passages=passages, names=stored.names if stored else None
    )
