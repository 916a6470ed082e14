"""What a tenant's texts say is written down in no log, dead letter's reason, trace or HTTP error.

A word that is nowhere else stands in each of them. The run fails on purpose in many ways, since
error messages are what quotes texts.
"""

import asyncio
import base64
import json
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import jwt

from compose.local.system import System
from contracts.topology import QUEUES, SERVICES
from shared.testing.probe import until
from tests.e2e.collector import Collector
from tests.e2e.looking import DeadLetter, dead_letters
from tests.e2e.person import Person
from tests.e2e.test_entrances import drop, listed, offer, send

KINDS = ("document", "metadata", "tag", "question", "queue", "drop", "broken", "poison", "token")
BY_HAND = 20
QUESTION = "What is the gate code of the Wexford depot?"


@dataclass
class Run:
    """`words` by where each stands; `errors` are the bodies and headers of HTTP errors."""

    system: System
    person: Person
    words: dict[str, str]
    errors: list[str] = field(default_factory=list)

    def refused(self, answer: httpx.Response, *statuses: int) -> None:
        assert answer.status_code in statuses, answer.text
        self.errors.append(f"{answer.headers}\n{answer.text}")

    def message(self, **fields: Any) -> dict[str, Any]:
        return {"tenant": self.person.tenant, "name": "poison.txt", "text": "x", **fields}


async def test_no_word_of_a_tenants_texts_is_written_where_operators_read(
    system: System, collector: Collector, person: Person
) -> None:
    words = {kind: f"canary{kind}{secrets.token_hex(5)}" for kind in KINDS}
    run = Run(system, person, words)
    await _every_day(run)
    await _bad_requests(run)
    await _forged_tokens(run)
    letters = await _poison(run)
    await _database_killed(run)
    await _models_killed(run)
    await _until_exported(run, collector)
    places = [
        *_logs(system),
        *((f"reason on {letter.queue}", letter.reason.encode()) for letter in letters),
        *(("HTTP error", error.encode()) for error in run.errors),
        *(("trace", body) for body in list(collector.bodies)),
    ]
    found = {
        (place, kind, around)
        for place, content in places
        for kind, word in words.items()
        for around in _around(content, word.encode())
    }
    assert found == set()


def _around(content: bytes, word: bytes) -> Iterator[bytes]:
    """Each place where the word stands, with what tells how it came there."""
    for at in re.finditer(word, content):
        yield content[max(0, at.start() - 80) : at.end()]


async def _every_day(run: Run) -> None:
    """Three entrances and an answer: each word is found where it belongs."""
    me, words = run.person, run.words
    document_id = await _upload(run, f"The gate code of the Wexford depot is {words['document']}.")
    await asyncio.to_thread(
        offer, run.system, run.message(name="queue.txt", text=f"Sent by hand: {words['queue']}.")
    )
    body = f"# Dropped\n\nDropped into the inbox: {words['drop']}.".encode()
    await asyncio.to_thread(drop, run.system, f"inbox/{me.tenant}/drop.md", body)
    broken = await me.upload("broken.pdf", f"%PDF-1.4 {words['broken']} no more".encode())
    assert (await me.until_final(broken))["status"] == "rejected"
    await until(lambda: _all_ready(run, 3), 60, 0.2)
    for kind in ("document", "queue", "drop"):
        hits = (await me.search(words[kind], legs=["bm25"]))["hits"]
        assert words[kind] in hits[0]["text"]
    shown = await me.document(document_id)
    assert shown["tags"] == [words["tag"]]
    assert shown["metadata"] == {"note": words["metadata"]}
    turn = await me.ask(f"{QUESTION} Asked by {words['question']}.")
    assert words["document"] in turn.text
    assert turn.names()[-1] == "done"


async def _upload(run: Run, text: str, name: str = "depot.txt") -> str:
    answer = await run.person.http.post(
        "/v1/documents",
        files={"file": (name, text.encode())},
        data={
            "tags": run.words["tag"],
            "metadata": json.dumps({"note": run.words["metadata"]}),
        },
    )
    assert answer.status_code == httpx.codes.ACCEPTED, answer.text
    return str(answer.json()["document_id"])


async def _all_ready(run: Run, count: int) -> bool:
    try:
        statuses = list((await listed(run.person)).values())
    except KeyError:  # a problem, not a list: the database is away
        return False
    return statuses.count("ready") >= count and set(statuses) <= {"ready", "rejected"}


async def _bad_requests(run: Run) -> None:
    http, words = run.person.http, run.words
    question = words["question"]
    for body in (
        {"question": f"{question} " * 500},
        {"question": question, "conversation_id": f"{question}!"},
        {"question": [question]},
    ):
        run.refused(await http.post("/v1/chat", json=body), 422)
    unread = f'{{"question": "{question}'.encode()
    run.refused(await http.post("/v1/chat", content=unread), 422)
    for condition in ({"field": "tags", "eq": [words["tag"]]}, {"and": words["tag"]}):
        wanted = {"query": question, "filter": condition}
        run.refused(await http.post("/v1/search", json=wanted), 422)
    run.refused(await http.get("/v1/documents", params={"after": question}), 422)
    run.refused(await http.get("/v1/graph", params={"entity": question}), 404)
    for fields in (
        {"metadata": f'{{"note": "{words["metadata"]}"'},
        {"metadata": json.dumps({"note": [words["metadata"]]})},
        {"tags": words["tag"] * 10},
        {"visibility": json.dumps([words["metadata"]])},
    ):
        files = {"file": ("a.txt", words["document"].encode())}
        run.refused(await http.post("/v1/documents", files=files, data=fields), 422)
    unknown = {"file": ("a.exe", words["document"].encode())}
    run.refused(await http.post("/v1/documents", files=unknown), 415)


