"""The command that tells what entities by a model will cost."""

from pathlib import Path

import pytest

from services.ingestion.estimate import main

TEXT = "\n\n".join(f"Paragraph {n}. " + "It says something of use. " * 30 for n in range(12))


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.delenv("RAGOPS_ENTITY_MODEL", raising=False)
    (tmp_path / "long.txt").write_text(TEXT)
    (tmp_path / "page.html").write_text("<title>Rules</title><p>No horns in the port.</p>")
    return [str(tmp_path / name) for name in ("long.txt", "page.html")]


def rows(out: str) -> list[list[str]]:
    return [line.split(maxsplit=5) for line in out.splitlines()]


def test_each_file_has_a_line_and_the_sum_is_right(
    files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--model", "amazon.nova-pro-v1:0", *files]) == 0
    head, long, page, total = rows(capsys.readouterr().out)
    assert head[:5] == ["chunks", "above", "cap", "input", "output"]
    assert (int(long[0]), int(page[0])) == (12, 1)
    assert page[5] == files[1]
    for column in range(4):
        assert int(total[column]) == int(long[column]) + int(page[column])
    cost = (int(total[2]) * 0.80 + int(total[3]) * 3.20) / 1e6
    assert float(total[4]) == pytest.approx(cost, abs=1e-4)
    assert "2 files with amazon.nova-pro-v1:0" in total[5]


def test_what_is_above_the_cap_is_not_paid(
    files: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAGOPS_ENTITY_MODEL", "local.llm-v1")
    monkeypatch.setenv("RAGOPS_ENTITY_TOKENS_MAX", "12000")
    assert main(files[:1]) == 0
    _, long, _ = rows(capsys.readouterr().out)
    assert 0 < int(long[1]) < 12
    assert int(long[2]) + int(long[3]) < 12_000


def test_a_file_that_cannot_be_read_is_told_and_the_others_are_counted(
    files: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "program.exe").write_bytes(b"MZ")
    bad = [str(tmp_path / name) for name in ("program.exe", "absent.txt")]
    assert main(["--model", "local.llm-v1", *bad, *files]) == 1
    shown = capsys.readouterr()
    assert "2 files" in shown.out
    assert "Convert it to one of:" in shown.err
    assert "absent.txt: " in shown.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["a.txt"], "RAGOPS_ENTITY_MODEL"),
        (["a.txt", "--model", "someone.elses"], "RAGOPS_PRICES"),
        ([], "FILE"),
    ],
)
def test_a_bad_command_says_what_to_do(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str], files: list[str]
) -> None:
    with pytest.raises(SystemExit):
        main(arguments)
    assert words in capsys.readouterr().err


def test_the_help_tells_what_it_counts(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    shown = capsys.readouterr().out
    assert all(word in shown for word in ("RAGOPS_ENTITY_TOKENS_MAX", "example", "--model"))
