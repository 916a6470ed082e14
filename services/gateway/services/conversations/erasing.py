"""Erasures of users and tenants: begun, passed on to every service, checked again, receipts."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from contracts.envelope import Context, derived_id, new_id
from contracts.gateway.erasures import TenantDeletedV1, UserErasedV1
from services.gateway.models.erasure import PLATFORM, Erasure, Removed, hidden
from services.gateway.models.principal import Principal
from services.gateway.models.refusals import Forbidden, NotFound, NotPossible
from services.gateway.models.tenant import Deletion
from services.gateway.services.ports import ErasureReceipts, Ledger, Notes, Sessions, SharedAnswers
from services.gateway.services.spending.tenants import Tenants
from shared.observability import metric
from shared.ports import Clock, Publisher

logger = logging.getLogger(__name__)
_BATCH = 100


@dataclass(frozen=True)
class Erasures:
    """`check_s`: after so many seconds it is looked again for what came late.

    All raise Unavailable. The record is written first, so an erasure that was begun goes on
    whatever fails afterwards.
    """

    receipts: ErasureReceipts
    sessions: Sessions
    notes: Notes
    answers: SharedAnswers
    ledger: Ledger
    tenants: Tenants
    clock: Clock
    check_s: float

    @property
    def publisher(self) -> Publisher:
        return self.tenants.publisher

    async def begin(self, who: Principal, user: str) -> str:
        """The erasure's id. `user` is `me` or a name. Raises Forbidden."""
        name = who.user if user == "me" else user
        if name != who.user and "admin" not in who.scopes:
            raise Forbidden("admin")
        erasure = Erasure(
            erasure_id=new_id(),
            tenant=who.tenant,
            user=name,
            who=hidden(name),
            asked_until=self.clock.now(),
        )
        await self._start(erasure)
        return erasure.erasure_id

    async def delete_tenant(self, who: Principal, tenant: str) -> str:
        """The erasure's id; the same one while it goes on. Raises NotFound or NotPossible."""
        if tenant == who.tenant:
            raise NotPossible(
                "A token cannot delete its own tenant. Use an operator's token of another tenant."
            )
        known = await self.ledger.deletion(tenant)
        if known is not None and not known.over:
            return known.erasure_id
        await self.tenants.suspend(tenant, True)
        erasure = Erasure(
            erasure_id=new_id(),
            tenant=tenant,
            user=None,
            who=hidden(tenant),
            asked_until=self.clock.now(),
            whole=True,
        )
        await self._start(erasure)
        return erasure.erasure_id

    async def show(self, who: Principal, erasure_id: str) -> Erasure:
        """For an admin, and for whom it is about; a tenant's for operators. Raises NotFound."""
        if "platform" in who.scopes and (found := await self.receipts.get(PLATFORM, erasure_id)):
            return found
        erasure = await self.receipts.get(who.tenant, erasure_id)
        if erasure is None or not ("admin" in who.scopes or erasure.who == hidden(who.user)):
            raise NotFound("There is no such erasure.")
        return erasure

    async def heard(
        self,
        tenant: str,
        erasure_id: str,
        service: str,
        round: int,
        removed: Removed,
        models: Sequence[str] = (),
    ) -> None:
        """What a service removed in a round of an erasure in this tenant, or of the tenant.

        `models` were trained on it.
        """
        owner = tenant
        if await self.receipts.get(tenant, erasure_id) is None:
            erasure = await self.receipts.get(PLATFORM, erasure_id)
            if erasure is None or erasure.who != hidden(tenant):
                return
            owner = PLATFORM
        if models:
            await self.receipts.name_models(owner, erasure_id, models)
        await self.receipts.note(owner, erasure_id, service, round, removed)

    async def check(self) -> None:
        """Begins the next round of those that are due, and repeats it until all have answered."""
        now = self.clock.now()
        for erasure in await self.receipts.due(now, _BATCH):
            if erasure.complete:
                await self._end(erasure)
                continue
            again = erasure.model_copy(update={"round": erasure.next_round})
            if erasure.whole:
                # Nothing of a tenant that is being deleted is a new tenant's.
                again = again.model_copy(update={"asked_until": now})
            await self._start(again)

    async def _start(self, erasure: Erasure) -> None:
        due = self.clock.now() + timedelta(seconds=self.check_s)
        await self.receipts.put(erasure, due)
        await (self._go_tenant(erasure) if erasure.whole else self._go(erasure))

    async def _end(self, erasure: Erasure) -> None:
        """From here on no name is left."""
        if erasure.whole:
            await self.ledger.delete(erasure.tenant, _deletion(erasure, over=True))
        names = {"user": None, "tenant": erasure.owner}
        await self.receipts.put(erasure.model_copy(update=names), None)
        metric("Erasures", 1)

    async def _go_tenant(self, erasure: Erasure) -> None:
        """A round of a tenant's deletion."""
        tenant, until = erasure.tenant, erasure.asked_until
        keys = await self.ledger.delete(tenant, _deletion(erasure))
        self.tenants.forget(tenant)
        removed = {
            "ledger": keys,
            "sessions": await self.sessions.erase(tenant, None, until),
            "notes": await self.notes.remove_all(tenant),
            "answers": await self.answers.remove_all(tenant),
            "receipts": await self.receipts.remove_all(tenant),
        }
        await self.heard(tenant, erasure.erasure_id, "gateway", erasure.round, removed)
        message = TenantDeletedV1(erasure_id=erasure.erasure_id, until=until, round=erasure.round)
        event_id = derived_id(erasure.erasure_id, erasure.round, until, "TenantDeleted")
        await self.publisher.publish_now("turns", message, Context(tenant=tenant), id=event_id)

    async def _go(self, erasure: Erasure) -> None:
        """A round: first what is kept here, then the word to the others."""
        tenant, user = erasure.tenant, erasure.user
        # They hold questions, and nobody knows whose: all of the tenant's go, and are made anew.
        await self.answers.forget(tenant)
        removed = {
            "sessions": await self.sessions.erase(tenant, user, erasure.asked_until),
            "notes": await self.notes.anonymise(tenant, user),
            "usage": await self.ledger.anonymise(tenant, user),
        }
        await self.heard(tenant, erasure.erasure_id, "gateway", erasure.round, removed)
        message = UserErasedV1(
            erasure_id=erasure.erasure_id,
            user=user,
            asked_until=erasure.asked_until,
            round=erasure.round,
        )
        event_id = derived_id(erasure.erasure_id, erasure.round, "UserErased")
        await self.publisher.publish_now("turns", message, Context(tenant=tenant), id=event_id)


def _deletion(erasure: Erasure, *, over: bool = False) -> Deletion:
    return Deletion(erasure_id=erasure.erasure_id, until=erasure.asked_until, over=over)
