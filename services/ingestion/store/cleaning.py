"""What may go: objects of replaced and deleted versions, old marks of messages seen."""

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.ingestion.models.stored import ORIGIN
from services.ingestion.models.version import Deletion, Leftover
from services.ingestion.store import cleaning_sql as sql
from services.ingestion.store.database import Database


class Cleaning:
    """Every method raises Unavailable when PostgreSQL is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def purges(self, limit: int = 20) -> list[Deletion]:
        """Deletions to announce and purge; each is offered again until `purged` is called."""
        async with self._database.transaction() as connection:
            rows = await connection.execute(text(sql.PURGES), {"limit": limit})
            return [await _deletion(connection, row) for row in rows.mappings().all()]

    async def purged(self, deletion: Deletion) -> None:
        """Nothing but ids stays of it, in the registry too."""
        document = {"document_id": deletion.document_id}
        async with self._database.transaction() as connection:
            await connection.execute(text(sql.PURGED), document | {"ordinal": deletion.ordinal})
            await connection.execute(text(sql.FORGET), document)
            await connection.execute(text(sql.FORGET_VECTORS), document)
            await connection.execute(text(sql.FORGET_EXTRACTIONS), document)

    async def replaced(self, limit: int = 100) -> list[Leftover]:
        """Replaced versions whose objects may go; offered again until `cleaned` is called."""
        async with self._database.transaction() as connection:
            rows = await connection.execute(text(sql.REPLACED), {"limit": limit})
            return [Leftover(**row) for row in rows.mappings()]

    async def cleaned(self, leftover: Leftover) -> None:
        values = {"document_id": leftover.document_id, "ordinal": leftover.ordinal}
        async with self._database.transaction() as connection:
            await connection.execute(text(sql.CLEANED), values)

    async def forget_messages(self) -> None:
        async with self._database.transaction() as connection:
            await connection.execute(text(sql.FORGET_MESSAGES))


async def _deletion(connection: AsyncConnection, row: RowMapping) -> Deletion:
    objects = await connection.execute(text(sql.OBJECTS), {"document_id": row["document_id"]})
    found = objects.all()
    return Deletion(
        ORIGIN.validate_python(row["deleted_by"]),
        row["document_id"],
        row["name"],
        row["deleted_ordinal"],
        row["created_at"],
        ordinals=tuple(found_row.ordinal for found_row in found),
        keys=tuple({found_row.key: None for found_row in found if found_row.key}),
    )