async def _forged_tokens(run: Run) -> None:
    """The word as it is, and as it stands in the claims of a signed token."""
    claims = {"sub": run.words["token"], "tenant": run.person.tenant, "exp": 9_999_999_999}
    forged = jwt.encode({**claims, "jti": "1"}, "a secret of their own, 32 bytes long")
    plain = f"{run.words['token']}.{run.words['token']}.{run.words['token']}"
    run.words["claims"] = forged.split(".")[1]
    assert run.words["token"].encode() in base64.urlsafe_b64decode(run.words["claims"] + "==")
    async with httpx.AsyncClient(base_url=run.system.url, trust_env=False) as http:
        for token in (plain, forged):
            headers = {"Authorization": f"Bearer {token}"}
            run.refused(await http.get("/v1/documents", headers=headers), 401)


async def _poison(run: Run) -> list[DeadLetter]:
    """Bad messages on every queue. All dead letters, when these have become some."""
    word = run.words["poison"]
    by_hand = [
        run.message(text={"deep": word}),
        run.message(metadata={"note": [word]}),
        run.message(metadata={"note": f"{word}\0"}),
        run.message(tags=[word * 10]),
        run.message(metadata={"a": float("nan"), "note": word}),
        run.message(tenant=f"no/{word}"),
    ]
    turn = {
        "turn_id": word,
        "question": word,
        "answer": {"text": word},
        "sources": [{"text": word}],
    }
    envelope = {
        "id": secrets.token_hex(8),
        "type": "TurnCompleted",
        "version": 1,
        "tenant": run.person.tenant,
        "occurred_at": "2026-01-01T00:00:00Z",
        "correlation_id": "1",
        "data": turn,
    }
    every = [f"not json {word}", json.dumps(envelope), json.dumps({**envelope, "data": word})]
    for queue in QUEUES:
        more = [json.dumps(one) for one in by_hand] if queue == "ingestion-documents" else []
        for body in (*every, *more):
            await asyncio.to_thread(send, run.system, queue, body)
    wanted = len(every) * len(QUEUES) + len(by_hand)

    async def dead() -> list[DeadLetter]:
        letters = await asyncio.to_thread(dead_letters, run.system)
        ours = [letter for letter in letters if word in letter.body]
        assert all(letter.reason for letter in ours)
        return letters if len(ours) >= wanted else []

    found: list[DeadLetter] = await until(dead, 60, 0.5)
    return found


async def _database_killed(run: Run) -> None:
    """In the middle of work, with more to come while it is away."""
    before = len(await listed(run.person))
    pid = run.system.fleet.pids()["postgres"]
    for n in range(BY_HAND):
        text = f"Number {n} by hand: {run.words['queue']} {n}."
        if n == BY_HAND // 2:
            await until(lambda: _has_more(run, before), 30, 0.05)
            await run.system.kill("postgres")
        await asyncio.to_thread(offer, run.system, run.message(name=f"hand-{n}.txt", text=text))
    try:
        await _upload(run, f"Uploaded meanwhile: {run.words['document']}.", "meanwhile.txt")
        run.refused(await run.person.http.get("/v1/documents"), 503)
    finally:
        await run.system.restart("postgres")
    assert run.system.fleet.pids()["postgres"] != pid
    await until(lambda: _all_ready(run, BY_HAND + 4), 120, 0.5)


async def _has_more(run: Run, before: int) -> bool:
    return len(await listed(run.person)) > before


async def _models_killed(run: Run) -> None:
    await run.system.kill("bedrock")
    try:
        answer, turn = await run.person.chat(f"{QUESTION} Again for {run.words['question']}.")
    finally:
        await run.system.restart("bedrock")
    shown = json.dumps(turn.one("error")) if answer.status_code == httpx.codes.OK else answer.text
    assert "unavailable" in shown
    run.errors.append(shown)


async def _until_exported(run: Run, collector: Collector) -> None:
    """Spans come in order: when those of a last turn are there, so are all before."""
    await run.system.ready()
    turn = await run.person.ask(f"{QUESTION} The last time for {run.words['question']}.")
    assert run.words["document"] in turn.text
    trace_id = turn.one("meta")["trace_id"]

    def exported() -> bool:
        return all(collector.holds(service, trace_id) for service in SERVICES)

    await until(exported, 30, 0.2)


def _logs(system: System) -> Iterator[tuple[str, bytes]]:
    names = {path.name for path in system.layout.logs.iterdir()}
    assert {f"{name}.log" for name in (*SERVICES, "postgres", "aws", "bedrock")} <= names
    for path in system.layout.logs.iterdir():
        yield path.name, path.read_bytes()
