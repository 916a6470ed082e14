"""What a month costs: `python -m infra.cost --profile small --turns 10000 --documents 1000`."""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from contracts.topology import QUEUES, SECRETS, SERVICES
from infra import prices
from infra.profiles import PROFILES, Profile
from shared.bedrock.prices import PriceList

_MILLION, _MIB_IN_GIB = Decimal(1_000_000), 1024
_ZONES, _KEYS = 2, 5
# RunningTaskCount and its kin of Container Insights, and our own by service.
_METRICS_A_SERVICE = 12


@dataclass(frozen=True)
class Work:
    """What one turn and one document cause, as estimates: measure your own with GET /v1/usage.

    `turn_requests` and `document_requests` are calls of SQS, long polls of idle consumers apart.
    """

    question_tokens: int = 30
    prompt_tokens: int = 3500
    answer_tokens: int = 300
    turn_requests: int = 30
    turn_publishes: int = 4
    turn_kib: int = 20
    document_tokens: int = 12_000
    document_requests: int = 40
    document_publishes: int = 4
    document_mib: int = 2
    log_kib: int = 6
    polls_a_minute: int = 3


@dataclass(frozen=True)
class Row:
    """USD a month for one AWS service, and what drives it."""

    service: str
    usd: Decimal
    driver: str


def monthly(profile: Profile, turns: int, documents: int, work: Work | None = None) -> list[Row]:
    """Rows, the dearest first. Raises ValueError for a class or model without a price."""
    work = work or Work()
    found = [
        *_always(profile),
        *_by_use(profile, turns, documents, work),
        *_models(profile, turns, documents, work),
    ]
    return sorted(found, key=lambda row: -row.usd)


def _price(table: str, name: str) -> Decimal:
    found: Decimal | None = getattr(prices, table).get(name)
    if found is None:
        raise ValueError(f"infra/prices.py has no price for {name}: add it to {table}")
    return found


def _always(profile: Profile) -> Iterator[Row]:
    """What is paid for an idle system."""
    hours, hosts = prices.HOURS, profile.hosts_low
    disk = hosts * 30 * prices.DISK
    usd = _price("HOSTS", profile.host_class) * hours * hosts + disk
    yield Row("EC2 hosts", usd, f"{hosts} × {profile.host_class} (up to {profile.hosts_high})")
    graph = _price("HOSTS", profile.graph_class) * hours
    graph += profile.graph_gib * (prices.DISK + prices.SNAPSHOT) + 30 * prices.DISK
    yield Row("Neo4j host", graph, f"{profile.graph_class}, {profile.graph_gib} GiB, snapshots")
    zones = 2 if profile.database_two_zones else 1
    disk = profile.database_gib * prices.DATABASE_DISK
    usd = (_price("DATABASES", profile.database_class) * hours + disk) * zones
    yield Row("RDS PostgreSQL", usd, f"{zones} × {profile.database_class}")
    nodes = profile.cache_nodes + profile.ledger_nodes
    usd = _price("REDIS", profile.redis_class) * hours * nodes
    yield Row("ElastiCache", usd, f"{nodes} × {profile.redis_class}")
    each = _price("SEARCH", profile.search_class) * hours + profile.search_gib * prices.SEARCH_DISK
    usd = each * profile.search_nodes
    yield Row("OpenSearch", usd, f"{profile.search_nodes} × {profile.search_class}")
    yield from _network(profile)
    secrets = sum(map(len, SECRETS.values())) + 1
    usd = _KEYS * prices.KEY + secrets * prices.SECRET
    yield Row("KMS and secrets", usd, f"{_KEYS} keys, {secrets} secrets")
    yield _watching()


def _network(profile: Profile) -> Iterator[Row]:
    hours = prices.HOURS
    balancer = (prices.BALANCER_HOUR + prices.BALANCER_UNIT_HOUR) * hours
    balancer += 2 * prices.PUBLIC_ADDRESS_HOUR * hours
    yield Row("Load balancer", balancer, "1, with 2 public addresses")
    if profile.way_out == "nat":
        usd = (prices.NAT_HOUR + prices.PUBLIC_ADDRESS_HOUR) * hours
        yield Row("NAT gateway", usd, "1, without its data")
    else:
        count = len(profile.endpoints)
        usd = prices.ENDPOINT_HOUR * hours * count * _ZONES
        yield Row("Endpoints", usd, f"{count} in {_ZONES} zones, without their data")


