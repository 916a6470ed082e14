"""The prompt: sources and memory fenced as data, earlier turns, the question; within a budget."""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from contracts.gateway.http_chat import SourceView
from contracts.gateway.http_search import Explanation
from contracts.gateway.turns import PromptPart, Quoted
from contracts.memory.queries import Fact, PastTurn, UserTurn
from contracts.retrieval.search import Hit
from services.gateway.models.prompt import BUILT_IN, PromptVersion
from services.gateway.models.turn import Source
from shared.ports import ChatMessage
from shared.tokens import cut_to, estimated_tokens

# 32, so that each is as likely as the others for a random byte.
_MARKER_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_MARKER_LENGTH = 8
# What a part may take of the room beside system prompt and question, at most; the sources have the
# rest, .55 at least (docs/adr/0031). A part that needs less leaves it to them.
TURNS_SHARE = 0.25
RECALLED_SHARE = 0.10
FACTS_SHARE = 0.05
SUMMARY_SHARE = 0.05
_RECALLED_CHARACTERS = 500
_LEAST_ANSWER_TOKENS = 20
# Not an index in code, such as `args[0]`.
_OLD_CITATION = re.compile(r"[ \t]+\[\d{1,4}\]|(?<![A-Za-z0-9_)])\[\d{1,4}\]")
# All that a model may read as the end of a line (Unicode TR 14: BK, CR, LF, NL).
_LINE_ENDS = re.compile("\r\n|[\r\v\f\x1c-\x1e\x85\u2028\u2029]")
# Nobody sees them, but a model reads them: tag characters, zero widths, bidirectional controls,
# variation selectors' supplement, and other controls but tab and line feed.
_INVISIBLE = re.compile(
    "[\U000e0000-\U000e007f\U000e0100-\U000e01ef\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f"
    "\ufeff\u061c\u00ad\u180e\x00-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f]"
)
# What models' chat templates are made of: ChatML, Llama 2 and 3, Mistral, Gemma, DeepSeek, Phi.
_TEMPLATE = re.compile(
    r"(?i)<[|\uff5c][^<>\n]{1,40}[|\uff5c]>|\[/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|"
    r"TOOL_RESULTS)\]|</?(?:s|bos|eos|pad|unk)>|<</?SYS>>|<(?:start|end)_of_turn>"
)
_BRACKETS = str.maketrans("<>[]|\uff5c", "()()//")
# A line of a source that looks like the head of the next one must not become a source itself.
_LOOKS_LIKE_HEAD = re.compile(r"^(?=\s*\[\s*\d+\s*\]\s*\()", re.MULTILINE)
# What any of these may match: most texts have none of it, and one look tells.
_SUSPECT = re.compile(r"[^\n\t -;=-Z\\-~]")
# The fence's own tag, whatever its marker.
_FENCE = re.compile(r"(?i)<(?=\s*/?\s*(?:sources|memory)\b)")


@dataclass(frozen=True)
class Remembered:
    """Beside the conversation's turns: its older part in short, other turns and facts of the user.

    `recalled` is best first, `facts` newest first; `summarised` are the documents that the summary
    may quote.
    """

    summary: str = ""
    summarised: Sequence[str] = ()
    recalled: Sequence[UserTurn] = ()
    facts: Sequence[Fact] = ()


NOTHING = Remembered()


@dataclass(frozen=True)
class Prompt:
    """`sources` are the hits that found room: source n is `sources[n - 1]`.

    `remembers` says whether anything of the memory beside the turns stands in it.
    """

    system: str
    parts: tuple[PromptPart, ...]
    sources: tuple[Source, ...]
    remembers: bool = False

    @property
    def messages(self) -> tuple[ChatMessage, ...]:
        """Parts of one role that follow each other are one message."""
        return tuple(
            ChatMessage(role, "".join(part.text for part in parts))
            for role, parts in groupby(self.parts, key=lambda part: part.role)
        )


