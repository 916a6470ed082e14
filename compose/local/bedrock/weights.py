"""The weights of the bundled MiniLM graph, read from its ONNX nodes."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Linear:
    """One linear layer: weight int8 (inputs, outputs), scale (outputs,), bias (outputs,)."""

    weight: Array
    scale: Array
    bias: Array


@dataclass(frozen=True)
class Norm:
    """Gain and offset of one LayerNorm."""

    gain: Array
    offset: Array


@dataclass(frozen=True)
class Weights:
    """Per layer q, k, v, o, f1, f2; one norm after the embeddings and two a layer."""

    linears: list[Linear]
    norms: list[Norm]
    words: Array
    word_scales: Array
    positions: Array

    @property
    def layers(self) -> int:
        """Number of transformer layers."""
        return len(self.linears) // 6


def read_weights(path: Path) -> Weights:
    """Read the int8 weights with their scales. Raises ValueError when the graph is another one."""
    graph = onnx.load(path).graph
    arrays = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    linears = _linears(graph, arrays)
    norms = [
        Norm(arrays[n.input[1]], arrays[n.input[2]])
        for n in graph.node
        if n.op_type == "LayerNormalization"
    ]
    if len(linears) % 6 or len(norms) != len(linears) // 3 + 1:
        raise ValueError(f"{path.name} is not the MiniLM graph this was written for")
    words, word_scales = _table(arrays, "word_embeddings")
    places, place_scales = _table(arrays, "position_embeddings")
    # The token type is always 0 here, so its vector is folded into the positions.
    kind = next(v for k, v in arrays.items() if "token_type" in k)[0]
    positions = places.astype(np.float32) * place_scales + kind[None]
    return Weights(linears, norms, words, word_scales, positions)


def _linears(graph: onnx.GraphProto, arrays: Mapping[str, Array]) -> list[Linear]:
    made = {o: n for n in graph.node for o in n.output}
    used: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.node:
        for name in node.input:
            used.setdefault(name, []).append(node)
    found = []
    for node in graph.node:
        quantised = _quantised(made, arrays, node.input[1]) if node.op_type == "MatMul" else None
        if quantised:
            add = next(u for u in used[node.output[0]] if u.op_type == "Add")
            bias = next(arrays[i] for i in add.input if i in arrays)
            found.append(Linear(quantised[0], quantised[1].ravel().astype(np.float32), bias))
    return found


def _quantised(
    made: Mapping[str, onnx.NodeProto], arrays: Mapping[str, Array], name: str
) -> tuple[Array, Array] | None:
    """The (int8 weight, scale) behind Mul(Cast(weight), scale), or None."""
    mul = made.get(name)
    cast = made.get(mul.input[0]) if mul is not None and mul.op_type == "Mul" else None
    if mul is None or cast is None or cast.op_type != "Cast":
        return None
    if cast.input[0] not in arrays or mul.input[1] not in arrays:
        return None
    return arrays[cast.input[0]], arrays[mul.input[1]]


def _table(arrays: Mapping[str, Array], name: str) -> tuple[Array, Array]:
    rows = next(v for k, v in arrays.items() if f"{name}.weight_q" in k)
    scales = next(v for k, v in arrays.items() if f"{name}.weight_scale" in k)
    return rows, scales
