"""A corpus as files to upload: one file for each document, named after its id."""

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from shared.client.evaluate.dataset import Entry

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_STEM_MAX = 120
# What CommonMark would read as markup inside a heading; `#` only where it closes one.
_MARKUP = re.compile(r"[\\`*_\[\]<>]|#(?=#*$)")


@dataclass(frozen=True)
class File:
    """`digest` tells whether a document that is already there has this very content."""

    name: str
    body: bytes
    corpus_id: str
    digest: str


def files_of(corpus: Iterable[Entry]) -> Iterator[File]:
    """Names are unique, also where case does not count; entries without any text are left out."""
    taken: set[str] = set()
    for entry in corpus:
        title, text = " ".join(entry.title.split()), entry.text.replace("\0", " ")
        if not title and not text.strip():
            continue
        content = f"# {_MARKUP.sub(_escaped, title)}\n\n{text}\n" if title else f"{text}\n"
        # A lone surrogate from a JSON escape has no UTF-8.
        body = content.encode(errors="replace")
        stem = _unique(_UNSAFE.sub("_", entry.id)[:_STEM_MAX].strip("._") or "document", taken)
        name = f"{stem}.md" if title else f"{stem}.txt"
        yield File(name, body, entry.id, hashlib.sha256(body).hexdigest()[:16])


def _escaped(match: re.Match[str]) -> str:
    return "\\" + match[0]


def _unique(stem: str, taken: set[str]) -> str:
    free, count = stem, 1
    while free.lower() in taken:
        count += 1
        free = f"{stem}-{count}"
    taken.add(free.lower())
    return free
