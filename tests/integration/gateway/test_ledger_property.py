"""Whatever happens in whatever order, in two processes: no limit is passed, no token is lost."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.gateway.models.tenant import Limits
from services.gateway.models.usage import NANO, Amount, Counted, Hold, Line, Spent
from services.gateway.store.connection import connected
from services.gateway.store.ledger_store import LedgerStore

DAY = date(2026, 11, 26)
LIMIT_TOKENS = 36
LIMITS = Limits(tokens_day=LIMIT_TOKENS, usd_day=Decimal(LIMIT_TOKENS))
TENANT = "acme"

# What happens to the nth turn: (action, n, process).
ACTIONS = ("reserve", "call", "search", "settle", "deliver", "crash", "sweep", "renew")
STEPS = st.lists(
    st.tuples(st.sampled_from(ACTIONS), st.integers(0, 4), st.integers(0, 1), st.integers(1, 6)),
    min_size=30,
    max_size=70,
)


@dataclass
class Turn:
    """What the models really consumed of it, and what became of its hold."""

    hold: Hold
    own_calls: list[Counted] = field(default_factory=list)
    others: list[Counted] = field(default_factory=list)
    # Calls whose events have not arrived yet.
    on_the_way: list[tuple[Counted, bool]] = field(default_factory=list)
    settled: bool = False
    crashed: bool = False
    swept: bool = False

    def due(self) -> int:
        """Tokens that must be counted when every event has come."""
        own = sum(call.spent.amount.tokens for call in self.own_calls)
        if self.swept and not self.settled:
            own = max(own, self.hold.own.tokens)
        return own + sum(call.spent.amount.tokens for call in self.others)


class World:
    def __init__(self, ledgers: Sequence[LedgerStore], expiring: LedgerStore) -> None:
        self.ledgers, self.expiring = ledgers, expiring
        self.turns: dict[int, Turn] = {}
        self.events = 0

    async def step(self, action: str, n: int, process: int, size: int) -> None:
        ledger, turn = self.ledgers[process], self.turns.get(n)
        if action == "reserve" and turn is None:
            hold = Hold(f"turn-{n}", TENANT, "ann", DAY, "m", amount(12), amount(4))
            if await ledger.reserve(hold, LIMITS) is None:
                self.turns[n] = Turn(hold)
        if turn is None:
            return
        working = not (turn.settled or turn.crashed)
        if action == "call" and working and len(turn.own_calls) < 2:
            # A turn's calls consume no more than it holds.
            self._happened(turn, turn.own_calls, size, own=True)
        elif action == "search" and working and len(turn.others) < 2:
            self._happened(turn, turn.others, min(size, 2), own=False)
        elif action == "settle" and working:
            pending = amount(sum(call.spent.amount.tokens for call in turn.others))
            await ledger.settle(turn.hold, turn.own_calls, pending)
            turn.settled = True
        elif action == "deliver" and turn.on_the_way:
            # It stays on the way half of the time: SQS delivers at least once.
            call, own = turn.on_the_way[size % len(turn.on_the_way)]
            await ledger.count(TENANT, DAY, [call], turn.hold.id, own=own)
            if size % 2:
                turn.on_the_way.remove((call, own))
        elif action == "crash":
            turn.crashed = True
        elif action == "renew" and working:
            await ledger.renew(TENANT, [turn.hold.id])
        elif action == "sweep":
            # As if its gateway could not reach Redis for a while, or were dead.
            await self.expiring.renew(TENANT, [turn.hold.id])
            for hold in await ledger.expired(TENANT):
                charged = await ledger.sweep(hold, f"swept-{hold.id}")
                self.turns[int(hold.id[5:])].swept |= charged.tokens > 0

    def _happened(self, turn: Turn, calls: list[Counted], tokens: int, *, own: bool) -> None:
        self.events += 1
        spent = Spent(calls=1, input_tokens=tokens, cost_usd=Decimal(tokens))
        call = Counted(f"event-{self.events}", Line("ann", "m", "answer"), spent)
        calls.append(call)
        turn.on_the_way.append((call, own))

    async def end(self) -> None:
        """Everything arrives, twice; every hold that is left expires."""
        for turn in self.turns.values():
            for call in (*turn.own_calls, *turn.own_calls):
                await self.ledgers[0].count(TENANT, DAY, [call], turn.hold.id, own=True)
            for call in (*turn.others, *turn.others):
                await self.ledgers[1].count(TENANT, DAY, [call], turn.hold.id, own=False)
        for n in list(self.turns):
            await self.step("sweep", n, 0, 1)


def amount(tokens: int) -> Amount:
    return Amount(int(tokens * NANO), tokens)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS)
def test_sums_are_the_models_reports_and_no_limit_is_passed(
    redis_url: str, steps: list[tuple[str, int, int, int]]
) -> None:
    asyncio.run(_check(redis_url, steps))


async def _check(redis_url: str, steps: list[tuple[str, int, int, int]]) -> None:
    async with connected(redis_url) as one, connected(redis_url) as two:
        await one.flushall()
        ledgers = [LedgerStore(one, lease_s=60), LedgerStore(two, lease_s=60)]
        await ledgers[0].begin("now")
        world = World(ledgers, LedgerStore(two, lease_s=-1))
        for step in steps:
            await world.step(*step)
            totals = await ledgers[0].totals(TENANT, DAY)
            assert totals.of_day.tokens <= LIMIT_TOKENS
        await world.end()
        totals = await ledgers[0].totals(TENANT, DAY)
        due = sum(turn.due() for turn in world.turns.values())
        assert totals.of_day == totals.of_month == amount(due)
        lines = await ledgers[1].lines(TENANT, DAY, DAY)
        assert sum(spent.amount.tokens for spent in lines.values()) == due
        assert sum(spent.amount.nano_usd for spent in lines.values()) == totals.of_day.nano_usd
        left = await one.hgetall("ledger:{acme}:holds")
        assert {name for name in left if name[:2] == b"h:"} == set()
        assert {int(left.get(name, 0)) for name in (b"nano", b"tokens")} == {0}
