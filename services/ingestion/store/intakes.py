"""Messages that offered a document, each seen once, and the versions that come of them."""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from services.ingestion.models.stored import DESCRIPTION, FAULT, ORIGIN, as_json
from services.ingestion.models.succession import Newest, Verdict, judged, narrowed
from services.ingestion.models.times import Times
from services.ingestion.models.version import BY_HAND, Claim, Fault, Intake, Origin, Seen
from services.ingestion.store import parts
from services.ingestion.store.database import Database, Transaction, parameter
from services.ingestion.store.deleted_tenants import BEGUN, tombstone
from shared.grouping import Grouping

# Writing so many characters as JSON takes about a millisecond.
_LONG = 200_000
_NAME_TAKEN = Fault("name_taken", "Another document has this name. Choose another name.")

# Also for turns whose citations are counted once.
SEE = """
INSERT INTO intakes (tenant, message_id, document_id)
SELECT tenant, message_id, document_id
FROM jsonb_to_recordset(CAST(:rows AS jsonb))
    AS r(tenant text, message_id text, document_id text)
ORDER BY 1, 2
ON CONFLICT DO NOTHING
RETURNING tenant, message_id"""


@dataclass
class _Group:
    """What becomes of messages that are committed together, by their place in the group."""

    verdicts: dict[int, Verdict] = field(default_factory=dict)
    # New versions with their ordinals.
    new: dict[int, tuple[Intake, int]] = field(default_factory=dict)


