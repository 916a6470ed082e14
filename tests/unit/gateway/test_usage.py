"""Who sees whose tokens and cost."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
import pytest_asyncio

from contracts.envelope import Context
from contracts.platform.usage import ModelUsedV2
from services.gateway.models.usage import NOBODY, Counted, Line, Spent, day_of, end_of
from shared.outcomes import Done, Reject
from tests.unit.gateway.fakes import Gateway, open_gateway

USED = ModelUsedV2(
    service="ingestion",
    purpose="embed_passages",
    model="m",
    calls=2,
    input_tokens=100,
    output_tokens=10,
    cache_read_tokens=3,
    cost_usd=Decimal("0.25"),
)
SPENT = Spent(
    calls=2, input_tokens=100, output_tokens=10, cache_read_tokens=3, cost_usd=Decimal("0.25")
)
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
TODAY = day_of(NOW)


class Noon:
    def now(self) -> datetime:
        return NOW


@pytest_asyncio.fixture
async def gateway() -> AsyncIterator[Gateway]:
    async with open_gateway(clock=Noon()) as opened:
        yield opened


def spend(gateway: Gateway, user: str, model: str = "m", tenant: str = "acme", n: int = 0) -> None:
    event_id = f"{tenant}-{user}-{model}-{n}"
    call = Counted(event_id, Line(user, model, "answer"), SPENT)
    gateway.ledger.counted[tenant, event_id] = (TODAY - timedelta(days=n), call)


@pytest.mark.parametrize(("user", "counted"), [("ann", "ann"), (None, NOBODY)])
async def test_a_model_call_counts_for_its_user(
    gateway: Gateway, user: str | None, counted: str
) -> None:
    count = gateway.service.handlers["gateway-events"][ModelUsedV2]
    outcome = await count(USED, Context(tenant="acme", principal=user, causation_id="e1"))
    assert outcome == Done()
    line = Line(counted, "m", "embed_passages")
    assert gateway.ledger.counted == {("acme", "e1"): (TODAY, Counted("e1", line, SPENT))}


async def test_an_event_counts_on_the_day_on_which_the_broker_took_it(gateway: Gateway) -> None:
    count = gateway.service.handlers["gateway-events"][ModelUsedV2]
    context = Context(tenant="acme", causation_id="e1", sent_at=datetime(2026, 3, 1, tzinfo=UTC))
    await count(USED, context)
    [(day, _)] = gateway.ledger.counted.values()
    assert day == date(2026, 3, 1)


async def test_an_event_of_no_service_of_ours_is_refused(gateway: Gateway) -> None:
    count = gateway.service.handlers["gateway-events"][ModelUsedV2]
    forged = USED.model_copy(update={"service": "mallory"})
    outcome = await count(forged, Context(tenant="acme", causation_id="e1"))
    assert isinstance(outcome, Reject)
    assert gateway.ledger.counted == {}


async def test_a_user_sees_only_their_own_sum(gateway: Gateway) -> None:
    spend(gateway, "ann")
    spend(gateway, "bob")
    async with gateway.client(scopes=frozenset({"chat"})) as client:
        shown = (await client.get("/v1/usage", params={"by": "user"})).json()
    [row] = shown["rows"]
    assert row == {
        "key": "ann",
        "calls": 2,
        "input_tokens": 100,
        "output_tokens": 10,
        "cache_read_tokens": 3,
        "cache_write_tokens": 0,
        "cost_usd": 0.25,
    }
    assert shown["total"] == row | {"key": "total"}
    assert shown["limits"] is None


async def test_an_admin_sees_the_tenants_users_and_limits_and_no_other_tenants(
    gateway: Gateway,
) -> None:
    gateway.ledger.limit("acme", usd_month="2", tokens_day=1000)
    spend(gateway, "bob")
    spend(gateway, "eve", tenant="other")
    async with gateway.client() as client:
        shown = (await client.get("/v1/usage", params={"by": "user"})).json()
    assert [row["key"] for row in shown["rows"]] == ["bob"]
    of_month, of_day = shown["limits"]
    assert (of_month["measure"], of_month["limit"], of_month["used"]) == ("usd", 2, 0.25)
    assert (of_day["measure"], of_day["limit"], of_day["used"]) == ("tokens", 1000, 113)
    assert of_day["period"] == TODAY.isoformat()
    assert datetime.fromisoformat(of_day["resets_at"]) > NOW


@pytest.mark.parametrize(
    ("by", "keys"),
    [
        ("day", sorted({TODAY.isoformat(), (TODAY - timedelta(days=1)).isoformat()})),
        ("model", ["m", "n"]),
        ("purpose", ["answer"]),
    ],
)
async def test_rows_are_summed_by_what_is_asked_for(
    gateway: Gateway, by: str, keys: list[str]
) -> None:
    spend(gateway, "ann")
    spend(gateway, "bob", "n")
    spend(gateway, "bob", "n", n=1)
    spend(gateway, "bob", "n", n=3)
    since = {"by": by, "from": (TODAY - timedelta(days=1)).isoformat()}
    async with gateway.client() as client:
        shown = (await client.get("/v1/usage", params=since)).json()
    assert [row["key"] for row in shown["rows"]] == keys
    assert shown["total"]["calls"] == 6


async def test_csv_has_the_same_rows_and_runs_no_formula(gateway: Gateway) -> None:
    spend(gateway, "=1+1")
    spend(gateway, NOBODY)
    async with gateway.client() as client:
        answer = await client.get("/v1/usage", params={"by": "user", "format": "csv"})
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.text.splitlines() == [
        "user,calls,input_tokens,output_tokens,cache_read_tokens,cache_write_tokens,cost_usd",
        "-,2,100,10,3,0,0.25",
        "'=1+1,2,100,10,3,0,0.25",
    ]


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"by": "colour"}, "by"),
        ({"from": "yesterday"}, "from"),
        ({"from": "2026-11-02", "to": "2026-11-01"}, "from"),
        ({"from": "2020-01-01", "to": "2026-01-01"}, "from"),
        ({"format": "xml"}, "format"),
    ],
)
async def test_what_cannot_be_shown_names_its_field(
    gateway: Gateway, asked: dict[str, str], field: str
) -> None:
    async with gateway.client() as client:
        answer = await client.get("/v1/usage", params=asked)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field


@pytest.mark.parametrize(
    ("period", "end"),
    [
        ("2026-11-26", datetime(2026, 11, 27, tzinfo=UTC)),
        ("2026-12-31", datetime(2027, 1, 1, tzinfo=UTC)),
        ("2026-12", datetime(2027, 1, 1, tzinfo=UTC)),
        ("2026-02", datetime(2026, 3, 1, tzinfo=UTC)),
    ],
)
def test_periods_end_at_midnight_utc(period: str, end: datetime) -> None:
    assert end_of(period) == end
