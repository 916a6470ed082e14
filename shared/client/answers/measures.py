"""What an answer is worth, by words and citations; and what a judge said of it, if one did."""

from collections import Counter
from collections.abc import Sequence

from shared.answer_words import holds, lexical_support, normalised, refuses, without_citations
from shared.client.answers.questions import Asked, Gold
from shared.client.answers.recorded import Answered, Judged, Shown

# In the order of the table. The first six are of questions that the documents answer.
MEASURES = (
    "exact_match",
    "token_f1",
    "holds_answer",
    "gold_cited",
    "citation_precision",
    "citation_recall",
    "lexical_support",
    "right_refusal",
    "judged_right",
    "judged_supported",
    "words",
    "cost_usd",
    "latency_ms",
)


def measured(asked: Asked, given: Answered) -> dict[str, float]:
    """The measures that the question has, by name.

    exact_match, token_f1: as SQuAD does it (Rajpurkar et al. 2016), best of the right answers,
    without citations. holds_answer: a right answer stands in it as a whole. citation_precision:
    share of cited sources that are gold; 0 when none is cited. citation_recall: share of gold
    passages that are cited. lexical_support: share of statements whose numbers, and 60 % of whose
    longer words, stand in what they cite. It is about words: a negation or swapped roles escape it,
    so it is not faithfulness. right_refusal: it refuses exactly when the documents do not tell.
    judged_right: the judge says right, or refused where the documents do not tell; partly is not
    right. judged_supported: the judge says that what it cites tells all that it states.
    """
    plain = without_citations(given.answer)
    found: dict[str, float] = {}
    if asked.answers:
        words = normalised(plain)
        right = [normalised(one) for one in asked.answers]
        found["exact_match"] = float(words in right)
        found["token_f1"] = max(_f1(words, one) for one in right)
        found["holds_answer"] = float(any(holds(words, one) for one in right))
        found |= _citations(asked.gold, given)
    refused, texts = refuses(given.answer, given.cited), {one.n: one.text for one in given.sources}
    if not refused and (support := lexical_support(given.answer, texts)) is not None:
        found["lexical_support"] = support
    found["right_refusal"] = float(refused is not bool(asked.answers))
    if given.judged is not None:
        found |= _judged(asked, given.judged)
    found["words"] = float(len(plain.split()))
    found["latency_ms"] = given.seconds * 1000
    if given.cost_usd is not None:
        found["cost_usd"] = given.cost_usd
    return found


def _f1(given: Sequence[str], right: Sequence[str]) -> float:
    shared = sum((Counter(given) & Counter(right)).values())
    return 2 * shared / (len(given) + len(right)) if shared else 0.0


def _judged(asked: Asked, judged: Judged) -> dict[str, float]:
    """A refusal states nothing that could be supported."""
    found = {"judged_right": float(judged.verdict == ("right" if asked.answers else "refused"))}
    if judged.verdict != "refused":
        found["judged_supported"] = float(judged.supported)
    return found


def _citations(gold: Sequence[Gold], given: Answered) -> dict[str, float]:
    cited = [source for source in given.sources if source.n in given.cited]
    right = [source for source in cited if any(_is(source, one) for one in gold)]
    reached = [one for one in gold if any(_is(source, one) for source in cited)]
    return {
        "gold_cited": float(bool(right)),
        "citation_precision": len(right) / len(cited) if cited else 0.0,
        "citation_recall": len(reached) / len(gold),
    }


def _is(source: Shown, gold: Gold) -> bool:
    """Signs of tables and line ends aside: a passage is Markdown, and its document may not be."""
    words = normalised(gold.quote)
    return source.document == gold.document and holds(normalised(source.text), words)
