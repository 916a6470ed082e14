"""Settings refuse what cannot work."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from compose.local.bedrock.chat import ChatRequest
from compose.local.bedrock.settings import Settings


def test_a_language_model_needs_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGOPS_LLM_URL", "http://127.0.0.1:1/v1")
    monkeypatch.delenv("RAGOPS_LLM_MODEL", raising=False)
    with pytest.raises(ValidationError, match="set RAGOPS_LLM_MODEL"):
        Settings(state=Path("x"))


@pytest.mark.parametrize("roles", [["assistant"], ["user", "assistant"], []])
def test_a_conversation_starts_and_ends_with_the_user(roles: list[str]) -> None:
    messages = [{"role": role, "content": [{"text": "a"}]} for role in roles]
    with pytest.raises(ValidationError):
        ChatRequest.model_validate({"messages": messages})
