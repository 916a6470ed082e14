"""What a person may set: the model's limits, the cache and the language model behind Converse."""

import os
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Read once at start; names in the environment carry the prefix RAGOPS_."""

    model_config = SettingsConfigDict(env_prefix="RAGOPS_", frozen=True, extra="ignore")

    state: Path
    embed_tokens: int = Field(512, ge=16, le=512)
    """Tokens of a text that are read; ingestion's passages all fit into 512."""
    embed_batch_tokens: int = Field(256, ge=256)
    """Padded tokens of one model run: more of them are no faster, and more of them are padding."""
    embed_queue: int = Field(2000, ge=1)
    """Texts that may wait; above it callers get ThrottlingException."""
    embed_workers: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1)
    """Model runs at once, each on one core."""
    embed_int8: bool = False
    """Integer arithmetic: about twice as fast, cosine .995 to the float graph."""
    rerank_cache_bytes: int = Field(2 * 1024**3, ge=1024**2)
    rerank_budget_ms: int = Field(150, ge=0)
    """Time for encoding passages that are not in the cache."""
    llm_url: str = ""
    """An OpenAI-compatible address, such as http://127.0.0.1:11434/v1; empty means extraction."""
    llm_model: str = ""
    llm_api_key: str = ""

    @model_validator(mode="after")
    def _model_is_named(self) -> Self:
        if self.llm_url and not self.llm_model:
            raise ValueError("RAGOPS_LLM_URL is set: set RAGOPS_LLM_MODEL to the model's name too")
        return self
