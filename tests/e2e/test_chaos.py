"""Workers that die and messages that come double change nothing of what is left."""

from pathlib import Path

from compose.local.system import System
from tests.e2e.chaos import QUICK, Storm, differing, run

DOCUMENTS = 20


async def test_kills_and_doubled_messages_leave_what_an_undisturbed_run_leaves(
    tmp_path: Path,
) -> None:
    """`make chaos` does the same with 2,000 documents."""
    async with System(tmp_path / "state", extra=QUICK) as system:
        calm = await run(system, "calm", DOCUMENTS, double=False, say=lambda _: None)
        storm = Storm(system, every_s=2.0, part=0.8)
        async with storm.raging():
            stormy = await run(system, "storm", DOCUMENTS, double=True, say=lambda _: None)
    assert storm.kills >= 1
    assert storm.doubled > 0
    assert len(calm.states) == len(calm.chunks) == DOCUMENTS - len(range(0, DOCUMENTS, 10))
    assert differing(calm, stormy) == []
