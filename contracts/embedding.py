"""The embedding of a question, which one service makes and others use."""

import base64
import sys
from array import array
from collections.abc import Sequence

from contracts.message import Shape


class Embedding(Shape):
    """`values` are little-endian float32 in base64. Of another model than the reader's: no use."""

    model: str
    values: str

    @classmethod
    def of(cls, model: str, vector: Sequence[float]) -> "Embedding":
        return cls(model=model, values=base64.b64encode(packed(vector)).decode())

    @property
    def vector(self) -> list[float]:
        """Raises ValueError for values that are none."""
        return unpacked(base64.b64decode(self.values, validate=True))


def packed(vector: Sequence[float]) -> bytes:
    return _little(array("f", vector)).tobytes()


def unpacked(values: bytes) -> list[float]:
    found = array("f")
    found.frombytes(values)
    return _little(found).tolist()


def _little(values: "array[float]") -> "array[float]":
    if sys.byteorder == "big":
        values.byteswap()
    return values
