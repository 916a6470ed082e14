"""The judge of a machine without a language model: a rule that compares words, and says so."""

import re
from typing import Any

from pydantic import BaseModel, ValidationError

from shared.answer_words import holds, lexical_support, normalised, refuses, without_citations

# The tool of the gateway's judge; the prompt carries the case in exactly this form.
TOOL = "judge_answer"
_CASE = re.compile(r'<case marker="([^"\n]+)">\n(.*?)\n</case marker="\1">', re.DOTALL)
_CITED = re.compile(r"\[(\d{1,4})\]")
PARTLY = 0.5
"""An answer with this share of the words of an expected one is partly right."""


class _Source(BaseModel):
    n: int
    text: str


class Case(BaseModel):
    """What is to be judged; without `expected` the documents do not tell."""

    question: str
    expected: list[str]
    answer: str
    sources: list[_Source]


def read_case(prompt: str) -> Case | None:
    """The case in the last user message; None when it holds none."""
    found = _CASE.search(prompt)
    try:
        return Case.model_validate_json(found[2]) if found else None
    except ValidationError:
        return None


def judged(case: Case) -> dict[str, Any]:
    """The arguments of the tool's call.

    right: an expected answer stands in the answer word by word; partly: half of its words do, and
    all of its numbers. supported: each statement's numbers and most of its words stand in what it
    cites. A negation, swapped roles and other words for the same thing escape this rule.
    """
    cited = [int(n) for n in _CITED.findall(case.answer)]
    if refuses(case.answer, cited):
        return _call("it cites nothing and says that it has no answer", "refused", supported=True)
    texts = {one.n: one.text for one in case.sources}
    supported = lexical_support(case.answer, texts) in (None, 1.0)
    share = max((_share(case.answer, one) for one in case.expected), default=0.0)
    if share == 1.0:
        return _call("an expected answer stands in it", "right", supported)
    if share >= PARTLY:
        return _call(f"it has {share:.0%} of an expected answer's words", "partly", supported)
    return _call("it has too few words of an expected answer", "wrong", supported)


def _share(answer: str, expected: str) -> float:
    """1 when it stands there as a whole; else the share of its words, below 1."""
    said, wanted = normalised(without_citations(answer)), normalised(expected)
    if not wanted or holds(said, wanted):
        return float(bool(wanted))
    if any(word[0].isdigit() and word not in said for word in wanted):
        return 0.0
    return min(0.99, sum(word in said for word in wanted) / len(wanted))


def _call(reason: str, verdict: str, supported: bool) -> dict[str, Any]:
    told = f"By rule, without a language model: {reason}."
    return {"reason": told, "verdict": verdict, "supported": supported}
