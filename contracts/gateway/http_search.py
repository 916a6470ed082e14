"""The HTTP shapes of searches and of the knowledge graph, for controllers and clients."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from contracts.gateway.http import DOCUMENT_ID, END, PAGE, START, AskedText, Body, example
from contracts.retrieval.search import FILTER_FORM

QUESTION_MAX = 4_000
ENTITY_MAX = 200
ENTITIES, ENTITIES_MAX = 24, 100
Leg = Literal["bm25", "dense", "graph", "rerank"]
Fusion = Literal["zscore", "minmax", "rrf"]


class Weights(Body):
    """How much each leg counts in the fused score."""

    bm25: float = Field(default=0.5, ge=0, le=1, description="words in common")
    dense: float = Field(default=0.5, ge=0, le=1, description="likeness of embeddings")
    graph: float = Field(default=0.6, ge=0, le=1, description="nearness in the knowledge graph")


class SearchBody(Body):
    """A search; left out fields leave the choice to the system."""

    model_config = example(
        query="daily allowance in Denmark",
        limit=3,
        filter={"field": "tags", "eq": "travel"},
        legs=["bm25", "dense"],
    )

    query: AskedText = Field(
        min_length=1, max_length=QUESTION_MAX, description="what to look for, any text"
    )
    limit: int = Field(default=8, ge=1, le=100, description="hits at most")
    filter: dict[str, Any] | None = Field(default=None, description=FILTER_FORM)
    legs: tuple[Leg, ...] | None = Field(
        default=None, description="ways to search, and `rerank` to order what they found"
    )
    fusion: Fusion | None = Field(
        default=None, description="how the scores of several legs become one"
    )
    weights: Weights | None = Field(default=None, description="how much each leg counts")
    join_tokens: int = Field(
        default=0,
        ge=0,
        le=32_000,
        description="how much text may be added to hits whose section goes on; 0: passages alone",
    )


class LegScore(BaseModel):
    """A leg's own view of a passage."""

    raw: float | None = Field(default=None, description="the score in the leg's own scale")
    normalised: float | None = Field(default=None, description="the score that was fused")
    rank: int | None = Field(default=None, description="place in the leg's own list, from 1")
    path: tuple[dict[str, Any], ...] = Field(
        default=(), description="the graph leg's steps from the query to the passage"
    )


class Explanation(BaseModel):
    """How a search found a passage; null where a leg did not find it or did not run."""

    bm25: LegScore | None = Field(default=None, description="by words in common")
    dense: LegScore | None = Field(default=None, description="by likeness of embeddings")
    graph: LegScore | None = Field(default=None, description="over the knowledge graph")
    fused: LegScore | None = Field(default=None, description="the legs together")
    rerank: LegScore | None = Field(default=None, description="by the reranking model")
    highlights: tuple[tuple[int, int], ...] = Field(
        default=(), description="(start, end) of the query's words in the passage's own text"
    )


class Twin(BaseModel):
    """A passage that reads the same as a hit and is left out for it."""

    document_id: str = Field(description="its document")
    name: str = Field(description="its document's name")
    passage_id: str = Field(description="its own id")


class Hit(BaseModel):
    """A passage that a search found."""

    document_id: str = Field(description="its document")
    name: str = Field(description="its document's name")
    ordinal: int = Field(description="its document's version, from 1")
    passage_id: str = Field(description="its own id")
    title: str = Field(default="", description="the headings above it")
    text: str = Field(description="its text, with what `join_tokens` added")
    page: int | None = Field(default=None, description=PAGE)
    start: int = Field(description=START)
    end: int = Field(description=END)
    score: float = Field(description="what the hits are ordered by; compares within a search")
    explain: Explanation = Field(default=Explanation(), description="how it was found")
    exact: tuple[str, ...] = Field(
        default=(), description="quoted phrases and identifiers of the query that it holds"
    )
    also_in: tuple[Twin, ...] = Field(default=(), description="passages that read the same")
    joined: tuple[str, ...] = Field(
        default=(), description="ids of the neighbouring passages whose text was added"
    )


