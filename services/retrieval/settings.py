"""Retrieval's settings."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr

from shared.settings import Settings


class RetrievalSettings(Settings):
    """Read from RAGOPS_* variables once, in bootstrap."""

    search_store: Literal["sqlite", "opensearch"] = Field(
        default="sqlite",
        description="where passages are indexed: in a file of this machine, or in OpenSearch",
    )
    sqlite_path: Path = Field(
        default=Path(".ragops/search"),
        description="folder of the SQLite file; its name holds the embedding model and dimension",
    )
    opensearch_url: str = Field(
        default="http://127.0.0.1:9200", description="address of OpenSearch, if that is the store"
    )
    opensearch_auth: Literal["none", "sigv4"] = Field(
        default="none",
        description="how OpenSearch knows this service: not at all (or by user and password in the"
        " address), or by requests that are signed with the AWS credentials of the task's role",
    )
    neo4j_url: str | None = Field(
        default=None,
        description="address of Neo4j, the graph beside OpenSearch; not set: no graph, the leg is"
        " skipped",
    )
    neo4j_user: str = Field(
        default="", description="user for Neo4j; empty when the server asks for none"
    )
    neo4j_password: SecretStr = Field(default=SecretStr(""), description="password for Neo4j")
    default_legs: tuple[Literal["bm25", "dense", "graph", "rerank"], ...] = Field(
        default=("bm25", "dense", "graph", "rerank"),
        description="JSON list: the legs of a search whose request names none",
    )
    default_fusion: Literal["zscore", "minmax", "rrf"] = Field(
        default="zscore", description="how the legs' lists are fused when a request does not say"
    )
    leg_budget_ms: int = Field(
        default=2_000,
        ge=1,
        description="milliseconds for each leg of a search, and for an answer from the graph",
    )
    graph_weight: float = Field(
        default=0.6,
        ge=0,
        le=1,
        description="share of its seed's score that a passage gains when the graph leads to it",
    )
    rerank_model: str | None = Field(
        default="amazon.rerank-v1:0",
        description="model that reranks the first 50 passages; null: none, the leg is skipped",
    )
    rerank_budget_ms: int = Field(
        default=800, ge=1, description="milliseconds that a search waits for the reranker"
    )
    index_concurrency: int = Field(
        default=16, ge=1, description="versions that are indexed at a time"
    )
    query_concurrency: int = Field(
        default=16, ge=1, description="searches and graph requests that are answered at a time"
    )
