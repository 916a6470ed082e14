"""A judge's verdicts count where there are any, replay offline, and are compared with people's."""

import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from contracts.gateway.http_judgements import ANSWER_MAX, JudgementBody
from shared.client.answers import command
from shared.client.answers.agreement import (
    SUPPORTED,
    VERDICTS,
    agreement,
    agreements,
    kappa,
    read_labelled,
    read_verdicts,
)
from shared.client.answers.judging import Judging, name_judge
from shared.client.answers.measures import measured
from shared.client.answers.options import parse
from shared.client.answers.questions import Asked, Gold, read_questions
from shared.client.answers.recorded import Answered, Judged, Recorded, Shown
from shared.client.answers.results import figures, values_of, write_run
from shared.client.client import Client
from shared.client.errors import Refused
from shared.client.evaluate.errors import EvaluationError
from tests.unit.client.fake_gateway import FakeGateway, an_opinion, problem

QUALITY = Path(__file__).parents[2] / "quality"
SET = QUALITY / "judged/answers.jsonl"
RECORDED = QUALITY / "judged/by-rule.json"
GOLD = Gold(document="policy.docx", quote="Denmark 155 62")
ASKED = Asked(id="q1", question="What may a hotel cost?", answers=("155 EUR",), gold=(GOLD,))
UNKNOWN = Asked(id="q1", question="Who is the chief?")
SOURCES = (
    Shown(n=1, document="policy.docx", text="Denmark 155 62"),
    Shown(n=2, document="other.md", text="Hotels."),
)


def given(answer: str = "155 EUR [1].", **fields: Any) -> Answered:
    known: dict[str, Any] = {"id": "q1", "question": "q", "sources": SOURCES, "cited": (1,)}
    return Answered(**known | {"answer": answer, "seconds": 0.5} | fields)


def said(verdict: str, *, supported: bool = True) -> Judged:
    known = {"verdict": verdict, "supported": supported, "reason": "r", "model": "judge-1"}
    return Judged.model_validate(known | {"cost_usd": 0.25})


# -- measures


@pytest.mark.parametrize(
    ("asked", "verdict", "right"),
    [
        (ASKED, "right", 1),
        (ASKED, "partly", 0),
        (ASKED, "wrong", 0),
        (ASKED, "refused", 0),
        (UNKNOWN, "refused", 1),
        (UNKNOWN, "wrong", 0),
        (UNKNOWN, "right", 0),
    ],
)
def test_a_verdict_is_right_where_the_question_has_an_answer(
    asked: Asked, verdict: str, right: float
) -> None:
    found = measured(asked, given(judged=said(verdict)))
    assert found["judged_right"] == right
    # A refusal states nothing that could be supported.
    assert ("judged_supported" in found) is (verdict != "refused")


def test_what_was_not_judged_does_not_count_as_wrong() -> None:
    answers = [given(judged=said("right")), given(not_judged="502 not_judged: no form"), given()]
    values = {str(n): measured(ASKED, one) for n, one in enumerate(answers)}
    found = figures(values)
    assert (found["judged_right"].count, found["judged_right"].interval.mean) == (1, 1)
    assert (found["judged_supported"].count, found["token_f1"].count) == (1, 3)


# -- asking the judge


async def test_the_judge_sees_the_sources_that_are_cited_and_the_right_answers() -> None:
    fake = FakeGateway(opine=lambda _: an_opinion("partly", supported=False))
    async with fake.client() as client:
        answer = await Judging(client).answer(ASKED, given(not_judged="earlier"))
    assert answer.judged == said("partly", supported=False)
    assert answer.not_judged is None
    [body] = fake.judged
    assert (body.question, body.answer) == (ASKED.question, "155 EUR [1].")
    assert (body.expected, [one.n for one in body.sources]) == (("155 EUR",), [1])


@pytest.mark.parametrize(
    ("status", "code"), [(502, "not_judged"), (402, "budget_reached"), (500, "internal")]
)
async def test_a_judgement_that_fails_says_why_and_the_others_go_on(status: int, code: str) -> None:
    def opine(body: JudgementBody) -> Any:
        return problem(status, code, "It failed.") if "two" in body.answer else an_opinion()

    fake = FakeGateway(opine=opine)
    questions = [ASKED.model_copy(update={"id": name}) for name in ("one", "two", "three")]
    answers = [given(f"{one.id} [1].", id=one.id) for one in questions]
    async with fake.client() as client:
        judged = await Judging(client, 2).all_of(questions, answers, lambda _, __: lambda _: None)
    assert [one.id for one in judged] == ["one", "two", "three"]
    assert [one.judged is None for one in judged] == [False, True, False]
    assert judged[1].not_judged == f"{status} {code}: It failed."


