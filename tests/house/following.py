"""Counts the files that a reader opens to follow one thing: `python -m tests.house.following`.

Runs integration tests in this process and notes each of our files whose code ran (a step of the
way), and each that such a file imports (the shapes and ports that it names).
"""

import ast
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("services", "shared", "contracts")
# Every message and every start passes through these: known once, opened once.
GROUND = ("shared/testing/",)


class Steps:
    """A pytest plugin: notes files whose functions run while a test's own body does."""

    def __init__(self) -> None:
        self.seen: set[str] = set()

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_call(self) -> Iterator[None]:
        sys.setprofile(self._note)
        threading.setprofile(self._note)
        yield
        sys.setprofile(None)
        threading.setprofile(None)

    def _note(self, frame: FrameType, event: str, _argument: Any) -> None:
        name = frame.f_code.co_filename
        if event == "call" and name not in self.seen and not _starts_up(frame):
            self.seen.add(name)


def _starts_up(frame: FrameType | None) -> bool:
    """Whether a bootstrap called it: who follows a question does not read how a service starts."""
    while frame is not None:
        if frame.f_code.co_filename.endswith("bootstrap.py"):
            return True
        frame = frame.f_back
    return False


def ours(path: str) -> str | None:
    """The path from the repository's root; None for files that are not ours."""
    try:
        relative = Path(path).resolve().relative_to(ROOT).as_posix()
    except ValueError:
        return None
    known = relative.startswith(PACKAGES) and not relative.startswith(GROUND)
    return relative if known and not relative.endswith("__init__.py") else None


def imported(path: str) -> Iterator[str]:
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            found = ours(str(ROOT / f"{node.module.replace('.', '/')}.py"))
            if found and (ROOT / found).exists():
                yield found


def main(tests: list[str]) -> int:
    steps = Steps()
    code = pytest.main(["-q", "-p", "no:randomly", *tests], plugins=[steps])
    ran = {path for seen in steps.seen if (path := ours(seen))}
    named = {other for path in ran for other in imported(path)} - ran
    for title, files in (("steps", ran), ("named by them", named)):
        by_package = Counter("/".join(path.split("/")[:2]) for path in files)
        parts = ", ".join(f"{name} {count}" for name, count in sorted(by_package.items()))
        print(f"{title}: {len(files)} ({parts})")
    print(f"together: {len(ran | named)}")
    return int(code)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