class SearchView(BaseModel):
    """The passages found, best first, and what the search did."""

    model_config = example(
        hits=[
            {
                "document_id": DOCUMENT_ID,
                "name": "handbook.pdf",
                "ordinal": 1,
                "passage_id": f"{DOCUMENT_ID}:1:7",
                "title": "Travel",
                "text": "The daily allowance in Denmark is 70 euros.",
                "page": 3,
                "start": 5120,
                "end": 5163,
                "score": 1.84,
                "explain": {
                    "bm25": {"raw": 7.2, "normalised": 1.9, "rank": 1},
                    "dense": {"raw": 0.71, "normalised": 1.8, "rank": 1},
                    "highlights": [[4, 9], [10, 19], [23, 30]],
                },
            }
        ],
        legs={"bm25": "applied", "dense": "applied"},
        took_ms={"bm25": 2.1, "dense": 3.4},
    )

    hits: tuple[Hit, ...] = Field(description="best first")
    legs: dict[str, str] = Field(description="by leg: `applied`, `skipped` or `failed`")
    took_ms: dict[str, float] = Field(
        default_factory=dict, description="by step of the search: milliseconds"
    )


class Named(BaseModel):
    """A name in the documents."""

    name: str = Field(description="as it is compared: lower case, no accents")
    written: str = Field(description="as a passage writes it")
    named_by: int = Field(description="visible passages that mention it, counted up to 100")


class Neighbour(Named):
    """A name that shares passages with the asked one."""

    relation: str = Field(
        description="seen from the asked name: `same as`, `names`, `named by` or"
        " `names each other`; more may be added"
    )
    strength: float = Field(description="0 to 1: the rarer the link, the higher")


class Edge(BaseModel):
    """A link between two names."""

    source: str = Field(description="the name that passages are about")
    target: str = Field(description="the name that they mention, or are about too")
    kind: str = Field(
        description="`names`: passages about `source` mention `target`; `same as`: passages are"
        " about both; more may be added"
    )
    passages: tuple[str, ...] = Field(description="ids of the evidence in this response")
    evidence: int = Field(description="how much evidence there is in all")


class Mark(BaseModel):
    """Where a name stands in a passage's own text."""

    name: str = Field(description="the name, as it is compared")
    start: int = Field(description="its first character")
    end: int = Field(description="the character after it")


class Evidence(BaseModel):
    """A passage that is about the asked name, mentions it, or both."""

    passage_id: str = Field(description="its own id")
    document_id: str = Field(description="its document")
    name: str = Field(description="its document's name")
    title: str = Field(default="", description="the headings above it")
    page: int | None = Field(default=None, description=PAGE)
    start: int = Field(description=START)
    end: int = Field(description=END)
    text: str = Field(description="its text")
    about: bool = Field(description="whether it is about the asked name")
    mentions: bool = Field(description="whether it mentions the asked name")
    marks: tuple[Mark, ...] = Field(default=(), description="names of this response in its text")


class GraphView(BaseModel):
    """A name, those around it in the knowledge graph, and the passages that say so."""

    model_config = example(
        entity={"name": "harbour", "written": "Harbour", "named_by": 2},
        entities=[
            {
                "name": "ferry",
                "written": "Ferry",
                "named_by": 1,
                "relation": "names",
                "strength": 0.63,
            }
        ],
        edges=[
            {
                "source": "harbour",
                "target": "ferry",
                "kind": "names",
                "passages": [f"{DOCUMENT_ID}:1:0"],
                "evidence": 1,
            }
        ],
        passages=[
            {
                "passage_id": f"{DOCUMENT_ID}:1:0",
                "document_id": DOCUMENT_ID,
                "name": "harbour.md",
                "start": 0,
                "end": 36,
                "text": "The Ferry leaves the Harbour hourly.",
                "about": True,
                "mentions": False,
                "marks": [{"name": "ferry", "start": 4, "end": 9}],
            }
        ],
        left_out=0,
    )

    entity: Named = Field(description="the asked name")
    entities: tuple[Neighbour, ...] = Field(description="names around it, strongest first")
    edges: tuple[Edge, ...] = Field(description="links between these names")
    passages: tuple[Evidence, ...] = Field(description="the evidence for the links")
    left_out: int = Field(default=0, description="names that `limit` left out")


class PassageView(BaseModel):
    """A passage by itself: what a citation leads to."""

    model_config = example(
        passage_id=f"{DOCUMENT_ID}:1:7",
        document_id=DOCUMENT_ID,
        name="handbook.pdf",
        title="Travel",
        text="The daily allowance in Denmark is 70 euros.",
        page=3,
        start=5120,
        end=5163,
        version=1,
    )

    passage_id: str = Field(description="its own id")
    document_id: str = Field(description="its document")
    name: str = Field(description="its document's name")
    title: str = Field(default="", description="the headings above it")
    text: str = Field(description="its own text")
    page: int | None = Field(default=None, description=PAGE)
    start: int = Field(description=START)
    end: int = Field(description=END)
    version: int = Field(description="its document's version, from 1")
