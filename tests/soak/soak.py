"""A soak: scripted users over real documents, and what archive, lake and sets hold afterwards.

Three tenants. In `steady` a user is erased in the middle. In `changing` a document is deleted and
another one replaced. `wavering` agrees to training in the second of the three parts alone.
"""

import asyncio
import math
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx

from compose.local.minting import mint_token
from compose.local.system import System
from contracts.ingestion.document import document_id
from shared.client.client import open_client
from shared.client.evaluate.tenancy import Tenancy
from shared.client.progress import Bar
from shared.testing.probe import until
from tests.e2e.person import Person
from tests.soak.holding import (
    Happened,
    check_archive,
    check_audit_log,
    check_deletion,
    check_lake,
)
from tests.soak.library import Library
from tests.soak.report import Report
from tests.soak.script import Planter, Talk, Writer
from tests.soak.sets import HAIKU, LLAMA, LLAMA_8B, NOVA, Sets, Wanted
from tests.soak.stand import Stand
from tests.soak.talking import Talking

STEADY, CHANGING, WAVERING = "steady", "changing", "wavering"
# Of the turns and of the users, in per cent.
SHARES = {STEADY: 40, CHANGING: 40, WAVERING: 20}
BOSS = "boss"
PARTS = 3
# In which parts it agrees to training.
_AGREES = {STEADY: (0, 1, 2), CHANGING: (0, 1, 2), WAVERING: (1,)}
_STALL_S, _CHANGED_S = 600.0, 600.0
_TEXTS = (".md", ".txt")
_EDITION = b"\n\nThis edition was checked again.\n"
SETS: Mapping[str, Sequence[Wanted]] = {
    STEADY: (
        Wanted("bedrock-conversation", NOVA, trained=True),
        Wanted("bedrock-distillation", NOVA),
        Wanted("bedrock-reinforcement", NOVA),
    ),
    CHANGING: (
        Wanted("sagemaker-chat", LLAMA, trained=True),
        Wanted("bedrock-prompt-completion", LLAMA_8B, trained=True),
        Wanted("bedrock-claude-3-haiku", HAIKU, trained=True),
    ),
    WAVERING: (Wanted("sagemaker-dpo", LLAMA, trained=True), Wanted("nova-dpo", NOVA)),
}


