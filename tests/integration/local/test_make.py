"""`make` where an installation failed half-way: it names what is wrong and the way out."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from compose.local.layout import REPOSITORY

# Refuses every connection at once: no test asks a real index.
NOWHERE = "http://127.0.0.1:9/simple"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What the targets read, in a folder of its own: its state folder is not the real one."""
    folder = tmp_path / "clone"
    shutil.copytree(REPOSITORY / "compose", folder / "compose")
    for name in ("Makefile", "pyproject.toml", "requirements.lock"):
        shutil.copy(REPOSITORY / name, folder)
    return folder


def make(clone: Path, *words: str) -> subprocess.CompletedProcess[str]:
    nowhere = {"PIP_INDEX_URL": NOWHERE, "PIP_RETRIES": "0"}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    return subprocess.run(
        ["make", "-C", str(clone), *words],
        env={**inherited, **nowhere, "MAKEFLAGS": ""},
        capture_output=True,
        text=True,
    )


def without_packages(clone: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", clone / ".venv"], check=True)


def without_a_python(clone: Path) -> None:
    without_packages(clone)
    for name in (clone / ".venv" / "bin").glob("python*"):
        name.unlink()
        name.symlink_to("/usr/bin/python-that-was-removed")


def told(done: subprocess.CompletedProcess[str]) -> str:
    both = done.stdout + done.stderr
    assert "Traceback" not in both
    return both


@pytest.mark.parametrize("verb", ["status", "stop"])
def test_before_an_installation_nothing_runs(clone: Path, verb: str) -> None:
    done = make(clone, verb)
    assert done.returncode == 0
    assert "nothing runs" in told(done)


@pytest.mark.parametrize("verb", ["status", "stop"])
@pytest.mark.parametrize(
    ("broken", "says"),
    [(without_packages, "'psutil' is missing"), (without_a_python, ".venv is broken")],
)
def test_half_an_installation_is_named_with_the_next_step(
    clone: Path, verb: str, broken: Callable[[Path], None], says: str
) -> None:
    broken(clone)
    done = make(clone, verb)
    assert done.returncode != 0
    assert says in told(done)
    assert "make clean setup" in told(done)


@pytest.mark.parametrize("broken", [without_packages, without_a_python])
def test_clean_always_works(clone: Path, broken: Callable[[Path], None]) -> None:
    broken(clone)
    done = make(clone, "clean")
    assert done.returncode == 0, told(done)
    assert not (clone / ".venv").exists()
    assert make(clone, "clean").returncode == 0


def test_setup_names_an_environment_whose_python_is_gone(clone: Path) -> None:
    without_a_python(clone)
    done = make(clone, "setup")
    assert done.returncode != 0
    assert ".venv is broken" in told(done)
    assert "make clean setup" in told(done)


def test_setup_names_an_environment_whose_packages_are_gone(clone: Path) -> None:
    without_packages(clone)
    for stamp in ("bin/uv", ".local"):
        (clone / ".venv" / stamp).touch()
    done = make(clone, "setup")
    assert done.returncode != 0
    assert "its packages are not those of Python 3" in told(done)


def test_setup_without_a_network_says_what_to_do_and_can_be_done_again(clone: Path) -> None:
    for _ in range(2):
        done = make(clone, "setup", f"PYTHON={sys.executable}")
        assert done.returncode != 0
        assert "HTTPS_PROXY" in told(done)
        assert "UV_DEFAULT_INDEX" in told(done)


def test_setup_with_a_python_that_is_not_there_says_how_to_name_one(clone: Path) -> None:
    done = make(clone, "setup", "PYTHON=python9.9")
    assert done.returncode != 0
    assert "There is no 'python9.9'" in told(done)
    assert "make run PYTHON=python3.12" in told(done)


def test_setup_with_an_old_python_says_which_it_is(clone: Path, tmp_path: Path) -> None:
    old = tmp_path / "python3.9"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.9.1" && exit 0\nexit 1\n')
    old.chmod(0o755)
    done = make(clone, "setup", f"PYTHON={old}")
    assert done.returncode != 0
    assert f"'{old}' is Python 3.9.1" in told(done)
