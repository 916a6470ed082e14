"""Training sets over HTTP in every format: accepted, sound, and the same bytes twice."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

import httpx

from compose.local.bedrock.customizing.files import Refused, SetFiles
from contracts.topology import ARCHIVE_BUCKET
from services.finetune_export.services.exporting.limits import limits_of
from services.finetune_export.services.exporting.validating import Invalid, check_line
from shared.aws import Clients
from shared.testing.probe import until
from tests.bench.ran import Ran
from tests.e2e.person import Person
from tests.soak.holding import Happened
from tests.soak.report import Report
from tests.soak.stand import Stand
from tests.soak.talking import Told
from tests.unit.finetune_export.leakage import leaking

NOVA = "amazon.nova-micro-v1:0"
# The local system names it for SageMaker.
LLAMA = "meta.llama3-3-70b-instruct-v1:0"
LLAMA_8B = "meta.llama3-1-8b-instruct-v1:0"
HAIKU = "anthropic.claude-3-haiku-20240307-v1:0"
# With fewer turns some formats get fewer records than their provider wants.
ENOUGH_TURNS = 5_000
# Where two processes make the same set.
PLACES = ({"TZ": "UTC", "PYTHONHASHSEED": "1"}, {"TZ": "Pacific/Auckland", "PYTHONHASHSEED": "2"})
_DONE_S, _TRAINED_S = 6 * 3600.0, 600.0
_FILES = ("train.jsonl", "held_out.jsonl")
_TOO_SMALL = re.compile(r"the set has (\d+) records and \S+ needs (\d+)")


@dataclass(frozen=True)
class Wanted:
    """`trained`: a training is asked for too; else the stand-in reads the lines alone."""

    format: str
    base_model: str
    trained: bool = False


@dataclass(frozen=True)
class MadeSet:
    """An export that is done: what it was asked as, and what lies in the archive."""

    wanted: Wanted
    export_id: str
    files: Mapping[str, bytes]
    manifest: Mapping[str, Any]

    @property
    def rows(self) -> int:
        return sum(one["rows"] for one in self.manifest["files"])

    def lines(self, name: str) -> list[str]:
        """JSON may hold other ends of lines than this one."""
        return [line for line in self.files[name].decode().split("\n") if line]

    def turns(self, name: str) -> list[str]:
        [found] = [one["turns"] for one in self.manifest["files"] if one["name"] == name]
        return list(found)


@dataclass(frozen=True)
class Sets:
    """`boss` may ask for training sets of the tenant; turns asked before `until` go into them."""

    stand: Stand
    boss: Person
    until: datetime
    happened: Happened
    report: Report

    async def refused_without_consent(self) -> None:
        """The tenant agrees no longer."""
        shown = await self._asked(Wanted("sagemaker-chat", LLAMA), seed=1)
        why = "consent_to_training" in (shown["reason"] or "")
        found = (shown["status"], why)
        self.report.check("a set of a tenant that agrees no longer", ("failed", True), found)

    async def check(self, wanted: Wanted, *, enough: bool) -> MadeSet | None:
        """None: it has too few records. `enough`: that would be wrong."""
        name = f"{wanted.format} ({self.boss.tenant})"
        async with self.stand.watched("finetune_export") as used:
            shown = await self._asked(wanted)
        small = _TOO_SMALL.match(shown["reason"] or "")
        if small and not enough and int(small[1]) < int(small[2]):
            self.report.figure(name, f"too small for its provider: {small[1]} of {small[2]}")
            return None
        if not self.report.check(f"{name}: state", "done", shown["status"]):
            self.report.figure(f"{name}: reason", str(shown["reason"]))
            return None
        made = await self._fetched(wanted, shown["export_id"])
        cost = f"{used.cpu_s:.1f} CPU s, {used.memory_mb:.0f} MB at most, with names"
        self.report.figure(f"{name}: {made.rows:,} records", cost)
        self.report.figure(f"{name}: left out", _left_out(made.manifest))
        self._check_lines(name, made)
        self._check_content(name, made)
        await self._check_accepted(name, made)
        return made

    async def _asked(self, wanted: Wanted, seed: int = 0) -> Any:
        """The export when it is done or failed."""
        http = self.boss.http
        body = {
            "format": wanted.format,
            "base_model": wanted.base_model,
            "filter": {"until": self.until.isoformat()},
            "seed": seed,
        }

        async def begun() -> Any:
            answer = await http.post("/v1/exports", json=body)
            return answer.json() if answer.status_code == httpx.codes.ACCEPTED else None

        url = f"/v1/exports/{(await until(begun, 60, 1.0))['export_id']}"
        return await self._ended(url, ("done", "failed"), _DONE_S)

    async def _ended(self, url: str, states: Sequence[str], within_s: float) -> Any:
        """A service that is busy may answer late, which is no end."""

        async def ended() -> Any:
            answer = await self.boss.http.get(url)
            shown = answer.json() if answer.status_code == httpx.codes.OK else {}
            return shown if shown.get("status") in states else None

        return await until(ended, within_s, 0.5)

    async def _fetched(self, wanted: Wanted, export_id: str) -> MadeSet:
        files = await self._files(export_id)
        return MadeSet(wanted, export_id, files, json.loads(files["manifest.json"]))

    def _prefix(self, export_id: str) -> str:
        return f"exports/{self.boss.tenant}/{export_id}/"

    async def _set_keys(self, export_id: str) -> list[str]:
        """Without the state and the notes of users, which are no part of the set."""
        prefix = self._prefix(export_id)
        beside = (f"{prefix}users/", f"{prefix}state.json")
        return [key for key in await self.stand.keys(prefix) if not key.startswith(beside)]

    async def _files(self, export_id: str) -> dict[str, bytes]:
        found = await self.stand.bodies(await self._set_keys(export_id))
        return {key.removeprefix(self._prefix(export_id)): body for key, body in found.items()}

    def _check_lines(self, name: str, made: MadeSet) -> None:
        limits, faults = limits_of(made.wanted.format, made.wanted.base_model), Counter[str]()
        for file in _FILES:
            for line in made.lines(file):
                try:
                    check_line(line, made.wanted.format, limits)
                except Invalid as error:
                    faults[str(error)] += 1
        self.report.check(f"{name}: lines that are not valid", {}, dict(faults))

    def _check_content(self, name: str, made: MadeSet) -> None:
        """Nothing that may not be trained with, no planted value, no pair on both sides."""
        told = {one.turn_id: one for one in self.happened.told}
        allowed = {one.turn_id for one in self.happened.kept if self._may_teach(one)}
        taught = {turn for file in _FILES for turn in made.turns(file)}
        self.report.check(f"{name}: turns that may not teach", 0, len(taught - allowed))
        whole = b"\n".join(made.files.values()).decode()
        leaked = sum(value in whole for value in self.happened.planted)
        self.report.check(f"{name}: planted secrets and personal data", 0, leaked)
        train, held_out = (
            [
                (told[turn].conversation_id if turn in told else turn, _question(line))
                for turn, line in zip(made.turns(file), made.lines(file), strict=True)
            ]
            for file in _FILES
        )
        self.report.check(f"{name}: records held out that leak", 0, leaking(train, held_out))

    async def _check_accepted(self, name: str, made: MadeSet) -> None:
        if made.wanted.trained and made.turns("train.jsonl"):
            trained = await self._trained(made)
            self.report.check(f"{name}: its training at the stand-in", "trained", trained)
            return
        limits = limits_of(made.wanted.format, made.wanted.base_model)
        prefix = f"s3://{ARCHIVE_BUCKET}/{self._prefix(made.export_id)}"
        uris = [f"{prefix}{file}" for file in _FILES]
        async with AsyncExitStack() as stack:
            reader = SetFiles(await Clients(stack, self.stand.settings).open("s3"))
            try:
                checked = await reader.check_as(uris, [(made.wanted.format, limits)])
                accepted: object = checked.lines
            except Refused as error:
                accepted = str(error)
        self.report.check(f"{name}: lines that the stand-in takes", made.rows, accepted)

    async def _trained(self, made: MadeSet) -> str:
        """The training's state in the end, with the reason."""
        body = {"export_id": made.export_id, "base_model": made.wanted.base_model}
        begun = await self.boss.http.post("/v1/trainings", json=body)
        if begun.status_code != httpx.codes.ACCEPTED:
            return begun.text
        url = f"/v1/trainings/{begun.json()['training_id']}"
        shown = await self._ended(url, ("trained", "failed", "stopped"), _TRAINED_S)
        return " ".join(filter(None, (shown["status"], shown["reason"])))

    async def check_twice(self, made: MadeSet, *, names: bool) -> None:
        """Two more processes make it, each in another place; the files go before each of them."""
        prints = [_prints(made.files)] if names else []
        export_id = made.export_id if names else ""
        for place in PLACES:
            if export_id:
                await self.stand.remove(await self._set_keys(export_id))
            ran = await self._made_again(made.wanted, names, place)
            if not self.report.check(f"exit status of `export`, TZ={place['TZ']}", 0, ran.code):
                self.report.figure("what it said", ran.told.strip()[-200:])
                return
            export_id = ran.out.splitlines()[0].rstrip("/").rpartition("/")[2]
            prints.append(_prints(await self._files(export_id)))
            cost = f"{ran.cpu_s:.1f} CPU s, {ran.memory_mb:.0f} MB at most"
            self.report.figure(f"`export`{'' if names else ' by rules'}, TZ={place['TZ']}", cost)
        name = f"{made.wanted.format}, made by {len(prints)} processes"
        self.report.check(f"{name}: different sets", 1, len({tuple(one) for one in prints}))
        self.report.check(f"{name}: files of each", {4}, {len(one) for one in prints})

    async def measure(self, wanted: Wanted) -> None:
        """By rules alone, as the goal has it: 15 CPU minutes for 100,000 turns, 400 MB."""
        turns = sum(one.tenant == self.boss.tenant for one in self.happened.kept)
        ran = await self._made_again(wanted, False, {})
        minutes = ran.cpu_s / turns * 100_000 / 60
        figure = f"{minutes:.1f} CPU min for 100,000, {ran.memory_mb:.0f} MB at most"
        self.report.check("exit status of `export` by rules", 0, ran.code)
        self.report.figure(f"`export` of {turns:,} turns by rules", figure)

    async def _made_again(self, wanted: Wanted, names: bool, place: Mapping[str, str]) -> Ran:
        arguments = ("--tenant", self.boss.tenant, "--format", wanted.format)
        more = ("--base-model", wanted.base_model, "--until", self.until.isoformat())
        by_rules = () if names else ("--without-names",)
        return await self.stand.command("export", *arguments, *more, *by_rules, **place)

    def _may_teach(self, one: Told) -> bool:
        opinion = self.happened.opinions.get(one.turn_id)
        disliked = bool(opinion and opinion.rating == "down" and not opinion.corrected_answer)
        tenant, document = self.happened.deleted
        quoted_deleted = one.tenant == tenant and document in one.documents
        known = one.tenant == self.boss.tenant and one.consent
        return known and not (one.cached or one.degraded or disliked or quoted_deleted)


def _left_out(manifest: Mapping[str, Any]) -> str:
    reasons = Counter[str]()
    for stage in manifest["stages"]:
        reasons.update(stage["dropped"])
    return ", ".join(f"{reason} {n:,}" for reason, n in reasons.most_common()) or "nothing"


def _prints(files: Mapping[str, bytes]) -> list[tuple[str, str]]:
    return [(name, sha256(body).hexdigest()) for name, body in sorted(files.items())]


def _question(line: str) -> str:
    """As it stands in a record, behind the sources; the system text speaks of their tags too."""
    behind = [text.rpartition("</sources")[2] for text in _texts(json.loads(line))]
    found = {one.partition("\nQuestion: ")[2] for one in behind if one.startswith(" marker=")}
    [question] = found - {""}
    return question.partition("\n(In this conversation: ")[0]


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for child in value.values() if isinstance(value, dict) else value:
            yield from _texts(child)