class Intakes:
    """Implements services.ports.Intakes."""

    def __init__(self, database: Database, times: Times) -> None:
        self._database, self._times = database, times
        self._offered = Grouping(self._take_in)

    async def take_in(self, offered: Intake) -> Verdict:
        return await self._offered.add(offered)

    async def _take_in(self, offered: Sequence[Intake]) -> list[Verdict]:
        """Each new version gets the next ordinal under its document's row lock.

        So ordinals rise in the order of intake.
        """
        async with self._database.transaction() as transaction:
            return await self._take_in_now(transaction, offered)

    async def take_in_parts(self, claim: Claim, offered: Sequence[Intake]) -> list[Verdict] | None:
        async with self._database.transaction() as transaction:
            if not await parts.still_held(transaction, claim):
                return None
            return await self._take_in_now(transaction, offered)

    async def inside(self, document_id: str) -> tuple[int, int]:
        async with self._database.transaction() as transaction:
            return await parts.inside(transaction, document_id)

    async def _take_in_now(
        self, transaction: Transaction, offered: Sequence[Intake]
    ) -> list[Verdict]:
        first_time = await _unseen(transaction, offered)
        known = await _lock(transaction, [offered[n] for n in first_time])
        group = _judged(offered, first_time, known)
        if group.new:
            await self._insert(transaction, group.new.values(), known)
        # The rest costs statements in rare cases only.
        await _note(transaction, offered, group.verdicts)
        if len(first_time) < len(offered):
            group.verdicts |= await _passed_over(transaction, offered, group.verdicts)
        return [group.verdicts.get(n, "known") for n in range(len(offered))]

    _SEEN = """
SELECT i.document_id, i.taken_at, i.deleted, i.fault, d.name
FROM intakes i LEFT JOIN documents d ON d.document_id = i.document_id
WHERE i.tenant = :tenant AND i.message_id = :message_id"""

    async def seen(self, tenant: str, message_id: str) -> Seen | None:
        values = {"tenant": tenant, "message_id": message_id}
        async with self._database.transaction() as transaction:
            row = (await transaction.execute(self._SEEN, values)).first()
        if row is None:
            return None
        fault = FAULT.validate_python(row.fault) if row.fault else None
        document = row.document_id or ""
        return Seen(document, row.name or document, row.taken_at, row.deleted, fault)

    _MISSING = """
SELECT w.message_id FROM unnest(CAST(:ids AS text[])) WITH ORDINALITY AS w(message_id, place)
WHERE NOT EXISTS (
    SELECT 1 FROM intakes i WHERE i.tenant = :tenant AND i.message_id = w.message_id)
ORDER BY w.place"""

    async def missing(self, tenant: str, message_ids: Sequence[str]) -> list[str]:
        values = {"tenant": tenant, "ids": list(message_ids)}
        async with self._database.transaction() as transaction:
            return [row.message_id for row in await transaction.execute(self._MISSING, values)]

    # Only a row that is made now: whose document it is, an id alone does not say.
    _DELETED_BEFORE = f"""
INSERT INTO documents (document_id, tenant, name, deleted_at, last_ordinal, deleted_ordinal)
SELECT r.document_id, r.tenant, r.document_id, coalesce(CAST(:at AS timestamptz), now()),
    {BEGUN}, {BEGUN}
FROM jsonb_to_recordset(CAST(:rows AS jsonb))
    AS r(document_id text, tenant text, tombstone text)
ON CONFLICT DO NOTHING"""

    async def pass_over(
        self, origin: Origin, document_id: str, message_id: str, at: datetime | None
    ) -> bool:
        row = {"document_id": document_id, "tenant": origin.tenant}
        row["tombstone"] = tombstone(origin.tenant)
        values = {"rows": parameter([row]), "at": at}
        async with self._database.transaction() as transaction:
            if not await mark_deleted(transaction, origin.tenant, document_id, message_id):
                return False
            await transaction.execute(self._DELETED_BEFORE, values)
        return True

    _ADVANCE = """
UPDATE documents d
SET last_ordinal = r.ordinal, name = r.name, sequencer = r.sequencer, updated_at = now(),
    owner = CASE WHEN d.last_ordinal > d.deleted_ordinal THEN d.owner ELSE r.owner END,
    source = CASE WHEN d.last_ordinal > d.deleted_ordinal THEN d.source ELSE r.source END,
    parents = r.parents, parent_ordinal = r.parent_ordinal, size = r.size
FROM jsonb_to_recordset(CAST(:rows AS jsonb))
    AS r(document_id text, name text, ordinal integer, sequencer text, owner text, source text,
        parents text[], parent_ordinal integer, size bigint)
WHERE d.document_id = r.document_id"""

    _SUPERSEDE = """
UPDATE versions v
SET status = 'superseded', due_at = now() + make_interval(secs => :purge_after), claim = NULL
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(document_id text, ordinal integer)
WHERE v.document_id = r.document_id AND v.ordinal < r.ordinal
    AND v.status IN {claimable}"""

    _INSERT_VERSIONS = """
INSERT INTO versions (document_id, ordinal, tenant, status, due_at, origin, description,
    media_type, text, key, etag, awaited_until, content_hash, fault)
SELECT document_id, ordinal, tenant, status, now(), CAST(origin AS jsonb),
    CAST(description AS jsonb), media_type, text, key, etag, awaited_until, content_hash,
    CAST(fault AS jsonb)
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(document_id text, ordinal integer,
    tenant text, status text, origin text, description text, media_type text, text text,
    key text, etag text, awaited_until timestamptz, content_hash text, fault text)"""

    async def _insert(
        self,
        transaction: Transaction,
        new: Collection[tuple[Intake, int]],
        known: Mapping[str, Newest],
    ) -> None:
        """Versions that still wait or are in work are superseded by the new ones."""
        newest = {
            intake.document_id: {
                "document_id": intake.document_id,
                "name": intake.name,
                "ordinal": known[intake.document_id].ordinal,
                "sequencer": known[intake.document_id].sequencer,
                "owner": intake.origin.principal,
                "source": intake.source,
                "parents": intake.parents,
                "parent_ordinal": intake.parent_ordinal,
                "size": intake.size,
            }
            # The first of a new document in the group is its owner's.
            for intake, _ in reversed([*new])
        }
        documents = {"rows": parameter(newest.values())}
        await transaction.execute(self._ADVANCE, documents)
        if any(ordinal > 1 for _, ordinal in new):
            replacing = documents | {"purge_after": self._times.purge_after_s}
            await transaction.execute(self._SUPERSEDE, replacing)
        versions = [
            _version_row(intake, ordinal, ordinal == known[intake.document_id].ordinal)
            for intake, ordinal in new
        ]
        rows = await _long_parameter(versions, sum(len(one.text or "") for one, _ in new))
        await transaction.execute(self._INSERT_VERSIONS, {"rows": rows})


