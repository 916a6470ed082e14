"""Exact dense search: every vector in memory as float32, by tenant, in step with the file."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from threading import Lock

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]
# Blocks are never copied as a tenant grows, and pages of a block that are not written cost nothing.
BLOCK_ROWS = 4096
FREE = -1


@dataclass(frozen=True, slots=True)
class Row:
    """A passage's row id, its version's id, who may see it, whether it is shown, its vector."""

    id: int
    version: int
    audience: int
    shown: bool
    vector: bytes


class _Block:
    """Up to BLOCK_ROWS rows; a removed row has the id FREE and is used again."""

    def __init__(self, dimension: int) -> None:
        self.used = 0
        self.vectors: Floats = np.empty((BLOCK_ROWS, dimension), np.float32)
        self.ids: Ids = np.full(BLOCK_ROWS, FREE, np.int64)
        self.versions: Ids = np.full(BLOCK_ROWS, FREE, np.int64)
        self.audiences: Ids = np.zeros(BLOCK_ROWS, np.int64)
        self.shown: npt.NDArray[np.bool_] = np.zeros(BLOCK_ROWS, np.bool_)

    def put(self, at: int, row: Row) -> None:
        self.vectors[at] = np.frombuffer(row.vector, "<f2")
        self.ids[at], self.versions[at] = row.id, row.version
        self.audiences[at], self.shown[at] = row.audience, row.shown
        self.used = max(self.used, at + 1)

    def scores(self, vector: Floats, audiences: Ids, versions: Ids | None) -> Floats:
        """The cosine of every used row; minus infinity outside the scope."""
        used = slice(self.used)
        inside = self.shown[used] & np.isin(self.audiences[used], audiences)
        if versions is not None:
            inside &= np.isin(self.versions[used], versions)
        # Not `@`: BLAS would want every core for a moment's work, and spin while BM25 has one.
        cosines = np.einsum("ij,j->i", self.vectors[used], vector)
        return np.where(inside, cosines, np.float32(-np.inf))


@dataclass
class _Tenant:
    blocks: list[_Block] = field(default_factory=list)
    free: list[tuple[int, int]] = field(default_factory=list)

    def places(self, dimension: int) -> Iterator[tuple[_Block, int]]:
        while True:
            if self.free:
                block, at = self.free.pop()
                yield self.blocks[block], at
            else:
                if not self.blocks or self.blocks[-1].used == BLOCK_ROWS:
                    self.blocks.append(_Block(dimension))
                yield self.blocks[-1], self.blocks[-1].used

    def rows_of(self, version: int) -> Iterator[tuple[int, _Block, Ids]]:
        for number, block in enumerate(self.blocks):
            rows = np.flatnonzero(block.versions[: block.used] == version)
            if rows.size:
                yield number, block, rows


class Vectors:
    """All vectors, behind one lock: nobody reads a row while it is written."""

    def __init__(self, dimension: int) -> None:
        self._dimension = dimension
        self._tenants: dict[int, _Tenant] = {}
        self._lock = Lock()

    def add(self, tenant: int, rows: Iterable[Row]) -> None:
        with self._lock:
            entry = self._tenants.setdefault(tenant, _Tenant())
            for row, (block, at) in zip(rows, entry.places(self._dimension), strict=False):
                block.put(at, row)

    def show(self, tenant: int, version: int, shown: bool) -> None:
        with self._lock:
            for _, block, rows in self._rows_of(tenant, version):
                block.shown[rows] = shown

    def remove(self, tenant: int, version: int) -> None:
        with self._lock:
            for number, block, rows in self._rows_of(tenant, version):
                block.shown[rows] = False
                block.ids[rows] = block.versions[rows] = FREE
                self._tenants[tenant].free.extend((number, int(at)) for at in rows)

    def nearest(
        self, tenant: int, vector: Floats, audiences: Ids, versions: Ids | None, k: int
    ) -> list[tuple[int, float]]:
        """(row id, cosine) of the first k in scope, best first, equal ones by row id."""
        with self._lock:
            blocks = self._tenants[tenant].blocks if tenant in self._tenants else []
            if not blocks:
                return []
            scores = np.concatenate([b.scores(vector, audiences, versions) for b in blocks])
            ids = np.concatenate([block.ids[: block.used] for block in blocks])
        return _first(ids, scores, k)

    def _rows_of(self, tenant: int, version: int) -> Iterator[tuple[int, _Block, Ids]]:
        return self._tenants[tenant].rows_of(version) if tenant in self._tenants else iter(())


def _first(ids: Ids, scores: Floats, k: int) -> list[tuple[int, float]]:
    if len(scores) > k:
        best = np.argpartition(-scores, k - 1)[:k]
        ids, scores = ids[best], scores[best]
    order = np.lexsort((ids, -scores))
    return [(int(ids[at]), float(scores[at])) for at in order if scores[at] > -np.inf]
