"""Screening on labelled texts: how much it finds, and how much it finds in vain."""

import itertools
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from services.finetune_export.models.finding import CLASSES, Finding
from services.finetune_export.screen import main
from services.finetune_export.services.screening.people import People, load_names
from services.finetune_export.services.screening.placeholders import Placeholders
from services.finetune_export.services.screening.screening import Screening
from tests.unit.finetune_export.labelled import Labelled, Score, read, score

CHECKSUMMED = ("credit_card", "iban", "national_id", "tax_id", "crypto_address", "device_id")


@pytest.fixture(scope="module")
def names() -> People:
    found = load_names()
    assert found, "the group `training` belongs to `dev`"
    return found


@pytest.fixture(scope="module", params=["tuned", "held_out"])
def texts(request: pytest.FixtureRequest) -> list[Labelled]:
    return read(request.param)


@pytest.fixture(scope="module")
def by_rules(texts: list[Labelled]) -> Score:
    return score(texts, Screening().findings_of)


def recall(of: Score, kinds: Sequence[str]) -> float:
    found = [pair for kind, pair in of.recall.items() if kind.startswith(tuple(kinds))]
    return sum(n for n, _ in found) / sum(n for _, n in found)


def test_rules_find_numbers_with_check_digits(by_rules: Score) -> None:
    assert recall(by_rules, CHECKSUMMED) >= 0.96, by_rules.missed


def test_rules_find_secrets(by_rules: Score) -> None:
    assert recall(by_rules, ["secret."]) >= 0.98, by_rules.missed


def test_rules_find_mail_addresses_and_phones(by_rules: Score) -> None:
    assert recall(by_rules, ["email", "phone"]) >= 0.95, by_rules.missed


def test_what_the_rules_find_is_nearly_always_wanted(by_rules: Score) -> None:
    assert by_rules.precision >= 0.95, by_rules.wrong


def test_names_are_found_with_the_model(texts: list[Labelled], names: People) -> None:
    scored = score(texts, Screening(names).findings_of)
    assert recall(scored, ["name"]) >= 0.85, scored.missed
    assert scored.precision >= 0.9, scored.wrong


def test_findings_are_sorted_do_not_overlap_and_have_a_known_class(
    texts: list[Labelled], names: People
) -> None:
    for findings in Screening(names).findings_of([each.text for each in texts]):
        assert all(a.end <= b.start for a, b in itertools.pairwise(findings))
        assert {finding.kind for finding in findings} <= set(CLASSES)


def test_the_same_value_gets_the_same_placeholder_in_a_conversation() -> None:
    placeholders = Placeholders()
    screening = Screening()
    said = (
        "Dear Dr. Anna Weber, write to ann@x.org or bob@x.org",
        "ANN@x.org, says Dr. Anna Weber",
    )
    first, second = (placeholders.replace(each, screening.findings(each)) for each in said)
    assert first == "Dear [NAME_1], write to [EMAIL_1] or [EMAIL_2]"
    assert second == "[EMAIL_1], says [NAME_1]"
    assert placeholders.counts == {"name": 2, "email": 3}


@pytest.mark.parametrize("sign", [" ", "\u00a0", "\u2009", "-", "\u2011"])
def test_it_does_not_matter_which_space_or_hyphen_groups_a_number(sign: str) -> None:
    text = f"card {sign.join(['4111', '1111', '1111', '1111'])}, thanks"
    assert Screening().findings(text) == [Finding(5, 24, "credit_card")]


def test_letters_whose_lower_case_is_longer_do_not_shift_findings() -> None:
    text = "İİİ my password is hunter22"
    (found,) = Screening().findings(text)
    assert text[found.start : found.end] == "hunter22"


def test_the_command_prints_spans_and_names_a_bad_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "texts.jsonl"
    lines = [{"id": 7, "text": "mail a@b.org"}, {"text": "no id"}, {"id": "x", "text": "nothing"}]
    file.write_text("\n".join(json.dumps(line) for line in lines) + "\nnot json\n")
    assert main([str(file), "--names", "off"]) == 1
    out, err = capsys.readouterr()
    assert [json.loads(line) for line in out.splitlines()] == [
        {"id": 7, "spans": [{"start": 5, "end": 12, "class": "email"}]},
        {"id": "x", "spans": []},
    ]
    assert "line 2" in err
    assert "line 4" in err
