"""The model of scale: its page is current, and it says what breaks first."""

from dataclasses import replace
from pathlib import Path

import pytest

from infra import scale
from infra.profiles import PROFILES, SMALL, STANDARD, Models
from infra.scale import PAGE, SHOWN, need, profile_for


def test_the_page_is_current(tmp_path: Path) -> None:
    copy = tmp_path / "scale.md"
    copy.write_text(PAGE.read_text())
    scale.write(copy)
    assert copy.read_text() == PAGE.read_text(), "run: python -m infra.scale --write"


def test_more_users_need_more_of_everything() -> None:
    few, many = need(1_000, STANDARD), need(100_000, STANDARD)
    assert many.tasks["gateway"] > few.tasks["gateway"]
    assert many.index.nodes > few.index.nodes
    assert (many.hosts, many.usd) > (few.hosts, few.usd)


def test_the_smallest_profile_that_holds_is_taken() -> None:
    assert [profile_for(users).name for users in SHOWN] == ["small", "standard", "standard"]


def test_reranking_breaks_first_where_it_is_used() -> None:
    found = need(100_000, STANDARD)
    first = min(found.quotas, key=lambda one: one.breaks_at(found.users))
    assert "reranking" in first.name
    assert 1_000 < first.breaks_at(found.users) < 10_000
    without = need(100_000, replace(STANDARD, models=replace(Models(), rerank=None)))
    assert not any("reranking" in one.name for one in without.quotas)


def test_a_size_that_nobody_knows_is_named() -> None:
    with pytest.raises(ValueError, match=r"does not know t3.nano: add it to HOSTS"):
        need(10, replace(SMALL, host_class="t3.nano"))


@pytest.mark.parametrize("name", PROFILES)
def test_the_command_tells_tasks_quotas_and_dollars(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert scale.main(["--users", "1000", "--profile", name]) == 0
    told = capsys.readouterr().out
    assert all(f"tasks of {one}" in told for one in PROFILES[name].tasks)
    assert "USD a month" in told
    with pytest.raises(SystemExit):
        scale.main(["--users", "0"])
