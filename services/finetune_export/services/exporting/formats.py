"""Writes examples in a provider's format. The validators know nothing of this file."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from services.finetune_export.models.example import Example, canonical

# Nova refuses a whole job for one of these anywhere in a text (Nova user guide, "Prepare data").
_RESERVED = re.compile(
    r"(?:System|SYSTEM|User|USER|Bot|BOT|Assistant|ASSISTANT|Thought)(?=:)|\[(?=EOS\])"
    r"|<(?=image>|video>)"
)
# Word joiner: invisible, and the gateway removes it from whatever enters a prompt, so taking it
# out gives the text back.
JOINER = "\u2060"


class Unrenderable(Exception):
    """The example has no place in this format; the message is the reason."""


Record = dict[str, Any]


def neutralised(text: str) -> str:
    """Without the words that Nova keeps for itself: a JOINER breaks each of them."""
    return _RESERVED.sub(lambda match: match.group() + JOINER, text)


def _plain(example: Example) -> list[Record]:
    return [{"role": role, "content": text} for role, text in example.messages]


def _blocks(example: Example) -> list[Record]:
    return [{"role": role, "content": [{"text": text}]} for role, text in example.messages]


def _system(example: Example) -> Record:
    return {"system": [{"text": example.system}]} if example.system else {}


def _conversation(example: Example) -> Record:
    answer = {"role": "assistant", "content": [{"text": example.answer}]}
    return {
        "schemaVersion": "bedrock-conversation-2024",
        **_system(example),
        "messages": [*_blocks(example), answer],
    }


def _prompt_completion(example: Example) -> Record:
    prompt = (
        f"{example.system}\n\n{example.messages[-1][1]}"
        if example.system
        else example.messages[-1][1]
    )
    return {"prompt": prompt, "completion": example.answer}


def _claude(example: Example) -> Record:
    messages = [*_plain(example), {"role": "assistant", "content": example.answer}]
    return (
        {"system": example.system, "messages": messages}
        if example.system
        else {"messages": messages}
    )


def _with_system(example: Example) -> list[Record]:
    system = [{"role": "system", "content": example.system}] if example.system else []
    return [*system, *_plain(example)]


def _reinforcement(example: Example) -> Record:
    return {"messages": _with_system(example), "reference_answer": example.answer}


def _chat(example: Example) -> Record:
    return {"messages": [*_with_system(example), {"role": "assistant", "content": example.answer}]}


def _rejected(example: Example) -> str:
    if example.rejected is None or example.rejected == example.answer:
        raise Unrenderable("no_worse_answer")
    return example.rejected


def _dpo(example: Example) -> Record:
    def side(answer: str) -> list[Record]:
        return [*_with_system(example), {"role": "assistant", "content": answer}]

    return {"chosen": side(example.answer), "rejected": side(_rejected(example))}


def _nova_dpo(example: Example) -> Record:
    candidates = [
        {"content": [{"text": example.answer}], "preferenceLabel": "preferred"},
        {"content": [{"text": _rejected(example)}], "preferenceLabel": "non-preferred"},
    ]
    return {
        "schemaVersion": "bedrock-conversation-2024",
        **_system(example),
        "messages": [*_blocks(example), {"role": "assistant", "candidates": candidates}],
    }


_RENDERERS: Mapping[str, Callable[[Example], Record]] = {
    "bedrock-conversation": _conversation,
    "bedrock-prompt-completion": _prompt_completion,
    "bedrock-claude-3-haiku": _claude,
    "bedrock-distillation": _conversation,
    "bedrock-reinforcement": _reinforcement,
    "sagemaker-chat": _chat,
    "sagemaker-dpo": _dpo,
    "nova-dpo": _nova_dpo,
}


def rendered(example: Example, format: str, *, multi_turn: bool, reserved_words: bool) -> str:
    """One line without its end. Raises Unrenderable.

    A conversation is never cut to its last turn: it would teach answers to half a question.
    """
    if not multi_turn and len(example.messages) > 1:
        raise Unrenderable("more_than_one_turn")
    if reserved_words:
        example = Example(
            **example.model_dump(exclude={"system", "messages", "answer", "rejected"}),
            system=neutralised(example.system),
            messages=tuple((role, neutralised(text)) for role, text in example.messages),
            answer=neutralised(example.answer),
            rejected=None if example.rejected is None else neutralised(example.rejected),
        )
    return canonical(_RENDERERS[format](example))
