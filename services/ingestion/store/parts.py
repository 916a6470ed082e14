"""Documents that go with others: parts with their parent, and all with their tenant.

Every function runs inside its caller's transaction. Who waits for parts locks their parent.
"""

from collections.abc import Collection, Sequence

from services.ingestion.models.stored import ORIGIN, as_json
from services.ingestion.models.version import Claim, Origin
from services.ingestion.store.database import Transaction, parameter

# First the document, then its versions: in the order in which a deletion locks them.
_LOCK = "SELECT 1 FROM documents WHERE document_id = :document_id FOR UPDATE"
_HELD = "SELECT 1 FROM versions WHERE claim = :claim AND status IN {working}"


async def still_held(transaction: Transaction, claim: Claim) -> bool:
    """False when the claim was lost. Until the transaction ends nobody deletes the document."""
    await transaction.execute(_LOCK, {"document_id": claim.document_id})
    return (await transaction.execute(_HELD, {"claim": claim.claim})).first() is not None


_INSIDE = """
SELECT count(*) AS documents, coalesce(sum(d.size), 0) AS bytes
FROM documents d JOIN documents p ON p.document_id = d.parents[1]
WHERE d.parents <> '{}' AND d.parents @> ARRAY[CAST(:outermost AS text)]
    AND d.deleted_ordinal < d.last_ordinal AND d.parent_ordinal >= p.last_ordinal"""


async def inside(transaction: Transaction, outermost: str) -> tuple[int, int]:
    """How many parts a document has at all depths, and how many bytes they have together."""
    row = (await transaction.execute(_INSIDE, {"outermost": outermost})).one()
    return int(row.documents), int(row.bytes)


# A part counts as its newest version that readers see.
_OPEN = """
    SELECT 1 FROM documents d CROSS JOIN LATERAL (
        SELECT n.status FROM versions n
        WHERE n.document_id = d.document_id AND n.ordinal > d.deleted_ordinal
            AND n.status IN {shown}
        ORDER BY n.ordinal DESC LIMIT 1) newest
    WHERE d.parents <> '{}' AND d.parents @> ARRAY[p.document_id]
        AND d.parents[1] = p.document_id AND d.parent_ordinal = p.ordinal
        AND newest.status IN {open}"""

_WAITING = f"""
SELECT p.document_id, p.ordinal
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS p(document_id text, ordinal integer)
WHERE EXISTS ({_OPEN})"""


async def waiting(
    transaction: Transaction, versions: Collection[tuple[str, int]]
) -> set[tuple[str, int]]:
    """Those of the versions that have parts in work."""
    rows = [{"document_id": document, "ordinal": ordinal} for document, ordinal in versions]
    found = await transaction.execute(_WAITING, {"rows": parameter(rows)})
    return {(row.document_id, row.ordinal) for row in found}


_PARENTS = """
SELECT p.document_id, p.ordinal
FROM documents d JOIN versions p ON p.document_id = d.parents[1] AND p.ordinal = d.parent_ordinal
WHERE d.document_id = ANY(CAST(:ids AS text[])) AND d.parents <> '{}' AND p.status = 'indexing'
ORDER BY 1, 2
FOR UPDATE OF p"""

_DUE = f"""
UPDATE versions p SET due_at = now()
WHERE p.document_id = ANY(CAST(:ids AS text[])) AND p.status = 'indexing'
    AND NOT EXISTS ({_OPEN})"""


async def settled(transaction: Transaction, documents: Collection[str]) -> None:
    """What waited for these as its last parts is announced again, so that it can be ready."""
    if not documents:
        return
    found = await transaction.execute(_PARENTS, {"ids": sorted(documents)})
    if parents := sorted({row.document_id for row in found}):
        await transaction.execute(_DUE, {"ids": parents})


# A version that is drawn from another one has its parts.
_CARRIED = """
UPDATE documents d SET parent_ordinal = p.ordinal
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS p(document_id text, ordinal integer)
JOIN versions v ON v.document_id = p.document_id AND v.ordinal = p.ordinal
WHERE v.drawn_from IS NOT NULL AND d.parents <> '{}' AND d.parents @> ARRAY[p.document_id]
    AND d.parents[1] = p.document_id AND d.parent_ordinal < p.ordinal
    AND d.deleted_ordinal < d.last_ordinal"""

