"""Settings, analyzers and mappings of the two indices, as they are created."""

from typing import Any

from services.retrieval.models.embedding_space import EmbeddingSpace
from services.retrieval.models.typed_query import UNSPACED_SCRIPTS

SCHEMA_VERSION = 3
# A pasted page is a query too: past this many different words the rest adds time, not meaning, and
# past 1,024 OpenSearch refuses it.
MAX_QUERY_WORDS = 64
# Recall of the first 100 on 5,000 real vectors: .9997 with the EF_SEARCH of queries.py.
HNSW_LINKS, EF_CONSTRUCTION = 16, 128

# The built-in `english` analyzer, except that, as in SQLite's FTS5, `a:b` and `a_b` are two words
# and accents do not count.
_ENGLISH = ["english_possessive", "lowercase", "asciifolding", "english_stop", "english_stemmer"]
_ANALYSIS = {
    "char_filter": {
        "joints": {"type": "mapping", "mappings": [":=>\\u0020", "_=>\\u0020"]},
        "unspaced": {
            "type": "pattern_replace",
            "pattern": f"[^{UNSPACED_SCRIPTS}]",
            "replacement": " ",
        },
    },
    "filter": {
        "pairs": {"type": "ngram", "min_gram": 2, "max_gram": 2},
        "english_possessive": {"type": "stemmer", "language": "possessive_english"},
        "english_stop": {"type": "stop", "stopwords": "_english_"},
        "english_stemmer": {"type": "stemmer", "language": "english"},
        "few": {"type": "limit", "max_token_count": MAX_QUERY_WORDS},
    },
    "analyzer": {
        "passage": {
            "type": "custom",
            "char_filter": ["joints"],
            "tokenizer": "standard",
            "filter": _ENGLISH,
        },
        "query": {
            "type": "custom",
            "char_filter": ["joints"],
            "tokenizer": "standard",
            "filter": [*_ENGLISH, "unique", "few"],
        },
        # Pairs of neighbouring characters, of scripts without blanks alone: for any other text
        # nothing is kept.
        "pairs": {
            "type": "custom",
            "char_filter": ["unspaced"],
            "tokenizer": "whitespace",
            "filter": ["pairs"],
        },
        "query_pairs": {
            "type": "custom",
            "char_filter": ["unspaced"],
            "tokenizer": "whitespace",
            "filter": ["pairs", "unique", "few"],
        },
    },
}
# Replicas appear with the second node; an index that is searched by nobody is still refreshed.
_SETTINGS = {"number_of_shards": 1, "auto_expand_replicas": "0-1", "refresh_interval": "1s"}
_KEYWORD = {"type": "keyword"}
_INTEGER = {"type": "integer"}
# Fields that an index made before them gets when it is opened.
ADDED = {"parents": _KEYWORD}
_STORED = {"enabled": False, "type": "object"}


def passages(space: EmbeddingSpace) -> dict[str, Any]:
    """`title` and `text` are matched together as `words`, which begins with the title once more.

    So a word in the title counts as two in the text. Neither vectors nor `words` are kept in the
    source.
    """
    return {
        "settings": {"index": {**_SETTINGS, "knn": True}, "analysis": _ANALYSIS},
        "mappings": {
            "dynamic": "strict",
            "_meta": meta(space),
            "_source": {"excludes": ["vector", "words"]},
            "properties": {
                "tenant": _KEYWORD,
                "document_id": _KEYWORD,
                "ordinal": {"type": "long"},
                "version": _KEYWORD,
                "passage_id": _KEYWORD,
                "n": _INTEGER,
                "name": _KEYWORD,
                "media_type": _KEYWORD,
                "created_at": {"type": "date"},
                "tags": _KEYWORD,
                "metadata": _KEYWORD,
                **ADDED,
                "visible_to": _KEYWORD,
                "title": {"type": "text", "index": False, "copy_to": ["words", "pairs"]},
                "text": {"type": "text", "index": False, "copy_to": ["words", "pairs"]},
                "words": {"type": "text", "analyzer": "passage", "search_analyzer": "query"},
                "pairs": {"type": "text", "analyzer": "pairs", "search_analyzer": "query_pairs"},
                "place": _STORED,
                "vector": _vector(space.dimension),
            },
        },
    }


def heads() -> dict[str, Any]:
    return {
        "settings": {"index": _SETTINGS},
        "mappings": {
            "dynamic": "strict",
            "properties": {
                "tenant": _KEYWORD,
                "document_id": _KEYWORD,
                "ordinal": {"type": "long"},
                "live": {"type": "boolean"},
            },
        },
    }


def meta(space: EmbeddingSpace) -> dict[str, Any]:
    """What an index was made for; stands in the mapping."""
    return {"schema": SCHEMA_VERSION, "model": space.model, "dimension": space.dimension}


def _vector(dimension: int) -> dict[str, Any]:
    return {
        "type": "knn_vector",
        "dimension": dimension,
        "method": {
            "name": "hnsw",
            # Any other engine needs a native library; where that is missing it kills the node.
            "engine": "lucene",
            "space_type": "cosinesimil",
            "parameters": {"m": HNSW_LINKS, "ef_construction": EF_CONSTRUCTION},
        },
    }
