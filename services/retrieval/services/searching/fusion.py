"""Fusion of ranked lists into one: z-score sum (the default), min-max sum, reciprocal ranks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Literal

Method = Literal["zscore", "minmax", "rrf"]
NORMALISED_OVER = 100
RRF_CONSTANT = 60


@dataclass(frozen=True, slots=True)
class LegScore:
    """A leg's raw score of a passage, the normalised one, and its rank from 1."""

    raw: float
    normalised: float
    rank: int


@dataclass(frozen=True, slots=True)
class Fused:
    """A passage's sum over the legs, and the score of each leg that found it."""

    passage_id: str
    score: float
    legs: Mapping[str, LegScore]


@dataclass(frozen=True, slots=True)
class _Normalised:
    """A leg's list; a passage that is not in it counts as `missing`."""

    leg: str
    weight: float
    found: Mapping[str, LegScore]
    missing: float


def fuse(
    lists: Mapping[str, Mapping[str, float]],
    weights: Mapping[str, float],
    method: Method = "zscore",
) -> list[Fused]:
    """Passages best first from each leg's {passage id: score}; equal sums stand in order of id.

    z-score: by the mean and deviation of a list's own first 100; a passage that a list lacks gets
    that list's last z, which measured best. Reciprocal ranks: Cormack, Clarke and Büttcher, SIGIR
    2009. A leg without a weight counts 1; an empty list adds nothing.
    """
    # In order of name, so that sums of the same numbers are the same to the last digit.
    normalised = [
        _normalise(leg, weights.get(leg, 1.0), scores, method)
        for leg, scores in sorted(lists.items())
        if scores
    ]
    ids = {passage_id for part in normalised for passage_id in part.found}
    fused = [_sum(passage_id, normalised) for passage_id in ids]
    return sorted(fused, key=lambda hit: (-hit.score, hit.passage_id))


def _sum(passage_id: str, normalised: Sequence[_Normalised]) -> Fused:
    legs: dict[str, LegScore] = {}
    score = 0.0
    for part in normalised:
        found = part.found.get(passage_id)
        if found is not None:
            legs[part.leg] = found
        score += part.weight * (part.missing if found is None else found.normalised)
    return Fused(passage_id, score, legs)


def _normalise(leg: str, weight: float, scores: Mapping[str, float], method: Method) -> _Normalised:
    ranked = sorted(scores.items(), key=lambda item: (-item[1], item[0]))
    raw = [score for _, score in ranked]
    values, missing = _METHODS[method](raw)
    found = {
        passage_id: LegScore(score, value, rank)
        for rank, ((passage_id, score), value) in enumerate(zip(ranked, values, strict=True), 1)
    }
    return _Normalised(leg, weight, found, missing)


def _zscore(raw: Sequence[float]) -> tuple[list[float], float]:
    head = raw[:NORMALISED_OVER]
    mean = sum(head) / len(head)
    deviation = sqrt(sum((score - mean) ** 2 for score in head) / len(head))
    # Equal scores still differ from their mean by rounding: that is no deviation. To be found at
    # all then says the more: the one passage that holds a code is a list of its own.
    if deviation <= 1e-12 * max(abs(raw[0]), abs(raw[-1])):
        return [1.0] * len(raw), -1.0
    values = [(score - mean) / deviation for score in raw]
    return values, values[-1]


def _minmax(raw: Sequence[float]) -> tuple[list[float], float]:
    span = raw[0] - raw[-1]
    return [(score - raw[-1]) / span if span else 1.0 for score in raw], 0.0


def _rrf(raw: Sequence[float]) -> tuple[list[float], float]:
    return [1 / (RRF_CONSTANT + rank) for rank in range(1, len(raw) + 1)], 0.0


_METHODS: Mapping[Method, Callable[[Sequence[float]], tuple[list[float], float]]] = {
    "zscore": _zscore,
    "minmax": _minmax,
    "rrf": _rrf,
}
