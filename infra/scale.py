"""What so many users need: `python -m infra.scale --users 1000`; `--write` renews docs/scale.md."""

import argparse
import math
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from contracts.topology import SERVICES
from infra import quotas
from infra.cost import Work, monthly
from infra.measured import MEASURED_ON, UNITS, Units
from infra.profiles import PROFILES, Profile
from infra.scaling_rules import RULES
from services.retrieval.settings import RetrievalSettings

T = TypeVar("T")
PAGE = Path(__file__).parents[1] / "docs" / "scale.md"
BEGIN, END = "<!-- begin: python -m infra.scale --write -->", "<!-- end -->"
SHOWN = (10, 1_000, 100_000)
_GIB = 1024**3


@dataclass(frozen=True)
class Habits:
    """What people do: estimates. `busy_hour` is that hour's share of a day's turns.

    In the busiest minute of it `peak` times as much happens. Documents stay for `kept_months`.
    """

    turns_a_day: float = 10.0
    documents_a_month: float = 10.0
    kept_months: int = 12
    days: int = 21
    busy_hour: float = 0.2
    peak: float = 2.0

    def turns_a_second(self, users: int) -> float:
        """In the busiest minute."""
        return users * self.turns_a_day * self.busy_hour * self.peak / 3600

    def documents_a_second(self, users: int) -> float:
        a_day = users * self.documents_a_month / self.days
        return a_day * self.busy_hour * self.peak / 3600


@dataclass(frozen=True)
class Index:
    """OpenSearch: passages with their vectors in memory, and what is on disk."""

    passages: int
    vectors_gib: float
    disk_gib: float
    nodes: int
    shards: int


@dataclass(frozen=True)
class Quota:
    """`used` is the busiest minute's share of what AWS gives by default."""

    name: str
    used: float

    def breaks_at(self, users: int) -> int:
        return int(users / self.used) if self.used else sys.maxsize


@dataclass(frozen=True)
class Need:
    """For so many users; tasks and hosts are those of the busiest minute."""

    users: int
    profile: Profile
    turns_a_second: float
    documents_a_second: float
    tasks: Mapping[str, int]
    hosts: int
    index: Index
    calls_a_second: float
    publishes_a_second: float
    tokens_a_minute: float
    quotas: tuple[Quota, ...]
    usd: float


def need(users: int, profile: Profile, habits: Habits = Habits(), units: Units = UNITS) -> Need:
    """Raises ValueError where a size or a price is not known."""
    work = Work()
    turns, documents = habits.turns_a_second(users), habits.documents_a_second(users)
    tasks = {name: _tasks(name, profile, turns, documents, units) for name in SERVICES}
    hosts, index = _hosts(profile, tasks), _index(users, profile, habits, units)
    publishes = turns * work.turn_publishes + documents * work.document_publishes
    month = replace(profile, hosts_low=hosts, search_nodes=index.nodes)
    month = replace(month, search_gib=max(profile.search_gib, math.ceil(index.disk_gib)))
    rows = monthly(
        month,
        int(users * habits.turns_a_day * habits.days),
        int(users * habits.documents_a_month),
    )
    return Need(
        users=users,
        profile=profile,
        turns_a_second=turns,
        documents_a_second=documents,
        tasks=tasks,
        hosts=hosts,
        index=index,
        calls_a_second=turns * work.turn_requests + documents * work.document_requests,
        publishes_a_second=publishes,
        tokens_a_minute=60 * turns * (work.prompt_tokens + work.answer_tokens),
        quotas=tuple(_quotas(profile, turns, documents, publishes, units, work)),
        usd=float(sum(row.usd for row in rows)),
    )


