"""retrieval's settings."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from shared.settings import Settings


class RetrievalSettings(Settings):
    """`sqlite_path` is a folder: the file in it is named for the embedding model and dimension."""

    search_store: Literal["sqlite", "opensearch"] = "sqlite"
    sqlite_path: Path = Path(".ragops/search")
    opensearch_url: str = "http://127.0.0.1:9200"
    # Beside OpenSearch. None: no graph, the leg is skipped.
    neo4j_url: str | None = None
    # Empty: the server asks for none.
    neo4j_user: str = ""
    neo4j_password: str = ""
    default_legs: tuple[Literal["bm25", "dense", "graph", "rerank"], ...] = (
        "bm25",
        "dense",
        "graph",
        "rerank",
    )
    default_fusion: Literal["zscore", "minmax", "rrf"] = "zscore"
    leg_budget_ms: int = Field(default=2_000, ge=1)
    # How much of the seed's score a passage gains that the graph leads to.
    graph_weight: float = Field(default=0.6, ge=0, le=1)
    # None: no reranker, the leg is skipped.
    rerank_model: str | None = "amazon.rerank-v1:0"
    rerank_budget_ms: int = Field(default=800, ge=1)
    index_concurrency: int = Field(default=16, ge=1)
    query_concurrency: int = Field(default=16, ge=1)
