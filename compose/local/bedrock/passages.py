"""What is kept of passages embedded so far: token vectors for reranking, document frequencies."""

import logging
import queue
import sqlite3
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

from compose.local.bedrock.encoder import Encoded, Floats
from compose.local.bedrock.ring import Key, Ring
from compose.local.bedrock.token_matrix import TokenMatrix

LOG = logging.getLogger(__name__)
VOCABULARY = 30522
MOST_WAITING = 128
GROUP = 32
PAUSE = 0.5


@dataclass(frozen=True)
class _New:
    key: Key
    encoded: Encoded


@dataclass(frozen=True)
class _Again:
    key: Key
    data: bytes


class Passages:
    """Bounded on disk, least recently used out. A thread writes, in groups, beside the model.

    Only a cache: what comes while `MOST_WAITING` texts wait to be written is not kept.
    """

    def __init__(self, ring: Ring) -> None:
        self._ring = ring
        self._waiting: queue.Queue[_New | _Again | None] = queue.Queue(MOST_WAITING)
        self._count = int(ring.fact("passages") or b"0")
        kept = ring.fact("frequencies")
        self._frequencies = (
            np.frombuffer(kept, np.int32).copy() if kept else np.zeros(VOCABULARY, np.int32)
        )
        self._writer = threading.Thread(target=self._write, name="passages")
        self._writer.start()

    def add(self, text: str, encoded: Encoded) -> None:
        """Keep a text's token vectors. Never waits."""
        key = _key(text)
        if key not in self._ring:
            self._enqueue(_New(key, encoded))

    def read(self, texts: Iterable[str]) -> dict[str, TokenMatrix]:
        """The token matrices that are kept, without special tokens."""
        keys = {_key(text): text for text in texts}
        found = self._ring.read(keys)
        for key, data in found.items():
            if self._ring.soon_overwritten(key):
                self._enqueue(_Again(key, data))
        return {keys[key]: TokenMatrix.from_bytes(data) for key, data in found.items()}

    def idf(self, ids: Sequence[int]) -> Floats:
        """Weight of each token (BM25's): log(1 + (N − df + ½) / (df + ½))."""
        df = self._frequencies[list(ids)].astype(np.float32)
        weights: Floats = np.log1p((self._count - df + 0.5) / (df + 0.5)).astype(np.float32)
        return weights

    def close(self) -> None:
        """Write what waits, then close the files."""
        self._waiting.put(None)
        self._writer.join()
        self._ring.close()

    def _enqueue(self, item: _New | _Again) -> None:
        with suppress(queue.Full):
            self._waiting.put_nowait(item)

    def _write(self) -> None:
        more = True
        while more:
            group, more = self._group()
            try:
                self._keep(group)
            except (OSError, sqlite3.Error) as error:
                LOG.warning("%d passages are not kept for reranking: %s", len(group), error)

    def _group(self) -> tuple[list[_New | _Again], bool]:
        """What comes within half a second, and whether more may come."""
        group: list[_New | _Again] = []
        item = self._waiting.get()
        end = time.monotonic() + PAUSE
        while item is not None:
            group.append(item)
            if len(group) == GROUP:
                return group, True
            try:
                item = self._waiting.get(timeout=max(end - time.monotonic(), 0))
            except queue.Empty:
                return group, True
        return group, False

    def _keep(self, group: list[_New | _Again]) -> None:
        records: dict[Key, bytes] = {}
        for item in group:
            if isinstance(item, _Again):
                records[item.key] = item.data
            elif item.key not in self._ring and item.key not in records:
                records[item.key] = TokenMatrix.of(item.encoded.tokens[1:-1]).to_bytes()
                self._frequencies[_distinct(item.encoded.ids)] += 1
                self._count += 1
        facts = {
            "passages": str(self._count).encode(),
            "frequencies": self._frequencies.tobytes(),
        }
        self._ring.write(records, facts)


def _key(text: str) -> Key:
    return blake2b(text.encode(), digest_size=16).digest()


def _distinct(ids: list[int]) -> npt.NDArray[np.int64]:
    return np.unique(np.asarray(ids[1:-1], np.int64))
