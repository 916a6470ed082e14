"""Pages for readers are current: generated ones as the code says, links lead somewhere."""

import re
from pathlib import Path

import pytest

from docs.generate import PAGES

ROOT = Path(__file__).parents[2]
WRITTEN = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
# `a/b.py` or `a/b/` in code marks: a path from the root, or below the page's own folder.
_PATH = re.compile(r"`((?:services|shared|contracts|compose|tests|docs|infra)/[\w./-]*)`")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_generated_page_is_current(page: Path) -> None:
    assert page.read_text() == PAGES[page](), "run: make docs"


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_and_path_leads_somewhere(page: Path) -> None:
    text = page.read_text()
    links = [page.parent / link for link in _LINK.findall(text) if "://" not in link]
    paths = [ROOT / path for path in _PATH.findall(text)]
    assert [str(path) for path in (*links, *paths) if not path.exists()] == []


def test_operators_find_every_metric() -> None:
    told = set(re.findall(r"`(\w+)`", (ROOT / "docs/operations.md").read_text()))
    counted = {
        name
        for folder in ("services", "shared")
        for path in (ROOT / folder).rglob("*.py")
        for name in re.findall(r"\b(?:metric|_time)\(\s*\"(\w+)\"", path.read_text())
    }
    assert "Handled" in counted
    assert sorted(counted - told) == []


def test_no_page_and_no_source_points_to_a_design_outside() -> None:
    sources = [
        path
        for folder in ("services", "shared", "contracts", "compose", "tests", "docs")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".py", ".md", ".js", ".css", ".html") and path != Path(__file__)
    ]
    pointing = re.compile(r"(?i)\bdesign(,? section|'s table| §|, §)")
    found = [path for path in (*sources, ROOT / "README.md") if pointing.search(path.read_text())]
    assert [str(path.relative_to(ROOT)) for path in found] == []
