"""The parts of `make soak`: what it asks, what it notes, and that its checks can fail."""

import io
import json
import random
from collections.abc import Callable
from typing import Any, cast

import httpx
import pytest
from stdnum import iban
from stdnum import luhn as luhn_numbers

from services.finetune_export.models.example import Example
from services.finetune_export.services.exporting.formats import rendered
from services.finetune_export.services.exporting.limits import table
from services.finetune_export.services.screening.screening import Screening
from tests.e2e.person import Person, Turn
from tests.soak.holding import Happened, _counted, _quotes
from tests.soak.library import samples
from tests.soak.report import Lines, Report
from tests.soak.script import FOLLOW_UPS, LONGEST, Planter, Talk, Writer, luhn
from tests.soak.sets import _question
from tests.soak.soak import PARTS, SETS, Plan, parts_of
from tests.soak.talking import Opinion, Talking, Told, _opinions
from tests.unit.finetune_export.fake_exports import AT


def planter(seed: int = 1) -> Planter:
    return Planter(random.Random(seed))


def written(turns: int, repeated: float = 0.5) -> list[Talk]:
    writer = Writer(samples().questions, repeated, random.Random(1), planter())
    return writer.part(turns, ["ann", "bob", "eve"])


def test_conversations_have_so_many_turns_and_the_same_seed_writes_the_same() -> None:
    talks = written(500)
    assert written(500) == talks
    assert sum(len(one.questions) for one in talks) == 500
    assert {len(one.questions) for one in talks} >= {1, 2, 3, 4}
    assert max(len(one.questions) for one in talks) <= LONGEST
    assert talks[0].user == "ann"
    assert all(one.questions[0] not in FOLLOW_UPS for one in talks)
    # Few questions are known here, so that short conversations are alike by chance too.
    assert _different(talks) < 0.8 < _different(written(500, repeated=0.0))


def _different(talks: list[Talk]) -> float:
    """Their share of the conversations that are longer than two turns."""
    long = [one.questions for one in talks if len(one.questions) > 2]
    return len(set(long)) / len(long)


def test_planted_values_are_such_as_screening_finds() -> None:
    made = planter()
    sentences = [made.personal() for _ in range(40)] + [made.secret() for _ in range(20)]
    assert len(set(made.planted)) == 60
    for sentence, value in zip(sentences, made.planted, strict=True):
        found = Screening().findings(sentence)
        covered = [one for one in found if sentence[one.start : one.end] == value]
        assert covered, sentence
        assert covered[0].is_secret == (value.startswith(("AKIA", "ghp_")))
    cards = [one.replace(" ", "") for one in made.planted if one.startswith("4")]
    assert cards
    assert all(luhn_numbers.is_valid(one) for one in cards)
    assert all(iban.is_valid(one) for one in made.planted if one.startswith("DE"))
    assert luhn("7992739871") == "3"


def test_who_is_erased_talks_in_the_first_part_alone_and_all_is_asked() -> None:
    plan = Plan(turns=601, libraries=[samples()], users=30)
    parts = parts_of(plan, planter())
    assert len(parts) == PARTS
    talks = [talk for part in parts for one in part.values() for talk in one]
    assert sum(len(one.questions) for one in talks) == plan.asked
    erased = plan.users_of("steady")[0]
    assert [any(one.user == erased for one in part["steady"]) for part in parts] == [
        True,
        False,
        False,
    ]


class Answering:
    """Stands for a Person whose answers are these; a number is a status."""

    def __init__(self, *answers: Turn | int | Exception) -> None:
        self.answers, self.asked = list(answers), list[tuple[str, str | None]]()

    async def chat(self, question: str, conversation_id: str | None) -> tuple[httpx.Response, Turn]:
        self.asked.append((question, conversation_id))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, int):
            return httpx.Response(answer, headers={"retry-after": "0"}), Turn()
        return httpx.Response(200), answer


def an_answer(turn_id: str, last: str = "done", **meta: Any) -> Turn:
    known = {"turn_id": turn_id, "conversation_id": "c1", "cached": False, "degraded": []}
    sources = [{"document_id": "d1"}, {"document_id": "d2"}]
    ends: dict[str, Any] = {"done": {"turn_id": turn_id}, "error": {"code": "unavailable"}}
    events = [("meta", known | meta), ("sources", sources), ("citations", sources[:1])]
    return Turn([*events, (last, ends[last])])


