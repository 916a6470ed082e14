"""The passages of a prompt as the client and the record see them, by their number from 1."""

from collections.abc import Collection, Sequence

from contracts.gateway.http import Citation, SourceView
from contracts.gateway.turns import TurnSource
from contracts.retrieval.search import Hit


def source_views(hits: Sequence[Hit]) -> list[SourceView]:
    return [
        SourceView(
            n=n,
            document_id=hit.document_id,
            name=hit.name,
            passage_id=hit.passage_id,
            page=hit.page,
            start=hit.start,
            end=hit.end,
            text=hit.text,
            explain=hit.explain,
        )
        for n, hit in enumerate(hits, start=1)
    ]


def citations_of(hits: Sequence[Hit], cited: Sequence[int]) -> list[Citation]:
    """In the order in which the answer names them first."""
    return [
        Citation(
            n=n,
            document_id=hits[n - 1].document_id,
            name=hits[n - 1].name,
            page=hits[n - 1].page,
            start=hits[n - 1].start,
            end=hits[n - 1].end,
        )
        for n in cited
    ]


def turn_sources(hits: Sequence[Hit], cited: Collection[int]) -> tuple[TurnSource, ...]:
    return tuple(
        TurnSource(
            n=n,
            document_id=hit.document_id,
            ordinal=hit.ordinal,
            passage_id=hit.passage_id,
            name=hit.name,
            text=hit.text,
            page=hit.page,
            start=hit.start,
            end=hit.end,
            cited=n in cited,
        )
        for n, hit in enumerate(hits, start=1)
    )
