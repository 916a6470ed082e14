"""Real servers: what is fetched is checked, once, and what is missing is said."""

from pathlib import Path

import pytest

from compose.local.errors import LocalError
from compose.local.real import installing
from compose.local.real.installing import install_once, maven, require_hash
from compose.local.real.java import find_java
from compose.local.real.opensearch import node

EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def java(folder: Path, version: str) -> Path:
    executable = folder / "bin" / "java"
    executable.parent.mkdir(parents=True)
    executable.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n")
    executable.chmod(0o755)
    return folder


def test_the_java_of_java_home_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(java(tmp_path / "home", "19.0.1")))
    assert find_java(17, 19).executable == tmp_path / "home" / "bin" / "java"
    assert find_java(19).major == 19


def test_a_java_too_old_or_too_new_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(java(tmp_path / "old", "8")))
    monkeypatch.setenv("PATH", str(java(tmp_path / "new", "98") / "bin"))
    assert find_java(97).executable == tmp_path / "new" / "bin" / "java"
    with pytest.raises(LocalError, match="No Java 99 or later"):
        find_java(99)
    with pytest.raises(LocalError, match="No Java 90 to 95"):
        find_java(90, 95)


def test_without_maven_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LocalError, match="install `mvn`"):
        maven(tmp_path / "pom.xml", "goal")


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    require_hash("nothing", [], EMPTY)
    jar = tmp_path / "a.jar"
    jar.write_bytes(b"other")
    with pytest.raises(LocalError, match="not what was pinned"):
        require_hash("a server", [jar], EMPTY)


def test_it_is_laid_out_once_for_each_pom_and_anew_after_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installing, "SERVERS", tmp_path / "servers")
    pom = tmp_path / "pom.xml"
    calls: list[Path] = []

    def failing(home: Path) -> None:
        (home / "half").touch()
        raise LocalError("no network")

    pom.write_text("1")
    with pytest.raises(LocalError):
        install_once("x", pom, failing)
    for content in ("1", "1", "2"):
        pom.write_text(content)
        home = install_once("x", pom, calls.append)
    assert calls == [home, home]
    assert not (home / "half").exists()
    assert (tmp_path / "servers" / ".gitignore").read_text() == "*\n"


def test_opensearch_listens_on_loopback_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node, "install", lambda: tmp_path)
    monkeypatch.setenv("JAVA_HOME", str(java(tmp_path / "home", "21.0.1")))
    part = node.opensearch(tmp_path / "state", 9299)
    assert str(tmp_path / "home" / "bin" / "java") in part.argv
    config = (tmp_path / "state" / "config" / "opensearch.yml").read_text()
    assert "network.host: 127.0.0.1" in config
    assert "http.port: 9299" in config
