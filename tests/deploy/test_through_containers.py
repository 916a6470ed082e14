"""People's work through five containers, whose only door is the gateway's HTTP port."""

from shared.testing.probe import until
from tests.deploy.conftest import Rollout
from tests.e2e.person import Person

# A store that has just started is slow at first, and the leg is left out.
WARM_S = 60.0


async def test_a_document_becomes_ready_and_a_question_is_answered_with_its_citation(
    rollout: Rollout, person: Person
) -> None:
    document = await person.upload("valve.md", b"# Valve\n\nThe valve V-7 opens at 3.4 bar.")
    shown = await person.until_final(document)
    assert shown["status"] == "ready", shown

    async def every_leg_answers() -> bool:
        found = await person.search("valve V-7")
        return "failed" not in found["legs"].values()

    await until(every_leg_answers, WARM_S, 0.5)
    turn = await person.ask("At how many bar does the valve V-7 open?")
    assert turn.names()[-1] == "done"
    assert "3.4 bar" in turn.text
    (cited,) = {one["document_id"] for one in turn.one("citations")}
    assert cited == document
