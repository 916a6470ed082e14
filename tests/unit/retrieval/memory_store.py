"""A SearchStore in plain Python; the scenario suite holds it to the answers of the real ones."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from operator import itemgetter

import numpy as np

from services.retrieval.models.document import Head, Removed, Version
from services.retrieval.models.filter import Scope, matches
from services.retrieval.models.graph import QUESTION, Link, Place, Subject, Support
from services.retrieval.models.holding import Held, HeldVersion, Page
from services.retrieval.models.passage import FoundPassage, IndexedPassage, Scored
from services.retrieval.models.typed_query import STOP_WORDS
from shared.errors import Unavailable


def _words(text: str) -> list[str]:
    return [w for w in re.findall(r"[^\W_]+", text.lower()) if w not in STOP_WORDS]


def _names(passage: IndexedPassage) -> tuple[str, ...]:
    return (*passage.mentions, *passage.about)


@dataclass
class MemoryStore:
    """`down` names the methods that answer Unavailable."""

    held: dict[tuple[str, str, int], tuple[Version, Sequence[IndexedPassage]]] = field(
        default_factory=dict
    )
    head: dict[tuple[str, str], Head] = field(default_factory=dict)
    down: set[str] = field(default_factory=set)

    async def ping(self) -> None:
        self._check("ping")

    async def index(self, version: Version, passages: Sequence[IndexedPassage]) -> int:
        self._check("index")
        key = (version.tenant, version.document_id, version.ordinal)
        return len(self.held.setdefault(key, (version, passages))[1])

    async def promote(self, tenant: str, document_id: str, ordinal: int) -> bool:
        return self._set_head(tenant, document_id, Head(ordinal, live=True))

    async def hide(self, tenant: str, document_id: str, ordinal: int) -> bool:
        return self._set_head(tenant, document_id, Head(ordinal, live=False))

    async def heads(self, tenant: str, document_ids: Sequence[str]) -> dict[str, Head]:
        found = {of: self.head.get((tenant, of)) for of in document_ids}
        return {of: head for of, head in found.items() if head is not None}

    async def purge(self, tenant: str, document_id: str) -> Removed:
        head = self.head.get((tenant, document_id))
        removed = Removed()
        for key in list(self.held):
            if head and key[:2] == (tenant, document_id) and head.outdates(key[2]):
                passages = self.held.pop(key)[1]
                others = {n for _, of in self.held.values() for p in of for n in _names(p)}
                gone = {n for p in passages for n in _names(p)} - others
                removed += Removed(len(passages), len(gone))
        return removed

    async def holdings(self, tenant: str, page: Page) -> list[Held]:
        ids = {of for owner, of in self.head if owner == tenant}
        ids |= {of for owner, of, _ in self.held if owner == tenant}
        wanted = sorted(of for of in ids if (of in page.ids if page.ids else of > page.after))
        return [
            Held(of, self.head.get((tenant, of)), tuple(self._versions(tenant, of)))
            for of in wanted[: len(page.ids) or page.limit]
        ]

    def _versions(self, tenant: str, document_id: str) -> Iterator[HeldVersion]:
        for (owner, of, ordinal), (_, passages) in sorted(self.held.items(), key=itemgetter(0)):
            if (owner, of) == (tenant, document_id):
                names = {name for p in passages for name in _names(p)}
                yield HeldVersion(ordinal, len(passages), len(names))

    async def drop(self, tenant: str, document_id: str, ordinal: int) -> None:
        self.held.pop((tenant, document_id, ordinal), None)

    async def strays(self, tenant: str, *, remove: bool) -> int:
        return 0

    async def remove_tenant(self, tenant: str) -> Removed:
        gone = [self.held.pop(key)[1] for key in list(self.held) if key[0] == tenant]
        self.head = {key: head for key, head in self.head.items() if key[0] != tenant}
        passages = [p for version in gone for p in version]
        return Removed(len(passages), len({name for p in passages for name in _names(p)}))

    async def bm25(self, scope: Scope, query: str, k: int) -> list[Scored]:
        self._check("bm25")
        wanted = set(_words(query))
        hits = [
            Scored(p.passage.passage_id, v.document_id, v.ordinal, score)
            for v, p in self._inside(scope)
            if (score := float(len(wanted & set(_words(p.passage.matched_text)))))
        ]
        return sorted(hits, key=lambda hit: -hit.score)[:k]

    async def dense(self, scope: Scope, vector: Sequence[float], k: int) -> list[Scored]:
        self._check("dense")
        hits = [
            Scored(
                p.passage.passage_id,
                v.document_id,
                v.ordinal,
                float(np.frombuffer(p.vector, "<f2").astype(np.float32) @ np.array(vector)),
            )
            for v, p in self._inside(scope)
        ]
        return sorted(hits, key=lambda hit: -hit.score)[:k]

    async def audience(self, scope: Scope) -> set[str]:
        self._check("audience")
        limited = [v.visibility or () for v, _ in self.held.values() if v.tenant == scope.tenant]
        return {name for names in limited for name in names} & set(scope.visible_to)

    async def passages(self, tenant: str, passage_ids: Sequence[str]) -> dict[str, FoundPassage]:
        return {
            f.passage.passage_id: f
            for f in self._found(tenant)
            if f.passage.passage_id in passage_ids
        }

    async def passage(self, scope: Scope, passage_id: str) -> FoundPassage | None:
        self._check("passage")
        inside = self._inside(scope)
        return next(
            (
                FoundPassage(p.passage, v.document_id, v.ordinal, v.name)
                for v, p in inside
                if p.passage.passage_id == passage_id
            ),
            None,
        )

    async def links(self, scope: Scope, seeds: Sequence[str], max_owners: int) -> list[Link]:
        self._check("links")
        inside = self._inside(scope)
        found = []
        for _, seed in inside:
            for entity in seed.mentions if seed.passage.passage_id in seeds else ():
                owners = [(v, p.passage.passage_id) for v, p in inside if entity in p.about]
                named_by = sum(entity in p.mentions for _, p in inside)
                found += [
                    Link(seed.passage.passage_id, entity, owner, v.document_id, v.ordinal, named_by)
                    for v, owner in owners
                    if len(owners) <= max_owners and owner != seed.passage.passage_id
                ]
        return found

    async def owners(self, scope: Scope, names: Sequence[str], max_owners: int) -> list[Link]:
        self._check("owners")
        inside = self._inside(scope)
        found = []
        for name in names:
            about = [(v, p.passage.passage_id) for v, p in inside if name in p.about]
            named_by = sum(name in p.mentions for _, p in inside)
            found += [
                Link(QUESTION, name, passage_id, v.document_id, v.ordinal, named_by)
                for v, passage_id in about
                if len(about) <= max_owners
            ]
        return found

    async def places(self, scope: Scope, name: str, most: int) -> list[Place]:
        self._check("places")
        found = [
            Place(
                p.passage.passage_id, v.document_id, v.ordinal, name in p.about, name in p.mentions
            )
            for v, p in self._inside(scope)
            if name in (*p.about, *p.mentions)
        ]
        return [
            *[place for place in found if place.about][:most],
            *[place for place in found if not place.about][:most],
        ]

    async def subjects(
        self, scope: Scope, passage_ids: Sequence[str], max_owners: int
    ) -> list[Subject]:
        self._check("subjects")
        inside = [p for _, p in self._inside(scope)]
        return [
            Subject(p.passage.passage_id, name, sum(name in other.mentions for other in inside))
            for p in inside
            for name in p.about
            if p.passage.passage_id in passage_ids
            and sum(name in other.about for other in inside) <= max_owners
        ]

    async def supports(self, scope: Scope, beginnings: Sequence[str], most: int) -> list[Support]:
        self._check("supports")
        found: dict[str, Support] = {}
        for v, p in self._inside(scope):
            for name in (*p.about, *p.mentions):
                found.setdefault(name, Support(name, v.document_id, v.ordinal))
        return [
            support
            for beginning in beginnings
            for support in [s for s in found.values() if s.name.startswith(beginning)][:most]
        ]

    def _check(self, method: str) -> None:
        if method in self.down:
            raise Unavailable("search store", method)

    def _found(self, tenant: str) -> list[FoundPassage]:
        return [
            FoundPassage(p.passage, v.document_id, v.ordinal, v.name)
            for v, passages in self.held.values()
            if v.tenant == tenant
            for p in passages
        ]

    def _inside(self, scope: Scope) -> list[tuple[Version, IndexedPassage]]:
        return [
            (version, passage)
            for version, passages in self.held.values()
            if version.tenant == scope.tenant and self._visible(version, scope)
            for passage in passages
        ]

    def _visible(self, version: Version, scope: Scope) -> bool:
        head = self.head.get((version.tenant, version.document_id))
        open_to = version.visibility is None or set(version.visibility) & set(scope.visible_to)
        inside = scope.filter is None or matches(scope.filter, version)
        return bool(open_to and inside and head is not None and head.shows(version.ordinal))

    def _set_head(self, tenant: str, document_id: str, wanted: Head) -> bool:
        self._check("promote" if wanted.live else "hide")
        head = self.head.get((tenant, document_id))
        if head is None or not (head.outdates(wanted.ordinal) or head == wanted):
            self.head[tenant, document_id] = wanted
        return self.head[tenant, document_id] == wanted
