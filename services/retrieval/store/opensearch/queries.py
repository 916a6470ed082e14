"""The searches: tenant, visibility and hidden versions are inside each, never applied after."""

from collections.abc import Collection, Sequence
from typing import Any

from services.retrieval.models.document import Head
from services.retrieval.models.filter import Scope
from services.retrieval.models.typed_query import read_query, unspaced
from services.retrieval.store.opensearch.filtering import clause
from services.retrieval.store.opensearch.passage_source import COLUMNS, EVERYONE, READ

Query = dict[str, Any]
# Candidates that HNSW keeps while it walks; below this the first 100 miss some of the nearest.
EF_SEARCH = 400
# Words of the index that a misspelt one may stand for.
_SPELLINGS = 20


def bm25(scope: Scope, text: str, hidden: Collection[str], k: int) -> Query:
    """Every hit holds the required phrases; other phrases, and identifiers, may be found too."""
    typed = read_query(text)
    wanted: Query
    if typed.strict:
        wanted = {"must": [*map(_phrase, typed.phrases)], "should": [_words(text)]}
    else:
        either = [_words(text), *map(_phrase, typed.runs)]
        if unspaced(text):
            either.append({"match": {"pairs": {"query": text}}})
        wanted = {"should": either, "minimum_should_match": 1}
    return _leg({"bool": wanted | _inside(scope, hidden)}, k)


def misspelt(scope: Scope, text: str, hidden: Collection[str], k: int) -> Query:
    """Stems may differ in one letter from 3 letters on, in two from 7 on; never in the first."""
    nearly = {"fuzziness": "AUTO:3,7", "prefix_length": 1, "max_expansions": _SPELLINGS}
    return _leg({"bool": {"must": [_words(text, **nearly)], **_inside(scope, hidden)}}, k)


def dense(scope: Scope, vector: Sequence[float], hidden: Collection[str], k: int) -> Query:
    """Scores are (1 + cosine) / 2."""
    nearest = {
        "vector": list(vector),
        "k": k,
        "filter": {"bool": _inside(scope, hidden)},
        "method_parameters": {"ef_search": max(EF_SEARCH, 2 * k)},
    }
    return _leg({"knn": {"vector": nearest}}, k)


def passage(scope: Scope, passage_id: str) -> Query:
    inside = _inside(scope, ())["filter"]
    wanted = {"filter": [{"term": {"passage_id": passage_id}}, *inside]}
    return {"size": 1, "query": {"bool": wanted}, "_source": READ}


def audience(scope: Scope) -> Query:
    """Counts passages by each name of the scope; a terms aggregation with an exact `include`."""
    names = list(scope.visible_to)
    wanted = {"terms": {"field": "visible_to", "include": names, "size": max(1, len(names))}}
    within = [{"term": {"tenant": scope.tenant}}, {"terms": {"visible_to": names}}]
    return {"size": 0, "query": {"bool": {"filter": within}}, "aggs": {"names": wanted}}


def outdated(tenant: str, document_id: str, head: Head) -> Query:
    """The passages of versions that can never be shown again."""
    below = "lt" if head.live else "lte"
    return {
        "query": {
            "bool": {
                "filter": [
                    {"term": {"tenant": tenant}},
                    {"term": {"document_id": document_id}},
                    {"range": {"ordinal": {below: head.ordinal}}},
                ]
            }
        }
    }


def _words(text: str, **options: object) -> Query:
    return {"match": {"words": {"query": text, **options}}}


def _phrase(text: str) -> Query:
    """A phrase of stop words alone matches everything: the search then compares the texts."""
    how = {"query": text, "analyzer": "passage", "zero_terms_query": "all"}
    return {"match_phrase": {"words": how}}


def _inside(scope: Scope, hidden: Collection[str]) -> Query:
    return {
        "filter": [
            {"term": {"tenant": scope.tenant}},
            {"terms": {"visible_to": [EVERYONE, *scope.visible_to]}},
            *([clause(scope.filter)] if scope.filter else []),
        ],
        "must_not": [{"terms": {"version": sorted(hidden)}}] if hidden else [],
    }


def _leg(query: Query, k: int) -> Query:
    return {
        "size": k,
        "query": query,
        "_source": False,
        "stored_fields": "_none_",
        "docvalue_fields": COLUMNS,
        "track_total_hits": False,
    }
