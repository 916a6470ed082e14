"""What the semantic cache does with labelled pairs of questions, by its rules and a threshold."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import sqrt
from pathlib import Path

from services.gateway.services.cache.likeness import may_share, read
from tests.quality.embedder import Embedder

FOLDER = Path(__file__).parent
# Of the hits that the rules leave, so many are kept.
_KEPT = 0.95
# 95 percent, two-sided.
_Z = 1.959964


@dataclass(frozen=True)
class Pair:
    """`kind` is `same`, or in what a near miss differs."""

    one: str
    other: str
    kind: str
    cosine: float = 0.0

    @property
    def allowed(self) -> bool:
        return may_share(read(self.one), read(self.other))


def read_pairs(name: str) -> list[Pair]:
    found: list[Pair] = []
    base = ""
    for line in (FOLDER / f"{name}.txt").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        mark, _, text = line.partition(" ")
        if mark == "=":
            base = text
        else:
            found.append(Pair(base, text, "same" if mark == "+" else mark.rstrip(":")))
    return found


def with_cosines(pairs: Sequence[Pair], embedder: Embedder) -> list[Pair]:
    texts = sorted({text for pair in pairs for text in (pair.one, pair.other)})
    vectors = dict(zip(texts, embedder.encode(texts), strict=True))
    return [replace(pair, cosine=float(vectors[pair.one] @ vectors[pair.other])) for pair in pairs]


def chosen(pairs: Sequence[Pair]) -> float:
    """The highest threshold that keeps 95 % of the hits that the rules leave, to two digits."""
    kept = sorted(pair.cosine for pair in pairs if pair.kind == "same" and pair.allowed)
    return int(kept[int((1 - _KEPT) * len(kept))] * 100) / 100


def hits(pairs: Sequence[Pair], least: float) -> tuple[int, int]:
    """How many of the pairs would share an answer, and how many there are."""
    found = [pair for pair in pairs if pair.cosine >= least and pair.allowed]
    return len(found), len(pairs)


def wilson(count: int, total: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson, 1927)."""
    share, z2 = count / total, _Z * _Z
    middle = (share + z2 / (2 * total)) / (1 + z2 / total)
    half = _Z * sqrt(share * (1 - share) / total + z2 / (4 * total * total)) / (1 + z2 / total)
    return max(0.0, middle - half), min(1.0, middle + half)


def table(least: float, pairs: Sequence[Pair], held_out: Sequence[Pair]) -> str:
    """Markdown."""
    lines = [
        f"| cosine ≥ {least:.2f} | hits of paraphrases | false hits of near misses |",
        "|---|---|---|",
    ]
    for name, group in (("chosen on", pairs), ("kept aside", held_out)):
        same = [pair for pair in group if pair.kind == "same"]
        near = [pair for pair in group if pair.kind != "same"]
        lines.append(f"| {name} | {_share(same, least)} | {_share(near, least)} |")
    cosine_only = [pair for pair in pairs if pair.kind != "same" and pair.cosine >= least]
    near = [pair for pair in pairs if pair.kind != "same"]
    alone = _figures(len(cosine_only), len(near))
    lines.append(f"| by cosine alone | | {alone} |")
    return "\n".join(lines)


def _share(pairs: Sequence[Pair], least: float) -> str:
    return _figures(*hits(pairs, least))


def _figures(count: int, total: int) -> str:
    low, high = wilson(count, total)
    return f"{count} of {total} ({low * 100:.1f}–{high * 100:.1f} %)"
