"""Which legs a search runs with, by name: `fused`, `bm25`, `bm25+dense`, `+rerank`, …"""

from dataclasses import dataclass
from typing import get_args

from contracts.gateway.http_search import Leg

LEGS: tuple[Leg, ...] = get_args(Leg)
FUSED = "fused"
_FIRST_STAGE: tuple[Leg, ...] = ("bm25", "dense")


@dataclass(frozen=True)
class Configuration:
    """`legs` None leaves the choice to the system: everything that it has switched on."""

    name: str
    legs: tuple[Leg, ...] | None


def configuration(text: str) -> Configuration:
    """`+rerank` is short for `bm25+dense+rerank`. Raises ValueError for a leg that is not one."""
    if text == FUSED:
        return Configuration(FUSED, None)
    wanted = set(text.removeprefix("+").split("+"))
    if text.startswith("+"):
        wanted |= set(_FIRST_STAGE)
    legs = tuple(leg for leg in LEGS if leg in wanted)
    if wanted - set(legs):
        raise ValueError(f"'{text}' is not fused, nor legs out of {', '.join(LEGS)} joined by +")
    return Configuration("+".join(legs), legs)
