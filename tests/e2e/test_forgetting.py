"""What is deleted or erased is gone from every tier, through all services."""

import asyncio
from typing import Any

from compose.local.system import System
from services.finetune_export.settings import FinetuneExportSettings
from services.memory.settings import MemorySettings
from shared.testing.probe import until
from tests.e2e.person import Person
from tests.e2e.test_one_turn import GUIDE

CUT = "A quotation from a deleted document was removed."


async def test_a_deleted_documents_words_are_cut_and_an_erased_user_leaves_no_trace(
    system: System, person: Person
) -> None:
    document_id = await person.upload("lamps.md", GUIDE)
    assert (await person.until_final(document_id))["status"] == "ready"
    question = "I work in Lyon. How long does the battery of the lamp Aurora last?"
    turn = await person.ask(question, "lamps")
    assert "40 hours" in turn.text
    # One turn with its fact and its quotation, and the archived turn with its day.
    await until(lambda: asyncio.to_thread(_remembered, system, person.tenant), 20, 0.2)
    await until(lambda: len(_archived(system, person.tenant)) == 2, 20, 0.2)
    await person.http.delete(f"/v1/documents/{document_id}")

    async def cut() -> bool:
        shown = (await person.http.get("/v1/conversations/lamps")).json()
        return [turn["answer"] for turn in shown["turns"]] == [CUT]

    await until(cut, 20, 0.2)
    await until(lambda: "40 hours" not in _remembered(system, person.tenant), 20, 0.2)
    erasure = (await person.http.delete("/v1/users/me")).json()["erasure_id"]

    async def first_round() -> Any:
        receipt = (await person.http.get(f"/v1/erasures/{erasure}")).json()
        removed = receipt["removed"]
        return removed if {"memory", "finetune_export"} <= removed.keys() else None

    removed = await until(first_round, 20, 0.2)
    assert removed["gateway"]["sessions"] == 1
    assert removed["memory"] == {"turns": 1, "facts": 1, "titles": 0}
    assert removed["finetune_export"]["turns"] == 1
    assert _archived(system, person.tenant) == []
    left = _remembered(system, person.tenant)
    assert not [word for word in ("Lyon", "lamps", "#ann") if word in left]
    assert (await person.http.get("/v1/conversations")).json()["conversations"] == []


def _remembered(system: System, tenant: str) -> str:
    """All that memory's table holds of the tenant."""
    dynamodb = system.client("dynamodb")
    items = dynamodb.scan(TableName=MemorySettings().turns_table)["Items"]
    dynamodb.close()
    return "\n".join(str(item) for item in items if item["tenant"]["S"] == tenant)


def _archived(system: System, tenant: str) -> list[str]:
    s3 = system.client("s3")
    listed = s3.list_objects_v2(Bucket=FinetuneExportSettings().archive_bucket)
    s3.close()
    keys = [one["Key"] for one in listed.get("Contents", [])]
    turns = ("turns/", "days/")
    return [key for key in keys if f"/{tenant}/" in key and key.startswith(turns)]
