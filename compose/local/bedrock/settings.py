"""What a person may set: the model's limits, the cache and the language model behind Converse."""

import os
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Read once at start; names in the environment carry the prefix RAGOPS_."""

    model_config = SettingsConfigDict(env_prefix="RAGOPS_", frozen=True, extra="ignore")

    state: Path = Field(description="folder for the cache of token vectors")
    embed_tokens: int = Field(
        default=512, ge=16, le=512, description="tokens of a text that the embedding model reads"
    )
    embed_batch_tokens: int = Field(
        default=256,
        ge=256,
        description="padded tokens of one model run; more are no faster, and more are padding",
    )
    embed_queue: int = Field(
        default=2000,
        ge=1,
        description="texts that may wait; above it callers get ThrottlingException",
    )
    embed_workers: int = Field(
        default_factory=lambda: os.cpu_count() or 1,
        ge=1,
        description="model runs at once, each on one core",
    )
    embed_int8: bool = Field(
        default=False,
        description="integer arithmetic: twice as fast, vectors slightly different (cosine .995)",
    )
    rerank_cache_bytes: int = Field(
        default=2 * 1024**3, ge=1024**2, description="size of the cache of token vectors on disk"
    )
    rerank_budget_ms: int = Field(
        default=150,
        ge=0,
        description="milliseconds for passages that are not in the cache of token vectors",
    )
    llm_url: str = Field(
        default="",
        description="address of an OpenAI-compatible model, such as http://127.0.0.1:11434/v1;"
        " empty: answers are quotations",
    )
    llm_model: str = Field(default="", description="the model's name at that address")
    llm_api_key: str = Field(default="", description="key for that address, if it wants one")
    model_faults: bool = Field(
        default=False,
        description="for tests: a question may ask for a failure of the model, as in"
        " {{fault:throttled}}, and a line of a training set for one of its training, as in"
        " {{fault:fail_training}}",
    )
    training_phase_s: float = Field(
        default=1.0, ge=0, description="seconds that each phase of a model's training takes"
    )

    @model_validator(mode="after")
    def _model_is_named(self) -> Self:
        if self.llm_url and not self.llm_model:
            raise ValueError("RAGOPS_LLM_URL is set: set RAGOPS_LLM_MODEL to the model's name too")
        return self
