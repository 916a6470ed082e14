"""The registry of documents: intake in groups, deletion, and what there is."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import RowMapping

from services.ingestion.models.stored import DESCRIPTION, FAULT, ORIGIN, RESULT, as_json
from services.ingestion.models.succession import Newest, is_new
from services.ingestion.models.version import (
    Counts,
    Deletion,
    Description,
    Document,
    Intake,
    Origin,
)
from services.ingestion.store.database import Database, Transaction, parameter
from services.ingestion.store.purging import PURGE_AFTER_S
from shared.grouping import Grouping

_SEE = """
INSERT INTO intakes (tenant, message_id)
SELECT tenant, message_id
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(tenant text, message_id text)
ORDER BY 1, 2
ON CONFLICT DO NOTHING
RETURNING tenant, message_id"""

# A document as its newest version that readers see.
_SHOWN = """
SELECT d.document_id, d.name, d.cited, d.created_at,
    coalesce(v.updated_at, d.updated_at) AS updated_at,
    d.last_ordinal AS ordinal, coalesce(v.status, 'deleted') AS status,
    v.description, v.media_type, v.result, v.fault
FROM documents d
LEFT JOIN LATERAL (
    SELECT * FROM versions v
    WHERE v.document_id = d.document_id AND v.ordinal > d.deleted_ordinal
        AND v.status IN {shown}
    ORDER BY v.ordinal DESC LIMIT 1) v ON true
"""

_VISIBLE = """
    AND (CAST(:visible_to AS text[]) IS NULL
        OR coalesce(v.description -> 'visibility', 'null') = 'null'
        OR (v.description -> 'visibility') ?| CAST(:visible_to AS text[]))
"""


class Registry:
    """Implements services.ports.Registry."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._offered = Grouping(self._take_in)

    async def take_in(self, offered: Intake) -> bool:
        return await self._offered.add(offered)

    async def _take_in(self, offered: Sequence[Intake]) -> list[bool]:
        """Each new version gets the next ordinal under its document's row lock.

        So ordinals rise in the order of intake.
        """
        async with self._database.transaction() as transaction:
            first_time = await _unseen(transaction, offered)
            known = await _lock(transaction, [offered[n] for n in first_time])
            new = _successors(offered, first_time, known)
            if new:
                await _insert(transaction, new.values(), known)
        return [n in new for n in range(len(offered))]

    async def taken_in(self, tenant: str, message_id: str) -> bool:
        async with self._database.transaction() as transaction:
            row = await transaction.execute(
                "SELECT 1 FROM intakes WHERE tenant = :tenant AND message_id = :message_id",
                {"tenant": tenant, "message_id": message_id},
            )
            return row.first() is not None

    _GET = f"{_SHOWN} WHERE d.document_id = :document_id AND d.tenant = :tenant {_VISIBLE}"

    async def get(
        self, tenant: str, document_id: str, visible_to: Sequence[str] | None = None
    ) -> Document | None:
        if "\0" in document_id:
            return None  # PostgreSQL cannot even be asked for it
        values = {"tenant": tenant, "document_id": document_id, "visible_to": _names(visible_to)}
        async with self._database.transaction() as transaction:
            row = (await transaction.execute(self._GET, values)).mappings().first()
        return _document(row) if row else None

    _PAGE = f"""{_SHOWN}
WHERE d.tenant = :tenant AND d.deleted_ordinal < d.last_ordinal
{_VISIBLE}
    AND (CAST(:at AS timestamptz) IS NULL
        OR (d.created_at, d.document_id) < (CAST(:at AS timestamptz), CAST(:id AS text)))
ORDER BY d.created_at DESC, d.document_id DESC
LIMIT :limit"""

    async def page(
        self,
        tenant: str,
        limit: int,
        after: tuple[datetime, str] | None,
        visible_to: Sequence[str] | None = None,
    ) -> list[Document]:
        created_at, document_id = after or (None, None)
        values = {
            "tenant": tenant,
            "limit": limit,
            "at": created_at,
            "id": document_id,
            "visible_to": _names(visible_to),
        }
        async with self._database.transaction() as transaction:
            rows = await transaction.execute(self._PAGE, values)
            return [_document(row) for row in rows.mappings()]

    _DELETE = """
UPDATE documents
SET deleted_ordinal = last_ordinal, deleted_by = CAST(:origin AS jsonb), purge_at = now(),
    updated_at = now()
WHERE document_id = :document_id AND tenant = :tenant
RETURNING name, last_ordinal, created_at"""

    # A worker may be about to write a manifest: its lease's end stays, and the purge waits for it.
    _DELETE_VERSIONS = """
UPDATE versions
SET status = 'deleted', due_at = CASE WHEN status = 'processing' THEN due_at END, claim = NULL,
    text = NULL, fault = NULL, description = '{}', updated_at = now()
WHERE document_id = :document_id AND status <> 'deleted'"""

    async def delete(self, origin: Origin, document_id: str) -> Deletion | None:
        values = {
            "tenant": origin.tenant,
            "document_id": document_id,
            "origin": as_json(ORIGIN, origin),
        }
        if "\0" in document_id:
            return None
        async with self._database.transaction() as transaction:
            row = (await transaction.execute(self._DELETE, values)).mappings().first()
            if row is None:
                return None
            await transaction.execute(self._DELETE_VERSIONS, {"document_id": document_id})
        return Deletion(
            origin, document_id, row["name"], row["last_ordinal"], created_at=row["created_at"]
        )

    _CITE = """
UPDATE documents SET cited = cited + 1
WHERE document_id IN (
    SELECT document_id FROM documents
    WHERE document_id = ANY(CAST(:ids AS text[])) AND tenant = :tenant
    ORDER BY document_id FOR UPDATE)"""

    async def count_citations(self, tenant: str, turn_id: str, documents: Iterable[str]) -> None:
        async with self._database.transaction() as transaction:
            seen = {"rows": parameter([{"tenant": tenant, "message_id": f"turn/{turn_id}"}])}
            if (await transaction.execute(_SEE, seen)).first() is not None:
                values = {"tenant": tenant, "ids": sorted(set(documents))}
                await transaction.execute(self._CITE, values)


