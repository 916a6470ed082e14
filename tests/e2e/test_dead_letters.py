"""Any dead letter can be seen and sent back by the documented command."""

import asyncio
import json
import os
import sys

from compose.local.layout import REPOSITORY
from compose.local.system import System
from shared.testing.probe import until
from tests.e2e.person import Person


async def command(system: System, *words: str) -> str:
    """`python -m shared.messaging …` with the settings of `.ragops/env`."""
    lines = (line.split("=", 1) for line in system.layout.env.read_text().splitlines())
    environment = {name: value.strip("'") for name, value in lines}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "shared.messaging", *words),
        cwd=REPOSITORY,
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode()


async def test_a_dead_letter_is_seen_and_redriven(system: System, person: Person) -> None:
    sqs = system.client("sqs")
    url = sqs.get_queue_url(QueueName="ingestion-documents")["QueueUrl"]
    key = f"uploads/{person.tenant}/not-there-yet.txt"
    # The tenant's name breaks the rule: the message cannot be worked, whatever is done.
    sqs.send_message(
        QueueUrl=url,
        MessageBody=json.dumps({"tenant": "no/such", "name": "x.txt", "key": key}),
    )
    sqs.close()

    async def seen() -> str:
        text = await command(system, "show", "ingestion-documents", "--body", "--most", "100")
        return text if key in text else ""

    shown = await until(seen, 30, 0.5)
    assert "tenant" in shown
    counts = await command(system, "list")
    assert any("ingestion-documents" in line for line in counts.splitlines())
    back = await command(system, "redrive", "ingestion-documents", "--rate", "100")
    assert "sent back to ingestion-documents" in back
    # It cannot be worked this time either: it comes back with its reason.
    await until(seen, 30, 0.5)
