"""From a tenant's turns to a tuned model that answers it, over HTTP alone."""

import asyncio
from typing import Any

import pytest

from compose.local.system import System
from contracts.envelope import Context, wrap
from contracts.topology import ARCHIVE_BUCKET
from shared.testing.probe import until
from tests.e2e.forging import publish_all
from tests.e2e.person import Person
from tests.integration.finetune_export.conftest import a_source, a_turn

NOVA = "amazon.nova-micro-v1:0"
SET = {"format": "bedrock-conversation", "base_model": NOVA}
# The local system names it for SageMaker.
LLAMA = "meta.llama3-3-70b-instruct-v1:0"
CONSENT = {"consent_to_training": True}


def _publish_turns(system: System, tenant: str) -> None:
    """Twelve that may be trained with: cited, supported, with consent."""
    turns = [
        a_turn(f"{n}", a_source(f"d{n}"), question=f"What is {n * 7919}?", conversation_id=f"c{n}")
        for n in range(12)
    ]
    sns = system.client("sns")
    [arn] = [
        one["TopicArn"] for one in sns.list_topics()["Topics"] if one["TopicArn"].endswith(":turns")
    ]
    publish_all(sns, arn, [wrap(one, Context(tenant=tenant, principal="ann")) for one in turns])
    sns.close()


def _archived(system: System, tenant: str) -> bool:
    s3 = system.client("s3")
    counts = [
        s3.list_objects_v2(Bucket=ARCHIVE_BUCKET, Prefix=prefix).get("KeyCount", 0)
        for prefix in (f"turns/{tenant}/", f"usage/{tenant}/settings/")
    ]
    s3.close()
    return bool(counts[0] == 12 and counts[1])


async def _until(person: Person, url: str, status: str) -> Any:
    async def reached() -> Any:
        shown = (await person.http.get(url)).json()
        assert shown["status"] == status or shown["status"] != "failed", shown["reason"]
        return shown if shown["status"] == status else None

    return await until(reached, 60, 0.2)


async def _with_turns(system: System, person: Person) -> None:
    settings = f"/v1/admin/tenants/{person.tenant}"
    assert (await person.http.post(settings, json=CONSENT)).status_code == 201
    await asyncio.to_thread(_publish_turns, system, person.tenant)
    await until(lambda: asyncio.to_thread(_archived, system, person.tenant), 30, 0.1)


async def _made_set(person: Person, wanted: dict[str, str]) -> str:
    asked = await person.http.post("/v1/exports", json=wanted)
    export_id: str = asked.json()["export_id"]
    await _until(person, f"/v1/exports/{export_id}", "done")
    return export_id


async def test_a_set_becomes_a_model_that_answers_and_is_rolled_back(
    system: System, person: Person
) -> None:
    settings = f"/v1/admin/tenants/{person.tenant}"
    await _with_turns(system, person)
    export_id = await _made_set(person, SET)

    wanted = {"export_id": export_id, "base_model": NOVA, "parameters": {"epochCount": 1}}
    begun = await person.http.post("/v1/trainings", json=wanted)
    assert begun.status_code == 202, begun.text
    url = f"/v1/trainings/{begun.json()['training_id']}"
    done = await _until(person, url, "trained")
    assert done["losses"]["training"] > 0
    assert done["losses"]["steps"][-1]["training"] == done["losses"]["training"]
    assert done["asked_by"] == "ann"
    assert done["cost_usd"] == done["estimate"]["cost_usd"]
    await person.http.post(f"{url}/approve", json={"figures": {"f1": 0.8}})
    model = (await _until(person, url, "deployed"))["model"]

    deployment = model.partition("@")[2]
    changed = await person.http.put(settings, json={**CONSENT, "models": [deployment]})
    assert changed.json()["models"] == [model], changed.text
    document = await person.upload("lamp.txt", b"The lamp of the Quarrow lighthouse is green.")
    await person.until_final(document)
    answer, turn = await person.chat("What colour is the lamp of the Quarrow lighthouse?")
    assert answer.status_code == 200, answer.text
    assert "green" in turn.text

    async def metered() -> Any:
        rows = (await person.http.get("/v1/usage?by=model")).json()["rows"]
        names = {row["key"] for row in rows}
        return names if {model, NOVA} <= names else None

    await until(metered, 20, 0.2)
    rows = (await person.http.get("/v1/usage?by=purpose")).json()["rows"]
    [row] = [one for one in rows if one["key"] == "training"]
    assert (row["calls"], row["cost_usd"]) == (1, pytest.approx(float(done["cost_usd"])))
    back = await person.http.post(f"{url}/rollback")
    assert back.status_code == 202, back.text
    assert (await person.http.get(settings)).json()["models"] == []
    await _until(person, url, "retired")
    _, again = await person.chat("Which lamp is green at Quarrow?")
    assert "done" in again.names()
    await _sagemaker_trains_too(person)


async def _sagemaker_trains_too(person: Person) -> None:
    """The same turns in another format."""
    export_id = await _made_set(person, {"format": "sagemaker-chat", "base_model": LLAMA})
    wanted = {"export_id": export_id, "base_model": LLAMA}
    begun = await person.http.post("/v1/trainings", json=wanted)
    assert begun.status_code == 202, begun.text
    url = f"/v1/trainings/{begun.json()['training_id']}"
    done = await _until(person, url, "trained")
    assert (done["provider"], done["phases"]["uploading"]) == ("sagemaker", "Completed")
    assert float(done["cost_usd"]) > 0
    assert done["custom_model"].startswith("s3://")
    refused = await person.http.post(f"{url}/approve", json={})
    assert (refused.status_code, done["custom_model"] in refused.text) == (409, True)
