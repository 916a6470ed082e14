"""A discrete simulation of queues, tasks and scaling, in seconds of its own clock.

It plays what a consumer does with a message (shared/messaging/consumer.py): receive only what can
start, drop requests that nobody waits for, try again, wait out an outage, give back on a stop. And
what AWS does: metrics a minute late, target tracking, step scaling, tasks and hosts that take their
time. Waiting for stores and models is exponential; CPU is served in turn, as one event loop does.
"""

import heapq
import math
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

Then = Callable[[], None]
# Of SQS: from a message to the poll that waits for it.
DELIVERY_S = 0.02


@dataclass(frozen=True)
class Work:
    """What one message of a queue costs its consumer, and how the consumer takes it.

    `concurrency` is by task. `wait_s` is the mean time for stores and models,
    `most_wait_s` where they are left out. `budget_s`: whoever
    asked waits no longer (None: nobody waits). `lease_s`: for so long a dead task holds a message.
    `depends_on`: a store without which it cannot be done. `failing` is the share that raises.
    """

    queue: str
    service: str
    concurrency: int
    cpu_s: float
    wait_s: float
    lease_s: float
    budget_s: float | None = None
    most_wait_s: float = math.inf
    depends_on: str | None = None
    failing: float = 0.0


@dataclass(frozen=True)
class Consuming:
    """The consumer's own numbers: attempts, receives, delays in seconds."""

    attempts: int
    last_receive: int
    most_receives: int
    renew_at: int
    breaker_open_s: float
    retry_s: tuple[float, float]
    drain_s: float


@dataclass(eq=False)
class Message:
    """`answered` hears how long it took, None when it was too late or lost."""

    sent_at: float
    answered: Callable[[float | None], None]
    receives: int = 0
    visible: bool = True


@dataclass(eq=False)
class Running:
    """A task. `speed` is its share of a core."""

    speed: float
    busy_until: float = 0.0
    stopping: bool = False
    # Messages at work with their queue; when its breakers close; failed attempts by message.
    flights: dict[Message, str] = field(default_factory=dict)
    open_until: dict[str, float] = field(default_factory=dict)
    failures: dict[Message, int] = field(default_factory=dict)
    at_work: dict[str, int] = field(default_factory=dict)


class Clock:
    """Events in their order."""

    def __init__(self, seed: int) -> None:
        self.now, self.random = 0.0, random.Random(seed)
        self._events: list[tuple[float, int, Then]] = []
        self._count = 0

    def after(self, seconds: float, then: Then) -> None:
        self._count += 1
        heapq.heappush(self._events, (self.now + seconds, self._count, then))

    def run(self, until: float) -> None:
        while self._events and self._events[0][0] <= until:
            self.now, _, then = heapq.heappop(self._events)
            then()
        self.now = until


class Service:
    """Tasks of one service, which share their CPU among its queues."""

    def __init__(self, clock: Clock, name: str, speed: float, drain_s: float) -> None:
        self.clock, self.name, self._speed, self._drain_s = clock, name, speed, drain_s
        self.tasks: list[Running] = []
        self.queues: list[Queue] = []
        self.streams = 0
        self._worked_s = self._worked_before = 0.0

    def start(self) -> None:
        self.tasks.append(Running(self._speed, busy_until=self.clock.now))
        for queue in self.queues:
            queue.pull()

    def stop(self) -> None:
        """The newest task ends; what it has not done within the drain becomes visible again."""
        task = self.tasks.pop()
        task.stopping = True
        self.clock.after(self._drain_s, lambda: self._give_back(task, 0.0))

    def kill(self) -> None:
        """A task is gone without a word; the service starts another one."""
        if self.tasks:
            task = self.tasks.pop(0)
            task.stopping = True
            self._give_back(task, None)

    def _give_back(self, task: Running, after_s: float | None) -> None:
        by_name = {queue.work.queue: queue for queue in self.queues}
        for message, name in list(task.flights.items()):
            queue = by_name[name]
            queue.land(task, message)
            queue.hide(message, queue.work.lease_s if after_s is None else after_s)

    def compute(self, task: Running, seconds: float) -> float:
        """Seconds until that much CPU has been had; one after another."""
        begins = max(self.clock.now, task.busy_until)
        task.busy_until = begins + seconds / task.speed
        self._worked_s += seconds / task.speed
        return task.busy_until - self.clock.now

    def cpu_percent(self, period_s: float) -> float:
        """Of the tasks' shares, since the last time it was asked."""
        ahead = sum(max(0.0, task.busy_until - self.clock.now) for task in self.tasks)
        done = self._worked_s - ahead
        percent = 100 * max(0.0, done - self._worked_before) / period_s / max(1, len(self.tasks))
        self._worked_before = done
        return min(100.0, percent)


