"""The import contracts hold, and each of them rejects a deliberate breach."""

import configparser
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Contract → (module that gets a line, the line that breaks it).
BREACHES = {
    "layers": ("shared/errors.py", "import services.memory.models.turn"),
    "independence": (
        "services/memory/services/conversations.py",
        "import services.finetune_export.models.archived_turn",
    ),
    "contracts": ("contracts/message.py", "import botocore"),
    "shared": ("shared/errors.py", "import redis"),
    "client": ("shared/client/__init__.py", "import services.gateway.settings"),
    "testing": ("shared/testing/probe.py", "import boto3"),
    "main": ("services/memory/main.py", "import services.memory.settings"),
    "bootstrap": ("services/memory/bootstrap.py", "import botocore"),
    "controllers": (
        "services/memory/controllers/turns.py",
        "import services.memory.store.turn_table",
    ),
    "http": ("services/gateway/http/__init__.py", "import services.gateway.controllers.chat"),
    "services": ("services/memory/services/conversations.py", "import shared.messaging"),
    "models": ("services/memory/models/turn.py", "import contracts.message"),
    "settings": ("services/memory/settings.py", "import services.memory.store.turn_table"),
    "store-gateway": ("services/gateway/store/__init__.py", "import botocore"),
    "store-retrieval": ("services/retrieval/store/__init__.py", "import redis"),
    "store-memory": ("services/memory/store/turn_table.py", "import contracts.message"),
    "store-ingestion": ("services/ingestion/store/__init__.py", "import pynamodb"),
    "store-finetune_export": (
        "services/finetune_export/store/archive.py",
        "import services.finetune_export.services.archiving",
    ),
}


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def names() -> dict[str, str]:
    parser = configparser.ConfigParser()
    parser.read(ROOT / ".importlinter")
    prefix = "importlinter:contract:"
    return {s.removeprefix(prefix): parser[s]["name"] for s in parser.sections() if prefix in s}


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("house")
    for package in ("contracts", "shared", "services", "tests/house"):
        shutil.copytree(
            ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copy(ROOT / ".importlinter", folder)
    return folder


def test_the_house_keeps_its_contracts() -> None:
    result = lint(ROOT)
    assert result.returncode == 0, result.stdout


def test_each_contract_has_its_breach() -> None:
    assert BREACHES.keys() == names().keys()


@pytest.mark.parametrize("contract", BREACHES)
def test_a_breach_is_rejected(copy: Path, contract: str) -> None:
    path, line = BREACHES[contract]
    module = copy / path
    before = module.read_text()
    module.write_text(f"{before}\n{line}\n")
    try:
        result = lint(copy)
    finally:
        module.write_text(before)
    assert result.returncode != 0
    assert f"{names()[contract]} BROKEN" in " ".join(result.stdout.split())
