"""services.gateway.services.ports.PromptRegistry in memory; the script's own tests use Redis."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from contracts.envelope import new_id
from services.gateway.models.arm import ArmFigures
from services.gateway.models.prompt import (
    CANARY,
    Arm,
    Elsewhere,
    Label,
    Labelled,
    Labels,
    Move,
    Moved,
    PromptVersion,
    WentBack,
)
from shared.errors import Unavailable

Place = tuple[str, str, Label]


@dataclass
class FakePrompts:
    """`down`: Redis is away."""

    kept: dict[tuple[str, str, str], PromptVersion] = field(default_factory=dict)
    at: dict[Place, Labelled] = field(default_factory=dict)
    of_untold: dict[str, list[Moved]] = field(default_factory=dict)
    marks: dict[str, str] = field(default_factory=dict)
    count_of_moves: dict[str, int] = field(default_factory=dict)
    back: dict[str, WentBack] = field(default_factory=dict)
    turns: dict[tuple[str, Arm, int], ArmFigures] = field(default_factory=dict)
    down: bool = False

    def _check(self) -> None:
        if self.down:
            raise Unavailable("redis")

    async def labels(self, tenant: str) -> Labels:
        self._check()
        found = {label: one for (t, _, label), one in self.at.items() if t == tenant}
        return Labels(**found, back=self.back.get(tenant))

    async def versions(self, tenant: str) -> Sequence[PromptVersion]:
        self._check()
        return [one for (t, _, _), one in self.kept.items() if t == tenant]

    async def version(self, tenant: str, name: str, version: str) -> PromptVersion | None:
        self._check()
        return self.kept.get((tenant, name, version))

    async def count(self, tenant: str) -> int:
        return len(await self.versions(tenant))

    async def add(self, tenant: str, version: PromptVersion) -> None:
        self._check()
        self.kept.setdefault((tenant, version.name, version.version), version)

    async def move(self, tenant: str, move: Move) -> None:
        self._check()
        await self.watch([tenant])
        place = (tenant, move.name, move.label)
        there = self.at.get(place)
        at, weight = (there.version.version, there.weight) if there else (None, None)
        if move.compares and at != move.expects:
            raise Elsewhere(at)
        if (at, weight) == (move.version, move.weight):
            return
        revision = self.count_of_moves[tenant] = self.count_of_moves.get(tenant, 0) + 1
        added = {"revision": revision, "before": at}
        self.of_untold.setdefault(tenant, []).append(Moved.of(move).model_copy(update=added))
        if move.label == CANARY:
            self.back.pop(tenant, None)
        if move.back is not None:
            self.back[tenant] = move.back
        if move.labelled is None:
            del self.at[place]
        else:
            self.at[place] = move.labelled

    async def untold(self, tenant: str) -> Sequence[Moved]:
        self._check()
        return [*self.of_untold.get(tenant, [])]

    async def told(self, tenant: str, revision: int) -> None:
        self._check()
        untold = self.of_untold.get(tenant, [])
        self.of_untold[tenant] = [one for one in untold if one.revision != revision]

    async def watch(self, tenants: Sequence[str]) -> None:
        self._check()
        self.marks |= {tenant: new_id() for tenant in tenants}

    async def watched(self) -> dict[str, str]:
        self._check()
        return {**self.marks}

    async def unwatch(self, tenant: str, mark: str) -> None:
        if self.marks.get(tenant) == mark:
            del self.marks[tenant]

    async def restore(
        self, tenant: str, labels: Sequence[Labelled], revisions: Sequence[int]
    ) -> None:
        await self.watch([tenant])
        for one in labels:
            await self.add(tenant, one.version)
            self.at[tenant, one.name, one.label] = one
        self.count_of_moves[tenant] = max(revisions, default=0)

    async def count_turn(
        self, tenant: str, arm: Arm, turn: ArmFigures, bucket: int, lifetime_s: float
    ) -> None:
        self._check()
        place = (tenant, arm, bucket)
        self.turns[place] = self.turns.get(place, ArmFigures()) + turn

    async def figures(
        self, tenant: str, arms: Sequence[Arm], buckets: Sequence[int]
    ) -> list[ArmFigures]:
        self._check()
        nothing = ArmFigures()
        return [
            sum((self.turns.get((tenant, arm, n), nothing) for n in buckets), nothing)
            for arm in arms
        ]
