"""The line that everything hangs on: a document in, a question, a cited answer, a restart."""

from pathlib import Path

import httpx

from compose.local.samples import FOLDER
from compose.local.system import System
from tests.e2e.person import Person

HANDBOOK = FOLDER / "borealis-3-handbook.pdf"


async def test_all_five_services_answer(system: System) -> None:
    async with httpx.AsyncClient(base_url=system.url, trust_env=False) as http:
        answer = await http.get("/readyz")
    assert answer.status_code == httpx.codes.OK
    assert set(answer.json()["services"].values()) == {"ok"}


async def test_an_uploaded_pdf_answers_a_question_with_its_citation(person: Person) -> None:
    document_id = await person.upload(HANDBOOK.name, HANDBOOK.read_bytes())
    shown = await person.until_final(document_id)
    assert shown["status"] == "ready", shown
    turn = await person.ask("Which torque do the bolts of the clamp need?")
    assert turn.names()[0] == "meta"
    assert turn.names()[-1] == "done"
    assert turn.one("meta")["degraded"] == []
    assert "18 Nm" in turn.text
    cited = turn.one("citations")
    assert cited
    assert {citation["document_id"] for citation in cited} == {document_id}
    assert turn.one("usage")["input_tokens"] > 0


async def test_documents_and_conversations_survive_a_restart(tmp_path: Path) -> None:
    """On the emulator of `make run`, whatever the others run on: LocalStack keeps nothing."""
    state = tmp_path / "state"
    async with System(state) as first, Person.at(first.url, first.token, "demo") as me:
        document_id = await me.upload("bolts.txt", b"The clamp's bolts need 18 Nm each.")
        assert (await me.until_final(document_id))["status"] == "ready"
        turn = await me.ask("How tight are the clamp's bolts?")
        conversation_id = turn.one("meta")["conversation_id"]
    async with System(state) as second, Person.at(second.url, second.token, "demo") as me:
        assert (await me.document(document_id))["status"] == "ready"
        again = await me.ask("How tight are the clamp's bolts?", conversation_id)
        assert "18 Nm" in again.text
        assert again.one("citations")[0]["document_id"] == document_id