_MARK_DELETED = """
INSERT INTO intakes (tenant, message_id, document_id, deleted)
VALUES (:tenant, :message_id, :document_id, true)
ON CONFLICT (tenant, message_id) DO UPDATE SET deleted = true, fault = NULL
WHERE intakes.document_id = excluded.document_id
    AND (intakes.deleted OR intakes.fault IS NOT NULL)
RETURNING 1"""


async def mark_deleted(
    transaction: Transaction, tenant: str, document_id: str, message_id: str
) -> bool:
    """Nothing becomes of the message. False when a version came of it already."""
    values = {"tenant": tenant, "document_id": document_id, "message_id": message_id}
    return (await transaction.execute(_MARK_DELETED, values)).first() is not None


async def forget_by_hand(transaction: Transaction, document_id: str) -> None:
    """The same text may be sent by hand again, and has the same id then."""
    await transaction.execute(
        f"DELETE FROM intakes WHERE document_id = :document_id AND message_id LIKE '{BY_HAND}%'",
        {"document_id": document_id},
    )


async def _unseen(transaction: Transaction, offered: Sequence[Intake]) -> list[int]:
    """Places of those whose message was never taken in; they are marked as seen now."""
    places = {(o.origin.tenant, o.origin.message_id): n for n, o in reversed([*enumerate(offered)])}
    marks = [_mark(offered[place]) for place in places.values()]
    rows = await transaction.execute(SEE, {"rows": parameter(marks)})
    return sorted(places[row.tenant, row.message_id] for row in rows)


def _mark(intake: Intake) -> dict[str, object]:
    return {
        "tenant": intake.origin.tenant,
        "message_id": intake.origin.message_id,
        "document_id": intake.document_id,
    }


# The id is made of tenant and name, so an offer knows its document's tenant. A row that a deletion
# made for another tenant's id is set right, and its time counts for nothing.
_LOCK_DOCUMENTS = f"""
INSERT INTO documents (document_id, tenant, name, last_ordinal, deleted_ordinal)
SELECT document_id, tenant, name, {BEGUN}, {BEGUN}
FROM jsonb_to_recordset(CAST(:rows AS jsonb))
    AS r(document_id text, tenant text, name text, tombstone text)
ORDER BY document_id
ON CONFLICT (document_id) DO UPDATE
SET tenant = excluded.tenant,
    deleted_at = CASE WHEN documents.tenant = excluded.tenant THEN documents.deleted_at END
RETURNING document_id, last_ordinal, sequencer, deleted_at, parents"""

_NEWEST_VERSIONS = """
SELECT DISTINCT ON (v.document_id) v.document_id, v.status IN {standing} AS standing,
    v.content_hash, v.description,
    (SELECT s.description -> 'visibility' FROM versions s
     WHERE s.document_id = v.document_id AND s.status IN {standing}
     ORDER BY s.ordinal DESC LIMIT 1) AS readers
FROM versions v
WHERE v.document_id = ANY(CAST(:ids AS text[])) AND v.status IN {shown}
ORDER BY v.document_id, v.ordinal DESC"""


