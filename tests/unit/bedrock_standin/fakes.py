"""An encoder without a model: every word is a token with a vector of its own."""

import threading
from collections.abc import Sequence
from zlib import crc32

import numpy as np

from compose.local.bedrock.encoder import DIMENSION, Encoded, Floats

CLS, SEP = 101, 102


def word_vector(token: int) -> Floats:
    """A random direction, the same for the same token."""
    return np.random.default_rng(token).normal(size=DIMENSION).astype(np.float32)


class WordRunner:
    """Records the batches it ran; `gate` holds the next run back while it is clear."""

    def __init__(self, batch_tokens: int = 64) -> None:
        self.batch_tokens = batch_tokens
        self.runs: list[list[int]] = []
        self.gate = threading.Event()
        self.gate.set()

    def tokenise(self, texts: Sequence[str]) -> list[list[int]]:
        """Ids by checksum."""
        return [[CLS, *(crc32(w.encode()) % 30_000 + 200 for w in t.split()), SEP] for t in texts]

    def run(self, ids: Sequence[list[int]]) -> list[Encoded]:
        """Vectors of each word; the text's is their mean."""
        self.gate.wait(10)
        self.runs.append([len(i) for i in ids])
        return [self._encoded(i) for i in ids]

    def _encoded(self, ids: list[int]) -> Encoded:
        tokens = np.stack([word_vector(i) for i in ids])
        vector = tokens[1:-1].mean(axis=0) if len(ids) > 2 else tokens[0]
        return Encoded(ids, tokens, vector / np.linalg.norm(vector))


class BrokenRunner(WordRunner):
    """Fails on the word "bad"."""

    def tokenise(self, texts: Sequence[str]) -> list[list[int]]:
        """Raises for a bad text."""
        if "bad" in texts:
            raise RuntimeError("broken")
        return super().tokenise(texts)
