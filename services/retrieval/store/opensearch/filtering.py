"""A filter as OpenSearch's own, for the filter part of a query."""

from typing import Any

from services.retrieval.models.filter import And, Filter, NamePrefix, Not, OneOf, Or, Range
from services.retrieval.store.metadata_terms import term, term_range


def clause(wanted: Filter) -> dict[str, Any]:
    """Over the fields of index_bodies.py; a document's metadata are terms of one field."""
    match wanted:
        case And(parts):
            return {"bool": {"filter": [clause(part) for part in parts]}}
        case Or(parts):
            either = [clause(part) for part in parts]
            return {"bool": {"should": either, "minimum_should_match": 1}}
        case Not(part):
            return {"bool": {"must_not": [clause(part)]}}
        case NamePrefix(text):
            return {"prefix": {"name": {"value": text}}}
        case OneOf(field, values):
            of_metadata = field.name == "metadata"
            terms = [term(field.key, value) if of_metadata else value for value in values]
            if field.name == "document_id":
                either = [{"terms": {name: terms}} for name in ("document_id", "parents")]
                return {"bool": {"should": either, "minimum_should_match": 1}}
            return {"terms": {field.name: terms}}
        case Range():
            return _range(wanted)


def _range(wanted: Range) -> dict[str, Any]:
    low, high = wanted.low, wanted.high
    if wanted.field.name == "created_at":
        bounds: dict[str, Any] = {"format": "epoch_millis"}
        if low:
            bounds["gte" if low.inclusive else "gt"] = low.value
        if high:
            bounds["lte" if high.inclusive else "lt"] = high.value
        return {"range": {"created_at": bounds}}
    terms = term_range(wanted)
    low_sign = "gte" if terms.low_inclusive else "gt"
    high_sign = "lte" if terms.high_inclusive else "lt"
    return {"range": {"metadata": {low_sign: terms.low, high_sign: terms.high}}}
