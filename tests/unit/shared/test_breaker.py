"""The breaker: closed, open, half open with one call at a time."""

import pytest

from shared.breaker import Breaker


class Seconds:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def tripped(clock: Seconds, failures: int = 1) -> Breaker:
    breaker = Breaker(failures=failures, open_s=5, clock=clock)
    for _ in range(failures):
        breaker.failed()
    return breaker


@pytest.mark.parametrize("failures", [1, 3])
def test_so_many_failures_in_a_row_open_it(failures: int) -> None:
    breaker = Breaker(failures=failures, clock=Seconds())
    for _ in range(failures - 1):
        assert not breaker.failed()
    assert breaker.closed
    assert breaker.failed()  # this one opened it
    assert not breaker.closed
    assert not breaker.failed()


def test_a_success_between_them_counts_from_the_start() -> None:
    breaker = Breaker(failures=2, clock=Seconds())
    breaker.failed()
    assert not breaker.succeeded()
    breaker.failed()
    assert breaker.closed


@pytest.mark.parametrize(
    ("passed_s", "admitted"), [(0, False), (4.9, False), (5, True), (500, True)]
)
def test_open_it_admits_nobody_for_its_time(passed_s: float, admitted: bool) -> None:
    clock = Seconds()
    breaker = tripped(clock)
    clock.now = passed_s
    assert (breaker.half_open, breaker.admits()) == (admitted, admitted)


def test_half_open_it_admits_one_at_a_time() -> None:
    clock = Seconds()
    breaker = tripped(clock)
    clock.now = 5
    assert [breaker.admits() for _ in range(3)] == [True, False, False]
    clock.now = 50  # however long the trial takes
    assert not breaker.half_open
    assert not breaker.admits()


@pytest.mark.parametrize(
    ("told", "closed", "admits_now", "admits_later"),
    [
        ("succeeded", True, True, True),
        ("failed", False, False, True),
        ("released", False, True, True),
    ],
)
def test_what_the_trial_tells(
    told: str, closed: bool, admits_now: bool, admits_later: bool
) -> None:
    for later, expected in ((0, admits_now), (5, admits_later)):
        clock = Seconds()
        breaker = tripped(clock)
        clock.now = 5
        assert breaker.admits()
        getattr(breaker, told)()
        clock.now += later
        assert (breaker.closed, breaker.admits()) == (closed, expected)


def test_the_success_that_closes_it_says_so_once() -> None:
    breaker = tripped(Seconds())
    assert [breaker.succeeded(), breaker.succeeded()] == [True, False]
