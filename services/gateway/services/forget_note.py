"""Drops the note of a document that ingestion knows by now."""

from dataclasses import dataclass

from services.gateway.models.note import Notes


@dataclass(frozen=True)
class ForgetNote:
    """Raises Unavailable."""

    notes: Notes

    async def __call__(self, tenant: str, document_id: str) -> None:
        await self.notes.drop(tenant, document_id)
