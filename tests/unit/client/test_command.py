"""`python -m shared.client.evaluate`: its options, its output, its files."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from shared.client.client import Client
from shared.client.evaluate import command
from shared.client.evaluate.metrics import METRICS
from tests.unit.client.fake_gateway import FakeGateway
from tests.unit.client.making import write_flat


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> FakeGateway:
    fake = FakeGateway()

    @asynccontextmanager
    async def open_client(url: str, token: str) -> AsyncIterator[Client]:
        async with fake.client() as client:
            client.transport.http.headers["Authorization"] = f"Bearer {token}"
            yield client

    monkeypatch.setattr(command, "open_client", open_client)
    return fake


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "token").write_text("a-token\n")
    (tmp_path / "ferns").mkdir()
    return write_flat(tmp_path / "ferns")


def run(folder: Path, *more: str) -> int:
    return command.main([str(folder), "--token-file", str(folder.parent / "token"), *more])


def test_it_prints_a_table_and_writes_json_and_runs(
    gateway: FakeGateway, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.json"
    assert run(folder, "--json", str(out), "--run-file", str(tmp_path / "run.tsv")) == 0
    assert gateway.authorization == {"Bearer a-token"}
    shown = capsys.readouterr().out
    for word in ("ferns, 3 queries", "fused", "bm25", "dense", *METRICS, "p99"):
        assert word in shown
    results = json.loads(out.read_text())
    assert list(results) == ["fused", "bm25", "dense"]
    fused = results["fused"]
    assert fused["nDCG@10_low"] < fused["nDCG@10"] < fused["nDCG@10_high"]
    assert fused["latency_ms"].keys() == {"p50", "p95", "p99"}
    assert fused["per_query"]["Recall@10"] == {"q1": 0.5, "q2": 1.0, "q3": 0.0}
    assert (tmp_path / "run.bm25.tsv").read_text().splitlines()[:2] == [
        "query_id\tdoc_id\trank\tscore",
        "q1\td/1\t1\t1.000000",
    ]


def test_it_compares_with_an_earlier_run(
    gateway: FakeGateway, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.json"
    assert run(folder, "--json", str(out), "--legs", "bm25") == 0
    earlier = json.loads(out.read_text())
    earlier["bm25"]["per_query"]["Recall@10"] = {"q1": 0.25, "q2": 0.75, "q3": -0.25}
    out.write_text(json.dumps(earlier))
    capsys.readouterr()
    assert run(folder, "--compare", str(out)) == 0
    shown = capsys.readouterr().out.split("Difference from")[1]
    assert "+0.2500" in shown
    assert "+0.0000" in shown


def test_what_cannot_be_compared_is_told_before_the_work(
    gateway: FakeGateway, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.json"
    assert run(folder, "--json", str(out), "--legs", "bm25") == 0
    asked = len(gateway.searches)
    assert run(folder, "--compare", str(out), "--legs", "fused") == 1
    assert "are of bm25" in capsys.readouterr().err
    out.write_text("[]")
    assert run(folder, "--compare", str(out)) == 1
    assert "--json" in capsys.readouterr().err
    assert len(gateway.searches) == asked


def test_a_limit_and_a_missed_leg(
    gateway: FakeGateway, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway.leg_states = {"graph": "failed"}
    assert run(folder, "--limit-queries", "1", "--legs", "fused,+graph,+graph") == 0
    assert "bm25+dense+graph: graph did not run in 1 searches" in capsys.readouterr().out
    assert len(gateway.searches) == 2


def test_a_fresh_tenant_is_named_and_signed_for(
    gateway: FakeGateway, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "secrets.json").write_text(json.dumps({"token_secret": "s" * 32}))
    secret = ["--secret-file", str(tmp_path / "secrets.json")]
    assert command.main([str(folder), *secret, "--keep"]) == 0
    assert "Tenant eval-ferns-" in capsys.readouterr().err
    assert command.main([str(folder), "--secret-file", str(tmp_path / "none")]) == 1
    assert "make run" in capsys.readouterr().err


@pytest.mark.parametrize(
    "wrong",
    [
        ["--legs", "bm25,sparse"],
        ["--limit-queries", "0"],
        ["--json", "no/such/folder/out.json"],
        ["--tenant", "t", "--token-file", "f"],
    ],
)
def test_wrong_options_are_told(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        command.main(["folder", *wrong])
    assert stopped.value.code == 2
    assert wrong[0] in capsys.readouterr().err
