"""The test's promises, kept in simulations with fixed seeds; docs/verdicts.md shows the figures."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipway.steps.watch.sequential_test import (
    FEWEST_ERRORS,
    FEWEST_MOMENTS,
    SURE,
    acceptable_share,
    at_least,
    e_value,
    smallest_seen,
    upper_bound,
)

RUNS = 300
REQUESTS = 1500
LOOK_EVERY = 5
BASELINE = 3000


def chance(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - the same figures in every run


def first_alarm(
    rng: random.Random, share: float, acceptable: float, *, requests: int, burst: int = 1
) -> int | None:
    """Return after how many requests a release is called bad; None when it never is.

    With a burst of b, errors come b at a time and b times as rarely: the share stays.
    """
    bursts = seen = 0
    while seen < requests:
        for _ in range(LOOK_EVERY):
            seen += 1
            bursts += rng.random() < share / burst
        errors = min(burst * bursts, seen)
        if errors < FEWEST_ERRORS or bursts < FEWEST_MOMENTS:
            continue
        if e_value(requests=seen, errors=errors, acceptable=acceptable) >= SURE:
            return seen
    return None


def alarms(times: float, share: float = 0.005, *, burst: int = 1, seed: int = 7) -> list[int]:
    """Return when each of the simulated releases that were called bad was."""
    rng = chance(seed)
    found = []
    for _ in range(RUNS):
        before = sum(burst for _ in range(BASELINE) if rng.random() < share / burst)
        acceptable = acceptable_share(requests=BASELINE, errors=before, tolerance=0.0)
        at = first_alarm(rng, min(times * share, 1.0), acceptable, requests=REQUESTS, burst=burst)
        if at is not None:
            found.append(at)
    return found


@pytest.mark.parametrize(("burst", "alarm_rate"), [(1, 0.01), (3, 0.02), (5, 0.05)])
def test_no_change_is_hardly_ever_called_bad_though_it_is_looked_at_300_times(
    burst: int, alarm_rate: float
) -> None:
    assert len(alarms(1.0, burst=burst)) <= alarm_rate * RUNS


def test_the_bound_of_one_in_a_hundred_holds_at_the_edge_of_what_is_acceptable() -> None:
    rng = chance(11)
    found = [first_alarm(rng, 0.02, 0.02, requests=REQUESTS) for _ in range(RUNS)]
    assert sum(at is not None for at in found) <= 0.02 * RUNS


def test_twice_the_errors_are_let_pass_by_design() -> None:
    assert len(alarms(2.0)) <= 0.05 * RUNS


@pytest.mark.parametrize(
    ("times", "power", "median"), [(10.0, 0.95, 500), (30.0, 0.99, 100), (200.0, 1.0, 15)]
)
def test_a_clear_regression_is_found_soon(times: float, power: float, median: int) -> None:
    found = alarms(times)
    assert len(found) >= power * RUNS
    assert sorted(found)[len(found) // 2] <= median


def test_a_total_outage_is_found_within_ten_requests_even_without_a_baseline() -> None:
    acceptable = acceptable_share(requests=0, errors=0, tolerance=0.02)
    assert first_alarm(chance(1), 1.0, acceptable, requests=100) == LOOK_EVERY


def test_evidence_is_one_before_anything_is_seen_and_grows_with_errors() -> None:
    assert e_value(requests=0, errors=0, acceptable=0.01) == 1
    values = [e_value(requests=100, errors=k, acceptable=0.01) for k in range(101)]
    assert values == sorted(values)
    assert values[0] < 1
    assert math.isfinite(e_value(requests=10**7, errors=10**7, acceptable=1e-6))


@given(st.integers(1, 400), st.floats(0.001, 0.5))
def test_the_mean_evidence_under_the_acceptable_share_is_at_most_one(
    requests: int, acceptable: float
) -> None:
    expected = sum(
        math.exp(
            math.lgamma(requests + 1)
            - math.lgamma(k + 1)
            - math.lgamma(requests - k + 1)
            + k * math.log(acceptable)
            + (requests - k) * math.log1p(-acceptable)
            + math.log(max(e_value(requests=requests, errors=k, acceptable=acceptable), 1e-320))
        )
        for k in range(requests + 1)
    )
    assert expected <= 1 + 1e-9


@given(st.integers(1, 300), st.integers(0, 300), st.floats(0.001, 0.999))
def test_the_chance_of_so_many_errors_is_the_binomial_sum(
    requests: int, errors: int, share: float
) -> None:
    exact = math.fsum(
        math.comb(requests, k) * share**k * (1 - share) ** (requests - k)
        for k in range(errors, requests + 1)
    )
    assert at_least(errors, requests=requests, share=share) == pytest.approx(exact, abs=1e-9)


@pytest.mark.parametrize(
    ("errors", "requests", "bound"),
    # No error: 1 - 0.05^(1/n), the "rule of three"; the others from the beta distribution.
    [(0, 100, 0.029513), (0, 300, 0.009936), (3, 100, 0.075715), (15, 3000, 0.007680)],
)
def test_the_upper_bound_is_that_of_clopper_and_pearson(
    errors: int, requests: int, bound: float
) -> None:
    found = upper_bound(requests=requests, errors=errors)
    assert found == pytest.approx(bound, rel=0.01)
    assert at_least(errors + 1, requests=requests, share=found) == pytest.approx(0.95, abs=1e-6)


def test_a_baseline_of_nothing_but_errors_accepts_at_most_half() -> None:
    assert acceptable_share(requests=10, errors=10, tolerance=0.02) == 0.5


def test_a_small_clean_baseline_lets_more_pass_than_a_large_one() -> None:
    small = acceptable_share(requests=50, errors=0, tolerance=0.0)
    large = acceptable_share(requests=5000, errors=0, tolerance=0.0)
    assert small > 10 * large


def test_the_smallest_regression_that_would_be_seen_shrinks_with_traffic() -> None:
    assert smallest_seen(requests=2, acceptable=0.02) is None
    seen = [smallest_seen(requests=n, acceptable=0.02) for n in (10, 30, 100, 1000, 10_000)]
    figures = [one for one in seen if one is not None]
    assert len(figures) == 5
    assert figures == sorted(figures, reverse=True)
    assert 0.02 < figures[-1] < 0.035


def test_what_is_promised_to_be_seen_is_seen_in_19_of_20_cases() -> None:
    share = smallest_seen(requests=500, acceptable=0.02)
    assert share is not None
    rng = chance(3)
    found = sum(first_alarm(rng, share, 0.02, requests=500) is not None for _ in range(RUNS))
    assert found >= 0.93 * RUNS