async def test_what_is_too_long_is_not_sent() -> None:
    fake = FakeGateway()
    async with fake.client() as client:
        answer = await Judging(client).answer(ASKED, given("x" * (ANSWER_MAX + 1)))
    assert answer.judged is None
    assert answer.not_judged is not None
    assert answer.not_judged.startswith("answer: ")
    assert fake.judged == []


async def test_without_a_judge_it_ends_at_the_first_answer() -> None:
    fake = FakeGateway(opine=lambda _: problem(409, "not_possible", "This tenant has no judge."))
    answers = [given(id=str(n)) for n in range(5)]
    questions = [ASKED.model_copy(update={"id": one.id}) for one in answers]
    async with fake.client() as client:
        with pytest.raises(Refused, match="no judge"):
            await Judging(client).all_of(questions, answers, lambda _, __: lambda _: None)
    assert len(fake.judged) == 1


async def test_a_judge_is_named_for_a_new_tenant_alone() -> None:
    fake = FakeGateway()
    async with fake.client() as client:
        await name_judge(client, "new", "judge-1")
        await name_judge(client, "new", "judge-1")
        with pytest.raises(EvaluationError, match="its judge is judge-1"):
            await name_judge(client, "new", "judge-2")
    assert fake.judges == {"new": "judge-1"}


# -- agreement


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        # By hand: agreed .7, by chance .5 · .6 + .5 · .4 = .5, so (.7 - .5) / .5.
        ([[20, 5], [10, 15]], 0.4),
        ([[10, 0], [0, 10]], 1.0),
        ([[0, 10], [10, 0]], -1.0),
        ([[5, 5], [5, 5]], 0.0),
        # Agreed 6 of 9; by chance (4 · 3 + 3 · 3 + 2 · 3) / 81 = 1/3: (2/3 - 1/3) / (2/3).
        ([[2, 1, 1], [1, 2, 0], [0, 0, 2]], 0.5),
        # Only one kind occurs, so chance alone agrees.
        ([[7, 0], [0, 0]], None),
    ],
)
def test_kappa_as_computed_by_hand(table: list[list[int]], expected: float | None) -> None:
    assert kappa(table) == (None if expected is None else pytest.approx(expected))


def test_an_agreement_has_a_table_and_seeded_intervals() -> None:
    cells = [(0, 0, 20), (0, 1, 5), (1, 0, 10), (1, 1, 15)]
    pairs = [(SUPPORTED[i], SUPPORTED[j]) for i, j, count in cells for _ in range(count)]
    found = agreement(SUPPORTED, pairs)
    assert found.table == [[20, 5], [10, 15]]
    assert found.agreed.mean == pytest.approx(0.7)
    assert found.kappa is not None
    assert found.kappa.mean == pytest.approx(0.4)
    assert 0 < found.kappa.low < 0.4 < found.kappa.high < 0.7
    assert agreement(SUPPORTED, pairs) == found
    assert agreement(SUPPORTED, [(SUPPORTED[0], SUPPORTED[0])] * 3).kappa is None


def test_the_set_of_the_repository_has_hard_answers_of_every_verdict() -> None:
    labelled = read_labelled(SET)
    verdicts = Counter(one.verdict for one in labelled)
    assert len(labelled) >= 60
    assert all(verdicts[kind] >= 12 for kind in VERDICTS)
    assert sum(one.verdict == "right" and not one.supported for one in labelled) >= 4
    assert sum(one.verdict == "wrong" and one.supported for one in labelled) >= 3


