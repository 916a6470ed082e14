"""An image holds what its code imports, and botocore's descriptions of the services it asks."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

from botocore.loaders import Loader

ROOT = Path(__file__).parents[2]
# Of pynamodb, and of botocore where it looks for credentials.
UNSEEN = {"dynamodb", "sso", "sso-oidc", "sts"}


def asked() -> Iterator[str]:
    """Names of AWS services in the files that open clients."""
    known = set(Loader().list_available_services("service-2"))
    for folder in ("services", "shared"):
        for path in (ROOT / folder).rglob("*.py"):
            text = path.read_text()
            if "Clients(" in text:
                for node in ast.walk(ast.parse(text)):
                    if isinstance(node, ast.Constant) and node.value in known:
                        yield str(node.value)


def test_an_image_has_the_descriptions_that_its_code_asks_for() -> None:
    kept = re.search(r"'\.\*/\((.*)\)'", (ROOT / "services" / "Dockerfile").read_text())
    assert kept
    wanted = set(asked())
    assert {"sqs", "s3", "bedrock-runtime"} <= wanted
    # The control plane of Bedrock is small, and whoever trains models asks it.
    assert wanted | UNSEEN <= set(kept[1].split("|")) <= wanted | UNSEEN | {"bedrock"}


# Imports every module below a package, where the modules that stdin names are not installed.
IMPORTS = """
import importlib, json, pkgutil, sys
for missing in json.load(sys.stdin):
    sys.modules[missing] = None
package = importlib.import_module(sys.argv[1])
for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
    if not found.name.endswith("__main__"):
        importlib.import_module(found.name)
"""


def imports_with(installed: set[str], others: set[str], package: str) -> str:
    """Imports a package without what only others install; answers the error, or nothing."""
    modules = packages_distributions().items()
    missing = [
        top
        for top, owners in modules
        if (found := {_named(one) for one in owners}) & others and not found & installed
    ]
    ran = subprocess.run(
        [sys.executable, "-c", IMPORTS, package],
        cwd=ROOT,
        input=json.dumps(missing),
        capture_output=True,
        text=True,
        check=False,
    )
    return ran.stderr


def group(name: str, groups: dict[str, list[Any]]) -> set[str]:
    """The requirements of a group and of those that it includes."""
    found: set[str] = set()
    for one in groups[name]:
        found |= {_named(one)} if isinstance(one, str) else group(one["include-group"], groups)
    return found


def _named(requirement: str) -> str:
    """As PyPI compares names, without a version."""
    bare = re.match(r"[\w.-]+", requirement)
    assert bare
    return re.sub(r"[-_.]+", "-", bare[0]).lower()


def test_the_stand_in_imports_only_what_its_image_installs() -> None:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    installed, others = group("compose", groups), set[str]()
    for name in groups:
        others |= group(name, groups)
    assert imports_with(installed, others, "compose.local.bedrock") == ""
    assert "ModuleNotFoundError" in imports_with(installed, others, "shared.client")