def _names(visible_to: Sequence[str] | None) -> list[str] | None:
    return None if visible_to is None else list(visible_to)


async def _unseen(transaction: Transaction, offered: Sequence[Intake]) -> list[int]:
    """Places of those whose message was never taken in; they are marked as seen now."""
    places = {(o.origin.tenant, o.origin.message_id): n for n, o in reversed([*enumerate(offered)])}
    keys = [{"tenant": tenant, "message_id": message} for tenant, message in places]
    rows = await transaction.execute(_SEE, {"rows": parameter(keys)})
    return sorted(places[row.tenant, row.message_id] for row in rows)


_LOCK_DOCUMENTS = """
INSERT INTO documents (document_id, tenant, name)
SELECT document_id, tenant, name
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(document_id text, tenant text, name text)
ORDER BY document_id
ON CONFLICT (document_id) DO UPDATE SET name = excluded.name
RETURNING document_id, last_ordinal, sequencer"""

_NEWEST_VERSIONS = """
SELECT DISTINCT ON (document_id) document_id, status IN {standing} AS standing, content_hash,
    description
FROM versions
WHERE document_id = ANY(CAST(:ids AS text[])) AND status IN {shown}
ORDER BY document_id, ordinal DESC"""


async def _lock(transaction: Transaction, offered: Sequence[Intake]) -> dict[str, Newest]:
    """The offered documents' rows, made if need be and locked in one order for all."""
    documents = {
        o.document_id: {"document_id": o.document_id, "tenant": o.origin.tenant, "name": o.name}
        for o in offered
    }
    if not documents:
        return {}
    rows = await transaction.execute(_LOCK_DOCUMENTS, {"rows": parameter(documents.values())})
    known = {row.document_id: Newest(row.last_ordinal, row.sequencer) for row in rows}
    old = [document for document, newest in known.items() if newest.ordinal]
    if old:
        for row in await transaction.execute(_NEWEST_VERSIONS, {"ids": old}):
            known[row.document_id] = replace(
                known[row.document_id],
                standing=row.standing,
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
            standing=True,
            content_hash=intake.content_hash,
            description=intake.description,
        )
    return new


_ADVANCE = """
UPDATE documents d SET last_ordinal = r.ordinal, sequencer = r.sequencer, updated_at = now()
FROM jsonb_to_recordset(CAST(:rows AS jsonb))
    AS r(document_id text, ordinal integer, sequencer text)
WHERE d.document_id = r.document_id"""

_SUPERSEDE = """
UPDATE versions v
SET status = 'superseded', due_at = now() + make_interval(secs => :purge_after), text = NULL,
    claim = NULL
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(document_id text, ordinal integer)
WHERE v.document_id = r.document_id AND v.ordinal < r.ordinal
    AND v.status IN {claimable}"""

_INSERT_VERSIONS = """
INSERT INTO versions (document_id, ordinal, tenant, status, due_at, origin, description,
    media_type, text, key, content_hash, fault)
SELECT document_id, ordinal, tenant, status, now(), CAST(origin AS jsonb),
    CAST(description AS jsonb), media_type, text, key, content_hash, CAST(fault AS jsonb)
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(document_id text, ordinal integer,
    tenant text, status text, origin text, description text, media_type text, text text,
    key text, content_hash text, fault text)"""


async def _insert(
    transaction: Transaction, new: Collection[tuple[Intake, int]], known: dict[str, Newest]
) -> None:
    """Versions that still wait or are in work are superseded by the new ones."""
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
    documents = {"rows": parameter(rows["documents"])}
    await transaction.execute(_ADVANCE, documents)
    if any(ordinal > 1 for _, ordinal in new):
        await transaction.execute(_SUPERSEDE, documents | {"purge_after": PURGE_AFTER_S})
    await transaction.execute(_INSERT_VERSIONS, {"rows": parameter(rows["versions"])})


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


def _document(row: RowMapping) -> Document:
    """A deleted document keeps ids and times only."""
    deleted = row["status"] == "deleted"
    result = RESULT.validate_python(row["result"]) if row["result"] else None
    return Document(
        document_id=row["document_id"],
        name=row["name"],
        status=row["status"],
        ordinal=row["ordinal"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        description=Description() if deleted else DESCRIPTION.validate_python(row["description"]),
        media_type=result.media_type if result else row["media_type"],
        counts=result.counts if result else Counts(),
        fault=FAULT.validate_python(row["fault"]) if row["fault"] else None,
        cited=row["cited"],
    )