def _tasks(name: str, profile: Profile, turns: float, documents: float, units: Units) -> int:
    """By CPU, and by what a task takes at a time where it waits more than it works."""
    task, share = profile.tasks[name], units.passages / units.small_passages
    busy = turns * units.turn_cpu_ms.get(name, 0.0)
    # The gateway does not look into a document.
    parts = 1.0 if name == "gateway" else share
    busy += documents * units.document_cpu_ms.get(name, 0.0) * parts
    wanted = [task.low, busy / 1000 / min(1.0, task.cpu / 1024) / (RULES.cpu_percent / 100)]
    if name == "gateway":
        # The load balancer counts both of its sides.
        wanted.append(2 * turns * units.stream_s / RULES.connections)
    if name == "retrieval":
        at_once = RetrievalSettings.model_fields["query_concurrency"].default
        wanted.append(turns * units.wait_ms["retrieval-queries"] / 1000 / at_once)
    return math.ceil(max(wanted))


def _hosts(profile: Profile, tasks: Mapping[str, int]) -> int:
    host = _known(quotas.HOSTS, profile.host_class, "HOSTS")
    cpu = sum(count * profile.tasks[name].cpu for name, count in tasks.items())
    mib = sum(count * profile.tasks[name].memory_mib for name, count in tasks.items())
    wanted = (cpu / host.cpu, mib / host.mib, sum(tasks.values()) / host.tasks)
    return max(profile.hosts_low, math.ceil(max(wanted)))


def _index(users: int, profile: Profile, habits: Habits, units: Units) -> Index:
    """OpenSearch's own rule for HNSW: 1.1 (4 d + 8 m) bytes a vector, m = 16.

    Lucene reads vectors through the page cache: half of a node's memory, the other is the heap's.
    """
    documents = users * habits.documents_a_month * habits.kept_months
    passages = int(documents * units.passages)
    dimension = RetrievalSettings.model_fields["embedding_dimension"].default
    copies = 2 if profile.search_nodes > 1 else 1
    vectors = copies * passages * 1.1 * (4 * dimension + 8 * 16) / _GIB
    # The text with its terms is about as large again, each number of a vector four bytes.
    disk = copies * passages * 3 * 4 * dimension / _GIB
    each = _known(quotas.SEARCH_GIB, profile.search_class, "SEARCH_GIB") / 2
    nodes = max(profile.search_nodes, math.ceil(vectors / each))
    return Index(passages, vectors, disk, nodes, max(1, math.ceil(disk / copies / 30)))


def _quotas(
    profile: Profile,
    turns: float,
    documents: float,
    publishes: float,
    units: Units,
    work: Work,
) -> Iterator[Quota]:
    models, requests, tokens = profile.models, quotas.REQUESTS_A_MINUTE, quotas.TOKENS_A_MINUTE
    answer, embedding = models.answer[0], models.embedding
    # Retrieval and memory embed each question; Titan takes one passage a call.
    embedded = 2 * turns + documents * units.passages
    embedded_tokens = 2 * turns * work.question_tokens + documents * work.document_tokens
    written = turns * (work.prompt_tokens + work.answer_tokens)
    if models.rerank:
        limit = _known(requests, models.rerank, "REQUESTS_A_MINUTE")
        yield Quota("Bedrock: reranking, requests a minute", 60 * turns / limit)
    for name, model, calls, size in (
        ("answers", answer, turns, written),
        ("embeddings", embedding, embedded, embedded_tokens),
    ):
        limit = _known(requests, model, "REQUESTS_A_MINUTE")
        yield Quota(f"Bedrock: {name}, requests a minute", 60 * calls / limit)
        limit = _known(tokens, model, "TOKENS_A_MINUTE")
        yield Quota(f"Bedrock: {name}, tokens a minute", 60 * size / limit)
    yield Quota("SNS: publishes a second", publishes / quotas.SNS_PUBLISHES)
    yield Quota("DynamoDB: writes a second of the table", turns * 6 / quotas.TABLE_WRITES)
    # A message is in flight while it is worked on.
    in_flight = turns * units.wait_ms["retrieval-queries"] / 1000
    yield Quota("SQS: messages in flight of one queue", in_flight / quotas.SQS_IN_FLIGHT)


