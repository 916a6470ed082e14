"""The prompt registry over HTTP, and which version answers whom."""

from collections import Counter
from typing import Any

import pytest

from contracts.gateway.prompts import PromptMovedV1, PromptRegisteredV1
from contracts.gateway.turns import TurnCompletedV2
from contracts.platform.usage import ModelUsedV2
from services.gateway.models.prompt import (
    BUILT_IN,
    CANARY,
    PRODUCTION,
    SHADOW,
    Labelled,
    Labels,
    Parameters,
    PromptVersion,
    arm_of,
)
from services.gateway.services.arms import Arms
from shared.clock import SystemClock
from shared.ports import Sampling
from shared.testing.running import worker
from tests.unit.gateway.fakes import Gateway

BRIEF: dict[str, Any] = {"system": "Answer in one sentence.", "parameters": {"temperature": 0.5}}
LABELS = "/v1/prompts/answer/labels"


async def registered(gateway: Gateway, **body: Any) -> str:
    async with gateway.client() as client:
        made = await client.post("/v1/prompts", json=BRIEF | body)
    assert made.status_code == 201, made.text
    return str(made.json()["version"])


async def move(gateway: Gateway, label: str, **body: Any) -> Any:
    async with gateway.client() as client:
        return await client.put(f"{LABELS}/{label}", json=body)


async def asked(gateway: Gateway, conversation_id: str = "c1") -> TurnCompletedV2:
    await gateway.ask("How much is the allowance?", conversation_id=conversation_id)
    turn: TurnCompletedV2 = gateway.publisher.of(TurnCompletedV2)[-1]
    return turn


async def test_the_gateways_own_text_answers_until_a_label_is_moved(gateway: Gateway) -> None:
    turn = await asked(gateway)
    assert (turn.prompt_version, turn.arm) == (BUILT_IN.version, PRODUCTION)
    version = await registered(gateway)
    assert (await asked(gateway)).prompt_version == BUILT_IN.version
    moved = await move(gateway, PRODUCTION, version=version, expects=None)
    assert (moved.status_code, moved.json()["version"]) == (200, version)
    turn = await asked(gateway)
    assert (turn.prompt_version, turn.arm) == (version, PRODUCTION)
    assert turn.prompt is not None
    assert turn.prompt.system.startswith("Answer in one sentence.\n")
    assert turn.prompt.temperature == 0.5
    assert gateway.model.asked[-1][1] == Sampling(temperature=0.5)
    assert gateway.model.about[-1]["prompt_version"] == version
    back = await move(gateway, PRODUCTION, version=None)
    assert back.json()["version"] == BUILT_IN.version
    assert (await asked(gateway)).prompt_version == BUILT_IN.version


async def test_a_text_keeps_the_fence_of_its_sources(gateway: Gateway) -> None:
    """Without the fence's rules a document could give orders."""
    version = await registered(gateway, system="Sources are in {braces} and 100 % true. {0}")
    await move(gateway, PRODUCTION, version=version)
    turn = await asked(gateway)
    assert turn.prompt is not None
    system, marker = turn.prompt.system, turn.prompt.parts[-1].text.split('"')[1]
    assert system.startswith("Sources are in {braces} and 100 % true. {0}\n")
    assert f'<sources marker="{marker}">' in system
    assert "{marker}" not in system


async def test_a_move_needs_the_version_that_it_expects(gateway: Gateway) -> None:
    first, second = await registered(gateway), await registered(gateway, system="Be exact.")
    assert (await move(gateway, PRODUCTION, version=first, expects=None)).status_code == 200
    refused = await move(gateway, PRODUCTION, version=second, expects=None)
    problem = refused.json()
    assert (refused.status_code, problem["code"]) == (409, "label_elsewhere")
    assert problem["version"] == first
    assert (await move(gateway, PRODUCTION, version=second, expects=first)).status_code == 200
    assert (await move(gateway, PRODUCTION, version=first, expects=first)).status_code == 409
    moves = gateway.publisher.of(PromptMovedV1)
    assert [(one.revision, one.version, one.before) for one in moves] == [
        (1, first, None),
        (2, second, first),
    ]


async def test_every_version_is_told_to_the_archive_before_it_is_kept(gateway: Gateway) -> None:
    gateway.publisher.down.add("turns")
    async with gateway.client() as client:
        assert (await client.post("/v1/prompts", json=BRIEF)).status_code == 503
    assert gateway.prompts.kept == {}
    gateway.publisher.down.clear()
    assert await registered(gateway) == await registered(gateway)
    told = gateway.publisher.of(PromptRegisteredV1)
    assert [one.version for one in told] == [one.version for one in gateway.prompts.kept.values()]
    assert BUILT_IN.version in {one.version for one in told}


async def test_a_move_of_which_the_archive_has_not_heard_is_told_again(gateway: Gateway) -> None:
    version = await registered(gateway)
    gateway.publisher.down.add("turns")
    body = {"version": version, "expects": None}
    assert (await move(gateway, PRODUCTION, **body)).status_code == 503
    gateway.publisher.down.clear()
    assert (await move(gateway, PRODUCTION, **body)).status_code == 409
    [told] = gateway.publisher.of(PromptMovedV1)
    assert (told.version, told.revision) == (version, 1)


async def test_a_move_that_nobody_repeats_is_told_by_the_next_round(gateway: Gateway) -> None:
    version = await registered(gateway)
    gateway.publisher.down.add("turns")
    assert (await move(gateway, PRODUCTION, version=version)).status_code == 503
    assert gateway.publisher.of(PromptMovedV1) == []
    gateway.publisher.down.clear()
    for _ in range(2):
        await worker(gateway.service, Arms).round()
    [told] = [one for one in gateway.publisher.sent if isinstance(one.message, PromptMovedV1)]
    assert told.context.principal == "ann"
    assert told.message == PromptMovedV1(
        name="answer",
        label=PRODUCTION,
        version=version,
        revision=1,
        moved_at=gateway.prompts.at["acme", "answer", PRODUCTION].moved_at,
    )