@dataclass(frozen=True)
class Plan:
    """`repeated`: the share of conversations that were held before, word for word.

    `names`: sets are made again with names of people looked for, as over HTTP. `enough`: there are
    so many turns that a set with too few records is a fault. `minutes`: the talk is over then,
    whether or not all was asked.
    """

    turns: int
    libraries: Sequence[Library]
    users: int = 200
    at_once: int = 4
    repeated: float = 0.5
    seed: int = 1
    prefix: str = ""
    minutes: float = math.inf
    names: bool = True
    enough: bool = True
    sets: Mapping[str, Sequence[Wanted]] = field(default_factory=lambda: SETS)

    def tenant(self, role: str) -> str:
        return f"{self.prefix}{role}"

    @property
    def tenants(self) -> list[str]:
        return [self.tenant(role) for role in SHARES]

    @property
    def asked(self) -> int:
        """Each tenant's share is a whole number."""
        return sum(self.turns * share // 100 for share in SHARES.values())

    def library(self, role: str) -> Library:
        return self.libraries[list(SHARES).index(role) % len(self.libraries)]

    def users_of(self, role: str) -> list[str]:
        return [f"{role}-{n:03}" for n in range(max(3, self.users * SHARES[role] // 100))]


@dataclass
class Soak:
    """One run of a plan in a running system."""

    stand: Stand
    plan: Plan
    report: Report
    bar: Bar
    people: Mapping[tuple[str, str], Person]
    planter: Planter
    talking: Talking
    deleted: str = ""

    async def run(self) -> None:
        dead = await self.stand.dead_letters()
        await self._prepare()
        await self._talk()
        happened = self._happened()
        self._check_talk(happened)
        await self.stand.drained()
        await check_archive(self.stand, happened, self.report)
        await check_deletion(self.stand, happened, self.report)
        await check_lake(self.stand, happened, self.report, self.bar)
        await self._check_sets(happened)
        await check_audit_log(self.stand, happened, self.report)
        self.report.check("messages among dead letters", dead, await self.stand.dead_letters())

    # -- before

    async def _prepare(self) -> None:
        for role in SHARES:
            tenant = self.plan.tenant(role)
            body = {"consent_to_training": 0 in _AGREES[role]}
            made = await self._boss(role).http.post(f"/v1/admin/tenants/{tenant}", json=body)
            made.raise_for_status()
            url, token = self.stand.system.url, _token(self.stand.system, tenant, BOSS)
            async with open_client(url, token, patience_s=120) as client:
                await Tenancy(client, self.bar).fill(self.plan.library(role).files, _STALL_S)

    def _boss(self, role: str) -> Person:
        return self.people[self.plan.tenant(role), BOSS]

    # -- the talk

    async def _talk(self) -> None:
        parts, draw = parts_of(self.plan, self.planter), random.Random(self.plan.seed)
        self.talking.advance = self.bar("turns", self.plan.asked)
        began = time.monotonic()
        for place, part in enumerate(parts):
            await self._agree(place)
            self.talking.ends_at = time.monotonic() + self.plan.minutes * 60 / PARTS
            talks = [(self.plan.tenant(role), talk) for role in SHARES for talk in part[role]]
            draw.shuffle(talks)
            async with asyncio.TaskGroup() as group:
                held = group.create_task(self.talking.hold(talks))
                if place == 1:
                    group.create_task(self._erase())
                    group.create_task(self._change_documents())
            await self.talking.opine(held.result())
        rate = len(self.talking.told) / (time.monotonic() - began)
        self.report.figure("turns a second, feedback included", f"{rate:.1f}")

    async def _agree(self, place: int, *, also: str = "") -> None:
        """Each tenant says whether its turns may be trained with from here on."""
        for role in SHARES:
            tenant = self.plan.tenant(role)
            agrees = place in _AGREES[role] or role == also
            if self.talking.consents[tenant] != agrees:
                body = {"consent_to_training": agrees}
                changed = await self._boss(role).http.put(f"/v1/admin/tenants/{tenant}", json=body)
                changed.raise_for_status()
                self.talking.consents[tenant] = agrees

    # -- in the middle

    @property
    def _erased(self) -> tuple[str, str]:
        return self.plan.tenant(STEADY), self.plan.users_of(STEADY)[0]

    async def _erase(self) -> None:
        """Returns when the receipt is complete."""
        http = self.people[self._erased].http
        begun = (await http.delete("/v1/users/me")).raise_for_status()
        url = f"/v1/erasures/{begun.json()['erasure_id']}"

        async def complete() -> Any:
            answer = await http.get(url)
            shown = answer.json() if answer.status_code == httpx.codes.OK else {}
            return shown if shown.get("complete") else None

        receipt = await until(complete, _CHANGED_S, 0.5)
        removed = receipt["removed"]["finetune_export"]["turns"]
        self.report.figure("turns that the receipt of the erasure counts", f"{removed}")

    async def _change_documents(self) -> None:
        """Deletes the document that was shown most, and replaces the next one that is text."""
        tenant, boss = self.plan.tenant(CHANGING), self._boss(CHANGING)
        files = {document_id(tenant, one.name): one for one in self.plan.library(CHANGING).files}
        told = [one for one in self.talking.told if one.tenant == tenant]
        counts = Counter(document for one in told for document in sorted(one.documents))
        self.deleted, *others = (document for document, _ in counts.most_common())
        replaced = next(one for one in others if one in files and files[one].name.endswith(_TEXTS))
        before = await boss.document(replaced)
        (await boss.http.delete(f"/v1/documents/{self.deleted}")).raise_for_status()
        await boss.upload(files[replaced].name, files[replaced].body + _EDITION)

        async def changed() -> bool:
            document = await boss.document(replaced)
            gone = await boss.http.get(f"/v1/documents/{self.deleted}/certificate")
            certified = gone.status_code == httpx.codes.OK and gone.json()["complete"]
            newer = document["version"] == before["version"] + 1
            return bool(certified and newer and document["status"] == "ready")

        await until(changed, _CHANGED_S, 0.5)

    # -- afterwards

    def _happened(self) -> Happened:
        talking = self.talking
        return Happened(
            tenants=self.plan.tenants,
            told=talking.told,
            untold=talking.untold,
            opinions=talking.opinions,
            planted=self.planter.planted,
            erased=self._erased,
            deleted=(self.plan.tenant(CHANGING), self.deleted),
        )

    def _check_talk(self, happened: Happened) -> None:
        told, ends = happened.told, dict(self.talking.ends)
        asked = self.plan.asked - self.talking.skipped
        self.report.check("turns asked that ended with `done`", asked, len(told))
        self.report.check("other ends", {}, ends)
        with_planted = [
            one for one in told if any(value in one.question for value in happened.planted)
        ]
        self.report.check("turns with planted values", True, bool(with_planted))
        for name, count in (
            ("cached answers", sum(one.cached for one in told)),
            ("degraded answers", sum(one.degraded for one in told)),
            ("turns with planted secrets and personal data", len(with_planted)),
            ("users", len({(one.tenant, one.user) for one in told})),
            ("conversations", len({one.conversation_id for one in told})),
            ("thumbs and corrected answers", len(happened.opinions)),
            ("requests that were asked to wait", self.talking.waits),
        ):
            self.report.figure(name, f"{count:,}")

    async def _check_sets(self, happened: Happened) -> None:
        until_now = datetime.now(UTC).replace(microsecond=0)
        sets = {
            role: Sets(self.stand, self._boss(role), until_now, happened, self.report)
            for role in SHARES
        }
        await sets[WAVERING].refused_without_consent()
        await self._agree(PARTS - 1, also=WAVERING)
        await self.stand.drained()
        for role, wanted in self.plan.sets.items():
            for n, one in enumerate(wanted):
                made = await sets[role].check(one, enough=self.plan.enough)
                if made is not None and n == 0:
                    await sets[role].check_twice(made, names=self.plan.names)
        if self.plan.names:
            await sets[STEADY].measure(self.plan.sets[STEADY][0])


def parts_of(plan: Plan, planter: Planter) -> list[dict[str, list[Talk]]]:
    """By part and role. The user who is erased talks in the first part alone."""
    parts: list[dict[str, list[Talk]]] = [{} for _ in range(PARTS)]
    for role, share in SHARES.items():
        draw = random.Random(f"{plan.seed}/{role}")
        writer = Writer(plan.library(role).questions, plan.repeated, draw, planter)
        users, turns = plan.users_of(role), plan.turns * share // 100
        for place in range(PARTS):
            count = turns * (place + 1) // PARTS - turns * place // PARTS
            whose = users[1:] if role == STEADY and place else users
            parts[place][role] = writer.part(count, whose)
    return parts


def _token(system: System, tenant: str, user: str) -> str:
    return mint_token(system.layout.secrets().token_secret, tenant, user)


@asynccontextmanager
async def opened(system: System, plan: Plan, report: Report, bar: Bar) -> AsyncIterator[Soak]:
    """With everyone of the plan logged in."""
    async with AsyncExitStack() as stack:
        people = {
            (plan.tenant(role), user): await stack.enter_async_context(
                Person.at(system.url, _token(system, plan.tenant(role), user), plan.tenant(role))
            )
            for role in SHARES
            for user in (BOSS, *plan.users_of(role))
        }
        consents = {plan.tenant(role): 0 in agrees for role, agrees in _AGREES.items()}
        talking = Talking(people, plan.at_once, consents)
        planter = Planter(random.Random(plan.seed))
        yield Soak(Stand(system), plan, report, bar, people, planter, talking)
