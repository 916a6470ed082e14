"""`python -m shared.client.documents`: which documents it takes, what it asks and tells."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from contracts.gateway.http import DocumentView, Failure
from shared.client.client import Client
from shared.client.documents import command
from tests.unit.client.fake_gateway import FakeGateway


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> FakeGateway:
    fake = FakeGateway(stuck={"d.md"})
    states = {"a.md": "rejected", "b.md": "ready", "c.md": "rejected", "d.md": "accepted"}
    for name, status in states.items():
        fake.views[f"id-{name}"] = DocumentView(
            document_id=f"id-{name}",
            name=name,
            status=status,
            tags=("x",) if name in "a.md b.md" else (),
            error=Failure(code="empty", message="Send [one] with text."),
        )

    @asynccontextmanager
    async def open_client(url: str, token: str) -> AsyncIterator[Client]:
        assert token == "a-token"
        async with fake.client() as client:
            yield client

    monkeypatch.setattr(command, "open_client", open_client)
    return fake


def run(tmp_path: Path, *arguments: str) -> int:
    (tmp_path / "token").write_text("a-token\n")
    return command.main([*arguments, "--token-file", str(tmp_path / "token")])


def test_it_lists_with_the_next_step(
    gateway: FakeGateway, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, "list", "--state", "rejected", "--tag", "x") == 0
    shown = capsys.readouterr().out
    assert "1 document" in shown
    assert "Send [one] with text." in shown
    assert "c.md" not in shown


@pytest.mark.parametrize(
    ("arguments", "steered"),
    [
        (["retry", "--all"], [("retry", "a.md"), ("retry", "c.md")]),
        (["retry", "--tag", "x"], [("retry", "a.md")]),
        (["reindex", "--query", "B.M"], [("reindex", "b.md")]),
        (["cancel", "--all"], [("cancel", "d.md")]),
        (["cancel", "--state", "ready"], []),
    ],
)
def test_a_verb_takes_the_documents_that_it_is_meant_for(
    gateway: FakeGateway, tmp_path: Path, arguments: list[str], steered: list[tuple[str, str]]
) -> None:
    assert run(tmp_path, *arguments, "--yes") == 0
    assert sorted(gateway.steered) == steered


def test_what_is_refused_is_told_and_stops_nothing(
    gateway: FakeGateway, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, "retry", "id-b.md", "id-c.md", "--yes") == 1
    told = capsys.readouterr().err
    assert "1 document retried." in told
    assert "b.md: It is ready: reindex it." in told


def test_it_waits_for_what_it_began(
    gateway: FakeGateway, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway.rejects["c.md"] = "Still broken."
    assert run(tmp_path, "retry", "--all", "--yes", "--wait") == 1
    assert "c.md is rejected: Still broken." in capsys.readouterr().err
    assert gateway.views["id-a.md"].status == "ready"


def test_nothing_is_deleted_unasked(
    gateway: FakeGateway, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, "delete", "--all") == 1
    assert "--yes" in capsys.readouterr().err
    assert len(gateway.views) == 4
    assert run(tmp_path, "delete", "--all", "--yes") == 0
    assert gateway.views == {}


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (["retry"], "say which documents to retry"),
        (["retry", "an-id", "--tag", "x"], "not both"),
        (["list", "--state", "nonsense"], "nonsense"),
        (["fly"], "fly"),
    ],
)
def test_wrong_options_are_told(
    wrong: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        command.main(wrong)
    assert stopped.value.code == 2
    assert says in capsys.readouterr().err
