"""A document's versions: what there were, and new ones drawn from them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from sqlalchemy import RowMapping

from services.ingestion.models.stored import DESCRIPTION, FAULT, ORIGIN, RESULT, as_json
from services.ingestion.models.succession import Successor, restored, successors
from services.ingestion.models.times import Times
from services.ingestion.models.version import Change, Origin, PartsChange, Version
from services.ingestion.store.database import Database, Transaction
from services.ingestion.store.registry import VISIBLE, description_of, names

_COLUMNS = """v.ordinal, v.status, v.description, v.media_type, v.content_hash, v.drawn_from,
    v.key, v.etag, v.result, v.fault, v.created_at, d.name,
    v.status IN {standing} AS standing, v.key IS NOT NULL OR v.text IS NOT NULL AS readable,
    v.result IS NOT NULL AND v.purged_at IS NULL
        AND (v.status IN {indexed} OR v.status IN {replaced} AND v.due_at IS NULL) AS kept"""
# A duplicate is no version of its own.
_OF = f"""
FROM versions v JOIN documents d ON d.document_id = v.document_id
WHERE d.document_id = :document_id AND d.tenant = :tenant AND v.ordinal > d.deleted_ordinal
    AND (v.status IN {{shown}} OR v.status = 'superseded')
{VISIBLE}
"""


class _Locked(NamedTuple):
    """A document whose row is locked, so that nobody else makes a version of it."""

    origin: Origin
    document_id: str
    ordinal: int
    visible_to: Sequence[str] | None


class Versions:
    """Implements services.ports.Versions."""

    def __init__(self, database: Database, times: Times) -> None:
        self._database, self._times = database, times

    _LISTED = f"SELECT {_COLUMNS} {_OF} ORDER BY v.ordinal DESC LIMIT :limit"

    async def listed(
        self,
        tenant: str,
        document_id: str,
        visible_to: Sequence[str] | None = None,
        limit: int = 200,
    ) -> list[Version]:
        values = _asked(tenant, document_id, visible_to) | {"limit": limit}
        async with self._database.transaction() as transaction:
            rows = await transaction.execute(self._LISTED, values)
            return [_version(row) for row in rows.mappings()]

    _ONE = f"""
SELECT {_COLUMNS}, v.text {_OF}
    AND (CAST(:ordinal AS integer) IS NULL OR v.ordinal = :ordinal)
ORDER BY v.status = 'ready' DESC, v.ordinal DESC LIMIT 1"""

    async def one(
        self,
        tenant: str,
        document_id: str,
        ordinal: int | None,
        visible_to: Sequence[str] | None = None,
    ) -> Version | None:
        values = _asked(tenant, document_id, visible_to) | {"ordinal": ordinal}
        async with self._database.transaction() as transaction:
            row = (await transaction.execute(self._ONE, values)).mappings().first()
        return replace(_version(row), text=row["text"]) if row else None

    async def describe(
        self,
        origin: Origin,
        document_id: str,
        change: Change,
        visible_to: Sequence[str] | None = None,
    ) -> bool:
        async with self._database.transaction() as transaction:
            locked = await self._lock(transaction, origin, document_id, visible_to)
            shown = await _current(transaction, locked) if locked else []
            if locked is None or not shown:
                return False
            standing = [version for version in shown if version.standing]
            if not standing:
                # It is not in the index, and nobody works on it.
                await _tell(transaction, locked, shown[-1], change)
            elif made := successors(standing, change):
                await self._make(transaction, locked, made)
            await self._describe_parts(transaction, locked, change.inside(shown[-1].description))
        return True

    _PARTS = """
SELECT document_id, last_ordinal FROM documents
WHERE parents <> '{}' AND parents @> ARRAY[CAST(:document_id AS text)] AND tenant = :tenant
    AND deleted_ordinal < last_ordinal
ORDER BY document_id FOR UPDATE"""

    async def _describe_parts(
        self, transaction: Transaction, locked: _Locked, change: PartsChange
    ) -> None:
        """Parts at all depths are described as their parent, whoever may see them."""
        values = {"document_id": locked.document_id, "tenant": locked.origin.tenant}
        for row in (await transaction.execute(self._PARTS, values)).all():
            part = _Locked(locked.origin, row.document_id, row.last_ordinal, None)
            shown = await _current(transaction, part)
            standing = [version for version in shown if version.standing]
            if standing and (made := successors(standing, change)):
                await self._make(transaction, part, made)
            elif shown and not standing:
                await _tell(transaction, part, shown[-1], change)

    async def restore(
        self,
        origin: Origin,
        document_id: str,
        ordinal: int,
        visible_to: Sequence[str] | None = None,
    ) -> bool:
        async with self._database.transaction() as transaction:
            locked = await self._lock(transaction, origin, document_id, visible_to)
            shown = await _current(transaction, locked) if locked else []
            if locked is None or not shown:
                return False
            values = _asked(origin.tenant, document_id, visible_to) | {"ordinal": ordinal}
            row = (await transaction.execute(self._ONE, values)).mappings().first()
            if row is None:
                return False
            restored_one = restored(_version(row), shown[-1], visible_to)
            if restored_one is not None:
                await self._make(transaction, locked, [restored_one])
        return True

    _LOCK = """
