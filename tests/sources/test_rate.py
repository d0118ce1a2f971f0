"""The budget of one method at one endpoint: up by addition, down by multiplication, and a reserve for live requests."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from indexer.sources.rate import LOWEST_PER_S, Rate


def spent(rate: Rate, lane: str, now: float) -> int:
    """Take tokens of a lane until none is left."""
    count = 0
    while rate.tokens(lane, now) >= 1:
        rate.take(1, now)
        count += 1
    return count


def test_a_second_gives_as_many_tokens_as_the_rate_says() -> None:
    rate = Rate(10, 100, now=0)
    assert spent(rate, "live", 0) == 10
    assert spent(rate, "live", 1) == 10
    assert spent(rate, "live", 1.5) == 5
    assert spent(rate, "live", 100) == 10  # More is not saved up.


def test_backfill_leaves_a_reserve_that_live_requests_find() -> None:
    rate = Rate(8, 100, now=0)
    assert spent(rate, "backfill", 0) == 6
    assert spent(rate, "live", 0) == 2


def test_backfill_is_not_starved_by_its_own_reserve() -> None:
    for per_s in (0.1, 1, 1.3, 2, 5):
        rate = Rate(per_s, 100, now=0)
        rate.take(int(rate.burst), 0)
        assert spent(rate, "backfill", 1000) >= 1, per_s


def used(rate: Rate, begin: float) -> None:
    """A second at the full rate, all of it answered."""
    rate.take(round(rate.per_s), begin)
    for step in range(steps := round(rate.per_s)):
        rate.succeeded(begin + step / steps)
        rate.take(1, begin + step / steps)


def test_success_doubles_it_in_a_second_until_a_bound_is_met() -> None:
    rate = Rate(10, 100, now=0)
    used(rate, 0)
    assert 19 <= rate.per_s <= 21


def test_success_adds_one_a_second_ever_after() -> None:
    rate = Rate(20, 100, now=0)
    rate.overloaded(sent_at=0, now=0, wait_s=None)
    used(rate, 0)
    assert 10.9 < rate.per_s < 11.1


def test_success_on_an_idle_budget_says_nothing() -> None:
    rate = Rate(10, 100, now=0)
    for now in range(100):
        rate.take(1, now)
        rate.succeeded(now)
    assert rate.per_s == 10


def test_the_rate_stays_below_its_ceiling() -> None:
    rate = Rate(10, 12, now=0)
    for step in range(1000):
        rate.take(12, step)
        rate.succeeded(step)
    assert rate.per_s == 12


def test_an_overload_halves_the_rate_once_for_all_that_was_on_its_way() -> None:
    rate = Rate(16, 100, now=0)
    for _ in range(8):
        rate.overloaded(sent_at=1, now=2, wait_s=None)
    assert rate.per_s == 8
    rate.overloaded(sent_at=2.5, now=3, wait_s=None)
    assert rate.per_s == 4


def test_the_rate_never_falls_to_nothing() -> None:
    rate = Rate(16, 100, now=0)
    for now in range(100):
        rate.overloaded(sent_at=now, now=now, wait_s=None)
    assert rate.per_s == LOWEST_PER_S


def test_a_pause_that_was_asked_for_is_kept_and_saves_nothing_up() -> None:
    rate = Rate(10, 100, now=0)
    rate.overloaded(sent_at=0, now=1, wait_s=30)
    assert spent(rate, "live", 30.9) == 0
    assert rate.ready_at("live", 2) >= 31
    assert spent(rate, "live", 31.2) == 1  # 5 a second since 31.


@given(st.lists(st.tuples(st.sampled_from(["take", "well", "much"]), st.floats(0, 5)), max_size=60), st.floats(0, 1e7))
def test_when_it_says_that_it_will_be_ready_it_is(steps: list[tuple[str, float]], start: float) -> None:
    """Otherwise a request waits for a moment that never comes."""
    rate, now = Rate(5, 50, start), start
    for step, wait in steps:
        now += wait
        if step == "take":
            rate.take(1, now)
        elif step == "well":
            rate.succeeded(now)
        else:
            rate.overloaded(now, now, None if wait > 4 else wait)
        for lane in ("live", "backfill"):
            assert rate.tokens(lane, rate.ready_at(lane, now)) >= 1
