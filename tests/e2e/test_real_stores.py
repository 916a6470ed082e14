"""OpenSearch and Neo4j under the whole system: an outage of the graph, and a change of stores."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from compose.local.plan import EMBEDDED, REAL
from compose.local.system import System
from shared.testing.probe import until
from tests.e2e.conftest import in_own_tenant
from tests.e2e.person import Person

pytestmark = pytest.mark.real
# A server that is cold, on a machine that is busy.
BACK_S = 120.0
DURING = 10


async def test_without_neo4j_answers_go_on_and_say_so_and_no_document_is_lost(
    real_system: System,
) -> None:
    async with in_own_tenant(real_system) as person:
        first = await person.upload("first.md", b"# Heron gate\n\nThe Heron gate closes at ten.")
        assert (await person.until_final(first))["status"] == "ready"
        states: list[str] = []
        over = asyncio.Event()

        async def ask() -> None:
            while not over.is_set():
                found = await person.search("When does the Heron gate close?")
                assert [hit["document_id"] for hit in found["hits"]][:1] == [first]
                states.append(found["legs"]["graph"])

        asking = asyncio.create_task(ask())
        await until(_lately(states, "applied"), 20, 0.05)
        await real_system.kill("neo4j")
        await until(_lately(states, "failed"), 20, 0.05)
        assert (
            "graph" in (await person.ask("When does the Heron gate close?")).one("meta")["degraded"]
        )
        late = [
            await person.upload(f"late-{n}.md", f"# Gate {n}\n\nGate {n} is late.".encode())
            for n in range(DURING)
        ]
        await until(lambda: _chunked(person, late), 60, 0.2)
        assert {(await person.document(one))["status"] for one in late} == {"indexing"}
        await real_system.restart("neo4j")
        await until(_lately(states, "applied"), BACK_S, 0.05)
        over.set()
        await asking
        for one in late:
            assert (await person.until_final(one, 60))["status"] == "ready"
        assert (await person.search("late gate", limit=20, legs=["bm25"]))["hits"]


def _lately(states: list[str], wanted: str) -> Callable[[], Awaitable[bool]]:
    """Since now, several answers in a row said so."""
    start = len(states)

    async def said() -> bool:
        return states[start:][-3:] == [wanted] * 3

    return said


async def _chunked(person: Person, documents: list[str]) -> bool:
    return all([(await person.document(one))["status"] == "indexing" for one in documents])


async def test_stores_of_the_other_kind_are_filled_when_they_are_chosen(tmp_path: Path) -> None:
    state = tmp_path / "state"
    async with System(state) as first, Person.at(first.url, first.token, "demo") as me:
        bolts = await me.upload("bolts.txt", b"The clamp's bolts need 18 Nm each.")
        nuts = await me.upload("nuts.txt", b"The clamp's nuts need 7 Nm each.")
        for document_id in (bolts, nuts):
            assert (await me.until_final(document_id))["status"] == "ready"
    async with (
        System(state, stores=REAL) as second,
        Person.at(second.url, second.token, "demo") as me,
    ):
        assert await _found(me) == {bolts, nuts}
        assert (await me.http.delete(f"/v1/documents/{nuts}")).status_code == 202
        await until(lambda: _only(me, bolts), 10, 0.1)
    async with (
        System(state, stores=EMBEDDED) as third,
        Person.at(third.url, third.token, "demo") as me,
    ):
        assert await _found(me) == {bolts}


async def _found(person: Person) -> set[str]:
    return {hit["document_id"] for hit in (await person.search("clamp bolts nuts"))["hits"]}


async def _only(person: Person, document_id: str) -> bool:
    return await _found(person) == {document_id}
