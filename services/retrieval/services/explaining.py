"""A ranked passage as the hit that is sent, with the reason why it is there."""

from collections.abc import Sequence

from contracts.retrieval.search import Explanation, Hit, Twin
from contracts.retrieval.search import LegScore as SentScore
from services.retrieval.models.passage import FoundPassage
from services.retrieval.models.typed_query import read_query
from services.retrieval.services.exactness import exact_parts
from services.retrieval.services.fusion import LegScore
from services.retrieval.services.highlighting import highlights
from services.retrieval.services.joining import Joined
from services.retrieval.services.ranking import GraphScore, Ranked

TWINS_MAX = 20


def hit(query: str, joined: Joined, twins: Sequence[FoundPassage] = ()) -> Hit:
    found, ranked, typed = joined.found, joined.hit, read_query(query)
    p = found.passage
    return Hit(
        document_id=found.document_id,
        name=found.name,
        ordinal=found.ordinal,
        passage_id=p.passage_id,
        title=p.title,
        text=p.text,
        page=p.page,
        start=p.start,
        end=p.end,
        score=ranked.score,
        explain=explanation(ranked, highlights(query, p.text)),
        exact=exact_parts((*typed.phrases, *typed.identifiers), found),
        also_in=tuple(map(_twin, twins[:TWINS_MAX])),
        joined=joined.others,
    )


def _twin(found: FoundPassage) -> Twin:
    passage_id = found.passage.passage_id
    return Twin(document_id=found.document_id, name=found.name, passage_id=passage_id)


def explanation(ranked: Ranked, marks: tuple[tuple[int, int], ...] = ()) -> Explanation:
    legs = ranked.fused.legs
    return Explanation(
        bm25=_sent(legs.get("bm25")),
        dense=_sent(legs.get("dense")),
        graph=_followed(ranked.graph),
        fused=_fused(ranked),
        rerank=_sent(ranked.rerank),
        highlights=marks,
    )


def _sent(score: LegScore | None) -> SentScore | None:
    if score is None:
        return None
    return SentScore(raw=score.raw, normalised=score.normalised, rank=score.rank)


def _fused(ranked: Ranked) -> SentScore | None:
    if ranked.fused_rank is None:
        return None
    return SentScore(raw=ranked.fused.score, rank=ranked.fused_rank)


def _followed(graph: GraphScore | None) -> SentScore | None:
    """`normalised` is what the graph added to the hit's score."""
    if graph is None:
        return None
    step = {
        "entity": graph.link.entity,
        "from_passage": graph.link.seed,
        "to_passage": graph.link.passage_id,
        "relation": "names",
        "named_by": graph.link.named_by,
    }
    return SentScore(raw=graph.raw, normalised=graph.added, rank=graph.rank, path=(step,))
