"""A burst of ten times the usual load, simulated with the real rules and the consumers' numbers."""

from dataclasses import replace

import pytest

from infra.burst import Load, Outcome, simulate
from infra.profiles import PROFILES, SMALL, STANDARD, Profile
from infra.scale import Habits
from infra.scaling_rules import RULES, Rules, Step
from services.gateway.settings import GatewaySettings

SEARCH_S = GatewaySettings.model_fields["retrieval_budget_ms"].default / 1000
MEMORY_S = GatewaySettings.model_fields["memory_budget_ms"].default / 1000
# A turn is in memory before its user has read the answer and asks the next question.
KEPT_S = 60.0
USUAL = replace(Habits(), peak=1.0)
# No service ever grows.
ASLEEP = replace(
    RULES, cpu_percent=100, steps=(), claimable=10**9, backlog=dict.fromkeys(RULES.backlog, 10**9)
)


def of(users: int, **more: float) -> Load:
    """What so many do in a usual minute of the busiest hour; the burst comes on top."""
    return Load(USUAL.turns_a_second(users), USUAL.documents_a_second(users), **more)


def in_time(outcome: Outcome) -> bool:
    answered = outcome.p95(outcome.search_s) < SEARCH_S and outcome.p95(outcome.memory_s) < MEMORY_S
    return answered and outcome.p95(outcome.kept_s) < KEPT_S


def complete(outcome: Outcome) -> bool:
    """Every turn is remembered, every document ready, and nothing is a dead letter."""
    kept = (outcome.turns, outcome.documents) == (len(outcome.kept_s), len(outcome.ready_s))
    return kept and outcome.dead_letters == 0


@pytest.mark.parametrize(
    ("profile", "users"),
    [(SMALL, 500), (STANDARD, 1_000), (STANDARD, 4_000)],
    ids=["small", "standard", "standard, four times the users"],
)
@pytest.mark.parametrize("seed", [1, 2])
def test_ten_times_the_load_is_answered_in_time_and_loses_nothing(
    profile: Profile, users: int, seed: int
) -> None:
    outcome = simulate(profile, of(users), seed=seed)
    assert outcome.turns > 3000 * users / 1000
    assert in_time(outcome)
    assert complete(outcome)


def test_a_rule_that_never_grows_is_found_out() -> None:
    load = of(4_000, to_s=1_800.0, ends_s=1_900.0)
    assert in_time(simulate(STANDARD, load))
    assert not in_time(simulate(STANDARD, load, ASLEEP))


def late_share(rules: Rules) -> float:
    """Of a burst that the tasks before it cannot bear."""
    outcome = simulate(STANDARD, of(5_000), rules)
    return outcome.late.get("memory-queries", 0) / outcome.turns


def test_waiting_requests_bring_tasks_sooner_than_cpu_does() -> None:
    without = late_share(replace(RULES, steps=()))
    assert late_share(RULES) < 0.7 * without


def test_a_batch_of_documents_brings_tasks_by_the_work_that_waits() -> None:
    batch = Load(0.1, 0.3, factor=100.0, from_s=60.0, to_s=660.0, ends_s=700.0, rest_s=7_200.0)
    grown, asleep = simulate(STANDARD, batch), simulate(STANDARD, batch, ASLEEP)
    assert complete(grown)
    assert complete(asleep)
    assert grown.most_tasks["ingestion"] > STANDARD.tasks["ingestion"].low
    assert grown.p95(grown.ready_s) < 0.6 * asleep.p95(asleep.ready_s)


def test_outages_errors_and_lost_tasks_within_the_burst_lose_nothing() -> None:
    load = of(1_000, outage_s=90.0, failing=0.01, kill_s=97.0)
    outcome = simulate(STANDARD, load)
    # The faults were felt.
    assert outcome.late["retrieval-queries"] > 0
    assert max(outcome.ready_s) > load.outage_s / 2
    assert complete(outcome)


def test_what_always_fails_becomes_a_dead_letter() -> None:
    outcome = simulate(SMALL, Load(0.05, 0.0, failing=1.0, ends_s=900.0))
    assert outcome.kept_s == []
    assert outcome.dead_letters == outcome.turns > 0


def test_tasks_go_again_after_the_burst() -> None:
    outcome = simulate(STANDARD, of(4_000, rest_s=4_000.0))
    assert outcome.most_tasks["memory"] > STANDARD.tasks["memory"].low
    assert outcome.last_tasks == {name: STANDARD.tasks[name].low for name in outcome.last_tasks}


@pytest.mark.parametrize("name", PROFILES)
def test_a_quiet_day_needs_no_more_than_the_least(name: str) -> None:
    outcome = simulate(PROFILES[name], of(100, factor=1.0))
    assert outcome.most_tasks == {one: PROFILES[name].tasks[one].low for one in outcome.most_tasks}


def test_a_step_grows_by_one_at_least() -> None:
    assert [Step(20, 50).more(tasks) for tasks in (1, 2, 3, 8)] == [1, 1, 1, 4]
