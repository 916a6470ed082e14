"""A ranked passage as the hit that is sent, with the reason why it is there."""

from contracts.retrieval.search_answered import Explanation, Hit
from contracts.retrieval.search_answered import LegScore as SentScore
from services.retrieval.models.passage import FoundPassage
from services.retrieval.services.fusion import LegScore
from services.retrieval.services.ranking import GraphScore, Ranked


def hit(found: FoundPassage, ranked: Ranked) -> Hit:
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
        explain=explanation(ranked),
    )


def explanation(ranked: Ranked) -> Explanation:
    legs = ranked.fused.legs
    return Explanation(
        bm25=_sent(legs.get("bm25")),
        dense=_sent(legs.get("dense")),
        graph=_followed(ranked.graph),
        fused=_fused(ranked),
        rerank=_sent(ranked.rerank),
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