SELECT last_ordinal FROM documents
WHERE document_id = :document_id AND tenant = :tenant AND deleted_ordinal < last_ordinal
FOR UPDATE"""

    async def _lock(
        self,
        transaction: Transaction,
        origin: Origin,
        document_id: str,
        visible_to: Sequence[str] | None,
    ) -> _Locked | None:
        values = {"document_id": document_id, "tenant": origin.tenant}
        row = (await transaction.execute(self._LOCK, values)).first()
        return _Locked(origin, document_id, row.last_ordinal, visible_to) if row else None

    _MAKE = """
INSERT INTO versions (document_id, ordinal, tenant, status, due_at, origin, description,
    media_type, text, key, etag, content_hash, drawn_from)
SELECT document_id, :ordinal, tenant, 'accepted', now(), CAST(:origin AS jsonb),
    CAST(:description AS jsonb), media_type, text, key, etag, content_hash, :drawn_from
FROM versions WHERE document_id = :document_id AND ordinal = :source"""

    _SUPERSEDE = """
UPDATE versions
SET status = 'superseded', due_at = now() + make_interval(secs => :purge_after), text = NULL,
    claim = NULL
WHERE document_id = :document_id AND ordinal <= :ordinal AND status IN {claimable}"""

    async def _make(
        self, transaction: Transaction, locked: _Locked, made: Sequence[Successor]
    ) -> None:
        """Versions that still wait or are in work are superseded, as by an offer."""
        document = {"document_id": locked.document_id}
        for place, new in enumerate(made, 1):
            values = {
                "ordinal": locked.ordinal + place,
                "origin": as_json(ORIGIN, locked.origin),
                "description": as_json(DESCRIPTION, new.description),
                "drawn_from": new.drawn_from,
                "source": new.source,
            }
            await transaction.execute(self._MAKE, document | values)
        replaced: dict[str, object] = {
            "ordinal": locked.ordinal,
            "purge_after": self._times.purge_after_s,
        }
        await transaction.execute(self._SUPERSEDE, replaced | document)
        await transaction.execute(
            "UPDATE documents SET last_ordinal = :last, updated_at = now()"
            " WHERE document_id = :document_id",
            document | {"last": locked.ordinal + len(made)},
        )


def _asked(tenant: str, document_id: str, visible_to: Sequence[str] | None) -> dict[str, object]:
    return {"tenant": tenant, "document_id": document_id, "visible_to": names(visible_to)}


_CURRENT = f"SELECT {_COLUMNS} {_OF} AND v.status IN {{shown}} ORDER BY v.ordinal"


async def _current(transaction: Transaction, locked: _Locked) -> list[Version]:
    """The versions that were not replaced, in order; none when the asker may not see the newest."""
    every = _asked(locked.origin.tenant, locked.document_id, None)
    mine = _asked(locked.origin.tenant, locked.document_id, locked.visible_to)
    newest = (await transaction.execute(_CURRENT, every)).mappings().all()[-1:]
    seen = (await transaction.execute(_CURRENT, mine)).mappings().all()
    if [row["ordinal"] for row in newest] != [row["ordinal"] for row in seen[-1:]]:
        return []
    return [_version(row) for row in seen]


async def _tell(
    transaction: Transaction, locked: _Locked, version: Version, change: Change | PartsChange
) -> None:
    await transaction.execute(
        "UPDATE versions SET description = CAST(:description AS jsonb)"
        " WHERE document_id = :document_id AND ordinal = :ordinal",
        {
            "document_id": locked.document_id,
            "ordinal": version.ordinal,
            "description": as_json(DESCRIPTION, change.of(version.description)),
        },
    )


def _version(row: RowMapping) -> Version:
    return Version(
        ordinal=row["ordinal"],
        name=row["name"],
        status=row["status"],
        created_at=row["created_at"],
        kept=row["kept"],
        standing=row["standing"],
        readable=row["readable"],
        description=description_of(row),
        media_type=row["media_type"],
        content_hash=row["content_hash"],
        drawn_from=row["drawn_from"],
        key=row["key"],
        etag=row["etag"],
        result=RESULT.validate_python(row["result"]) if row["result"] else None,
        fault=FAULT.validate_python(row["fault"]) if row["fault"] else None,
    )
