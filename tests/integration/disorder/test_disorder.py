"""Any order of uploads, deletes, late and doubled messages and lost workers ends right.

`RAGOPS_INTERLEAVINGS=500 pytest` on this file (`make disorder`) tries as many at random; without
it, the same 50 each time.
"""

import asyncio
import os
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from services.ingestion.store.database import open_database
from tests.integration.disorder.machine import Disorder
from tests.integration.disorder.town import open_town

GIVEN = os.environ.get("RAGOPS_INTERLEAVINGS")
SETTINGS = settings(
    max_examples=int(GIVEN or 50),
    stateful_step_count=30,
    deadline=None,
    derandomize=GIVEN is None,
    database=None,
    # A failure is told as it was found: to make it smaller takes minutes.
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)


def test_every_interleaving_ends_as_the_model_says(database_url: str, tmp_path: Path) -> None:
    loop = asyncio.new_event_loop()
    database_opened = open_database(database_url)
    database = loop.run_until_complete(database_opened.__aenter__())
    town_opened = open_town(database, tmp_path)
    town = loop.run_until_complete(town_opened.__aenter__())
    machine = type("Machine", (Disorder,), {"town": town, "loop": loop})
    try:
        run_state_machine_as_test(machine, settings=SETTINGS)
    finally:
        loop.run_until_complete(town_opened.__aexit__(None, None, None))
        loop.run_until_complete(database_opened.__aexit__(None, None, None))
        loop.close()
    assert machine.examples >= SETTINGS.max_examples  # type: ignore[attr-defined]
