"""The registry of documents: what there is, and what is deleted of it."""

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal

from sqlalchemy import RowMapping

from contracts.ingestion.life_cycle import SHOWN
from services.ingestion.models.errors import BadSelection
from services.ingestion.models.stored import DESCRIPTION, FAULT, ORIGIN, RESULT, as_json
from services.ingestion.models.version import (
    EVERY,
    Counts,
    Deletion,
    Description,
    Document,
    Origin,
    Selection,
)
from services.ingestion.store import parts
from services.ingestion.store.database import Database, parameter
from services.ingestion.store.intakes import SEE, forget_by_hand, mark_deleted

logger = logging.getLogger(__name__)
# A deleted document is in no list.
SELECTED = tuple(state for state in SHOWN if state != "deleted")

# A document as its newest version that readers see.
_SHOWN = """
SELECT d.document_id, d.name, d.cited, d.created_at, d.parents[1] AS parent_id,
    coalesce(v.updated_at, d.updated_at) AS updated_at,
    d.last_ordinal AS ordinal,
    coalesce(v.status, CASE WHEN x.completed_at IS NULL AND x.ordinal IS NOT NULL
        THEN 'deleting' ELSE 'deleted' END) AS status,
    v.description, v.media_type, v.result, v.fault, v.progress, v.cost_usd, d.owner, d.source,
    v.origin ->> 'traceparent' AS traceparent,
    v.attempts + v.interruptions + CAST(v.claim IS NOT NULL AS integer) AS attempts,
    CASE WHEN v.status IN {claimable} AND v.claim IS NULL OR v.status IN {working}
        AND v.due_at <= now() THEN t.waits_for END AS waiting_for
FROM documents d
LEFT JOIN tenants t ON t.tenant = d.tenant AND t.waits_until > now()
LEFT JOIN LATERAL (
    SELECT * FROM versions v
    WHERE v.document_id = d.document_id AND v.ordinal > d.deleted_ordinal
        AND v.status IN {shown}
    ORDER BY v.ordinal DESC LIMIT 1) v ON true
LEFT JOIN deletions x ON x.document_id = d.document_id AND x.ordinal = d.deleted_ordinal
"""

VISIBLE = """
    AND (CAST(:visible_to AS text[]) IS NULL
        OR coalesce(v.description -> 'visibility', 'null') = 'null'
        OR (v.description -> 'visibility') ?| CAST(:visible_to AS text[]))
"""


class Registry:
    """Implements services.ports.Registry."""

    def __init__(self, database: Database) -> None:
        self._database = database

    _GET = f"{_SHOWN} WHERE d.document_id = :document_id AND d.tenant = :tenant {VISIBLE}"

    async def get(
        self, tenant: str, document_id: str, visible_to: Sequence[str] | None = None
    ) -> Document | None:
        values = {"tenant": tenant, "document_id": document_id, "visible_to": names(visible_to)}
        async with self._database.transaction() as transaction:
            row = (await transaction.execute(self._GET, values)).mappings().first()
        return _document(row) if row else None

    # Without a selection a page costs its own rows. A rare tag or part of a name costs a walk
    # through the tenant's documents, some 10 µs each; states but `ready` are found by an index.
    _PAGE = f"""{_SHOWN}
WHERE d.tenant = :tenant AND d.deleted_ordinal < d.last_ordinal
{VISIBLE} %s
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
        selection: Selection = EVERY,
    ) -> list[Document]:
        created_at, document_id = after or (None, None)
        conditions, chosen = _selected(selection)
        values = {
            "tenant": tenant,
            "limit": limit,
            "at": created_at,
            "id": document_id,
            "visible_to": names(visible_to),
        }
        async with self._database.transaction() as transaction:
            rows = await transaction.execute(self._PAGE % conditions, values | chosen)
            return [_document(row) for row in rows.mappings()]

    _DELETE = """
UPDATE documents
SET deleted_ordinal = last_ordinal, purge_at = now(),
    deleted_by = CASE WHEN deleted_ordinal = last_ordinal AND deleted_by IS NOT NULL
        THEN deleted_by ELSE CAST(:origin AS jsonb) END,
    deleted_at = greatest(deleted_at, coalesce(CAST(:at AS timestamptz), now())),
    updated_at = now()
WHERE document_id = :document_id AND tenant = :tenant
RETURNING name, last_ordinal, deleted_at"""

    # A second delete of the same versions is the same deletion.
    _NOTE_DELETION = """
INSERT INTO deletions (document_id, ordinal, deleted_at, deleted_by)
VALUES (:document_id, :ordinal, :deleted_at, CAST(:deleted_by AS text))
ON CONFLICT DO NOTHING"""

    # A worker may be about to write a manifest: its lease's end stays, and the purge waits for it.
    _DELETE_VERSIONS = """
UPDATE versions
SET status = 'deleting', due_at = CASE WHEN status IN {working} THEN due_at END, claim = NULL,
    fault = NULL, description = '{}', updated_at = now()