def build_prompt(
    question: str,
    hits: Sequence[Hit],
    earlier: Sequence[PastTurn],
    budget_tokens: int,
    query: str = "",
    remembered: Remembered = NOTHING,
    version: PromptVersion = BUILT_IN,
) -> Prompt:
    """`earlier` is oldest first; the newest turns and the best hits are kept.

    `query` is the question as it was understood in its conversation, and stands beside it.
    `version` gives the system text.

    Sources and questions lose what nobody sees; sources lose the forms of heads, of the fence and
    of chat templates too. Spotlighting after Hines et al. 2024 (arXiv 2403.14720): the marker is
    random, so a document cannot close the fence.
    """
    marker = new_marker()
    system = version.system_with(marker)
    room = budget_tokens - estimated_tokens(system) - estimated_tokens(question)
    turns = _newest_that_fit(earlier, int(room * TURNS_SHARE))
    memory = _memory(remembered, {turn.turn_id for turn in turns}, room)
    fence = f'<memory marker="{marker}">\n{memory}\n</memory marker="{marker}">\n'
    noted = fence if memory else ""
    room -= sum(estimated_tokens(turn.question) + estimated_tokens(turn.answer) for turn in turns)
    blocks = _best_that_fit(hits, room - (estimated_tokens(noted) if noted else 0))
    asked = f"Question: {_seen(question)}"
    if query and query != question:
        asked += f"\n(In this conversation: {_seen(query)})"
    shown = hits[: len(blocks)]
    parts = (
        *_spoken(turns),
        *([PromptPart(role="user", text=noted, quotes=_quoted(remembered))] if noted else ()),
        PromptPart(role="user", text=f'<sources marker="{marker}">\n'),
        *(_source_part(hit, block) for hit, block in zip(shown, blocks, strict=True)),
        PromptPart(role="user", text=f'</sources marker="{marker}">\n{asked}'),
    )
    return Prompt(system, parts, _numbered(shown), bool(memory))


def _source_part(hit: Hit, block: str) -> PromptPart:
    quoted = Quoted(document_id=hit.document_id, ordinal=hit.ordinal)
    return PromptPart(role="user", text=f"{block}\n", quotes=(quoted,))


def _quoted(remembered: Remembered) -> tuple[Quoted, ...]:
    """All that may be quoted in the memory, also by what found no room."""
    recalled = (one for turn in remembered.recalled for one in turn.quotes)
    summarised = (Quoted(document_id=one, ordinal=0) for one in remembered.summarised)
    return (*recalled, *summarised)


def _memory(remembered: Remembered, spoken: set[str], room: int) -> str:
    """The parts of the memory, each within its share; `spoken` turns stand in the prompt already.

    A fact is never cut in two, nor is a turn; the summary loses its end.
    """
    facts = [_fact(one) for one in remembered.facts]
    turns = [_recalled(one) for one in remembered.recalled if one.turn_id not in spoken]
    summary = as_data(remembered.summary).strip()
    parts = (
        ("The user said of himself earlier, newest first:", facts, FACTS_SHARE),
        ("From other conversations of the user:", turns, RECALLED_SHARE),
        ("Earlier in this conversation:", [summary] if summary else [], SUMMARY_SHARE),
    )
    texts = []
    for title, lines, share in parts:
        left = int(room * share) - estimated_tokens(title)
        if title.startswith("Earlier") and lines:
            lines = [cut_to(summary, max(0, left - 1))]
        kept = _first_that_fit([line for line in lines if line], left)
        texts += [title, *kept] if kept else []
    return "\n".join(texts)


def _fact(fact: Fact) -> str:
    said = f"{fact.said_at:%Y-%m-%d}"
    text = " ".join(as_data(f"{fact.subject}: {fact.value}").split())
    return f"- {text} (said {said}, superseded)" if fact.superseded else f"- {text} (said {said})"