async def test_what_ends_with_done_is_told_and_everything_else_is_counted() -> None:
    person = Answering(
        503,
        an_answer("t1"),
        an_answer("t2", "error"),
        500,
        httpx.ReadTimeout("late"),
        an_answer("t3", cached=True),
    )
    people = {("acme", "ann"): cast(Person, person)}
    talking = Talking(people, 1, {"acme": True})
    told = await talking.hold([("acme", Talk("ann", ("a", "b", "c", "d", "e")))])
    assert [(one.turn_id, one.cached, one.consent) for one in told] == [
        ("t1", False, True),
        ("t3", True, True),
    ]
    assert (sorted(told[0].documents), sorted(told[0].cited)) == (["d1", "d2"], ["d1"])
    assert [one for _, one in person.asked] == [None, None, "c1", "c1", "c1", "c1"]
    assert (talking.untold, talking.waits) == ({"t2"}, 1)
    assert talking.ends == {"unavailable": 1, "status 500": 1, "ReadTimeout": 1}


async def test_when_the_time_is_over_nothing_more_is_asked() -> None:
    talking = Talking({}, 1, {"acme": True}, ends_at=0.0)
    assert await talking.hold([("acme", Talk("ann", ("a", "b")))] * 2) == []
    assert talking.skipped == 4


def a_told(n: int, **fields: Any) -> Told:
    known: dict[str, Any] = {
        "tenant": "acme",
        "user": "ann",
        "conversation_id": f"c{n}",
        "turn_id": f"t{n}",
        "question": "How much?",
        "cached": False,
        "degraded": False,
        "consent": True,
        "documents": frozenset({"d1"}),
        "cited": frozenset({"d1"}),
    }
    return Told(**known | fields)


def test_some_turns_are_rated_and_one_that_was_made_for_its_asker_is_corrected() -> None:
    told = [a_told(n, cached=n < 3) for n in range(100)]
    given = _opinions(told)
    assert {one.rating for _, one in given} == {"up", "down"}
    corrected = [turn.turn_id for turn, opinion in given if opinion.corrected_answer]
    assert corrected[0] == "t3"
    assert len(given) < 40


def test_what_sql_should_count_leaves_out_the_erased_and_what_was_cut() -> None:
    better = Opinion("down", "Better.")
    happened = Happened(
        tenants=["acme"],
        told=[
            a_told(1, cached=True),
            a_told(2, user="bob"),
            a_told(3, consent=False, cited=frozenset()),
            a_told(4, user="eve"),
        ],
        untold=set(),
        opinions={"t1": better, "t3": better, "t2": Opinion("up")},
        planted=[],
        erased=("acme", "eve"),
        deleted=("acme", "d1"),
    )
    assert _counted(happened) == {
        ("acme", "ann"): (2, 2, 1, 1, 0, 2, 1),
        ("acme", "bob"): (1, 1, 0, 1, 1, 0, 0),
    }


@pytest.mark.parametrize("place", ["sources", "prompt", "nowhere"])
def test_a_turn_that_quotes_a_document_is_seen(place: str) -> None:
    quote = [{"document_id": "d1"}]
    parts = [{"quotes": quote if place == "prompt" else []}]
    body = {"sources": quote if place == "sources" else [], "prompt": {"parts": parts}}
    assert _quotes(json.dumps({"body": body}).encode(), "d1") == (place != "nowhere")


@pytest.mark.parametrize("format", table()["formats"])
def test_the_question_is_read_from_a_record_of_each_format(format: str) -> None:
    shown = '<sources marker="AB">\n[1] x\n</sources marker="AB">\n'
    example = Example(
        turn_id="t1",
        conversation_id="c1",
        at=AT,
        system='Sources stand between <sources> and </sources marker="AB">.',
        messages=(
            ("user", "Hello?"),
            ("assistant", "Yes."),
            ("user", f"{shown}Question: Why?\n(In this conversation: Why so?)"),
        ),
        question="Why?",
        answer="Because.",
        rejected="No.",
        prompt_version="1",
        model="m",
    )
    line = rendered(example, format, multi_turn=True, reserved_words="nova" in format)
    assert _question(line) == "Why?"


def test_a_report_holds_only_when_all_of_its_lines_do() -> None:
    out = io.StringIO()
    report = Report(out)
    assert not report.holds
    assert report.check("turns", 20_000, 20_000)
    report.figure("turns a second", "5.2")
    assert report.holds
    assert not report.check("turns twice", 0, 1)
    assert not report.holds
    assert report.wrong == [out.getvalue().splitlines()[-1]]
    assert [line[:5] for line in out.getvalue().splitlines()] == ["ok   ", "     ", "WRONG"]
    assert "expected 0, found 1" in report.wrong[0]


def test_progress_tells_rate_and_time_left() -> None:
    out = io.StringIO()
    advance: Callable[[int], None] = Lines(out).bar("turns", 2)
    advance(1)
    assert out.getvalue() == ""
    advance(1)
    assert out.getvalue().startswith("turns: 2 of 2, ")


def test_every_format_has_its_set() -> None:
    formats = [one.format for wanted in SETS.values() for one in wanted]
    assert sorted(formats) == sorted(table()["formats"])
