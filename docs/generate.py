"""`python -m docs.generate`: writes the pages about settings, kinds and decisions (`make docs`)."""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import AliasChoices, SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from compose.local.bedrock.settings import Settings as StandInSettings
from contracts.ingestion.media_types import KNOWN
from services.finetune_export.settings import FinetuneExportSettings
from services.gateway.settings import GatewaySettings
from services.ingestion.services.reading.readers import READERS
from services.ingestion.settings import IngestionSettings
from services.memory.settings import MemorySettings
from services.retrieval.settings import RetrievalSettings
from shared.settings import Settings
from tests.integration.ingestion.corpus import GOLDEN, SAME_AS, SAMPLES

FOLDER = Path(__file__).parent
SECTIONS: Mapping[str, type[BaseSettings]] = {
    "All services": Settings,
    "gateway": GatewaySettings,
    "retrieval": RetrievalSettings,
    "memory": MemorySettings,
    "ingestion": IngestionSettings,
    "finetune_export": FinetuneExportSettings,
    "The local stand-in for Bedrock": StandInSettings,
}
_HEAD = """# Settings

Every service reads its settings from environment variables when it starts. A value that is not
text is written as JSON. A variable that is missing or wrong ends the start with its name.
`make docs` writes this page from the settings classes.
"""
_INDEX_HEAD = """# Decisions

One decision, one page: context, decision, what was rejected, when to look again. `make docs` writes
this index.

"""


def settings_page() -> str:
    """Markdown: a table for each settings class, without what it inherits."""
    parts = [_HEAD]
    for title, kind in SECTIONS.items():
        rows = list(_rows(kind))
        if rows:
            parts.append(f"\n## {title}\n\n| variable | default | what it does |\n|---|---|---|\n")
            parts += [f"| {' | '.join(row)} |\n" for row in rows]
    return "".join(parts)


def _rows(kind: type[BaseSettings]) -> Iterator[tuple[str, str, str]]:
    inherited = {} if kind is Settings else Settings.model_fields
    for name, field in kind.model_fields.items():
        if name in inherited and inherited[name].default == field.default:
            continue
        if not field.description:
            raise ValueError(f"{kind.__name__}.{name} has no description")
        yield _variables(kind, name, field), _default(field), _cell(field.description)


def _variables(kind: type[BaseSettings], name: str, field: FieldInfo) -> str:
    alias = field.validation_alias
    if isinstance(alias, AliasChoices):
        return ", else ".join(f"`{choice}`" for choice in alias.choices)
    return f"`{kind.model_config.get('env_prefix', '')}{name}`".upper()


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    if _depends_on_machine(field):
        return "this machine's"
    value = field.get_default(call_default_factory=True)
    return "none" if value is None else f"`{_text(value)}`" if _text(value) else "empty"


def _depends_on_machine(field: FieldInfo) -> bool:
    """A lambda asks the machine (its cores); `dict` and `list` are empty everywhere."""
    return getattr(field.default_factory, "__name__", "") == "<lambda>"


def _text(value: Any) -> str:
    if isinstance(value, str | Path | Decimal):
        return str(value)
    if isinstance(value, SecretStr):
        return "…" if value.get_secret_value() else ""
    return json.dumps(value)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def decisions_page() -> str:
    """Markdown: each ADR's number and title, with a link."""
    pages = sorted((FOLDER / "adr").glob("[0-9]*.md"))
    lines = [f"- [{_title(page)}]({page.name})\n" for page in pages]
    return _INDEX_HEAD + "".join(lines)


def _title(page: Path) -> str:
    return page.read_text().splitlines()[0].removeprefix("#").strip()


_KINDS_HEAD = """# Kinds of files

What can be taken in, what reads it, and what the golden corpus in `tests/integration/ingestion/`
shows of each kind. A citation names the page where the kind has pages: of a PDF, a slide of a
presentation, a sheet of a workbook. `make docs` writes this page from the corpus.

Files inside of an archive, and files attached to a mail, become documents of their own, named
`mail.eml/list.csv`; those of no known kind, broken or with a password are named in the document's
`note`. Systems' own files (`__MACOSX`, `.DS_Store`, `Thumbs.db`, `desktop.ini`) are left out.

Pictures and scanned pages are read where Tesseract is installed (`apt install tesseract-ocr`, and
for other languages than English `tesseract-ocr-deu` and so on, named in `RAGOPS_OCR_LANGUAGES`).

Of a form what was filled in is read, and of its boxes whether they are ticked: PDF, Word, HTML.
What a reader noted on a page (remarks, marks, comments) is no text of it.

What a person does not see is no text: letters in white on white, or of a point or less; what a
page hides by `hidden`, `display: none`, `visibility: hidden`, `opacity: 0` or a place outside, in
an element's own style or by a class or an id of its style sheet; hidden sheets, rows and columns,
but not rows that a filter hides; hidden slides and shapes; hidden and deleted text of Word and RTF
files. Macros are neither run nor read, and nothing that a file refers to is fetched.

| extension | media type | read by | pages | what is read |
|---|---|---|---|---|
"""


def kinds_page() -> str:
    """Markdown: a row for each extension that is known."""
    rows = []
    for extension, media_type in sorted(KNOWN.items()):
        like = SAME_AS.get(extension, extension)
        names = [name for name in SAMPLES if name.endswith(f".{like}")]
        paged = any("pages: none" not in (GOLDEN / f"{n}.expected").read_text() for n in names)
        shows = "; ".join(SAMPLES[name].shows for name in names)
        reader = READERS[extension].rpartition(".")[0].replace(".", "/")
        cells = f"`{extension}`", f"`{media_type}`", f"`{reader}.py`", "yes" if paged else "no"
        rows.append(f"| {' | '.join(cells)} | {_cell(shows)} |\n")
    return _KINDS_HEAD + "".join(rows)


PAGES = {
    FOLDER / "kinds.md": kinds_page,
    FOLDER / "settings.md": settings_page,
    FOLDER / "adr" / "README.md": decisions_page,
}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m docs.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; 1 if one is old")
    check = parser.parse_args(arguments).check
    old = [path for path, made in PAGES.items() if not _is_current(path, made())]
    for path in old:
        sys.stdout.write(f"{path.name} is {'old: run make docs' if check else 'written'}\n")
        if not check:
            path.write_text(PAGES[path]())
    return 1 if check and old else 0


def _is_current(path: Path, text: str) -> bool:
    return path.exists() and path.read_text() == text


if __name__ == "__main__":
    raise SystemExit(main())
