"""The registry of documents: intake in groups, deletion, and what there is."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.ingestion.models.stored import DESCRIPTION, FAULT, ORIGIN, as_json
from services.ingestion.models.succession import Newest, is_new
from services.ingestion.models.version import Deletion, Document, Intake, Origin
from services.ingestion.store import registry_sql as sql
from services.ingestion.store.database import Database
from services.ingestion.store.rows import document_of, parameter
from shared.grouping import Grouping


class Registry:
    """What documents there are. Every method raises Unavailable when PostgreSQL is away."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.take_in = Grouping(self._take_in)

    async def _take_in(self, offered: Sequence[Intake]) -> list[bool]:
        """Commits the offered documents; False for what was taken in before or is nothing new.

        Each new version gets the next ordinal under its document's row lock, so ordinals rise
        in the order of intake. Versions still waiting or in work are superseded by it.
        """
        async with self._database.transaction() as connection:
            first_time = await _unseen(connection, offered)
            known = await _lock(connection, [offered[n] for n in first_time])
            new = _successors(offered, first_time, known)
            if new:
                await _insert(connection, new.values(), known)
        return [n in new for n in range(len(offered))]

    async def taken_in(self, tenant: str, message_id: str) -> bool:
        async with self._database.transaction() as connection:
            row = await connection.execute(
                text(sql.WAS_TAKEN_IN), {"tenant": tenant, "message_id": message_id}
            )
            return row.first() is not None

    async def get(
        self, tenant: str, document_id: str, visible_to: Sequence[str] | None = None
    ) -> Document | None:
        """None for an unknown document, another tenant's and one the asker may not see."""
        if "\0" in document_id:
            return None  # PostgreSQL cannot even be asked for it
        async with self._database.transaction() as connection:
            rows = await connection.execute(
                text(sql.GET),
                {"tenant": tenant, "document_id": document_id, "visible_to": _names(visible_to)},
            )
            row = rows.mappings().first()
        return document_of(row) if row else None

    async def page(
        self,
        tenant: str,
        limit: int,
        after: tuple[datetime, str] | None,
        visible_to: Sequence[str] | None = None,
    ) -> list[Document]:
        """Newest first, deleted ones left out; `after` is the last document's (time, id)."""
        created_at, document_id = after or (None, None)
        values = {
            "tenant": tenant,
            "limit": limit,
            "at": created_at,
            "id": document_id,
            "visible_to": _names(visible_to),
        }
        async with self._database.transaction() as connection:
            rows = await connection.execute(text(sql.PAGE), values)
            return [document_of(row) for row in rows.mappings()]

    async def delete(self, origin: Origin, document_id: str) -> Deletion | None:
        """Marks every version deleted, which cancels work in progress; None when unknown.

        Deleting twice is the same as once: the announcement is due again.
        """
        values = {
            "tenant": origin.tenant,
            "document_id": document_id,
            "origin": as_json(ORIGIN, origin),
        }
        if "\0" in document_id:
            return None
        async with self._database.transaction() as connection:
            rows = await connection.execute(text(sql.DELETE), values)
            row = rows.mappings().first()
            if row is None:
                return None
            await connection.execute(text(sql.DELETE_VERSIONS), {"document_id": document_id})
        return Deletion(
            origin, document_id, row["name"], row["last_ordinal"], created_at=row["created_at"]
        )

    async def count_citations(self, tenant: str, turn_id: str, documents: Iterable[str]) -> None:
        """Adds one to each document once a turn, however often the turn is told."""
        async with self._database.transaction() as connection:
            seen = {"rows": parameter([{"tenant": tenant, "message_id": f"turn/{turn_id}"}])}
            if (await connection.execute(text(sql.SEE), seen)).first() is not None:
                values = {"tenant": tenant, "ids": sorted(set(documents))}
                await connection.execute(text(sql.CITE), values)


def _names(visible_to: Sequence[str] | None) -> list[str] | None:
    return None if visible_to is None else list(visible_to)


async def _unseen(connection: AsyncConnection, offered: Sequence[Intake]) -> list[int]:
    """Places of those whose message was never taken in; they are marked as seen now."""
    places = {(o.origin.tenant, o.origin.message_id): n for n, o in reversed([*enumerate(offered)])}
    keys = [{"tenant": tenant, "message_id": message} for tenant, message in places]
    rows = await connection.execute(text(sql.SEE), {"rows": parameter(keys)})
    return sorted(places[row.tenant, row.message_id] for row in rows)


async def _lock(connection: AsyncConnection, offered: Sequence[Intake]) -> dict[str, Newest]:
    """The offered documents' rows, made if need be and locked in one order for all."""
    documents = {
        o.document_id: {"document_id": o.document_id, "tenant": o.origin.tenant, "name": o.name}
        for o in offered
    }
    if not documents:
        return {}
    rows = await connection.execute(
        text(sql.LOCK_DOCUMENTS), {"rows": parameter(documents.values())}
    )
    known = {row.document_id: Newest(row.last_ordinal, row.sequencer) for row in rows}
    old = [document for document, newest in known.items() if newest.ordinal]
    if old:
        for row in await connection.execute(text(sql.NEWEST_VERSIONS), {"ids": old}):
            known[row.document_id] = replace(
                known[row.document_id],
                status=row.status,
                content_hash=row.content_hash,
                description=DESCRIPTION.validate_python(row.description),
            )
    return known


def _successors(
    offered: Sequence[Intake], places: Sequence[int], known: dict[str, Newest]
) -> dict[int, tuple[Intake, int]]:
    """New versions with their ordinals, by place; `known` moves on with each."""
    new: dict[int, tuple[Intake, int]] = {}
    for place in places:
        intake = offered[place]
        newest = known[intake.document_id]
        if not is_new(intake, newest):
            continue
        ordinal = newest.ordinal + 1
        new[place] = (intake, ordinal)
        known[intake.document_id] = Newest(
            ordinal,
            intake.sequencer or newest.sequencer,
            "accepted",
            intake.content_hash,
            intake.description,
        )
    return new


async def _insert(
    connection: AsyncConnection, new: Collection[tuple[Intake, int]], known: dict[str, Newest]
) -> None:
    rows = defaultdict(list)
    for intake, ordinal in new:
        newest = known[intake.document_id]
        rows["documents"].append(
            {
                "document_id": intake.document_id,
                "name": intake.name,
                "ordinal": newest.ordinal,
                "sequencer": newest.sequencer,
            }
        )
        rows["versions"].append(_version_row(intake, ordinal, ordinal == newest.ordinal))
    await connection.execute(text(sql.ADVANCE), {"rows": parameter(rows["documents"])})
    if any(ordinal > 1 for _, ordinal in new):
        await connection.execute(text(sql.SUPERSEDE), {"rows": parameter(rows["documents"])})
    await connection.execute(text(sql.INSERT_VERSIONS), {"rows": parameter(rows["versions"])})


def _version_row(intake: Intake, ordinal: int, is_last: bool) -> dict[str, object]:
    """`is_last` is false when the same group holds a newer version of the document already."""
    status = "rejected" if intake.fault else "accepted"
    return {
        "document_id": intake.document_id,
        "ordinal": ordinal,
        "tenant": intake.origin.tenant,
        "status": status if is_last else "superseded",
        "origin": as_json(ORIGIN, intake.origin),
        "description": as_json(DESCRIPTION, intake.description),
        "media_type": intake.media_type,
        "text": intake.text if is_last else None,
        "key": intake.key,
        "content_hash": intake.content_hash,
        "fault": as_json(FAULT, intake.fault) if intake.fault else None,
    }
