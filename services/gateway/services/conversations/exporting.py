"""A conversation as a Markdown file."""

import re

from contracts.memory.queries import ConversationAnsweredV1, KeptSource

# What Markdown would take for a heading, a list, a quotation, a rule or a table at a line's start.
_FORM = re.compile(r"^(\s*)([#>|+*=-]|\d+[.)])", re.MULTILINE)


def as_markdown(conversation: ConversationAnsweredV1) -> str:
    """Title, then each question as a heading, its answer, and the sources that it cites."""
    parts = [f"# {_line(conversation.title)}"]
    for turn in conversation.turns:
        parts += [f"## {_line(turn.question)}", f"*{turn.completed_at:%Y-%m-%d %H:%M} UTC*"]
        parts.append(turn.answer or "*No answer was delivered.*")
        cited = [source for source in turn.sources if source.cited]
        if cited:
            parts.append("\n".join(_source(source) for source in cited))
    return "\n\n".join(parts) + "\n"


def file_name(conversation: ConversationAnsweredV1, ending: str) -> str:
    """ASCII letters, digits and hyphens, so that every system takes it."""
    words = re.findall(r"[A-Za-z0-9]+", conversation.title)
    return f"{'-'.join(words)[:60].strip('-') or 'conversation'}.{ending}"


def _line(text: str) -> str:
    return _FORM.sub(r"\1\\\2", " ".join(text.split()))


def _source(source: KeptSource) -> str:
    page = "" if source.page is None else f", page {source.page}"
    return f"- [{source.n}] {_line(source.name)}{page}"
