"""Twenty people ask at the same moment: what is left out, and how long they wait."""

import asyncio
import json
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from compose.local.minting import mint_token
from compose.local.system import System
from tests.bench.documents import SMALL, client_of, put_documents, used_seconds
from tests.bench.figures import Figure

DOCUMENTS = 1000
PEOPLE, ROUNDS = 20, 6
FIRST_BYTE_S = 0.5


@dataclass
class Waited:
    """Of one question: seconds to its first byte, first token and end; what it went without."""

    byte_s: float = 0.0
    token_s: float = 0.0
    end_s: float = 0.0
    degraded: list[str] = field(default_factory=list)
    last: str = ""


async def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        async with System(Path(folder)) as system, AsyncExitStack() as stack:
            corpus = [json.loads(line) for line in SMALL.read_text().splitlines()[:DOCUMENTS]]
            owner = await stack.enter_async_context(client_of(system, system.token))
            await put_documents(owner, corpus)
            secret = system.layout.secrets().token_secret
            tokens = [mint_token(secret, "demo", f"person-{n}") for n in range(PEOPLE)]
            people = [await stack.enter_async_context(client_of(system, one)) for one in tokens]
            lines = SMALL.with_name("queries.jsonl").read_text().splitlines()
            questions = [str(json.loads(line)["text"]) for line in lines]
            # The first round warms up.
            rounds = [questions[n * PEOPLE :][:PEOPLE] for n in range(ROUNDS + 1)]
            await _at_once(people, rounds[0])
            before = used_seconds(system)
            waited = [one for asked in rounds[1:] for one in await _at_once(people, asked)]
            after = used_seconds(system)
    used = {name: 1000 * (after[name] - before[name]) / len(waited) for name in after}
    return _figures(waited, used)


def _figures(waited: Sequence[Waited], used: dict[str, float]) -> list[Figure]:
    missed = [one for one in waited if one.degraded]
    without = Counter(name for one in missed for name in one.degraded)
    about = ", ".join(f"{name} {count}" for name, count in without.most_common())
    ends = Counter(one.last for one in waited)
    byte, token, end = (
        statistics.median(getattr(one, name) for one in waited)
        for name in ("byte_s", "token_s", "end_s")
    )
    spent = sorted(used.items(), key=lambda part: -part[1])
    detail = f"first token {token:.2f} s, end {end:.2f} s; CPU a turn: " + ", ".join(
        f"{name} {ms:.0f} ms" for name, ms in spent[:7]
    )
    count = f"of {len(waited)}, {PEOPLE} at once"
    return [
        Figure("degraded answers", len(missed), 0, "", False, f"{count}: {about or 'none'}"),
        Figure("answers with an end", ends["done"], len(waited), "", True, count),
        Figure("first byte of a chat, p50", byte, FIRST_BYTE_S, "s", False, detail),
    ]


async def _at_once(people: Sequence[httpx.AsyncClient], questions: Sequence[str]) -> list[Waited]:
    asking = map(_ask, people, questions)
    return await asyncio.gather(*asking)


async def _ask(person: httpx.AsyncClient, question: str) -> Waited:
    waited, name, started = Waited(), "", time.perf_counter()
    async with person.stream("POST", "/v1/chat", json={"question": question}) as answer:
        answer.raise_for_status()
        async for line in answer.aiter_lines():
            now = time.perf_counter() - started
            waited.byte_s = waited.byte_s or now
            if line.startswith("event: "):
                name = waited.last = line.removeprefix("event: ")
            if name == "token":
                waited.token_s = waited.token_s or now
            if name == "meta" and line.startswith("data: "):
                waited.degraded = json.loads(line.removeprefix("data: "))["degraded"]
        waited.end_s = time.perf_counter() - started
    return waited
