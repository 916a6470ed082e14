"""Settings as variables give them."""

import pytest

from services.retrieval.settings import RetrievalSettings


def test_null_takes_away_what_has_a_default(monkeypatch: pytest.MonkeyPatch) -> None:
    assert RetrievalSettings().rerank_model is not None
    monkeypatch.setenv("RAGOPS_RERANK_MODEL", "null")
    assert RetrievalSettings().rerank_model is None
