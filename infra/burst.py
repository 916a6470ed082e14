"""A burst through the whole system, simulated with the services' own settings."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field

from contracts.topology import MAX_RECEIVE_COUNT, QUEUES
from infra.autoscaling import PERIOD_S, Autoscaler, Hosts, Track
from infra.measured import UNITS, Units
from infra.profiles import Profile
from infra.scaling_rules import RULES, Rules
from infra.simulation import Clock, Consuming, Queue, Service, Then, Work, arrivals, percentile
from services.gateway.settings import GatewaySettings
from services.ingestion.settings import IngestionSettings
from services.memory.settings import MemorySettings
from services.retrieval.settings import RetrievalSettings
from shared.messaging import Consumer
from shared.messaging.consumer import Times
from shared.messaging.dispatch import LAST_RECEIVE, MAX_ATTEMPTS, RETRY_S
from shared.settings import Settings

WORKLIST = "worklist"
SIMULATED = ("gateway", "retrieval", "memory", "ingestion")
SEARCH = "OpenSearch"


@dataclass(frozen=True)
class Load:
    """Turns and documents a second; times the burst's factor from `from_s` to `to_s`.

    OpenSearch is away for `outage_s` in the middle of the burst. Of the messages of events a share
    of `failing` raises. A task of each worker dies every `kill_s`. The last arrive at `ends_s`, and
    `rest_s` is left for what waits then.
    """

    turns: float
    documents: float
    factor: float = 10.0
    from_s: float = 600.0
    to_s: float = 1_200.0
    ends_s: float = 1_500.0
    rest_s: float = 900.0
    outage_s: float = 0.0
    failing: float = 0.0
    kill_s: float | None = None

    def times(self, now: float) -> float:
        return self.factor if self.from_s <= now < self.to_s else 1.0


@dataclass
class Outcome:
    """Seconds of what people wait for (`late` counts what came too late); counts of the rest.

    `kept_s`: from a turn's end until memory keeps it.
    """

    search_s: list[float] = field(default_factory=list)
    memory_s: list[float] = field(default_factory=list)
    ready_s: list[float] = field(default_factory=list)
    kept_s: list[float] = field(default_factory=list)
    late: dict[str, int] = field(default_factory=dict)
    turns: int = 0
    documents: int = 0
    dead_letters: int = 0
    most_tasks: dict[str, int] = field(default_factory=dict)
    last_tasks: dict[str, int] = field(default_factory=dict)
    hosts: int = 0
    most_waiting: dict[str, int] = field(default_factory=dict)

    def p95(self, times: list[float]) -> float:
        return percentile(times, 0.95)


def consuming() -> Consuming:
    times = Times()
    return Consuming(
        attempts=MAX_ATTEMPTS,
        last_receive=LAST_RECEIVE,
        most_receives=MAX_RECEIVE_COUNT,
        renew_at=times.renew_at,
        breaker_open_s=times.breaker_open_s,
        retry_s=RETRY_S,
        drain_s=Settings.model_fields["drain_s"].default,
    )


def works(units: Units, failing: float) -> list[Work]:
    """Each queue as its consumer takes it. The worklist is PostgreSQL's: its lease is a claim's."""
    asking, searching = _defaults(GatewaySettings), _defaults(RetrievalSettings)
    remembering, ingesting = _defaults(MemorySettings), _defaults(IngestionSettings)
    unless_told = inspect.signature(Consumer).parameters["concurrency"].default
    turn, document = units.turn_cpu_ms, units.document_cpu_ms
    share = units.passages / units.small_passages

    def work(queue: str, service: str, at_once: object, cpu_ms: float, **more: object) -> Work:
        lease_s = QUEUES[queue].visibility_s if queue in QUEUES else ingesting["lease_s"]
        wait_s = units.wait_ms[queue] / 1000
        told: dict[str, object] = {"concurrency": at_once, "lease_s": lease_s, **more}
        return Work(queue, service, cpu_s=cpu_ms / 1000, wait_s=wait_s, **told)  # type: ignore[arg-type]

    def answer(queue: str, service: str, at_once: object, cpu_ms: float, **more: object) -> Work:
        budget_s = float(str(asking[f"{service}_budget_ms"])) / 1000
        return work(queue, service, at_once, cpu_ms, budget_s=budget_s, **more)

    of_search: dict[str, object] = {"depends_on": SEARCH}
    # A leg that is late is left out.
    legs_ms = sum(int(str(searching[name])) for name in ("leg_budget_ms", "rerank_budget_ms"))
    search = {**of_search, "most_wait_s": legs_ms / 1000}
    index_ms, read_ms = document["retrieval"] * share, document["ingestion"] * share
    recall_ms = turn["memory"] * units.memory_answers
    keep_ms, searches = turn["memory"] - recall_ms, searching["query_concurrency"]
    return [
        answer("retrieval-queries", "retrieval", searches, turn["retrieval"], **search),
        answer("memory-queries", "memory", remembering["query_concurrency"], recall_ms),
        work("memory-events", "memory", unless_told, keep_ms, failing=failing),
        work(
            "retrieval-index",
            "retrieval",
            searching["index_concurrency"],
            index_ms,
            failing=failing,
            **of_search,
        ),
        work(WORKLIST, "ingestion", ingesting["documents_in_flight"], read_ms, failing=failing),
    ]


def _defaults(kind: type[Settings]) -> Mapping[str, object]:
    return {name: one.default for name, one in kind.model_fields.items()}


class System:
    """Services, queues, hosts and policies, with people at work."""

    def __init__(self, profile: Profile, load: Load, rules: Rules, units: Units, seed: int) -> None:
        self.clock, self.load, self.units = Clock(seed), load, units
        self.outcome, self._away = Outcome(), set[str]()
        consumers = consuming()
        drains = {"gateway": GatewaySettings.model_fields["drain_s"].default}
        self.services = {
            name: Service(
                self.clock,
                name,
                min(1.0, profile.tasks[name].cpu / 1024),
                drains.get(name, consumers.drain_s),
            )
            for name in SIMULATED
        }
        self.queues = {
            work.queue: Queue(self.clock, work, self.services[work.service], consumers, self._away)
            for work in works(units, load.failing)
        }
        self.hosts = Hosts(self.clock, profile)
        self.scalers = {
            name: Autoscaler(
                self.services[name],
                profile.tasks[name],
                self.hosts,
                rules,
                self._tracks(name, rules),
                self.queues.get(rules.queries.get(name, "")),
            )
            for name in SIMULATED
        }

    def _tracks(self, name: str, rules: Rules) -> list[Track]:
        service = self.services[name]

        def each(value: float) -> float:
            return value / max(1, self.scalers[name].desired)

        def backlog(queue: Queue) -> Track:
            return Track(rules.backlog[queue.work.queue], lambda: each(len(queue.waiting)))

        found = [Track(rules.cpu_percent, lambda: service.cpu_percent(PERIOD_S))]
        found += [backlog(one) for one in service.queues if one.work.queue in rules.backlog]
        if name == "ingestion":
            worklist = self.queues[WORKLIST]
            found.append(Track(rules.claimable, lambda: each(len(worklist.waiting))))
        if name == "gateway":
            found.append(Track(rules.connections, lambda: each(2 * service.streams)))
        return found

    def run(self) -> Outcome:
        load, clock = self.load, self.clock
        for rate, happens in ((load.turns, self._turn), (load.documents, self._document)):
            if rate:
                self._people(rate, happens)
        middle = (load.from_s + load.to_s) / 2
        clock.after(middle, lambda: self._away.add(SEARCH) if load.outage_s else None)
        clock.after(middle + load.outage_s, lambda: self._away.discard(SEARCH))
        if load.kill_s is not None:
            self._kill_again(load.kill_s)
        clock.run(load.ends_s + load.rest_s)
        return self._told()

    def _people(self, rate: float, happens: Then) -> None:
        times = self.load.times
        arrivals(self.clock, lambda now: rate * times(now), self.load.ends_s, happens)

    def _told(self) -> Outcome:
        told = self.outcome
        told.dead_letters = sum(len(queue.dead) for queue in self.queues.values())
        told.most_tasks = {name: one.most for name, one in self.scalers.items()}
        told.last_tasks = {name: one.desired for name, one in self.scalers.items()}
        told.most_waiting = {name: one.most_waiting for name, one in self.queues.items()}
        told.hosts = self.hosts.count
        return told

    def _kill_again(self, every_s: float) -> None:
        def kill() -> None:
            if self.clock.now > self.load.ends_s:
                return
            for name in SIMULATED[1:]:
                self.scalers[name].replace_one()
            self.clock.after(every_s, kill)

        self.clock.after(every_s, kill)

    # -- what people do

    def _turn(self) -> None:
        """Search and memory side by side; then the answer streams, and memory keeps the turn."""
        gateway, began = self.services["gateway"], self.clock.now
        self.outcome.turns += 1
        gateway.streams += 1
        missing = {"retrieval-queries", "memory-queries"}

        def found(queue: str, times: list[float]) -> None:
            def answered(took_s: float | None) -> None:
                budget_s = self.queues[queue].work.budget_s or 0.0
                waited_s = self.clock.now - began
                if took_s is None or waited_s > budget_s:
                    # The gateway goes on without it.
                    self.outcome.late[queue] = self.outcome.late.get(queue, 0) + 1
                    waited_s = budget_s
                times.append(waited_s)
                missing.discard(queue)
                if not missing:
                    self.clock.after(self.units.stream_s, self._recorded)

            self.queues[queue].send(answered)

        def ask() -> None:
            found("retrieval-queries", self.outcome.search_s)
            found("memory-queries", self.outcome.memory_s)

        task = self.clock.random.choice(gateway.tasks)
        self.clock.after(gateway.compute(task, self.units.turn_cpu_ms["gateway"] / 1000), ask)

    def _recorded(self) -> None:
        self.services["gateway"].streams -= 1

        def kept(took_s: float | None) -> None:
            if took_s is not None:
                self.outcome.kept_s.append(took_s)

        self.queues["memory-events"].send(kept)

    def _document(self) -> None:
        """Read, cut and embedded by ingestion, then indexed by retrieval."""
        gateway, began = self.services["gateway"], self.clock.now
        self.outcome.documents += 1
        gateway.compute(
            self.clock.random.choice(gateway.tasks),
            self.units.document_cpu_ms["gateway"] / 1000,
        )

        def ready(took_s: float | None) -> None:
            if took_s is not None:
                self.outcome.ready_s.append(self.clock.now - began)

        def chunked(took_s: float | None) -> None:
            if took_s is not None:
                self.queues["retrieval-index"].send(ready)

        self.queues[WORKLIST].send(chunked)


def simulate(
    profile: Profile, load: Load, rules: Rules = RULES, units: Units = UNITS, seed: int = 1
) -> Outcome:
    return System(profile, load, rules, units, seed).run()
