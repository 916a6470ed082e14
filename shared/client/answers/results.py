"""A run's figures with their intervals, and the paired differences between two runs."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from shared.client.answers.measures import MEASURES, measured
from shared.client.answers.questions import QuestionSet
from shared.client.answers.recorded import Recorded
from shared.client.evaluate.errors import EvaluationError
from shared.client.evaluate.metrics import Interval, intervals

# By question, then by measure.
Values = dict[str, dict[str, float]]


@dataclass(frozen=True)
class Figure:
    """A mean over `count` questions with its 95 % interval."""

    count: int
    interval: Interval


def values_of(questions: QuestionSet, recorded: Recorded) -> Values:
    """Raises EvaluationError when a question of the set was not answered."""
    given = {one.id: one for one in recorded.answers}
    missing = [one.id for one in questions.questions if one.id not in given]
    if missing:
        raise EvaluationError(
            f"{len(missing)} questions of the set have no recorded answer, such as {missing[0]}."
            " Measure with the set and the --limit-questions of the run."
        )
    return {one.id: measured(one, given[one.id]) for one in questions.questions}


def figures(values: Values) -> dict[str, Figure]:
    """For each measure that some question has."""
    return _over({question: dict(of) for question, of in values.items()})


def differences(mine: Values, other: Values) -> dict[str, Figure]:
    """Mine minus other's, paired over the questions that have the measure in both."""
    both = mine.keys() & other.keys()
    if not both:
        raise EvaluationError("The two runs share no question: they are of other sets.")
    return _over(
        {
            question: {
                name: mine[question][name] - other[question][name]
                for name in mine[question].keys() & other[question].keys()
            }
            for question in sorted(both)
        }
    )


def write_run(path: Path, recorded: Recorded, values: Values) -> None:
    body = {
        "recorded": recorded.model_dump(mode="json"),
        "values": values,
        "means": {
            name: {"mean": one.interval.mean, "low": one.interval.low, "high": one.interval.high}
            | {"questions": one.count}
            for name, one in figures(values).items()
        },
    }
    path.write_text(json.dumps(body, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_values(path: Path) -> Values:
    """Of a file of --json. Raises EvaluationError."""
    try:
        body: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return {
            str(question): {str(name): float(one) for name, one in of.items()}
            for question, of in body["values"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise EvaluationError(f"{path} cannot be read as a file of --json ({error!r}).") from None


def _over(values: Values) -> dict[str, Figure]:
    found: dict[str, Figure] = {}
    for name in MEASURES:
        column = [of[name] for of in values.values() if name in of]
        if column:
            [interval] = intervals(np.array(column, dtype=np.float64)[:, None])
            found[name] = Figure(len(column), interval)
    return found
