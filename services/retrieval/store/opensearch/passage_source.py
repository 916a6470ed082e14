"""A passage as the document that OpenSearch holds, and back."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from services.retrieval.models.document import Version
from services.retrieval.models.passage import FoundPassage, IndexedPassage, Passage, Scored
from services.retrieval.store.metadata_terms import terms

# In `visible_to` of passages whose visibility is not limited, and in every scope.
EVERYONE = "*"
# What reading a passage back needs: not the fields that are there for filters only.
READ = ["tenant", "document_id", "ordinal", "name", "passage_id", "n", "title", "text", "place"]
# What a leg reads of a hit: columns, so that no stored text is unpacked.
COLUMNS = ["passage_id", "document_id", "ordinal"]


def document_key(tenant: str, name: str) -> str:
    """An id of OpenSearch's for a tenant's own id; a tenant's name holds no slash."""
    return f"{tenant}/{name}"


def version_key(document_id: str, ordinal: int) -> str:
    return f"{document_id}:{ordinal}"


def bulk_lines(version: Version, passages: Sequence[IndexedPassage]) -> list[tuple[str, str]]:
    """An action and a source for each; `create`, because a version never changes."""
    shared = _of_version(version)
    return [(_action(version, p), json.dumps(shared | _of_passage(p))) for p in passages]


def _action(version: Version, indexed: IndexedPassage) -> str:
    key = document_key(version.tenant, indexed.passage.passage_id)
    return json.dumps({"create": {"_id": key}})


def found(source: dict[str, Any]) -> FoundPassage:
    place = source["place"]
    passage = Passage(
        passage_id=source["passage_id"],
        n=source["n"],
        title=source["title"],
        text=source["text"],
        start=place["start"],
        end=place["end"],
        page=place["page"],
        headings=tuple(place["headings"]),
        language=place["language"],
    )
    return FoundPassage(passage, source["document_id"], source["ordinal"], source["name"])


def scored(hit: dict[str, Any]) -> Scored:
    columns = hit["fields"]
    passage_id, document_id, ordinal = (columns[name][0] for name in COLUMNS)
    return Scored(passage_id, document_id, ordinal, hit["_score"])


def _of_version(version: Version) -> dict[str, Any]:
    return {
        "tenant": version.tenant,
        "document_id": version.document_id,
        "ordinal": version.ordinal,
        "version": version_key(version.document_id, version.ordinal),
        "name": version.name,
        "media_type": version.media_type,
        "created_at": version.created_at.isoformat(),
        "tags": version.tags,
        "metadata": terms(version.metadata),
        "parents": version.parents,
        "visible_to": [EVERYONE] if version.visibility is None else version.visibility,
    }


def _of_passage(indexed: IndexedPassage) -> dict[str, Any]:
    passage = indexed.passage
    return {
        **_vector(indexed.vector),
        "passage_id": passage.passage_id,
        "n": passage.n,
        "title": passage.title,
        "text": passage.text,
        "words": passage.title,
        "place": {
            "start": passage.start,
            "end": passage.end,
            "page": passage.page,
            "headings": passage.headings,
            "language": passage.language,
        },
    }


def _vector(raw: bytes) -> dict[str, Any]:
    """Empty for a zero vector: it has no cosine with anything, and OpenSearch refuses it."""
    vector = np.frombuffer(raw, "<f2")
    return {"vector": vector.tolist()} if vector.any() else {}