def _watching() -> Row:
    alarms = 2 * len(QUEUES) + 2 * len(SERVICES) + 5
    metrics = _METRICS_A_SERVICE * len(SERVICES)
    usd = alarms * prices.ALARM + len(SERVICES) * prices.DASHBOARD
    usd += metrics * prices.CUSTOM_METRIC
    return Row("CloudWatch", usd, f"{alarms} alarms, {metrics} metrics, {len(SERVICES)} boards")


def _by_use(profile: Profile, turns: int, documents: int, work: Work) -> Iterator[Row]:
    tasks = sum(task.low for task in profile.tasks.values())
    polls = len(QUEUES) * tasks / len(SERVICES) * work.polls_a_minute * 60 * prices.HOURS
    calls = turns * work.turn_requests + documents * work.document_requests + int(polls)
    publishes = turns * work.turn_publishes + documents * work.document_publishes
    usd = (calls * prices.MESSAGES + publishes * prices.PUBLISHES) / _MILLION
    yield Row("SQS and SNS", usd, f"{calls / 1e6:.1f} million calls, {int(polls) / 1e6:.1f} idle")
    writes, reads = turns * 6 * prices.TABLE_WRITES, turns * 20 * prices.TABLE_READS
    kept = Decimal(turns * work.turn_kib * 7 / 30) / _MIB_IN_GIB**2 * prices.TABLE
    yield Row("DynamoDB", (writes + reads) / _MILLION + kept, f"{turns} turns, kept for 7 days")
    gib = Decimal(documents * work.document_mib) / _MIB_IN_GIB
    usd = gib * prices.OBJECTS + (turns * 3 + documents * 10) * prices.PUTS / _MILLION
    yield Row("S3", usd, f"{gib:.1f} GiB of this month's documents; earlier ones come on top")
    logs = Decimal((turns + documents) * work.log_kib) / _MIB_IN_GIB**2 + 2
    yield Row("Logs", logs * prices.LOGS, f"{logs:.1f} GiB")


def _models(profile: Profile, turns: int, documents: int, work: Work) -> Iterator[Row]:
    """The first model answers all. Memory and retrieval embed each question."""
    models, list_ = profile.models, PriceList()
    answer = models.answer[0]
    for model in (answer, models.embedding):
        if not list_.has(model):
            raise ValueError(f"shared/bedrock/prices.py has no price for {model}")
    usd = turns * list_.cost(answer, work.prompt_tokens, work.answer_tokens)
    yield Row("Bedrock: answers", usd, f"{turns} turns of {answer}")
    tokens = documents * work.document_tokens + turns * 2 * work.question_tokens
    usd = list_.cost(models.embedding, tokens)
    yield Row("Bedrock: embeddings", usd, f"{tokens / 1e6:.1f} million tokens")
    if models.rerank:
        usd = turns * list_.query_cost(models.rerank)
        yield Row("Bedrock: reranking", usd, f"{turns} searches of {models.rerank}")


def table(rows: list[Row], heading: str) -> str:
    width = max(len(row.service) for row in rows)
    lines = [f"{row.service:<{width}} {row.usd:>9,.2f}  {row.driver}" for row in rows]
    total = sum((row.usd for row in rows), Decimal(0))
    verified = "" if prices.VERIFIED else ", UNVERIFIED"
    about = f"list prices of us-east-1 as of {prices.AS_OF}{verified}"
    return "\n".join(
        [f"{heading}: USD a month, {about}", *lines, f"{'together':<{width}} {total:>9,.2f}"]
    )


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m infra.cost", description="What a month costs, by AWS service."
    )
    parser.add_argument("--profile", choices=PROFILES, default="small")
    parser.add_argument("--turns", type=int, default=10_000, help="questions a month")
    parser.add_argument("--documents", type=int, default=1_000, help="new documents a month")
    given = parser.parse_args(arguments)
    if min(given.turns, given.documents) < 0:
        parser.error("--turns and --documents cannot be negative")
    rows = monthly(PROFILES[given.profile], given.turns, given.documents)
    heading = f"{given.profile}, {given.turns:,} turns, {given.documents:,} documents"
    sys.stdout.write(table(rows, heading) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
