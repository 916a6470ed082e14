"""The embedding model with nothing around it: the fastest plain loop, and its graph's own gain."""

import os
import statistics
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import onnx

from compose.local.bedrock.encoder import Encoder, batches
from compose.local.bedrock.graph import PACKAGE, ready_graph
from compose.local.bedrock.settings import Settings
from tests.bench.figures import Figure

CORES = os.cpu_count() or 1
SAMPLE = 48
ROUNDS = 5
LIMIT = 1.25


@dataclass(frozen=True)
class Loop:
    """`workers` model runs at once, each over `threads` cores and so many padded tokens."""

    workers: int
    threads: int
    batch_tokens: int

    def encoder(self, graph: Path) -> Encoder:
        return Encoder(
            graph, Settings.model_fields["embed_tokens"].default, self.threads, self.batch_tokens
        )

    def speed(self, encoder: Encoder, texts: Sequence[str]) -> float:
        """Texts a second."""
        started = time.perf_counter()
        ids = encoder.tokenise(texts)
        groups = batches([len(i) for i in ids], self.batch_tokens)
        with ThreadPoolExecutor(self.workers) as pool:
            runs = pool.map(lambda group: len(encoder.run([ids[i] for i in group])), groups)
            assert sum(runs) == len(texts)
        return len(texts) / (time.perf_counter() - started)


# Which one is faster depends on the machine, so both are tried.
LOOPS = (Loop(1, CORES, 1024), Loop(CORES, 1, 512))


def bare_speed(state: Path, texts: Sequence[str]) -> float:
    """Texts a second over all texts, by the loop that was faster over a sample of them."""
    graph = ready_graph(state, int8=False)
    encoders = {loop: loop.encoder(graph) for loop in LOOPS}
    few = _sample(texts)
    for loop, encoder in encoders.items():
        loop.speed(encoder, few)
    fastest = max(LOOPS, key=lambda loop: loop.speed(encoders[loop], few))
    return fastest.speed(encoders[fastest], texts)


def fused_gain(state: Path, texts: Sequence[str]) -> Figure:
    """Paired rounds, fused then wheel's, with the same batches; the median of their ratios."""
    few, loop = _sample(texts), LOOPS[1]
    fused = loop.encoder(ready_graph(state, int8=False))
    wheel = loop.encoder(_wheels_graph(state))
    pairs = list(_pairs(loop, fused, wheel, few))[1:]
    gain = statistics.median(ours / theirs for ours, theirs in pairs)
    ours, theirs = (statistics.median(speeds) for speeds in zip(*pairs, strict=True))
    detail = f"{ours:.1f} against {theirs:.1f} passages/s, {ROUNDS} rounds of {len(few)}"
    return Figure("fused graph / wheel's graph", gain, LIMIT, "", True, detail)


def _pairs(
    loop: Loop, fused: Encoder, wheel: Encoder, texts: Sequence[str]
) -> Iterator[tuple[float, float]]:
    """One more than counted: the first warms both up."""
    for _ in range(ROUNDS + 1):
        yield loop.speed(fused, texts), loop.speed(wheel, texts)


def _wheels_graph(state: Path) -> Path:
    """As it comes, but for its third input, the token types: always 0, and made from the ids."""
    model = onnx.load(str(files(PACKAGE).joinpath("model.onnx")))
    [types] = [i for i in model.graph.input if i.name == "token_type_ids"]
    model.graph.input.remove(types)
    zeros = onnx.helper.make_node("Sub", ["input_ids", "input_ids"], ["token_type_ids"])
    model.graph.node.insert(0, zeros)
    target = state / "wheel.onnx"
    onnx.save(model, target)
    return target


def _sample(texts: Sequence[str]) -> Sequence[str]:
    """Evenly from all, so that the lengths are theirs too."""
    return texts[:: max(1, len(texts) // SAMPLE)][:SAMPLE]
