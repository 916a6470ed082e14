"""The rules by which services scale, as data: the stacks and the simulation read the same ones."""

from collections.abc import Mapping
from dataclasses import dataclass, field

_BACKLOG = {"retrieval-index": 200, "finetune-events": 1000, "memory-events": 1000}
_QUERIES = {"retrieval": "retrieval-queries", "memory": "memory-queries"}


@dataclass(frozen=True)
class Step:
    """So many percent of the tasks more, one at least, from so many waiting requests on."""

    waiting: int
    percent: int

    def more(self, tasks: int) -> int:
        """As AWS rounds: down, but one at least."""
        return max(1, tasks * self.percent // 100)


@dataclass(frozen=True)
class Rules:
    """Targets are for each running task (docs/adr/0039, docs/adr/0054). Cooldowns in seconds.

    `backlog` is by queue: what one task has done within the time that is bearable, some five
    minutes. `queries` are the queues for whose answers people wait.
    """

    cpu_percent: int = 60
    backlog: Mapping[str, int] = field(default_factory=lambda: _BACKLOG)
    claimable: int = 50
    # The load balancer counts a stream twice: on the client's side and on the gateway's.
    connections: int = 200
    queries: Mapping[str, str] = field(default_factory=lambda: _QUERIES)
    # More than a task takes at a time, so all of them have their hands full.
    steps: tuple[Step, ...] = (Step(20, 100),)
    step_cooldown_s: int = 60
    # Until a metric shows the tasks of the last step.
    out_cooldown_s: int = 180
    in_cooldown_s: int = 300


RULES = Rules()
