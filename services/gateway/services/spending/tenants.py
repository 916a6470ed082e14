"""Tenants' settings: kept in the ledger, told to the other services, remembered for a moment."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

from contracts.envelope import Context, derived_id
from contracts.platform.usage import SpendingLimits, TenantChangedV1
from services.gateway.models.refusals import (
    InvalidRequest,
    LedgerMissing,
    NotFound,
    NotPossible,
    TenantDeleted,
)
from services.gateway.models.tenant import (
    NAME_TAKEN,
    CacheTiers,
    Limits,
    TenantSettings,
    UserLimits,
    offered,
)
from services.gateway.services.ports import Ledger
from shared.late import Remembered
from shared.ports import Clock, Publisher

_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Tenants:
    """`known_model` says whether a model has a price, `calls_tools` whether it can be a judge;
    `models` are the system's own.

    `monotonic` is in seconds.
    """

    ledger: Ledger
    publisher: Publisher
    known_model: Callable[[str], bool]
    calls_tools: Callable[[str], bool]
    clock: Clock
    models: Sequence[str]
    monotonic: Callable[[], float] = time.monotonic

    @cached_property
    def _known(self) -> "Remembered[TenantSettings | None]":
        return Remembered(self._asked, self.monotonic)

    async def of(self, tenant: str) -> TenantSettings:
        """A moment old at most. Raises Unavailable, LedgerMissing or TenantDeleted."""
        settings = await self._known.of(tenant)
        if settings is None:
            raise TenantDeleted
        return settings

    async def _asked(self, tenant: str) -> TenantSettings | None:
        """None: it was deleted, which is remembered too."""
        try:
            _, settings = await self.ledger.settings(tenant)
        except TenantDeleted:
            return None
        return settings

    async def since(self, tenant: str) -> datetime | None:
        """What was made before is not this tenant's; of a deleted one, nothing is.

        Raises Unavailable.
        """
        try:
            return (await self.of(tenant)).since
        except TenantDeleted:
            return _NEVER
        except LedgerMissing:
            return None

    async def list(self) -> list[str]:
        return await self.ledger.tenants()

    async def show(self, tenant: str) -> tuple[int, TenantSettings]:
        """Settings with their revision. Raises NotFound for a tenant that nobody has seen."""
        if tenant not in await self.ledger.tenants():
            raise NotFound("There is no such tenant.")
        return await self.ledger.settings(tenant)

    async def create(self, tenant: str, settings: TenantSettings) -> int:
        """Raises NotPossible when the tenant has settings, or is being deleted, and InvalidRequest.

        One that was deleted begins anew when its name is free again.
        """
        self._check_judge(settings)
        deletion = await self.ledger.deletion(tenant)
        if deletion is not None and not deletion.over:
            raise NotPossible(
                f"Tenant '{tenant}' is being deleted. Create it when the receipt"
                f" /v1/erasures/{deletion.erasure_id} is complete."
            )
        if deletion is not None:
            free_at = deletion.until + NAME_TAKEN
            if self.clock.now() < free_at:
                raise NotPossible(
                    f"Tenant '{tenant}' was deleted. Until {free_at:%Y-%m-%d %H:%M} UTC messages"
                    " of it may come late; create it then, or choose another name."
                )
            self.check_models(settings)
            await self.ledger.reopen(tenant)
            settings = settings.model_copy(update={"since": deletion.until})
        revision, _ = await self.ledger.settings(tenant)
        if revision:
            raise NotPossible(f"Tenant '{tenant}' has settings already. Change them with PUT.")
        return await self.change(tenant, settings)

    async def change(self, tenant: str, settings: TenantSettings) -> int:
        """Returns the revision when all services are sure to hear of it. Raises InvalidRequest.

        When it raises Unavailable the settings may have changed here, but not elsewhere: repeat it.
        """
        self.check_models(settings)
        revision = await self.ledger.put_settings(tenant, settings)
        self.forget(tenant)
        message = _message(revision, settings)
        event_id = derived_id(tenant, "TenantChanged", revision)
        await self.publisher.publish_now("usage", message, Context(tenant=tenant), id=event_id)
        return revision

    async def replace(self, tenant: str, settings: TenantSettings) -> tuple[int, TenantSettings]:
        """All but whether it is suspended. Raises NotFound or InvalidRequest."""
        _, before = await self.show(tenant)
        kept = {"suspended": before.suspended, "since": before.since}
        changed = settings.model_copy(update=kept)
        self._check_judge(changed)
        return await self.change(tenant, changed), changed

    async def suspend(self, tenant: str, suspended: bool) -> tuple[int, TenantSettings]:
        """Raises NotFound."""
        _, settings = await self.show(tenant)
        changed = settings.model_copy(update={"suspended": suspended})
        return await self.change(tenant, changed), changed

    def check_models(self, settings: TenantSettings) -> None:
        """Raises InvalidRequest for a model without a price."""
        named = [("models", model) for model in settings.models]
        named += [("cheaper_model", settings.cheaper_model)] if settings.cheaper_model else []
        for where, model in named:
            if not self.known_model(model):
                raise InvalidRequest(where, f"'{model}' has no price. Add it to RAGOPS_PRICES.")

    def _check_judge(self, settings: TenantSettings) -> None:
        """Raises InvalidRequest for one that is none of the tenant's models, or calls no tools."""
        judge, models = settings.judge_model, settings.models or self.models
        if judge is not None and offered(models, judge) is None:
            known = ", ".join(models)
            reason = f"'{judge}' is none of the tenant's models: {known}. Name one of them."
            raise InvalidRequest("judge_model", reason)
        if judge is not None and not self.calls_tools(judge):
            reason = f"'{judge}' cannot judge: it calls no tools. Name one that does."
            raise InvalidRequest("judge_model", reason)

    def forget(self, tenant: str) -> None:
        """Its settings are read anew."""
        self._known.forget(tenant)


def _message(revision: int, settings: TenantSettings) -> TenantChangedV1:
    return TenantChangedV1(
        revision=revision,
        limits=SpendingLimits(**settings.limits.model_dump()),
        user_limits=SpendingLimits(**settings.user_limits.model_dump()),
        models=settings.models,
        cheaper_model=settings.cheaper_model,
        judge_model=settings.judge_model,
        cache_exact=settings.cache.exact,
        cache_semantic=settings.cache.semantic,
        chunking=settings.chunking,
        consent_to_training=settings.consent_to_training,
        suspended=settings.suspended,
    )


def settings_of(message: TenantChangedV1) -> TenantSettings:
    """What `message` tells; fields that are not known here are left out."""
    limits = {name: getattr(message.limits, name) for name in Limits.model_fields}
    own = {name: getattr(message.user_limits, name) for name in UserLimits.model_fields}
    return TenantSettings(
        limits=Limits(**limits),
        user_limits=UserLimits(**own),
        models=message.models,
        cheaper_model=message.cheaper_model,
        judge_model=message.judge_model,
        cache=CacheTiers(exact=message.cache_exact, semantic=message.cache_semantic),
        chunking=message.chunking,
        consent_to_training=message.consent_to_training,
        suspended=message.suspended,
    )
