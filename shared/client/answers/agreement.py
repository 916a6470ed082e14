"""How far a judge agrees with a person: both judged the same answers."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from contracts.gateway.http_judgements import Verdict
from shared.client.answers.judging import Judging
from shared.client.answers.recorded import Judged
from shared.client.evaluate.errors import EvaluationError
from shared.client.evaluate.metrics import ROUNDS, Interval, intervals
from shared.client.pool import each
from shared.client.progress import Bar

VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
SUPPORTED = ("supported", "unsupported")
LAYOUT = """A labelled set is a file with a line for each answer that a person has judged:
  {"id": …, "question": …, "expected": […], "answer": …, "sources": [{"n": 1, "text": …}],
   "verdict": "right", "supported": true}
  expected: any of them is right; none: the documents do not tell
  sources: those that the answer cites
  verdict: right, partly, wrong or refused
  supported: the sources tell all that the answer states"""
_SEED = 1
_Counts = npt.NDArray[np.intp]


class Source(BaseModel):
    """Of a labelled answer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    n: int
    text: str


class Labelled(BaseModel):
    """An answer, and what a person said of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    question: str = Field(min_length=1)
    expected: tuple[str, ...]
    answer: str
    sources: tuple[Source, ...]
    verdict: Verdict
    supported: bool


class Verdicts(BaseModel):
    """What a judge said of a labelled set, and why it said nothing of some answers, by id."""

    model_config = ConfigDict(frozen=True)

    set: str
    at: datetime
    judged: dict[str, Judged]
    not_judged: dict[str, str] = {}

    @property
    def models(self) -> str:
        """Who judged."""
        return ", ".join(sorted({one.model for one in self.judged.values()})) or "nobody"


@dataclass(frozen=True)
class Agreement:
    """`table[i][j]`: so many answers were `kinds[i]` for the person and `kinds[j]` for the judge.

    `kappa` is None where it has no value: only one kind occurs.
    """

    kinds: tuple[str, ...]
    table: list[list[int]]
    agreed: Interval
    kappa: Interval | None


def read_labelled(path: Path) -> list[Labelled]:
    """Raises EvaluationError."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise EvaluationError(f"{path} cannot be read ({error.strerror}).\n{LAYOUT}") from None
    found: dict[str, Labelled] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            one = Labelled.model_validate_json(line)
        except ValidationError as error:
            where = f"{path}, line {number}"
            raise EvaluationError(f"{where} cannot be read ({error}).\n{LAYOUT}") from None
        if one.id in found:
            raise EvaluationError(f"{path}: the id {one.id} comes twice.")
        found[one.id] = one
    if not found:
        raise EvaluationError(f"{path} holds no answer.\n{LAYOUT}")
    return list(found.values())


async def judge_all(
    name: str, labelled: Sequence[Labelled], judging: Judging, bar: Bar
) -> Verdicts:
    """Raises Refused where none can be judged."""
    advance = bar("judgements", len(labelled))
    said: dict[str, Judged | str] = {}

    async def judge(one: Labelled) -> None:
        fields = one.model_dump(include={"question", "expected", "answer", "sources"})
        said[one.id] = await judging.said_of(fields)
        advance(1)

    await each(labelled, judge, judging.concurrency)
    ordered = {one.id: said[one.id] for one in labelled}
    return Verdicts(
        set=name,
        at=datetime.now(UTC).replace(microsecond=0),
        judged={key: one for key, one in ordered.items() if isinstance(one, Judged)},
        not_judged={key: one for key, one in ordered.items() if isinstance(one, str)},
    )


def agreements(labelled: Sequence[Labelled], verdicts: Verdicts) -> dict[str, Agreement]:
    """Over the answers that were judged: of the verdicts, and of whether they are supported.

    Raises EvaluationError when the judge has not been asked about all of the set.
    """
    asked = verdicts.judged.keys() | verdicts.not_judged.keys()
    if missing := [one.id for one in labelled if one.id not in asked]:
        raise EvaluationError(
            f"{len(missing)} answers of the set have no recorded verdict, such as {missing[0]}:"
            " judge the set again, without --recorded."
        )
    pairs = [(one, verdicts.judged[one.id]) for one in labelled if one.id in verdicts.judged]
    if not pairs:
        raise EvaluationError("The judge judged none of the answers.")
    told = [(person.verdict, judge.verdict) for person, judge in pairs]
    support = [(_support(person.supported), _support(judge.supported)) for person, judge in pairs]
    return {
        "verdict": agreement(VERDICTS, told),
        "supported": agreement(SUPPORTED, support),
    }


def agreement(kinds: tuple[str, ...], pairs: Sequence[tuple[str, str]]) -> Agreement:
    """Of (person, judge) pairs. Kappa as Cohen 1960; its interval by the percentile bootstrap
    (Efron 1979) over answers, without the rounds in which it has no value."""
    size, place = len(kinds), {kind: n for n, kind in enumerate(kinds)}
    cells = np.array([place[person] * size + place[judge] for person, judge in pairs])
    table = _table(cells, size)
    agreed = np.array([float(person == judge) for person, judge in pairs])
    [share] = intervals(agreed[:, None])
    return Agreement(kinds, table.tolist(), share, _kappa_interval(cells, size))


def kappa(table: Sequence[Sequence[int]] | _Counts) -> float | None:
    """Cohen's kappa of a confusion table: (agreed - by chance) / (1 - by chance)."""
    counts = np.asarray(table, dtype=np.float64)
    total = counts.sum()
    agreed = np.trace(counts) / total
    chance = float(counts.sum(axis=1) @ counts.sum(axis=0)) / total**2
    return None if chance == 1.0 else float((agreed - chance) / (1 - chance))


def _kappa_interval(cells: _Counts, size: int) -> Interval | None:
    mean = kappa(_table(cells, size))
    if mean is None:
        return None
    rng, count = np.random.default_rng(_SEED), len(cells)
    rounds = (kappa(_table(cells[rng.integers(0, count, count)], size)) for _ in range(ROUNDS))
    low, high = np.percentile([one for one in rounds if one is not None], [2.5, 97.5])
    return Interval(mean, float(low), float(high))


def _table(cells: _Counts, size: int) -> _Counts:
    return np.bincount(cells, minlength=size * size).reshape(size, size)


def _support(told: bool) -> str:
    return SUPPORTED[0] if told else SUPPORTED[1]


def write_verdicts(path: Path, verdicts: Verdicts, found: Mapping[str, Agreement]) -> None:
    figures = {
        name: {
            "kinds": one.kinds,
            "table": one.table,
            "agreed": vars(one.agreed),
            "kappa": one.kappa and vars(one.kappa),
        }
        for name, one in found.items()
    }
    body = {"verdicts": verdicts.model_dump(mode="json"), "agreement": figures}
    path.write_text(json.dumps(body, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_verdicts(path: Path) -> Verdicts:
    """What --agreement wrote with --json. Raises EvaluationError."""
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
        return Verdicts.model_validate(body["verdicts"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EvaluationError(
            f"{path} cannot be read as what --agreement wrote with --json ({error!r})."
        ) from None
