"""A version that retrieval has indexed becomes ready."""

import logging
from dataclasses import dataclass

from services.ingestion.store.ledger import Ledger
from shared.observability import metric

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class MarkReady:
    """When the counts differ, or the version was replaced, it stays as it is."""

    ledger: Ledger

    async def __call__(self, document_id: str, ordinal: int, chunks: int) -> None:
        if await self.ledger.ready(document_id, ordinal, chunks):
            metric("DocumentReady", 1)
            return
        fields = {"document_id": document_id, "ordinal": ordinal, "chunks": chunks}
        logger.warning("indexed_but_not_ready", extra={"fields": fields})
