"""What OpenSearch is told: the index bodies and the scope inside each query."""

import json

import numpy as np
import pytest

from services.retrieval.models.filter import Scope
from services.retrieval.store.opensearch import index_bodies, queries
from services.retrieval.store.opensearch.passage_source import bulk_lines
from tests.unit.retrieval.making import SPACE, passages_of, version

SCOPE = Scope("acme", ("user:ann", "group:law"))


def test_vectors_are_lucenes() -> None:
    """Any other engine wants a native library, and a node without it dies at the first vector."""
    mapping = index_bodies.passages(SPACE)["mappings"]
    vectors = [p for p in mapping["properties"].values() if p["type"] == "knn_vector"]
    assert [vector["method"]["engine"] for vector in vectors] == ["lucene"]
    assert vectors[0]["method"]["space_type"] == "cosinesimil"
    assert vectors[0]["dimension"] == SPACE.dimension


@pytest.mark.parametrize(
    "body",
    [
        queries.bm25(SCOPE, "harbour", {"d:1"}, 5)["query"]["bool"],
        queries.dense(SCOPE, [1.0], {"d:1"}, 5)["query"]["knn"]["vector"]["filter"]["bool"],
    ],
)
def test_the_scope_is_inside_the_query(body: queries.Query) -> None:
    assert {"term": {"tenant": "acme"}} in body["filter"]
    assert {"terms": {"visible_to": ["*", "user:ann", "group:law"]}} in body["filter"]
    assert body["must_not"] == [{"terms": {"version": ["d:1"]}}]


def test_a_source_holds_only_fields_of_the_mapping() -> None:
    """The mapping is strict: a field more and OpenSearch refuses the passage."""
    fields = index_bodies.passages(SPACE)["mappings"]["properties"]
    for action, source in bulk_lines(version("acme", "d"), passages_of("d", 1, ["a", "b"])):
        assert set(json.loads(source)) <= set(fields)
        assert json.loads(action)["create"]["_id"].startswith("acme/d:1:")


def test_a_vector_arrives_as_it_was_and_a_zero_one_not_at_all() -> None:
    (indexed,) = passages_of("d", 1, ["harbour"])
    (_, source), (_, zero) = (
        bulk_lines(version("acme", "d"), [given])[0]
        for given in (indexed, type(indexed)(indexed.passage, bytes(len(indexed.vector))))
    )
    sent = np.array(json.loads(source)["vector"], "<f2").tobytes()
    assert sent == indexed.vector
    assert "vector" not in json.loads(zero)
