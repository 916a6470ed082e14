"""Where documents stand, for those who ask."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from contracts.ingestion.document import Counts, Failure
from contracts.ingestion.queries import DocumentsListedV1, DocumentStateV1, DocumentSummary
from services.ingestion.models.errors import BadCursor
from services.ingestion.models.version import Document
from services.ingestion.store.registry import Registry


@dataclass(frozen=True)
class Lookup:
    registry: Registry

    async def state(
        self,
        tenant: str,
        document: str,
        accepted_id: str | None,
        visible_to: Sequence[str] | None = None,
    ) -> DocumentStateV1 | None:
        """None for an unknown document, another tenant's and one the asker may not see."""
        found = await self.registry.get(tenant, document, visible_to)
        if found is None:
            return None
        taken_in = accepted_id is None or await self.registry.taken_in(tenant, accepted_id)
        return DocumentStateV1(document=summary(found), taken_in=taken_in)

    async def page(
        self, tenant: str, limit: int, after: str | None, visible_to: Sequence[str] | None = None
    ) -> DocumentsListedV1:
        """Raises BadCursor when `after` is not the `next` of a page."""
        place = _place(after) if after else None
        found = await self.registry.page(tenant, limit + 1, place, visible_to)
        shown = found[:limit]
        more = _cursor(shown[-1]) if len(found) > limit else None
        return DocumentsListedV1(documents=tuple(summary(one) for one in shown), next=more)


def summary(found: Document) -> DocumentSummary:
    return DocumentSummary.model_validate(
        {
            "document_id": found.document_id,
            "name": found.name,
            "status": found.status,
            "ordinal": found.ordinal,
            "media_type": found.media_type,
            "counts": Counts(
                chunks=found.counts.chunks,
                pages=found.counts.pages,
                characters=found.counts.characters,
                entities=found.counts.entities,
            ),
            "error": found.fault and Failure(code=found.fault.code, message=found.fault.message),
            "tags": found.description.tags,
            "metadata": found.description.metadata,
            "created_at": found.created_at,
            "updated_at": found.updated_at,
            "cited": found.cited,
        }
    )


def _cursor(last: Document) -> str:
    return urlsafe_b64encode(f"{last.created_at.isoformat()} {last.document_id}".encode()).decode()


def _place(after: str) -> tuple[datetime, str]:
    try:
        moment, document = urlsafe_b64decode(after).decode().split(" ")
        return datetime.fromisoformat(moment), document
    except ValueError:
        raise BadCursor("'after' must be the 'next' of the page before") from None
