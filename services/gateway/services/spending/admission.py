"""Lets a request in: rate, suspension, models, and the budget for the most that it can cost."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import uuid4

from contracts.retrieval.search import SearchAnsweredV1
from services.gateway.models.principal import Principal
from services.gateway.models.refusals import (
    BudgetReached,
    InvalidRequest,
    LedgerMissing,
    NotPossible,
    RateLimited,
    Suspended,
    Unauthorized,
)
from services.gateway.models.tenant import NO_LIMITS, TenantSettings, offered
from services.gateway.models.usage import NOBODY, Amount, Hold, day_of
from services.gateway.services.ports import Rates
from services.gateway.services.spending.spending import Spending
from services.gateway.services.turn.metered_model import Price
from shared.errors import Unavailable
from shared.tokens import estimated_tokens

logger = logging.getLogger(__name__)
# A follow-up's query is longer than its question: its subject is put in.
_SUBJECT_TOKENS = 400
_QUERY_TOKENS = 150


@dataclass(frozen=True)
class Ceiling:
    """What bounds a turn's cost. `rerank_usd` is a search's."""

    models: tuple[str, ...]
    prompt_tokens: int
    answer_tokens: int
    condense_model: str | None
    embedding_model: str
    rerank_usd: Decimal

    def answer(self, models: Sequence[str], price: Price) -> Amount:
        """The longest answer of the dearest model."""
        usd = max(price(model, self.prompt_tokens, self.answer_tokens) for model in models)
        return Amount.of(usd, self.prompt_tokens + self.answer_tokens)

    def own(self, models: Sequence[str], price: Price) -> Amount:
        """The gateway's calls: the answer, and the query's words."""
        own = self.answer(models, price)
        if self.condense_model:
            usd = price(self.condense_model, self.prompt_tokens, _QUERY_TOKENS)
            own += Amount.of(usd, self.prompt_tokens + _QUERY_TOKENS)
        return own

    def search(self, text: str, price: Price) -> Amount:
        """Retrieval's calls: the query's embedding, and the reranker."""
        tokens = estimated_tokens(text) + _SUBJECT_TOKENS
        return Amount.of(price(self.embedding_model, tokens, 0) + self.rerank_usd, tokens)

    def recall(self, text: str, price: Price) -> Amount:
        """The embedding of the question, and in memory of turns it has not heard of yet."""
        tokens = estimated_tokens(text) + _SUBJECT_TOKENS
        return Amount.of(price(self.embedding_model, tokens, 0), tokens)


@dataclass(frozen=True)
class Admission:
    """`token_requests` is how many requests a minute a token has; None: no limit."""

    spending: Spending
    rates: Rates
    ceiling: Ceiling
    price: Price
    token_requests: int | None

    async def request(self, who: Principal) -> None:
        """Any request. Raises RateLimited, TenantDeleted, or Unauthorized for an older token.

        While the ledger is away everybody is let in: what spends is refused by its own hold.
        """
        try:
            settings = await self.spending.tenants.of(who.tenant)
            if settings.since and (who.issued_at is None or who.issued_at < settings.since):
                raise Unauthorized("The token is of a deleted tenant of this name. Mint a new one.")
            limits = {
                "tenant": settings.limits.requests_minute,
                f"token:{who.token_id}": self.token_requests,
            }
            named = {name: limit for name, limit in limits.items() if limit is not None}
            wait_s = await self.rates.wait_s(who.tenant, named) if named else 0.0
        except (Unavailable, LedgerMissing):
            logger.warning("rate_unknown")
            return
        if wait_s:
            raise RateLimited(wait_s)

    async def upload(self, who: Principal) -> None:
        """Raises Suspended. What reading a document costs is limited by ingestion."""
        try:
            settings = await self.spending.tenants.of(who.tenant)
        except (Unavailable, LedgerMissing):
            # Ingestion has its own copy, and waits with the documents of a suspended tenant.
            logger.warning("suspension_unknown")
            return
        if settings.suspended:
            raise Suspended

    async def question(
        self, who: Principal, turn_id: str, text: str, wanted: str | None
    ) -> tuple[str, ...]:
        """The models that may answer, in the order in which they are tried; their cost is held.

        Raises Suspended, InvalidRequest, BudgetReached, LedgerMissing or Unavailable.
        """
        settings = await self._settings(who.tenant)
        models = _in_order(settings.models or self.ceiling.models, wanted)
        cheaper = settings.cheaper_model
        try:
            await self._hold(who, turn_id, text, models, settings)
        except BudgetReached:
            if cheaper is None or models == (cheaper,):
                raise
            models = (cheaper,)
            await self._hold(who, turn_id, text, models, settings)
        return models

    async def search(self, who: Principal, text: str) -> str:
        """The hold's id. Raises the same."""
        settings, hold_id = await self._settings(who.tenant), str(uuid4())
        await self._hold(who, hold_id, text, (), settings)
        return hold_id

    async def judgement(self, who: Principal, hold_id: str, read: int, written: int) -> str:
        """The tenant's judge; so many tokens of it are held, in and out.

        Raises the same, and NotPossible when the tenant has none.
        """
        settings = await self._settings(who.tenant)
        wanted, models = settings.judge_model, settings.models or self.ceiling.models
        judge = None if wanted is None else offered(models, wanted)
        if judge is None:
            had = f": '{wanted}' is none of its models any more" if wanted else ""
            raise NotPossible(
                f"This tenant has no judge{had}. An operator names one of its models as"
                f" `judge_model` with PUT /v1/admin/tenants/{who.tenant}."
            )
        own = Amount.of(self.price(judge, read, written), read + written)
        hold = self._hold_of(hold_id, who.tenant, who.user, judge, own, Amount())
        await self.spending.reserve(hold, settings)
        return judge

    def searched(self, hold_id: str, answered: SearchAnsweredV1 | None) -> None:
        """Frees what the search did not consume. Without an answer the hold stays to its end."""
        if answered is None:
            self.spending.leave(hold_id)
        else:
            usd = Decimal(answered.cost_usd)
            self.spending.settle(hold_id, (), Amount.of(usd, answered.input_tokens))

    async def shadow(self, tenant: str, hold_id: str, wanted: str | None) -> str:
        """The model that answers once more, unseen; the most that its answer costs is held.

        It is `wanted` where the tenant has it, else the tenant's first one. The tenant pays, but no
        user: nobody has asked for it. Raises Suspended, BudgetReached, LedgerMissing, Unavailable
        or TenantDeleted.
        """
        settings = await self._settings(tenant)
        models = settings.models or self.ceiling.models
        model = wanted if wanted in models else models[0]
        own = self.ceiling.answer((model,), self.price)
        hold = self._hold_of(hold_id, tenant, NOBODY, model, own, Amount())
        no_users = settings.model_copy(update={"user_limits": NO_LIMITS})
        await self.spending.reserve(hold, no_users)
        return model

    async def _settings(self, tenant: str) -> TenantSettings:
        settings = await self.spending.tenants.of(tenant)
        if settings.suspended:
            raise Suspended
        return settings

    async def _hold(
        self,
        who: Principal,
        hold_id: str,
        text: str,
        models: Sequence[str],
        settings: TenantSettings,
    ) -> None:
        rest = self.ceiling.search(text, self.price)
        if models:
            rest += self.ceiling.recall(text, self.price)
        own = self.ceiling.own(models, self.price) if models else Amount()
        if models and settings.cache.semantic:
            own += self.ceiling.recall(text, self.price)
        model = models[0] if models else self.ceiling.embedding_model
        hold = self._hold_of(hold_id, who.tenant, who.user, model, own, rest)
        await self.spending.reserve(hold, settings)

    def _hold_of(
        self,
        hold_id: str,
        tenant: str,
        user: str,
        model: str,
        own: Amount,
        rest: Amount,
    ) -> Hold:
        day = day_of(self.spending.clock.now())
        return Hold(id=hold_id, tenant=tenant, user=user, day=day, model=model, own=own, rest=rest)


def _in_order(models: Sequence[str], wanted: str | None) -> tuple[str, ...]:
    """The wanted model first, then the others as its fallback."""
    if wanted is None:
        return tuple(models)
    found = offered(models, wanted)
    if found is None:
        raise InvalidRequest("model", f"'{wanted}' is not offered. Known: {', '.join(models)}.")
    return tuple(sorted(models, key=lambda model: model != found))
