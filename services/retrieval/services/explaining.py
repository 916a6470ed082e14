"""A ranked passage as the hit that is sent, with the reason why it is there."""

from contracts.retrieval.search_answered import Explanation, Hit
from contracts.retrieval.search_answered import LegScore as SentScore
from services.retrieval.models.passage import FoundPassage
from services.retrieval.services.fusion import LegScore
from services.retrieval.services.ranking import Ranked


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
        fused=SentScore(raw=ranked.fused.score, rank=ranked.fused_rank),
        rerank=_sent(ranked.rerank),
    )


def _sent(score: LegScore | None) -> SentScore | None:
    if score is None:
        return None
    return SentScore(raw=score.raw, normalised=score.normalised, rank=score.rank)
