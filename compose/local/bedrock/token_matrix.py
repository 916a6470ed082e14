"""A passage's token vectors in one byte a number."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from compose.local.bedrock.encoder import DIMENSION, Floats


@dataclass(frozen=True)
class TokenMatrix:
    """Rows (t, 384) int8 and scales (t,) float32: row · scale is a vector of length about 1."""

    rows: npt.NDArray[np.int8]
    scales: Floats

    @classmethod
    def of(cls, tokens: Floats) -> Self:
        """From token vectors (t, 384) of any length; each row keeps its direction to ±.4 %."""
        peaks = np.maximum(np.abs(tokens).max(axis=1), np.float32(1e-12))
        rows = np.rint(tokens * (127 / peaks)[:, None]).astype(np.int8)
        lengths = np.linalg.norm(rows.astype(np.float32), axis=1)
        return cls(rows, (1 / np.maximum(lengths, 1)).astype(np.float32))

    def to_bytes(self) -> bytes:
        """Rows, then scales."""
        return self.rows.tobytes() + self.scales.tobytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """The inverse of to_bytes; no copy."""
        count = len(data) // (DIMENSION + 4)
        rows = np.frombuffer(data, np.int8, count * DIMENSION).reshape(count, DIMENSION)
        return cls(rows, np.frombuffer(data, np.float32, count, offset=count * DIMENSION))
