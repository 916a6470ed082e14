"""Which commit N-1 is."""

import subprocess
from pathlib import Path

import pytest

from tests.deploy.previous import previous_commit


def git(folder: Path, *command: str) -> str:
    who = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    words = ["git", "-C", str(folder), *who, *command]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()


def commit(folder: Path, path: str, text: str) -> str:
    (folder / path).parent.mkdir(exist_ok=True)
    (folder / path).write_text(text)
    git(folder, "add", path)
    git(folder, "commit", "--quiet", "--message", text)
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Its newest change of a service is its second commit, its newest commit changes a page."""
    folder = tmp_path / "clone"
    folder.mkdir()
    git(folder, "init", "--quiet")
    commit(folder, "services/one.py", "first")
    commit(folder, "services/one.py", "second")
    commit(folder, "docs/page.md", "third")
    return folder


def test_it_is_the_newest_commit_whose_services_differ(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAGOPS_PREVIOUS", raising=False)
    assert previous_commit(clone) == git(clone, "rev-parse", "HEAD~2")


def test_a_person_may_name_it(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGOPS_PREVIOUS", "HEAD~1")
    assert previous_commit(clone) == git(clone, "rev-parse", "HEAD~1")
    monkeypatch.setenv("RAGOPS_PREVIOUS", "nowhere")
    with pytest.raises(subprocess.CalledProcessError):
        previous_commit(clone)


def test_a_clone_without_history_has_none(
    clone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAGOPS_PREVIOUS", raising=False)
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "--quiet", "--depth", "1", f"file://{clone}", str(shallow))
    assert previous_commit(shallow) is None