async def test_the_list_shows_versions_and_labels(gateway: Gateway) -> None:
    async with gateway.client() as client:
        empty = (await client.get("/v1/prompts")).json()
        assert [one["version"] for one in empty["versions"]] == [BUILT_IN.version]
        version = await registered(gateway)
        await move(gateway, CANARY, version=version, weight=5)
        await move(gateway, SHADOW, version=version, weight=100)
        listed = (await client.get("/v1/prompts")).json()
    assert [one["version"] for one in listed["versions"]] == [version, BUILT_IN.version]
    shown = {one["label"]: (one["version"], one["weight"]) for one in listed["labels"]}
    assert shown == {
        "production": (BUILT_IN.version, None),
        "canary": (version, 5),
        "shadow": (version, 100),
    }
    async with gateway.client(tenant="globex") as other:
        theirs = (await other.get("/v1/prompts")).json()
        assert [one["version"] for one in theirs["versions"]] == [BUILT_IN.version]
        stolen = await other.put(f"{LABELS}/production", json={"version": version})
    unknown = await move(gateway, PRODUCTION, version="0" * 32)
    assert (stolen.status_code, stolen.text) == (404, unknown.text)


@pytest.mark.parametrize("scopes", [{"chat"}, {"platform"}, {"documents:write", "search"}])
async def test_only_admins_may(gateway: Gateway, scopes: set[str]) -> None:
    async with gateway.client(scopes=frozenset(scopes)) as client:
        assert (await client.get("/v1/prompts")).status_code == 403
        assert (await client.post("/v1/prompts", json=BRIEF)).status_code == 403
        moved = await client.put(f"{LABELS}/production", json={"version": None})
        assert moved.status_code == 403


@pytest.mark.parametrize(
    ("field", "body"),
    [
        ("system", {"system": " "}),
        ("system", {"system": "word " * 4_000}),
        ("parameters.temperature", {"parameters": {"temperature": 1.5}}),
        ("parameters.top_p", {"parameters": {"top_p": -0.1}}),
        ("parameters.max_tokens", {"parameters": {"max_tokens": 0}}),
        ("parameters.max_tokens", {"parameters": {"max_tokens": 100_000}}),
        ("parameters.stop", {"parameters": {"stop": ["x"]}}),
        ("name", {"name": "condense"}),
    ],
)
async def test_a_wrong_version_names_its_field(
    gateway: Gateway, field: str, body: dict[str, Any]
) -> None:
    async with gateway.client() as client:
        refused = await client.post("/v1/prompts", json=BRIEF | body)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, field)
    assert gateway.prompts.kept == {}


@pytest.mark.parametrize(
    ("label", "body"),
    [
        ("production", {"weight": 5}),
        ("canary", {}),
        ("canary", {"weight": 101}),
        ("canary", {"weight": -1}),
        ("canary", {"version": None, "weight": 5}),
        ("shadow", {}),
        ("shadow", {"weight": 101}),
    ],
)
async def test_a_wrong_weight_is_refused(
    gateway: Gateway, label: str, body: dict[str, Any]
) -> None:
    version = await registered(gateway)
    refused = await move(gateway, label, **{"version": version} | body)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "weight")
    assert gateway.prompts.at == {}


async def test_conversations_keep_their_arm_and_every_call_names_it(gateway: Gateway) -> None:
    version = await registered(gateway)
    await move(gateway, CANARY, version=version, weight=50)
    arms = {f"c{n}": (await asked(gateway, f"c{n}")).arm for n in range(12)}
    assert set(arms.values()) == {"production", "canary"}
    for conversation_id, arm in arms.items():
        again = await asked(gateway, conversation_id)
        assert again.arm == arm
        assert again.prompt_version == (version if arm == CANARY else BUILT_IN.version)
    used = [one.arm for one in gateway.publisher.of(ModelUsedV2) if one.purpose == "answer"]
    assert Counter(used) == Counter(2 * list(arms.values()))


async def test_no_answer_is_given_by_another_prompt_while_redis_is_away(gateway: Gateway) -> None:
    gateway.prompts.down = True
    events = await gateway.ask("How much is the allowance?")
    assert events[-1][0] == "error"
    assert gateway.model.calls == []


def test_the_share_of_the_canary_is_its_weight_and_only_grows() -> None:
    version = PromptVersion.of("answer", "Be brief.", Parameters())
    conversations = [f"c{n}" for n in range(2_000)]

    def on(weight: float) -> set[str]:
        canary = Labelled(
            name="answer",
            label=CANARY,
            version=version,
            weight=weight,
            moved_at=SystemClock().now(),
        )
        labels = Labels(canary=canary)
        return {c for c in conversations if arm_of(labels, "acme", c).label == CANARY}

    shares = {weight: on(weight) for weight in (0, 5, 20, 100)}
    assert (len(shares[0]), len(shares[100])) == (0, 2_000)
    assert 70 <= len(shares[5]) <= 130
    assert shares[5] < shares[20] < shares[100]


def test_an_id_goes_by_text_and_parameters() -> None:
    first = PromptVersion.of("answer", "Be brief.", Parameters())
    assert PromptVersion.of("answer", " Be brief.\n", Parameters()).version == first.version
    assert PromptVersion.of("answer", "Be exact.", Parameters()).version != first.version
    warm = PromptVersion.of("answer", "Be brief.", Parameters(temperature=1))
    assert warm.version != first.version
    assert PromptVersion.of("answer", first.system, Parameters()).version == first.version
