"""Sizes, rooms and names: a file ≤ 400 lines, a function ≤ 50 (median ≤ 8)."""

import ast
import statistics
import subprocess
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = ("contracts", "shared", "services", "compose", "infra")
ROOMS = {
    *("__init__.py", "main.py", "bootstrap.py", "settings.py"),
    *("controllers", "services", "store", "models"),
}
# The gateway alone speaks HTTP and has a page. The others are commands: they audit a tenant, mint
# access tokens, describe the HTTP interface, make the search stores again, estimate a model's cost,
# bring the tables up to date, publish archived turns again, compact the archive, ask the lake,
# verify the audit log, find personal data, make a training set.
MORE_ROOMS = {
    "gateway": {"http", "page", "audit.py", "mint.py", "openapi.py", "rebuild_ledger.py"},
    "retrieval": {"rebuild.py"},
    "ingestion": {"estimate.py", "migrate.py"},
    "finetune_export": {
        *("replay.py", "compact.py", "ask.py", "verify.py"),
        *("screen.py", "export.py"),
    },
}
SIDE_BY_SIDE = 12
FORBIDDEN = {"utils", "common", "helpers", "manager", "base", "util", "helper", "misc"}


def files(*folders: str) -> list[Path]:
    return sorted(
        path for folder in folders for path in (ROOT / folder).rglob("*.py") if path.stat().st_size
    )


def functions(path: Path) -> list[tuple[str, int]]:
    return [
        (f"{path.relative_to(ROOT)}:{node.name}", (node.end_lineno or 0) - node.lineno + 1)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def test_files_are_small() -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in files(*SOURCES)}
    assert {str(path): n for path, n in lengths.items() if n > 400} == {}


def test_few_files_of_a_capability_stand_side_by_side() -> None:
    found = Counter(
        path.parent
        for room in (ROOT / "services").glob("*/services")
        for path in room.rglob("*.py")
        if path.name != "__init__.py"
    )
    assert {str(room): n for room, n in found.items() if n > SIDE_BY_SIDE} == {}


def test_functions_are_small() -> None:
    found = [function for path in files(*SOURCES) for function in functions(path)]
    assert [(name, lines) for name, lines in found if lines > 50] == []
    assert statistics.median(lines for _, lines in found) <= 8


def test_a_main_is_an_entry_and_nothing_else() -> None:
    for path in (ROOT / "services").glob("*/main.py"):
        assert len(path.read_text().splitlines()) <= 40, path


@pytest.mark.parametrize(
    "service", ["gateway", "retrieval", "memory", "ingestion", "finetune_export"]
)
def test_every_service_has_the_same_rooms(service: str) -> None:
    found = {p.name for p in (ROOT / "services" / service).iterdir() if p.name != "__pycache__"}
    assert found == ROOMS | MORE_ROOMS.get(service, set())


def test_no_file_is_called_after_nothing() -> None:
    assert [path for path in files(*SOURCES) if path.stem in FORBIDDEN] == []


@pytest.mark.parametrize("path", files(*SOURCES), ids=lambda p: str(p.relative_to(ROOT)))
def test_a_module_says_what_it_is_in_its_first_line(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text()))
    assert docstring, f"{path} has no docstring"
    assert docstring.splitlines()[0].endswith((".", ";", ":")) or "\n" not in docstring


def test_no_registry_and_no_machine_path_stands_in_the_repository() -> None:
    words = ["py[p]i[.]org", "pythonhoste[d][.]org", "registry[.]np[m]js", "rep[o]1?[.]maven"]
    found = subprocess.run(
        ["git", "grep", "-nE", "|".join([*words, "/wor[k]/", "/roo[t]/"]), "--", "."],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.stdout == ""
