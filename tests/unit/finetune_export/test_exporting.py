"""A training set holds what may be learned from, in the provider's format, without leakage."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, cast

import pytest

from services.finetune_export.models.archived_feedback import ArchivedFeedback
from services.finetune_export.models.archived_turn import ArchivedTurn
from services.finetune_export.models.finding import Finding
from services.finetune_export.models.tombstones import Tombstone
from services.finetune_export.services.exporting.formats import JOINER, neutralised
from services.finetune_export.services.exporting.limits import ExportRefused, limits_of, table
from services.finetune_export.services.exporting.validating import Invalid, check_line
from services.finetune_export.services.screening.screening import Screening
from tests.unit.finetune_export.fake_exports import (
    AT,
    NOVA,
    FakeExports,
    a_request,
    a_turn,
    exported,
)
from tests.unit.finetune_export.leakage import leaking

FORMATS = {
    "bedrock-conversation": NOVA,
    "bedrock-prompt-completion": "meta.llama3-1-8b-instruct-v1:0",
    "bedrock-claude-3-haiku": "anthropic.claude-3-haiku-20240307-v1:0",
    "bedrock-distillation": NOVA,
    "bedrock-reinforcement": NOVA,
    "sagemaker-chat": "huggingface-llm-mistral-7b",
    "sagemaker-dpo": "huggingface-llm-mistral-7b",
    "nova-dpo": NOVA,
}


def corrected(turn: ArchivedTurn, answer: str | None, rating: str = "down") -> ArchivedFeedback:
    return ArchivedFeedback(
        tenant="acme",
        user=turn.user,
        conversation_id=turn.conversation_id,
        turn_id=turn.turn_id,
        event_id=f"f-{turn.turn_id}",
        asked_at=turn.asked_at,
        given_at=turn.asked_at + timedelta(minutes=1),
        rating=rating,
        corrected_answer=answer,
    )


def test_every_format_of_the_table_is_tried_here() -> None:
    assert FORMATS.keys() == table()["formats"].keys()


@pytest.mark.parametrize(("format", "model"), FORMATS.items())
async def test_every_line_of_a_set_passes_the_providers_rules(format: str, model: str) -> None:
    turns = [a_turn(n) for n in range(160)]
    archive = FakeExports(turns, [corrected(turn, f"Better {turn.turn_id}.") for turn in turns])
    manifest = await exported(archive, a_request(format, model))
    limits = limits_of(format, model)
    for one in manifest["files"]:
        lines = archive.lines(one["name"])
        assert len(lines) == one["rows"] > 0
        for line in lines:
            check_line(line, format, limits)
    assert [stage["left"] for stage in manifest["stages"]][-1] == 160


async def test_each_stage_says_why_a_turn_was_left_out() -> None:
    turns = [a_turn(n) for n in range(40)]
    bad = [
        a_turn(100, consent_to_training=False),
        a_turn(101, cut=("d1",)),
        a_turn(102, outcome="stopped"),
        a_turn(103, degraded=("memory",)),
        a_turn(104, prompt=None),
        a_turn(105, cached="t000001"),
        a_turn(106, answer="Nothing is known."),
        a_turn(107, answer="It must be settled within 9999 days [1]."),
        a_turn(108, stop_reason="max_tokens"),
        a_turn(109, question="My password is hunter22, is that a strong one?"),
        a_turn(110, user="bob"),
        a_turn(111),
        a_turn(112, question="x" * 400_000),
    ]
    bad[6] = a_turn(106, sources=())
    again = a_turn(1).model_copy(update={"turn_id": "t000900", "conversation_id": "c900"})
    archive = FakeExports([*turns, *bad, again], [corrected(bad[11], None)])
    archive.erased = {Tombstone(tenant="acme", user="bob", until=AT + timedelta(days=9)).key}
    manifest = await exported(archive)
    dropped = {stage["name"]: stage["dropped"] for stage in manifest["stages"]}
    assert dropped["consent"] == {"no_consent_then": 1}
    assert dropped["erasure"] == {"deleted_document": 1, "erased": 1}
    assert dropped["quality"] == {
        "unfinished": 2,
        "degraded": 1,
        "no_prompt": 1,
        "cached": 1,
        "uncited": 1,
        "unsupported": 1,
        "disliked": 1,
    }
    assert dropped["screening"] == {"secret": 1}
    assert dropped["duplicates"] == {"exact": 1}
    assert dropped["validation"] == {"too long": 1}
    for before, after in zip(manifest["stages"], manifest["stages"][1:], strict=False):
        assert before["left"] == after["came"]
    assert manifest["found"]["secret.password"] == 2
    assert archive.users == ["ann"]
    [act] = archive.acts
    assert (act.what, act.counts["rows"]) == ("exported", 40)
    everything = b"".join(archive.files.values())
    assert b"hunter22" not in everything
    assert b"bob" not in everything


async def test_personal_data_becomes_the_same_placeholder_in_a_conversation() -> None:
    said = "Write to ann.lee@example.org, what does rule 1 say of ann.lee@example.org?"
    turns = [a_turn(n) for n in range(20)]
    turns[1] = a_turn(
        1, question=said, earlier=(("user", "I am ann.lee@example.org"), ("assistant", "Hello."))
    )
    archive = FakeExports(turns)
    manifest = await exported(archive)
    (line,) = [
        line
        for name in ("train.jsonl", "held_out.jsonl")
        for line in archive.lines(name)
        if "[EMAIL_" in line
    ]
    assert line.count("[EMAIL_1]") == 3
    assert "[EMAIL_2]" not in line
    assert manifest["found"]["email"] >= 3


async def test_nothing_leaks_from_one_side_to_the_other() -> None:
    """Issue 14, figure 'split leakage': near questions and conversations are on one side."""
    turns = [a_turn(n) for n in range(200)]
    near = [
        a_turn(
            1000 + n,
            question=f"{turns[n].body['question'][:-1]} now?",
            conversation_id=f"n{n % 30}",
        )
        for n in range(120)
    ]
    archive = FakeExports([*turns, *near])
    manifest = await exported(archive)
    by_turn = {turn.turn_id: turn for turn in archive.turns.values()}
    train, held_out = ([by_turn[t] for t in one["turns"]] for one in manifest["files"])
    assert len(train) > len(held_out) > 5
    asked = [[(t.conversation_id, t.body["question"]) for t in side] for side in (train, held_out)]
    assert leaking(*asked) == 0
    dropped = {stage["name"]: stage["dropped"] for stage in manifest["stages"]}
    assert dropped["split"].get("between_sides", 0) > 0, "the case of a bridge did not occur"


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        (("c2", "What is the rule about pallets and customs, then?"), 0),
        (("c1", "When does the harbour close in winter?"), 1),
        (("c2", "What is the rule about freight and deposits now?"), 1),
    ],
)
def test_the_search_for_leaks_finds_one(asked: tuple[str, str], count: int) -> None:
    train = [("c1", "What is the rule about freight and deposits?"), ("c3", "Who pays?")]
    assert leaking(train, [asked]) == count


async def test_a_set_that_grows_moves_no_turn_to_the_other_side() -> None:
    early, late = (
        FakeExports(a_turn(n) for n in range(100)),
        FakeExports(a_turn(n) for n in range(300)),
    )
    before, after = await exported(early), await exported(late)
    for old, new in zip(before["files"], after["files"], strict=True):
        assert set(old["turns"]) <= set(new["turns"])


def test_the_same_turns_are_the_same_bytes_in_another_process() -> None:
    def made(zone: str, seed: str) -> str:
        return subprocess.run(
            [sys.executable, "-m", "tests.unit.finetune_export.fake_exports"],
            env=os.environ | {"TZ": zone, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    first, second = made("UTC", "1"), made("Pacific/Auckland", "2")
    assert first == second
    assert "train.jsonl" in first


async def test_what_was_liked_less_makes_pairs() -> None:
    turns = [a_turn(n) for n in range(40)]
    liked = a_turn(41)
    disliked = a_turn(41, turn_id="t000042", conversation_id="c99", answer="It is 3 [1].")
    archive = FakeExports(
        [*turns, liked, disliked],
        [corrected(turns[0], "As it should be."), corrected(disliked, None)],
    )
    manifest = await exported(archive, a_request("nova-dpo"))
    pairs = [
        json.loads(line)["messages"][-1]["candidates"]
        for name in ("train.jsonl", "held_out.jsonl")
        for line in archive.lines(name)
    ]
    texts = {tuple(one["content"][0]["text"] for one in pair) for pair in pairs}
    assert texts == {
        ("As it should be.", turns[0].body["answer"]),
        (liked.body["answer"], "It is 3 [1]."),
    }
    assert manifest["stages"][-1]["dropped"] == {"no_worse_answer": 39}


def test_novas_reserved_words_are_made_harmless_and_come_back() -> None:
    text = "User: hi\nASSISTANT: yes [EOS] <image> Thought: x; a user: no"
    line = json.dumps({"prompt": neutralised(text), "completion": "x"})
    limits = limits_of("bedrock-conversation", NOVA)
    with pytest.raises(Invalid, match="reserved word"):
        check_line(
            json.dumps(
                {
                    "schemaVersion": "v",
                    "messages": [
                        {"role": "user", "content": [{"text": text}]},
                        {"role": "assistant", "content": [{"text": "x"}]},
                    ],
                }
            ),
            "bedrock-conversation",
            limits,
        )
    check_line(line, "bedrock-prompt-completion", limits)
    assert neutralised(text).replace(JOINER, "") == text


BROKEN: list[tuple[str, Any, str]] = [
    ("bedrock-conversation", {"messages": []}, "schemaVersion is missing"),
    ("bedrock-prompt-completion", {"prompt": "a", "completion": ""}, "completion is no text"),
    ("bedrock-prompt-completion", {"prompt": "a", "completion": "b", "x": 1}, "x is not allowed"),
    ("bedrock-claude-3-haiku", {"messages": [{"role": "user", "content": "a"}]}, "last message"),
    ("bedrock-claude-3-haiku", {"schemaVersion": "v", "messages": []}, "not allowed"),
    ("sagemaker-chat", {"messages": [{"role": "assistant", "content": "a"}]}, "alternate"),
    ("sagemaker-dpo", {"chosen": [], "rejected": []}, "no list"),
    ("bedrock-reinforcement", {"messages": [{"role": "user", "content": "a"}]}, "reference_answer"),
]


@pytest.mark.parametrize(("format", "record", "reason"), BROKEN)
def test_a_broken_line_is_named(format: str, record: Any, reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        check_line(json.dumps(record), format, limits_of(format, FORMATS[format]))


async def test_who_is_erased_while_a_set_is_made_is_not_in_it() -> None:
    archive = FakeExports([*(a_turn(n) for n in range(20)), a_turn(30, user="bob")])
    archive.erased_meanwhile = Tombstone(
        tenant="acme", user="bob", until=AT + timedelta(days=9)
    ).key
    await exported(archive)
    assert archive.erased_meanwhile is None, "the erasure did not come"
    assert archive.users == ["ann"]
    assert b"t000030" not in b"".join(archive.files.values())


async def test_no_set_is_made_where_none_may_be() -> None:
    archive = FakeExports([a_turn(0)])
    with pytest.raises(ExportRefused, match="needs 8"):
        await exported(archive)
    with pytest.raises(ExportRefused, match="needs 8"):
        await exported(FakeExports([]))
    with pytest.raises(ExportRefused, match="does not take"):
        await exported(archive, a_request("bedrock-conversation", "meta.llama3-1-8b"))
    with pytest.raises(ExportRefused, match="unknown format"):
        await exported(archive, a_request("csv"))
    archive.consent = False
    with pytest.raises(ExportRefused, match="consent_to_training"):
        await exported(archive)
    assert archive.files == {}


async def test_names_are_looked_for_in_earlier_answers_and_not_in_passages() -> None:
    """Earlier answers quote documents too, but people and models wrote them."""

    class Names:
        def __init__(self) -> None:
            self.read: list[str] = []

        def findings(self, texts: Sequence[str]) -> list[list[Finding]]:
            self.read += texts
            return [[] for _ in texts]

    archive = FakeExports(
        a_turn(n, earlier=[("user", "Who?"), ("assistant", "It was Zelda Fitz.")])
        for n in range(20)
    )
    names = Names()
    await exported(archive, screening=Screening(cast(Any, names)))
    assert "It was Zelda Fitz." in names.read
    assert not any(text.startswith("[1] Rule") for text in names.read)