def _known(table: Mapping[str, T], name: str, where: str) -> T:
    if name not in table:
        raise ValueError(f"infra/quotas.py does not know {name}: add it to {where}")
    return table[name]


def profile_for(users: int) -> Profile:
    """The small one while its hosts, its tasks and its search node hold it."""
    small = PROFILES["small"]
    found = need(users, small)
    holds = all(count <= small.tasks[name].high for name, count in found.tasks.items())
    enough = found.hosts <= small.hosts_high and found.index.nodes == small.search_nodes
    return small if holds and enough else PROFILES["standard"]


def rows(found: Need) -> Iterator[tuple[str, str]]:
    """What a person reads of it, in order."""
    profile, index = found.profile, found.index
    yield "profile", profile.name
    yield "turns a second", f"{found.turns_a_second:,.2f}"
    yield "documents a minute", f"{60 * found.documents_a_second:,.1f}"
    for name, count in found.tasks.items():
        high = profile.tasks[name].high
        more = f" (the profile ends at {high})" if count > high else ""
        yield f"tasks of {name}", f"{count:,}{more}"
    more = (
        f" (the profile ends at {profile.hosts_high})" if found.hosts > profile.hosts_high else ""
    )
    yield f"hosts, {profile.host_class}", f"{found.hosts:,}{more}"
    yield "passages in OpenSearch", f"{index.passages:,}"
    yield "their vectors with copies, GiB", f"{index.vectors_gib:,.1f}"
    yield "search nodes", f"{index.nodes:,} × {profile.search_class}"
    yield "primary shards", f"{index.shards:,}"
    yield "SQS calls a second", f"{found.calls_a_second:,.0f}"
    yield "SNS publishes a second", f"{found.publishes_a_second:,.1f}"
    yield "tokens of answers a minute", f"{found.tokens_a_minute:,.0f}"
    for quota in sorted(found.quotas, key=lambda one: -one.used):
        over = " **over**" if quota.used > 1 else ""
        yield quota.name, f"{100 * quota.used:,.1f} %{over}"
    yield "USD a month", f"{found.usd:,.0f}"


def tables() -> str:
    """Markdown for docs/scale.md."""
    needs = [need(users, profile_for(users)) for users in SHOWN]
    shown = [dict(rows(one)) for one in needs]
    names = list(dict(rows(needs[-1])))
    head = " | ".join(f"{users:,} users" for users in SHOWN)
    lines = [f"| in the busiest minute | {head} |", "|---|" + "---|" * len(SHOWN)]
    lines += [f"| {name} | {' | '.join(column[name] for column in shown)} |" for name in names]
    breaking = sorted(needs[-1].quotas, key=lambda one: one.breaks_at(SHOWN[-1]))
    lines += ["", "| default quota | is used up by so many users |", "|---|---|"]
    lines += [f"| {one.name} | {_round(one.breaks_at(SHOWN[-1])):,} |" for one in breaking]
    return "\n".join(lines)


def _round(users: int) -> int:
    """To two digits: the rest would be a pretence."""
    digits = max(0, len(str(users)) - 2)
    return int(round(users, -digits))


def write(page: Path = PAGE) -> None:
    text = page.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    page.write_text(f"{before}{BEGIN}\n{tables()}\n{END}{after}")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.scale", description=__doc__)
    parser.add_argument("--users", type=int, default=1_000)
    parser.add_argument("--profile", choices=PROFILES, help="default: the smallest that holds them")
    parser.add_argument("--write", action="store_true", help="renew the tables of docs/scale.md")
    given = parser.parse_args(arguments)
    if given.users < 1:
        parser.error("--users must be at least 1")
    if given.write:
        write()
        return 0
    profile = PROFILES[given.profile] if given.profile else profile_for(given.users)
    told = dict(rows(need(given.users, profile)))
    width = max(map(len, told))
    print(f"{given.users:,} users in their busiest minute, costs measured on {MEASURED_ON}")  # noqa: T201
    for name, value in told.items():
        print(f"{name:<{width}}  {value}")  # noqa: T201
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
