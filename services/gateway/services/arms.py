"""The arms of a prompt: what their turns came to, and the way back of a canary that is worse."""

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from services.gateway.models.arm import ArmFigures
from services.gateway.models.prompt import CANARY, PRODUCTION, SHADOW, Arm, Labels
from services.gateway.services.prompts import Prompts
from shared.errors import Unavailable
from shared.observability import metric

logger = logging.getLogger(__name__)
# Of a standard normal distribution: 95 % lie below.
_Z = 1.6449
# Parts of the window: the oldest one goes as a whole.
_BUCKETS = 10


@dataclass(frozen=True)
class CanaryLimits:
    """How much worse than production a canary may be.

    `failures` and `refusals` are differences of shares, `cost` is a multiple of production's cost a
    turn. `turns` is how many a canary has before it is judged.
    """

    turns: int
    failures: float
    refusals: float
    cost: float


@dataclass(frozen=True)
class ArmState:
    """`weight` is the per cent of conversations that are on the arm; of a shadow, of turns."""

    arm: Arm
    weight: float
    figures: ArmFigures


@dataclass
class Arms:
    """`window_s` is how far back turns count. An arm's figures begin anew when its label moves."""

    prompts: Prompts
    limits: CanaryLimits
    window_s: float
    _begun: bool = field(default=False, init=False)

    async def count(self, tenant: str, arm: Arm, turn: ArmFigures) -> None:
        """One turn; a canary's is judged at once. While Redis is away nothing is counted."""
        lifetime_s = self._bucket_s * (_BUCKETS + 1)
        try:
            bucket = self._buckets()[-1]
            await self.prompts.store.count_turn(tenant, arm, turn, bucket, lifetime_s)
            if arm.label == CANARY and await self.judge(tenant):
                await self.prompts.tell(tenant)
        except Unavailable:
            logger.warning("arm_not_counted")

    async def states(self, tenant: str) -> Sequence[ArmState]:
        """Production, and the canary and the shadow while they stand. Raises Unavailable."""
        return await self._states(tenant, await self.prompts.store.labels(tenant))

    async def judge(self, tenant: str) -> bool:
        """Takes the canary's label away where it is worse than the limits; whether it did.

        Raises Unavailable.
        """
        labels = await self.prompts.store.labels(tenant)
        if labels.canary is None:
            return False
        production, canary, *_ = await self._states(tenant, labels)
        reason = worse(canary.figures, production.figures, self.limits)
        if not reason or not await self.prompts.take_back(tenant, labels.canary, reason):
            return False
        metric("CanaryRolledBack", 1)
        version = canary.arm.version.version
        fields = {"tenant": tenant, "version": version, "reason": reason}
        logger.warning("canary_rolled_back", extra={"fields": fields})
        return True

    async def round(self) -> None:
        """Judges canaries, and tells of labels that moved: a gateway may have died before it did.

        The first round looks at all tenants, since a gateway of an earlier release watched none;
        the others at those that are watched. Raises Unavailable.
        """
        store = self.prompts.store
        if not self._begun:
            await store.watch(await self.prompts.tenants.list())
            self._begun = True
        watched = await store.watched()
        for tenant in watched:
            await self.judge(tenant)
        for tenant, mark in watched.items():
            await self.prompts.tell(tenant)
            if (await store.labels(tenant)).canary is None:
                await store.unwatch(tenant, mark)

    async def _states(self, tenant: str, labels: Labels) -> Sequence[ArmState]:
        arms = labels.arms
        found = await self.prompts.store.figures(tenant, arms, self._buckets())
        canary, shadow = (
            one.weight or 0.0 if one else 0.0 for one in (labels.canary, labels.shadow)
        )
        weights = {PRODUCTION: 100 - canary, CANARY: canary, SHADOW: shadow}
        both = zip(arms, found, strict=True)
        return [ArmState(arm, weights[arm.label], figures) for arm, figures in both]

    @property
    def _bucket_s(self) -> float:
        return self.window_s / _BUCKETS

    def _buckets(self) -> range:
        """Numbers of the window's parts; the last one is now's."""
        now = int(self.prompts.clock.now().timestamp() / self._bucket_s)
        return range(now - _BUCKETS + 1, now + 1)


def worse(canary: ArmFigures, production: ArmFigures, limits: CanaryLimits) -> str | None:
    """Why the canary has to go back; None: it may stay.

    Each difference counts by the lower end of its one-sided 95 % interval. Where production has no
    turns, a failure has no excuse, and nothing else can be compared.
    """
    if canary.turns < limits.turns:
        return None
    for what, margin in (("failures", limits.failures), ("refusals", limits.refusals)):
        bad, usual = getattr(canary, what), getattr(production, what)
        if not production.turns and what == "refusals":
            continue
        if _least_difference(bad, canary.turns, usual, production.turns) > margin:
            return (
                f"{what}: {bad} of {canary.turns} turns; production: {usual} of {production.turns}"
            )
    if _least_excess(canary, production, limits.cost) > 0:
        mean, usual_mean = canary.usd_a_turn or 0.0, production.usd_a_turn or 0.0
        return f"cost: {mean:.6f} USD a turn; production: {usual_mean:.6f} USD"
    return None


def _least_difference(bad: int, turns: int, usual_bad: int, usual_turns: int) -> float:
    """The lower end of the interval of the difference of two shares.

    Source: R. G. Newcombe, "Interval estimation for the difference between independent
    proportions", Statistics in Medicine 17 (1998), method 10, which joins two Wilson intervals.
    """
    least, _ = _wilson(bad, turns)
    if not usual_turns:
        return least
    share, usual = bad / turns, usual_bad / usual_turns
    _, most = _wilson(usual_bad, usual_turns)
    return share - usual - math.hypot(share - least, most - usual)


def _wilson(count: int, of: int) -> tuple[float, float]:
    """Lower and upper end of a share's score interval (E. B. Wilson, 1927)."""
    share, z2 = count / of, _Z * _Z
    middle = (share + z2 / (2 * of)) / (1 + z2 / of)
    half = _Z * math.sqrt(share * (1 - share) / of + z2 / (4 * of * of)) / (1 + z2 / of)
    return middle - half, middle + half


def _least_excess(canary: ArmFigures, production: ArmFigures, times: float) -> float:
    """The lower end of what a canary's turn costs above `times` one of production, in USD.

    Both means are taken as normal, with the variances seen (Welch).
    """
    usual = production.usd_a_turn
    if not usual or canary.usd_a_turn is None:
        return 0.0
    variance = (
        canary.usd_variance / canary.turns + times**2 * production.usd_variance / production.turns
    )
    return canary.usd_a_turn - times * usual - _Z * math.sqrt(variance)
