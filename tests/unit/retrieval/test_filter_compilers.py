"""Filters in the words of OpenSearch and Neo4j; every value stands beside the query, not in it."""

import re
from collections.abc import Mapping
from typing import Any

from hypothesis import given

from services.retrieval.models.filter_reading import read_filter
from services.retrieval.store.metadata_terms import term
from services.retrieval.store.neo4j.filtering import predicate
from services.retrieval.store.opensearch.filtering import clause
from services.retrieval.store.sqlite.scoping import condition
from tests.unit.retrieval.filters import FILTERS

NESTED = {
    "and": [
        {"field": "tags", "eq": "law"},
        {"not": {"field": "name", "prefix": "draft"}},
        {"or": [{"field": "metadata.year", "range": {"gte": 2020, "lt": 2024}}]},
        {"field": "created_at", "range": {"gt": "1970-01-02", "lte": "1970-01-03"}},
    ]
}
LOW, HIGH = term("year", 2020), term("year", 2024)
DAY_MS = 86_400_000


def test_opensearch() -> None:
    year = {"range": {"metadata": {"gte": LOW, "lt": HIGH}}}
    created = {"gt": DAY_MS, "lte": 2 * DAY_MS, "format": "epoch_millis"}
    assert clause(read_filter(NESTED)) == {
        "bool": {
            "filter": [
                {"terms": {"tags": ["law"]}},
                {"bool": {"must_not": [{"prefix": {"name": {"value": "draft"}}}]}},
                {"bool": {"should": [year], "minimum_should_match": 1}},
                {"range": {"created_at": created}},
            ]
        }
    }


def test_one_end_of_a_range_stays_within_the_keys_own_type() -> None:
    wanted = read_filter({"field": "metadata.year", "range": {"gt": 2020}})
    assert clause(wanted) == {"range": {"metadata": {"gt": LOW, "lt": "year\x1fo"}}}
    wanted = read_filter({"field": "metadata.year", "range": {"lte": 2020}})
    assert clause(wanted) == {"range": {"metadata": {"gte": "year\x1fn", "lte": LOW}}}


def test_cypher() -> None:
    made = predicate(read_filter(NESTED))
    assert made.cypher == (
        "(any(one IN v.tags WHERE one IN $filter_0) AND NOT (v.name STARTS WITH $filter_1) AND "
        "(any(one IN v.metadata WHERE one >= $filter_2 AND one < $filter_3)) AND "
        "(v.created_at.epochMillis > $filter_4 AND v.created_at.epochMillis <= $filter_5))"
    )
    assert made.values == {
        "filter_0": ["law"],
        "filter_1": "draft",
        "filter_2": LOW,
        "filter_3": HIGH,
        "filter_4": DAY_MS,
        "filter_5": 2 * DAY_MS,
    }


@given(FILTERS)
def test_no_value_is_ever_part_of_a_query(wanted: Mapping[str, Any]) -> None:
    read = read_filter(wanted)
    cypher, sql = predicate(read), condition(read)
    assert set(re.findall(r"\$(filter_\d+)", cypher.cypher)) == set(cypher.values)
    assert sql.sql.count("?") == len(sql.values)
    assert not set(cypher.cypher + sql.sql) & set("'\"%;{}")
