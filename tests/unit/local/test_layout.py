"""The state folder: closed to others, its passwords made once."""

from pathlib import Path

import pytest

from compose.local.environment import child_environment
from compose.local.layout import Layout, write_private
from compose.local.logs import rotate, tail


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_the_folder_is_closed_to_others_even_if_it_was_open(tmp_path: Path) -> None:
    root = tmp_path / "state"
    root.mkdir(mode=0o755)
    Layout(root).prepare()
    assert mode(root) == 0o700


def test_passwords_are_made_once_and_readable_by_the_owner_only(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    first = layout.secrets()
    assert layout.secrets() == first
    assert len({first.token_secret, first.postgres_password, first.valkey_password}) == 3
    assert len(first.token_secret.encode()) >= 32
    assert mode(tmp_path / "secrets.json") == 0o600


def test_a_private_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "token"
    write_private(path, "first, and longer")
    write_private(path, "second")
    assert path.read_text() == "second"
    assert mode(path) == 0o600


def test_a_log_over_its_size_is_emptied_in_place_and_kept_once(tmp_path: Path) -> None:
    log = tmp_path / "memory.log"
    with log.open("ab") as writer:
        writer.write(b"old\n" * 100)
        writer.flush()
        rotate(log, max_bytes=100)
        writer.write(b"new\n")
    assert log.read_text() == "new\n"
    assert (tmp_path / "memory.log.1").read_text() == "old\n" * 100


def test_the_tail_begins_where_the_process_began(tmp_path: Path) -> None:
    log = tmp_path / "memory.log"
    log.write_text("of the run before\none\ntwo\nthree\n")
    assert tail(log, start=18, lines=2) == "    two\n    three"
    assert tail(tmp_path / "none.log") == ""


def test_a_persons_aws_account_does_not_reach_the_processes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://elsewhere")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "real")
    seen = child_environment({"RAGOPS_PORT": "1"})
    assert "AWS_PROFILE" not in seen
    assert "AWS_ENDPOINT_URL" not in seen
    assert seen["AWS_SECRET_ACCESS_KEY"] == "test"
    assert seen["RAGOPS_PORT"] == "1"