_DROPPED = """
SELECT d.document_id
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS p(document_id text, ordinal integer)
JOIN documents d ON d.parents @> ARRAY[p.document_id] AND d.parents <> '{}'
WHERE d.parents[1] = p.document_id AND d.parent_ordinal < p.ordinal
    AND d.deleted_ordinal < d.last_ordinal"""


async def delete_dropped(transaction: Transaction, versions: Collection[tuple[str, int]]) -> bool:
    """Deletes the parts that these versions have no more; False when there are none."""
    rows = [{"document_id": document, "ordinal": ordinal} for document, ordinal in versions]
    await transaction.execute(_CARRIED, {"rows": parameter(rows)})
    found = await transaction.execute(_DROPPED, {"rows": parameter(rows)})
    dropped = [row.document_id for row in found]
    if dropped:
        await _delete(transaction, dropped, None)
        await delete_inside(transaction, dropped)
    return bool(dropped)


_ALL_INSIDE = """
SELECT document_id FROM documents
WHERE parents <> '{}' AND parents && CAST(:ids AS text[]) AND deleted_ordinal < last_ordinal
ORDER BY document_id"""


async def delete_inside(
    transaction: Transaction, documents: Sequence[str], origin: Origin | None = None
) -> None:
    """Deletes all parts of these at all depths; upkeep announces and purges them."""
    found = await transaction.execute(_ALL_INSIDE, {"ids": list(documents)})
    if inner := [row.document_id for row in found]:
        await _delete(transaction, inner, origin)


# Without a name who deletes them: whoever sent their newest version.
_DELETE = """
UPDATE documents d
SET deleted_ordinal = last_ordinal, purge_at = now(), updated_at = now(),
    deleted_at = greatest(deleted_at, now()),
    deleted_by = coalesce(CAST(:origin AS jsonb), (
        SELECT v.origin FROM versions v
        WHERE v.document_id = d.document_id AND v.ordinal = d.last_ordinal))
WHERE document_id = ANY(CAST(:ids AS text[]))"""

# As in registry.py: each deletion proves itself, and the purge waits for a worker's lease.
_NOTE_DELETIONS = """
INSERT INTO deletions (document_id, ordinal, deleted_at, deleted_by)
SELECT document_id, deleted_ordinal, deleted_at, deleted_by ->> 'principal' FROM documents
WHERE document_id = ANY(CAST(:ids AS text[]))
ON CONFLICT DO NOTHING"""

_DELETE_VERSIONS = """
UPDATE versions
SET status = 'deleting', due_at = CASE WHEN status IN {working} THEN due_at END, claim = NULL,
    fault = NULL, description = '{}', updated_at = now()
WHERE document_id = ANY(CAST(:ids AS text[])) AND status <> 'deleting' AND status <> 'deleted'"""


async def _delete(
    transaction: Transaction, documents: Sequence[str], origin: Origin | None
) -> None:
    deleted_by = as_json(ORIGIN, origin) if origin else None
    await transaction.execute(_DELETE, {"ids": list(documents), "origin": deleted_by})
    await transaction.execute(_NOTE_DELETIONS, {"ids": list(documents)})
    await transaction.execute(_DELETE_VERSIONS, {"ids": list(documents)})


_SOME = """
SELECT document_id FROM documents WHERE tenant = :tenant AND deleted_ordinal < last_ordinal
ORDER BY document_id LIMIT :limit FOR UPDATE"""


async def delete_some(transaction: Transaction, origin: Origin, limit: int) -> bool:
    """Deletes the first documents of the origin's tenant; False when there are none."""
    values = {"tenant": origin.tenant, "limit": limit}
    found = [row.document_id for row in await transaction.execute(_SOME, values)]
    if found:
        await _delete(transaction, found, origin)
    return bool(found)
