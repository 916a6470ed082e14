"""Write MiniLM's weights as an ONNX graph of fused onnxruntime operators."""

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from compose.local.bedrock.weights import Array, Linear, Norm, Weights

FUSED = "com.microsoft"


class _Builder:
    """Collects nodes and constants; every method gives the name of what it made."""

    def __init__(self, int8: bool) -> None:
        self.int8 = int8
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, name: str, array: Array) -> str:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def node(self, op: str, inputs: list[str], output: str, domain: str = "", **kw: Any) -> str:
        self.nodes.append(helper.make_node(op, inputs, [output], domain=domain, **kw))
        return output

    def linear(self, x: str, layer: Linear, out: str) -> str:
        bias = self.constant(f"{out}_bias", layer.bias)
        if self.int8:
            weight = self.constant(f"{out}_weight", layer.weight)
            scale = self.constant(f"{out}_scale", layer.scale)
            return self.node("DynamicQuantizeMatMul", [x, weight, scale, "", bias], out, FUSED)
        weight = self.constant(f"{out}_weight", layer.weight.astype(np.float32) * layer.scale)
        product = self.node("MatMul", [x, weight], f"{out}_product")
        return self.node("Add", [product, bias], out)

    def skip_norm(self, x: str, skip: str, norm: Norm, out: str) -> str:
        gain = self.constant(f"{out}_gain", norm.gain)
        offset = self.constant(f"{out}_offset", norm.offset)
        # Two operators, for onnxruntime's own SkipLayerNormalization takes six times their time
        # (1.32 on x86: .8 ms against .13 for 512 tokens).
        total = self.node("Add", [x, skip], f"{out}_sum")
        return self.node("LayerNormalization", [total, gain, offset], out, axis=-1, epsilon=1e-12)


def fused_model(weights: Weights, heads: int, int8: bool) -> onnx.ModelProto:
    """input_ids, attention_mask (batch, width) int64 → last_hidden_state (batch, width, 384)."""
    builder = _Builder(int8)
    x = _embeddings(builder, weights)
    builder.node("Cast", ["attention_mask"], "mask", to=TensorProto.INT32)
    for layer in range(weights.layers):
        out = "last_hidden_state" if layer == weights.layers - 1 else f"x{layer + 1}"
        x = _layer(builder, weights, layer, heads, x, out)
    ids = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "width"])
        for name in ("input_ids", "attention_mask")
    ]
    shape = ["batch", "width", weights.words.shape[1]]
    hidden = helper.make_tensor_value_info(x, TensorProto.FLOAT, shape)
    graph = helper.make_graph(builder.nodes, "minilm", ids, [hidden], builder.constants)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(FUSED, 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def _embeddings(b: _Builder, weights: Weights) -> str:
    """Gather int8 rows first, scale them after: the float table would take 47 MB."""
    b.node("Gather", [b.constant("words", weights.words), "input_ids"], "word_rows")
    b.node("Gather", [b.constant("word_scales", weights.word_scales), "input_ids"], "row_scales")
    b.node("Cast", ["word_rows"], "word_floats", to=TensorProto.FLOAT)
    b.node("Mul", ["word_floats", "row_scales"], "word")
    b.node("Shape", ["input_ids"], "width", start=1, end=2)
    positions = b.constant("positions", weights.positions)
    b.node("Slice", [positions, b.constant("zero", np.array([0])), "width"], "position_rows")
    b.node("Unsqueeze", ["position_rows", b.constant("axis", np.array([0]))], "position")
    b.node("Add", ["word", "position"], "embedded")
    gain = b.constant("gain", weights.norms[0].gain)
    offset = b.constant("offset", weights.norms[0].offset)
    inputs = ["embedded", gain, offset]
    return b.node("LayerNormalization", inputs, "x0", axis=-1, epsilon=1e-12)


def _layer(b: _Builder, weights: Weights, n: int, heads: int, x: str, out: str) -> str:
    query, key, value, output, widen, narrow = weights.linears[6 * n : 6 * n + 6]
    qkv = [b.linear(x, w, f"{c}{n}") for c, w in zip("qkv", (query, key, value), strict=True)]
    inputs = [*qkv, "", "mask"]
    attended = b.node("MultiHeadAttention", inputs, f"attended{n}", FUSED, num_heads=heads)
    attended = b.linear(attended, output, f"o{n}")
    y = b.skip_norm(attended, x, weights.norms[2 * n + 1], f"y{n}")
    wide = b.node("Gelu", [b.linear(y, widen, f"wide{n}")], f"gelu{n}", FUSED)
    return b.skip_norm(b.linear(wide, narrow, f"narrow{n}"), y, weights.norms[2 * n + 2], out)
