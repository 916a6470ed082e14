"""Application Auto Scaling, ECS and hosts in a simulation, as AWS documents them.

Target tracking goes out after three minutes above the target, in proportion, and in after fifteen
below nine tenths of it, when all of a service's policies agree. Step scaling goes by one minute.
"""

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from infra.profiles import Profile, Task
from infra.quotas import HOSTS
from infra.scaling_rules import Rules
from infra.simulation import Clock, Queue, Service

PERIOD_S = 60.0
OUT_PERIODS, IN_PERIODS, IN_SHARE = 3, 15, 0.9
# Estimates: until a metric can be asked for; a task has started; a host has joined.
METRIC_LATE_S, TASK_S, HOST_S = 60.0, 40.0, 180.0
_LOOK_S = 5.0


@dataclass(eq=False)
class Hosts:
    """What tasks reserve on the hosts together; a host more comes when a task has no room."""

    clock: Clock
    profile: Profile
    count: int = 0
    used_cpu: int = 0
    used_mib: int = 0
    coming: int = 0
    pending: deque[tuple[Task, Callable[[], None]]] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self.count = self.profile.hosts_low

    def place(self, task: Task, start: Callable[[], None]) -> None:
        self.pending.append((task, start))
        self._try()

    def release(self, task: Task) -> None:
        self.used_cpu -= task.cpu
        self.used_mib -= task.memory_mib
        self._try()

    def _fits(self, task: Task) -> bool:
        host = HOSTS[self.profile.host_class]
        enough_cpu = self.used_cpu + task.cpu <= self.count * host.cpu
        return enough_cpu and self.used_mib + task.memory_mib <= self.count * host.mib

    def _try(self) -> None:
        while self.pending and self._fits(self.pending[0][0]):
            task, start = self.pending.popleft()
            self.used_cpu += task.cpu
            self.used_mib += task.memory_mib
            start()
        if len(self.pending) > self.coming and self.count + self.coming < self.profile.hosts_high:
            self.coming += 1
            self.clock.after(HOST_S, self._join)

    def _join(self) -> None:
        self.coming -= 1
        self.count += 1
        self._try()


@dataclass(eq=False)
class Track:
    """A target for a value of each task."""

    target: float
    value: Callable[[], float]
    seen: deque[float] = field(default_factory=lambda: deque(maxlen=IN_PERIODS))

    def wanted(self, tasks: int) -> int:
        """As many as bring the newest value to the target."""
        return math.ceil(tasks * self.seen[-1] / self.target)

    def above(self) -> bool:
        newest = list(self.seen)[-OUT_PERIODS:]
        return len(newest) == OUT_PERIODS and min(newest) > self.target

    def below(self) -> bool:
        return len(self.seen) == IN_PERIODS and max(self.seen) < IN_SHARE * self.target


class Autoscaler:
    """The policies of one service."""

    def __init__(
        self,
        service: Service,
        task: Task,
        hosts: Hosts,
        rules: Rules,
        tracks: list[Track],
        asked: Queue | None,
    ) -> None:
        self.service, self._task, self._hosts, self._rules = service, task, hosts, rules
        self._tracks, self._asked = tracks, asked
        self.desired = self.most = 0
        self._waiting = 0
        self._out_at = self._in_at = self._step_at = -math.inf
        self._clock = service.clock
        self._more(task.low, at_once=True)
        self._clock.after(PERIOD_S, self._sample)
        if asked is not None:
            self._clock.after(_LOOK_S, self._look)

    def _look(self) -> None:
        assert self._asked is not None
        self._waiting = max(self._waiting, len(self._asked.waiting))
        self._clock.after(_LOOK_S, self._look)

    def _sample(self) -> None:
        values = [track.value() for track in self._tracks]
        waiting, self._waiting = self._waiting, 0
        self._clock.after(METRIC_LATE_S, lambda: self._judge(values, waiting))
        self._clock.after(PERIOD_S, self._sample)

    def _judge(self, values: list[float], waiting: int) -> None:
        for track, value in zip(self._tracks, values, strict=True):
            track.seen.append(value)
        self._by_waiting(waiting)
        now, desired = self._clock.now, self.desired
        wanted = max([t.wanted(desired) for t in self._tracks if t.above()], default=desired)
        if wanted > desired and now - self._out_at >= self._rules.out_cooldown_s:
            self._out_at = now
            self._more(wanted - desired)
        elif all(track.below() for track in self._tracks):
            waited = now - max(self._in_at, self._out_at, self._step_at)
            if waited >= self._rules.in_cooldown_s:
                self._fewer(max(track.wanted(desired) for track in self._tracks))

    def _by_waiting(self, waiting: int) -> None:
        now = self._clock.now
        reached = [step for step in self._rules.steps if waiting >= step.waiting]
        if reached and now - self._step_at >= self._rules.step_cooldown_s:
            self._step_at = now
            self._more(reached[-1].more(self.desired))

    def _more(self, count: int, *, at_once: bool = False) -> None:
        count = min(count, self._task.high - self.desired)
        self.desired += count
        self.most = max(self.most, self.desired)
        for _ in range(count):
            if at_once:
                self._hosts.place(self._task, self.service.start)
            else:
                self._place()

    def replace_one(self) -> None:
        """A task dies; ECS starts another one in its place."""
        if self.service.tasks:
            self.service.kill()
            self._hosts.release(self._task)
            self._place()

    def _place(self) -> None:
        self._hosts.place(self._task, lambda: self._clock.after(TASK_S, self.service.start))

    def _fewer(self, wanted: int) -> None:
        wanted = max(wanted, self._task.low)
        # One that has not started yet is left to come.
        while self.desired > wanted and len(self.service.tasks) > wanted:
            self._in_at = self._clock.now
            self.desired -= 1
            self.service.stop()
            self._hosts.release(self._task)