class Queue:
    """A queue and its consumers."""

    def __init__(
        self, clock: Clock, work: Work, service: Service, rules: Consuming, away: set[str]
    ) -> None:
        self.clock, self.work, self.service, self._rules = clock, work, service, rules
        # Stores that do not answer at the moment.
        self._away = away
        self.waiting: deque[Message] = deque()
        self.not_done = 0
        self.dead: list[Message] = []
        self.most_waiting = 0
        service.queues.append(self)

    def send(self, answered: Callable[[float | None], None] = lambda _: None) -> None:
        message = Message(self.clock.now, answered)
        self.not_done += 1
        self.clock.after(DELIVERY_S, lambda: self._show(message))

    def hide(self, message: Message, seconds: float) -> None:
        self.clock.after(seconds, lambda: self._show(message))

    def _show(self, message: Message) -> None:
        self.waiting.append(message)
        self.pull()

    def pull(self) -> None:
        """Whoever can start a message takes it; nobody takes more."""
        self.most_waiting = max(self.most_waiting, len(self.waiting))
        name = self.work.queue
        while self.waiting:
            free = [
                task
                for task in self.service.tasks
                if task.at_work.get(name, 0) < self.work.concurrency
                and task.open_until.get(name, 0.0) <= self.clock.now
            ]
            if not free:
                return
            self._receive(self.clock.random.choice(free), self.waiting.popleft())

    def _receive(self, task: Running, message: Message) -> None:
        message.receives += 1
        if message.receives > self._rules.most_receives:
            self._bury(message)
            return
        budget_s = self.work.budget_s
        if budget_s is not None and self.clock.now > message.sent_at + budget_s:
            self._end(message, None)
            return
        name = self.work.queue
        task.flights[message] = name
        task.at_work[name] = task.at_work.get(name, 0) + 1
        if self.work.depends_on in self._away:
            self.clock.after(DELIVERY_S, lambda: self._outage(task, message))
            return
        took = self.service.compute(task, self.work.cpu_s)
        waits = self.clock.random.expovariate(1 / self.work.wait_s)
        took += min(waits, self.work.most_wait_s)
        self.clock.after(took, lambda: self._ended(task, message))

    def _outage(self, task: Running, message: Message) -> None:
        """It counts for nothing: back into the queue, in time with a fresh count."""
        if message not in task.flights:
            return
        self.land(task, message)
        if self.work.budget_s is not None:
            self._end(message, None)  # whoever asked is told at once
            self.pull()
            return
        if task.open_until.get(self.work.queue, 0.0) <= self.clock.now:
            self._open(task)
        if message.receives >= self._rules.renew_at:
            message.receives = 0
        self.hide(message, 0.0)

    def _open(self, task: Running) -> None:
        """Its consumer receives nothing until a probe is answered."""
        pause_s = self._rules.breaker_open_s
        task.open_until[self.work.queue] = self.clock.now + pause_s
        self.clock.after(pause_s, lambda: self._probe(task))

    def _probe(self, task: Running) -> None:
        if self.work.depends_on in self._away:
            self._open(task)
        else:
            self.pull()

    def _ended(self, task: Running, message: Message) -> None:
        if message not in task.flights:
            return  # its task was killed, or has given it back
        self.land(task, message)
        if self.clock.random.random() < self.work.failing:
            self._failed(task, message)
        else:
            self._end(message, self.clock.now - message.sent_at)
        self.pull()

    def _failed(self, task: Running, message: Message) -> None:
        if self.work.budget_s is not None:
            self._end(message, None)
            return
        failures = task.failures[message] = task.failures.get(message, 0) + 1
        if failures >= self._rules.attempts or message.receives >= self._rules.last_receive:
            self._bury(message)
            return
        self.hide(message, self.clock.random.uniform(*self._rules.retry_s) * 2 ** (failures - 1))

    def land(self, task: Running, message: Message) -> None:
        del task.flights[message]
        task.at_work[self.work.queue] -= 1

    def _bury(self, message: Message) -> None:
        self.dead.append(message)
        self._end(message, None)

    def _end(self, message: Message, took_s: float | None) -> None:
        self.not_done -= 1
        message.answered(took_s)


def arrivals(clock: Clock, a_second: Callable[[float], float], until: float, then: Then) -> None:
    """Calls `then` at random moments, so many a second on the average (a Poisson process)."""

    def next_one() -> None:
        rate = a_second(clock.now)
        if clock.now >= until:
            return
        then()
        clock.after(clock.random.expovariate(rate), next_one)

    clock.after(clock.random.expovariate(a_second(0.0)), next_one)


def percentile(values: list[float], share: float) -> float:
    """Nearest rank."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0