WHERE document_id = :document_id AND status <> 'deleting' AND status <> 'deleted'"""

    async def delete(
        self,
        origin: Origin,
        document_id: str,
        accepted_id: str | None = None,
        at: datetime | None = None,
    ) -> Deletion | None:
        values = {
            "tenant": origin.tenant,
            "document_id": document_id,
            "origin": as_json(ORIGIN, origin),
            "at": at,
        }
        async with self._database.transaction() as transaction:
            # First the message, then the document: in the order in which an intake locks them.
            if accepted_id is not None:
                await mark_deleted(transaction, origin.tenant, document_id, accepted_id)
            row = (await transaction.execute(self._DELETE, values)).mappings().first()
            if row is None:
                return None
            deletion = {
                "document_id": document_id,
                "ordinal": row["last_ordinal"],
                "deleted_at": row["deleted_at"],
                "deleted_by": origin.principal,
            }
            await transaction.execute(self._NOTE_DELETION, deletion)
            await parts.delete_inside(transaction, [document_id], origin)
            await transaction.execute(self._DELETE_VERSIONS, {"document_id": document_id})
            await parts.settled(transaction, [document_id])
            await forget_by_hand(transaction, document_id)
        return Deletion(origin, document_id, row["name"], row["last_ordinal"], row["deleted_at"])

    _UNUSED = """
SELECT k FROM unnest(CAST(:keys AS text[])) AS k
WHERE NOT EXISTS (SELECT 1 FROM versions v WHERE v.key = k)"""

    async def unused(self, keys: Sequence[str]) -> set[str]:
        async with self._database.transaction() as transaction:
            rows = await transaction.execute(self._UNUSED, {"keys": list(keys)})
            return {row.k for row in rows}

    _CITE = """
UPDATE documents SET cited = cited + 1
WHERE document_id IN (
    SELECT document_id FROM documents
    WHERE document_id = ANY(CAST(:ids AS text[])) AND tenant = :tenant
    ORDER BY document_id FOR UPDATE)"""

    async def count_citations(self, tenant: str, turn_id: str, documents: Iterable[str]) -> None:
        async with self._database.transaction() as transaction:
            seen = {"rows": parameter([{"tenant": tenant, "message_id": f"turn/{turn_id}"}])}
            if (await transaction.execute(SEE, seen)).first() is not None:
                values = {"tenant": tenant, "ids": sorted(set(documents))}
                await transaction.execute(self._CITE, values)


def _selected(selection: Selection) -> tuple[str, dict[str, object]]:
    """Conditions to add, and their values.

    A state comes as SQL, since the planner uses a partial index for literals only. Raises
    BadSelection.
    """
    conditions: list[str] = []
    values: dict[str, object] = {}
    if selection.state is not None:
        if selection.state not in SELECTED:
            words = f"There is no state {selection.state!r}; choose one of {', '.join(SELECTED)}."
            raise BadSelection(words)
        conditions.append(f"AND v.status = '{selection.state}'")
        if selection.state != "ready":
            conditions.append(
                "AND d.document_id IN (SELECT s.document_id FROM versions s"
                f" WHERE s.tenant = :tenant AND s.status = '{selection.state}')"
            )
    if selection.query is not None:
        conditions.append("AND position(lower(CAST(:query AS text)) IN lower(d.name)) > 0")
        values["query"] = selection.query
    if selection.tag is not None:
        conditions.append("AND (v.description -> 'tags') ? CAST(:tag AS text)")
        values["tag"] = selection.tag
    return " ".join(conditions), values


def names(visible_to: Sequence[str] | None) -> list[str] | None:
    return None if visible_to is None else list(visible_to)


def _document(row: RowMapping) -> Document:
    """A deleted document keeps ids and times only."""
    result = RESULT.validate_python(row["result"]) if row["result"] else None
    return Document(
        document_id=row["document_id"],
        name=row["name"],
        status=row["status"],
        ordinal=row["ordinal"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        description=description_of(row),
        media_type=result.media_type if result else row["media_type"],
        counts=result.counts if result else Counts(),
        fault=FAULT.validate_python(row["fault"]) if row["fault"] else None,
        cited=row["cited"],
        attempts=row["attempts"] or 0,
        stages=result.stages if result else {},
        progress=row["progress"],
        traceparent=row["traceparent"],
        cost_usd=row["cost_usd"] or Decimal(0),
        owner=row["owner"],
        source=row["source"],
        parent_id=row["parent_id"],
        note=result.note if result else "",
        waiting_for=row["waiting_for"],
    )


def description_of(row: RowMapping) -> Description:
    """Empty for one that cannot be read, so that a bad row spoils no list."""
    if row["description"] is None:
        return Description()
    try:
        return DESCRIPTION.validate_python(row["description"])
    except ValueError:
        fields = {"document_id": row["document_id"]}
        logger.error("unreadable_description", extra={"fields": fields})
        return Description()