def _recalled(turn: UserTurn) -> str:
    question = " ".join(as_data(turn.question).split())[:_RECALLED_CHARACTERS]
    answer = " ".join(_OLD_CITATION.sub("", as_data(turn.answer)).split())
    short = answer[:_RECALLED_CHARACTERS]
    return f"- {turn.completed_at:%Y-%m-%d}, asked: {question} Answered: {short}"


def _first_that_fit(lines: Sequence[str], room: int) -> list[str]:
    kept: list[str] = []
    for line in lines:
        room -= estimated_tokens(line)
        if room < 0:
            break
        kept.append(line)
    return kept


def _numbered(hits: Sequence[Hit]) -> tuple[Source, ...]:
    return tuple(
        Source(
            n=n,
            document_id=hit.document_id,
            ordinal=hit.ordinal,
            passage_id=hit.passage_id,
            name=hit.name,
            page=hit.page,
            start=hit.start,
            end=hit.end,
            text=hit.text,
            view=_view(n, hit).model_dump_json(),
        )
        for n, hit in enumerate(hits, start=1)
    )


def _view(n: int, hit: Hit) -> SourceView:
    return SourceView(
        n=n,
        document_id=hit.document_id,
        name=hit.name,
        passage_id=hit.passage_id,
        page=hit.page,
        start=hit.start,
        end=hit.end,
        text=hit.text,
        explain=Explanation.model_validate(hit.explain, from_attributes=True),
    )


def _spoken(turns: Sequence[PastTurn]) -> list[PromptPart]:
    # The numbers of earlier answers belong to earlier sources.
    return [
        part
        for turn in turns
        for part in (
            PromptPart(role="user", text=_seen(turn.question)),
            PromptPart(
                role="assistant",
                text=_OLD_CITATION.sub("", turn.answer) or "…",
                quotes=turn.quotes,
            ),
        )
    ]


def _newest_that_fit(turns: Sequence[PastTurn], room: int) -> list[PastTurn]:
    """Oldest first, without a gap. The newest is cut if need be: a follow-up is about it."""
    kept: list[PastTurn] = []
    for turn in reversed(turns):
        tokens = estimated_tokens(turn.question) + estimated_tokens(turn.answer)
        if tokens > room:
            if not kept:
                kept += _cut(turn, room)
            break
        room -= tokens
        kept.append(turn)
    return kept[::-1]


def _cut(turn: PastTurn, room: int) -> list[PastTurn]:
    left = room - estimated_tokens(turn.question)
    if left < _LEAST_ANSWER_TOKENS:
        return []
    return [turn.model_copy(update={"answer": cut_to(turn.answer, left)})]


def _best_that_fit(hits: Sequence[Hit], room: int) -> list[str]:
    blocks: list[str] = []
    for n, hit in enumerate(hits, start=1):
        block = _block(n, hit)
        room -= estimated_tokens(block)
        if room < 0:
            break
        blocks.append(block)
    return blocks


def _block(n: int, hit: Hit) -> str:
    name = " ".join(as_data(hit.name).split())
    page = "" if hit.page is None else f", page {hit.page}"
    # The headings above a passage are not in its text, but often say what it is about.
    title = " ".join(as_data(hit.title).split())
    text = as_data(hit.text).strip()
    whole = f"# {title}\n{text}" if title else text
    return f"[{n}] ({name}{page})\n{_LOOKS_LIKE_HEAD.sub('> ', whole)}"


def _seen(text: str) -> str:
    """The text without what nobody sees, its lines ended by line feeds."""
    return _INVISIBLE.sub("", _LINE_ENDS.sub("\n", text))


def new_marker() -> str:
    """Of a fence: nobody who writes a text knows it."""
    return "".join(_MARKER_LETTERS[n % 32] for n in secrets.token_bytes(_MARKER_LENGTH))


def as_data(text: str) -> str:
    """The same without tokens that a chat template or the fence would take for its own."""
    if not _SUSPECT.search(text):
        return text
    plain = _TEMPLATE.sub(lambda token: token[0].translate(_BRACKETS), _seen(text))
    return _FENCE.sub("(", plain)
