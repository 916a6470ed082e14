"""The judge of a tenant judges over HTTP, is metered, and is compared with a person's verdicts."""

from pathlib import Path
from typing import Any

import pytest

from compose.local.minting import mint_token
from compose.local.system import System
from shared.client.answers.agreement import agreements, judge_all, read_labelled, read_verdicts
from shared.client.answers.judging import Judging, name_judge
from shared.client.client import open_client
from shared.client.errors import Refused
from shared.testing.emulator import own_prefix
from shared.testing.probe import until
from tests.e2e.person import Person

QUALITY = Path(__file__).parents[1] / "quality/judged"
SET, RECORDED = QUALITY / "answers.jsonl", QUALITY / "by-rule.json"
JUDGE = "local.extractive-v1"


async def test_a_tenants_judge_judges_a_labelled_set(system: System) -> None:
    tenant = own_prefix() + "judged"
    token = mint_token(system.layout.secrets().token_secret, tenant, "ann")
    labelled = read_labelled(SET)
    async with open_client(system.url, token) as client:
        judging = Judging(client, 2)
        with pytest.raises(Refused, match="PUT /v1/admin/tenants/"):
            await judging.said_of(labelled[0].model_dump(include={"question", "answer"}))
        await name_judge(client, tenant, JUDGE)
        verdicts = await judge_all("answers", labelled, judging, lambda _, __: lambda _: None)
    # Through gateway and stand-in, text for text, it is what was recorded.
    recorded = read_verdicts(RECORDED)
    assert verdicts.not_judged == {}
    assert verdicts.judged == recorded.judged
    assert agreements(labelled, verdicts) == agreements(labelled, recorded)
    async with Person.at(system.url, token, tenant) as person:

        async def metered() -> dict[str, Any] | None:
            rows = (await person.http.get("/v1/usage?by=purpose")).json()["rows"]
            found = {row["key"]: row for row in rows}.get("judge")
            return found if found and found["calls"] == len(labelled) else None

        row = await until(metered, 20, 0.2)
        assert row["input_tokens"] > row["output_tokens"] > 0