def test_the_recorded_verdicts_are_of_the_rule_and_replay_offline(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recorded = read_verdicts(RECORDED)
    assert recorded.models == "local.extractive-v1"
    assert all(one.reason.startswith("By rule, without a") for one in recorded.judged.values())
    again = tmp_path / "again.json"
    arguments = ["--agreement", str(SET), "--recorded", str(RECORDED), "--json", str(again)]
    assert command.main(arguments) == 0
    shown = capsys.readouterr().out
    for word in ("local.extractive-v1", "Cohen's kappa", "partly", "unsupported"):
        assert word in shown
    assert json.loads(again.read_text()) == json.loads(RECORDED.read_text())


def test_an_answer_without_a_recorded_verdict_is_told() -> None:
    labelled, recorded = read_labelled(SET), read_verdicts(RECORDED)
    fewer = {name: one for name, one in recorded.judged.items() if name != labelled[0].id}
    lost = recorded.model_copy(update={"judged": fewer})
    with pytest.raises(EvaluationError, match=labelled[0].id):
        agreements(labelled, lost)
    # One that the judge failed on does not count.
    failed = lost.model_copy(update={"not_judged": {labelled[0].id: "502 not_judged"}})
    assert sum(map(sum, agreements(labelled, failed)["verdict"].table)) == len(labelled) - 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "holds no answer"),
        ("{", "line 1 cannot be read"),
        ('{"id": "a"}', "line 1 cannot be read"),
        (SET.read_text().splitlines()[0].replace('"right"', '"fine"'), "line 1 cannot be read"),
        (f"{SET.read_text().splitlines()[0]}\n" * 2, "comes twice"),
    ],
)
def test_a_broken_labelled_set_says_where(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "answers.jsonl"
    path.write_text(text)
    with pytest.raises(EvaluationError, match=reason):
        read_labelled(path)


# -- the command


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeGateway:
    made = FakeGateway()

    @asynccontextmanager
    async def open_client(url: str, token: str, *, timeout_s: float) -> AsyncIterator[Client]:
        async with made.client() as client:
            client.transport.http.headers["Authorization"] = f"Bearer {token}"
            client.transport.http.timeout = httpx.Timeout(timeout_s)
            yield client

    monkeypatch.setattr(command, "open_client", open_client)
    return made


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A recorded run, and beside it a secret."""
    (tmp_path / "secret").write_text("a secret of at least thirty-two bytes")
    questions = read_questions(QUALITY / "answers")
    answers = tuple(given(id=one.id) for one in questions.questions)
    recorded = Recorded.now("answers", None, list(answers))
    path = tmp_path / "run.json"
    write_run(path, recorded, values_of(questions, recorded))
    return path


def test_recorded_answers_are_judged_once_and_replay(
    fake: FakeGateway, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake.opine = lambda body: (
        problem(502, "not_judged", "No form.") if "Ines" in "".join(body.expected) else an_opinion()
    )
    judged, again = run.with_name("judged.json"), run.with_name("again.json")
    arguments = [str(QUALITY / "answers"), "--recorded", str(run), "--json", str(judged)]
    secret = ["--secret-file", str(run.with_name("secret"))]
    assert command.main([*arguments, "--judge-model", "judge-1", *secret]) == 0
    shown = capsys.readouterr().out
    assert "Judged by judge-1." in shown
    assert "Not judged, and so not counted: 1. Such as q03: 502 not_judged" in shown
    assert len(fake.judged) == 53
    assert list(fake.judges.values()) == ["judge-1"]
    assert command.main([*arguments[:1], "--recorded", str(judged), "--json", str(again)]) == 0
    assert "judged_right" in capsys.readouterr().out
    assert json.loads(again.read_text()) == json.loads(judged.read_text())
    assert len(fake.judged) == 53
    means = json.loads(judged.read_text())["means"]
    assert means["judged_right"]["questions"] == 52
    # 10 of the questions have no answer, so "right" is not right there.
    assert means["judged_right"]["mean"] == pytest.approx(42 / 52)
    assert command.main(["--compare", str(run), str(judged)]) == 0


def test_a_judge_is_compared_with_the_labelled_set(
    fake: FakeGateway, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    token = run.with_name("token")
    token.write_text("a-token")
    out = run.with_name("judge.json")
    arguments = ["--agreement", str(SET), "--limit-questions", "40", "--json", str(out)]
    assert command.main([*arguments, "--token-file", str(token)]) == 0
    assert fake.authorization == {"Bearer a-token"}
    assert "judged by judge-1" in capsys.readouterr().out
    found = json.loads(out.read_text())["agreement"]["verdict"]
    # The judge says right to everything: no better than chance.
    assert found["kappa"]["mean"] == pytest.approx(0)
    assert [row[0] for row in found["table"]] == [22, 13, 5, 0]


def test_a_missing_judge_ends_the_command(
    fake: FakeGateway, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake.opine = lambda _: problem(409, "not_possible", "This tenant has no judge.")
    secret = ["--secret-file", str(run.with_name("secret"))]
    assert command.main(["--agreement", str(SET), *secret]) == 1
    assert "This tenant has no judge." in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["set", "--agreement", "file"],
        ["--agreement", "file", "--compare", "a", "b"],
        ["--agreement", "file", "--recorded", "verdicts", "--judge"],
        ["set", "--judge-model", "m", "--token-file", "token"],
        ["set", "--recorded", "run", "--prompt", "prompt"],
    ],
)
def test_what_cannot_go_together_is_told(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        parse(arguments)
    assert "error:" in capsys.readouterr().err


def test_a_named_judge_is_asked() -> None:
    assert parse(["set", "--judge-model", "m"]).judge
    assert not parse(["set"]).judge
