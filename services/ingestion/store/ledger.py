"""The work ledger: claims with a lease, outcomes, and what still has to be announced."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text

from services.ingestion.models.shares import shares
from services.ingestion.models.stored import FAULT, RESULT, as_json
from services.ingestion.models.version import Announcement, Claim, Fault, Result
from services.ingestion.store import ledger_sql as sql
from services.ingestion.store.database import Database
from services.ingestion.store.rows import announcement_of, claim_of, parameter
from shared.grouping import Grouping

# A document that is finished goes on with those that are finished in this time.
FINISH_WAIT_S = 0.1


@dataclass(frozen=True, slots=True)
class Times:
    """`lease_s`: how long a dead worker holds a document. `resend_s`: first wait for an answer."""

    lease_s: float = 30.0
    resend_s: float = 120.0


class Ledger:
    """Who works on what. Every method raises Unavailable when PostgreSQL is away."""

    def __init__(self, database: Database, times: Times) -> None:
        self._database = database
        self.times = times
        self._finish = Grouping(self._finish_all, wait_s=FINISH_WAIT_S)
        self._ready = Grouping(self._ready_all)

    async def claim(self, places: int) -> list[Claim]:
        """Up to `places` versions, shared among tenants; each is ours until its lease ends."""
        async with self._database.transaction() as connection:
            waiting = await connection.execute(text(sql.WAITING_TENANTS))
            shared = shares({row.tenant: row.running for row in waiting}, places)
            if not shared:
                return []
            slots = [{"tenant": tenant, "slots": n} for tenant, n in shared.items()]
            rows = await connection.execute(
                text(sql.CLAIM), {"shares": parameter(slots), "lease": self.times.lease_s}
            )
            return [claim_of(row) for row in rows.mappings()]

    async def renew(self, claims: Sequence[Claim]) -> set[str]:
        """Renews the leases; those not in the answer are lost (deleted, superseded, taken)."""
        values = {"claims": [claim.claim for claim in claims], "lease": self.times.lease_s}
        async with self._database.transaction() as connection:
            rows = await connection.execute(text(sql.RENEW), values)
            return {row.claim for row in rows}

    async def release(self, claim: Claim, *, after_s: float, counted: bool) -> None:
        """Gives the version back; `counted` false when the attempt was not its fault."""
        values = {"claim": claim.claim, "after": after_s, "attempt": int(not counted)}
        async with self._database.transaction() as connection:
            await connection.execute(text(sql.RELEASE), values)

    async def finish(self, claim: Claim, result: Result) -> Announcement | None:
        """The version waits for retrieval from now on; None when the claim was lost."""
        if not await self._finish((claim, result)):
            return None
        return Announcement(
            claim.document_id,
            claim.ordinal,
            claim.name,
            "indexing",
            claim.origin,
            claim.description,
            claim.created_at,
            result,
        )

    async def settle(self, claim: Claim, status: str, fault: Fault) -> Announcement | None:
        """The version ended `rejected` or `failed`; None when the claim was lost."""
        values = {
            "claim": claim.claim,
            "status": status,
            "fault": as_json(FAULT, fault),
            "resend": self.times.resend_s,
        }
        async with self._database.transaction() as connection:
            if (await connection.execute(text(sql.SETTLE), values)).first() is None:
                return None
        return Announcement(
            claim.document_id,
            claim.ordinal,
            claim.name,
            status,
            claim.origin,
            claim.description,
            claim.created_at,
            fault=fault,
        )

    async def duplicate(self, claim: Claim) -> None:
        """The same content as the version that can be found: this one is dropped."""
        async with self._database.transaction() as connection:
            await connection.execute(text(sql.DUPLICATE), {"claim": claim.claim})

    async def is_withdrawn(self, claim: Claim) -> bool:
        """True when the version was deleted or superseded, so that nobody works on it again."""
        values = {"document_id": claim.document_id, "ordinal": claim.ordinal}
        async with self._database.transaction() as connection:
            row = (await connection.execute(text(sql.STATUS), values)).first()
        return row is not None and row.status in ("deleted", "superseded")

    async def ready(self, document_id: str, ordinal: int, chunks: int) -> bool:
        """True when retrieval's count agrees with ours, now or before."""
        return await self._ready((document_id, ordinal, chunks))

    async def due(self, limit: int = 100) -> list[Announcement]:
        """What was not answered or confirmed in time; each comes back later, ever more slowly."""
        values = {"limit": limit, "resend": self.times.resend_s}
        async with self._database.transaction() as connection:
            rows = await connection.execute(text(sql.DUE), values)
            return [announcement_of(row) for row in rows.mappings()]

    async def announced(self, announcement: Announcement) -> None:
        """A rejection or failure is confirmed; `indexing` goes on until retrieval answers."""
        values = {"document_id": announcement.document_id, "ordinal": announcement.ordinal}
        async with self._database.transaction() as connection:
            await connection.execute(text(sql.ANNOUNCED), values)

    async def _finish_all(self, done: Sequence[tuple[Claim, Result]]) -> list[bool]:
        rows = [
            {
                "claim": claim.claim,
                "content_hash": result.content_hash,
                "result": as_json(RESULT, result),
            }
            for claim, result in done
        ]
        values = {"rows": parameter(rows), "resend": self.times.resend_s}
        async with self._database.transaction() as connection:
            finished = {row.claim for row in await connection.execute(text(sql.FINISH), values)}
        return [claim.claim in finished for claim, _ in done]

    async def _ready_all(self, told: Sequence[tuple[str, int, int]]) -> list[bool]:
        rows = [
            {"document_id": document, "ordinal": ordinal, "chunks": chunks}
            for document, ordinal, chunks in set(told)
        ]
        values = {"rows": parameter(rows), "resend": self.times.resend_s}
        async with self._database.transaction() as connection:
            ready = await connection.execute(text(sql.READY), values)
            agreed = {(row.document_id, row.ordinal) for row in ready if row.agreed}
            later = [{"document_id": document, "ordinal": n} for document, n in agreed if n > 1]
            if later:
                await connection.execute(text(sql.REPLACE), {"rows": parameter(later)})
        return [(document, ordinal) in agreed for document, ordinal, _ in told]
