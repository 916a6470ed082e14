"""The command line of an evaluation of answers."""

import argparse
from dataclasses import dataclass
from pathlib import Path

from shared.client.answers.agreement import LAYOUT as AGREEMENT_LAYOUT
from shared.client.answers.questions import LAYOUT
from shared.client.evaluate.options import add_system, count, output

_EPILOG = f"""\
{LAYOUT}

The documents are sent over HTTP into a tenant that is made for this run and emptied at its end,
also after Ctrl-C. Each question is asked in a conversation of its own.

measures:
  exact_match, token_f1     the answer's words against the right ones, as SQuAD does it
  holds_answer              a right answer stands in the answer, word by word
  gold_cited                a passage that tells the answer is cited
  citation_precision        share of the cited passages that tell it
  citation_recall           share of the passages that tell it that are cited
  lexical_support           share of statements whose numbers and words stand in what they cite.
                            About words only: a negation or swapped roles escape it, so it is
                            not faithfulness
  right_refusal             the answer says that the documents do not tell, exactly when they
                            do not (English and German)
  judged_right              with --judge: the judge says that it is right, or that it refuses where
                            the documents do not tell; partly right is not right
  judged_supported          the judge says that what it cites tells all that it states
  words, cost_usd, latency  of an answer; latency as the client sees it

examples (in another terminal: make run):
  python -m shared.client.answers tests/quality/answers --json own.json
  python -m shared.client.answers tests/quality/answers --prompt brief.json --json brief.json
  python -m shared.client.answers --compare own.json brief.json
  python -m shared.client.answers tests/quality/answers --judge-model amazon.nova-micro-v1:0

--judge asks the judge of the run's tenant about each answer: the model that the tenant's settings
name as judge_model. --judge-model names one of the system's models as the judge of a new tenant;
without a language model it is local.extractive-v1, a rule. A judgement that fails is not counted as
wrong: the answer counts as not judged. How far to believe a judge is measured first:

  python -m shared.client.answers --agreement tests/quality/judged/answers.jsonl \\
      --judge-model amazon.nova-micro-v1:0 --json judge.json

{AGREEMENT_LAYOUT}

--prompt holds {{"system": "…", "parameters": {{"temperature": 0.2, "max_tokens": 300}}}}. It is
registered in the run's tenant, and the label production is moved to it there.

offline, from the answers and judgements of an earlier run:
  python -m shared.client.answers tests/quality/answers --recorded own.json
  python -m shared.client.answers --agreement tests/quality/judged/answers.jsonl \\
      --recorded judge.json
"""


@dataclass(frozen=True)
class Options:
    """One of `folder`, `agreement` and `compare` is given; `tenant` and `token_file` exclude each
    other. A `judge_model` is asked, so `judge` is true with it."""

    folder: Path | None
    prompt_file: Path | None
    limit_questions: int | None
    concurrency: int
    json_file: Path | None
    recorded: Path | None
    compare: tuple[Path, Path] | None
    agreement: Path | None
    judge: bool
    judge_model: str | None
    url: str
    secret_file: Path
    tenant: str | None
    token_file: Path | None
    keep: bool
    stall_s: float


def parse(arguments: list[str] | None = None) -> Options:
    parser = _parser()
    given = vars(parser.parse_args(arguments))
    compare = given.pop("compare")
    wanted = [given["folder"], given["agreement"], compare]
    if sum(one is not None for one in wanted) != 1:
        parser.error("give a set, or --agreement with a file, or --compare with two files")
    if given["recorded"] is not None and given["prompt_file"] is not None:
        parser.error("--recorded asks nobody, so --prompt has no effect: leave it out")
    if given["judge_model"] is not None and given["token_file"] is not None:
        parser.error("--judge-model is for a new tenant: an operator names the judge of this one")
    given["judge"] = given["judge"] or given["judge_model"] is not None
    if given["judge"] and given["agreement"] is not None and given["recorded"] is not None:
        parser.error("--recorded holds the verdicts already: leave out --judge and --judge-model")
    return Options(compare=compare and (compare[0], compare[1]), **given)


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m shared.client.answers",
        description="Measures a running system's answers with a set of questions.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = made.add_argument
    add("folder", type=Path, metavar="SET", nargs="?", help="folder of the set")
    add("--limit-questions", type=count, metavar="N", help="only the first N questions")
    add("--concurrency", type=count, default=1, metavar="N", help="questions at once (default 1)")
    results = made.add_argument_group("results").add_argument
    results("--json", type=output, dest="json_file", metavar="FILE", help="write answers, figures")
    results("--recorded", type=Path, metavar="FILE", help="take what a --json FILE holds")
    results(
        "--compare",
        type=Path,
        nargs=2,
        metavar=("A", "B"),
        help="differences of B from A by question, both files of --json",
    )
    _add_judging(made)
    made.add_argument(
        "--prompt",
        type=Path,
        dest="prompt_file",
        metavar="FILE",
        help="answer by this version of the prompt; left out: by the label production",
    )
    add_system(made)
    return made


def _add_judging(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("a model that judges").add_argument
    add("--judge", action="store_true", help="have the tenant's judge say if answers are right")
    add("--judge-model", metavar="MODEL", help="the same by this model, in a new tenant")
    add(
        "--agreement",
        type=Path,
        metavar="FILE",
        help="how far the judge agrees with the person who labelled FILE",
    )