async def _lock(transaction: Transaction, offered: Sequence[Intake]) -> dict[str, Newest]:
    """The offered documents' rows, made if need be and locked in one order for all."""
    documents = {
        o.document_id: {
            "document_id": o.document_id,
            "tenant": o.origin.tenant,
            "name": o.name,
            "tombstone": tombstone(o.origin.tenant),
        }
        for o in offered
    }
    if not documents:
        return {}
    rows = await transaction.execute(_LOCK_DOCUMENTS, {"rows": parameter(documents.values())})
    known = {
        row.document_id: Newest(
            row.last_ordinal,
            row.sequencer,
            deleted_at=row.deleted_at,
            parents=tuple(row.parents),
        )
        for row in rows
    }
    old = [document for document, newest in known.items() if newest.ordinal]
    if old:
        for row in await transaction.execute(_NEWEST_VERSIONS, {"ids": old}):
            known[row.document_id] = replace(
                known[row.document_id],
                standing=row.standing,
                content_hash=row.content_hash,
                description=DESCRIPTION.validate_python(row.description),
                readers=None if row.readers is None else tuple(row.readers),
            )
    return known


def _judged(offered: Sequence[Intake], places: Sequence[int], known: dict[str, Newest]) -> _Group:
    """`known` moves on with each new version."""
    group = _Group()
    for place in places:
        newest = known[offered[place].document_id]
        intake = narrowed(offered[place], newest)
        group.verdicts[place] = judged(intake, newest)
        if group.verdicts[place] != "new":
            continue
        ordinal = newest.ordinal + 1
        group.new[place] = (intake, ordinal)
        known[intake.document_id] = replace(
            newest,
            ordinal=ordinal,
            sequencer=intake.sequencer or newest.sequencer,
            standing=True,
            content_hash=intake.content_hash,
            description=intake.description,
            parents=intake.parents,
            readers=newest.readers if intake.fault else intake.description.visibility,
        )
    return group


_NOTE = """
UPDATE intakes i SET deleted = r.deleted, fault = CAST(r.fault AS jsonb)
FROM jsonb_to_recordset(CAST(:rows AS jsonb))
    AS r(tenant text, message_id text, deleted boolean, fault text)
WHERE i.tenant = r.tenant AND i.message_id = r.message_id"""


async def _note(
    transaction: Transaction, offered: Sequence[Intake], verdicts: Mapping[int, Verdict]
) -> None:
    """Why nothing became of a message. One by hand is forgotten, since it may be sent again."""
    rows = [
        _mark(offered[place])
        | {
            "deleted": verdict == "overtaken",
            "fault": as_json(FAULT, _NAME_TAKEN) if verdict == "refused" else None,
        }
        for place, verdict in verdicts.items()
        if verdict in ("overtaken", "refused")
    ]
    if not rows:
        return
    await transaction.execute(_NOTE, {"rows": parameter(rows)})
    await transaction.execute(
        f"DELETE FROM intakes WHERE deleted AND message_id LIKE '{BY_HAND}%'"
        " AND document_id = ANY(CAST(:ids AS text[]))",
        {"ids": [row["document_id"] for row in rows]},
    )


_PASSED_OVER = """
SELECT i.tenant, i.message_id
FROM intakes i JOIN jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(tenant text, message_id text)
    ON i.tenant = r.tenant AND i.message_id = r.message_id
WHERE i.deleted OR i.fault IS NOT NULL"""


async def _passed_over(
    transaction: Transaction, offered: Sequence[Intake], judged_now: Mapping[int, Verdict]
) -> dict[int, Verdict]:
    """Of the messages that were seen before, those of which nothing became."""
    before = [n for n in range(len(offered)) if n not in judged_now]
    rows = parameter([_mark(offered[n]) for n in before])
    found = {
        (row.tenant, row.message_id)
        for row in await transaction.execute(_PASSED_OVER, {"rows": rows})
    }
    return {
        n: "overtaken"
        for n in before
        if (offered[n].origin.tenant, offered[n].origin.message_id) in found
    }


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
        "etag": intake.etag,
        "awaited_until": intake.awaited_until and intake.awaited_until.isoformat(),
        "content_hash": intake.content_hash,
        "fault": as_json(FAULT, intake.fault) if intake.fault else None,
    }


async def _long_parameter(rows: Iterable[Mapping[str, object]], characters: int) -> str:
    """In a thread when there is much to write, so that the event loop stays free."""
    if characters <= _LONG:
        return parameter(rows)
    return await asyncio.to_thread(parameter, rows)
