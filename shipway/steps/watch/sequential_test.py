"""The statistics of the log check: a test that may be looked at as often as one likes.

The test is an e-process. For a share of errors `p0` that is still acceptable and any share
`p1 > p0`, the likelihood ratio of the counts so far,

    (p1 / p0)^errors * ((1 - p1) / (1 - p0))^(requests - errors),

is a supermartingale whenever each request fails with a probability of at most `p0` given the past;
so is the mean of such ratios over several `p1`. By Ville's inequality the chance that it EVER
reaches 1/alpha is at most alpha, however often one looks and whenever one stops. References:
J. Ville, Étude critique de la notion de collectif (1939); M. Lindon and A. Malek, Anytime-Valid
Inference for Multinomial Count Data, NeurIPS 2022, arXiv:2011.03567; the use for deployments:
M. Lindon, C. Sanden, V. Shirikian, Rapid Regression Detection in Software Deployments through
Sequential Testing, KDD 2022, arXiv:2205.14762.

Requests are not independent in life: errors come in bursts. So failures have to fall into several
moments before they count as a regression, and the acceptable share is twice the upper 95%
confidence bound of the baseline (C. J. Clopper and E. S. Pearson, The use of confidence or fiducial
limits, Biometrika 26, 1934), and never below a tolerance that the team sets.
What that does to false alarms and to power is simulated in
tests/steps/watch/test_sequential_test.py; the figures stand in docs/verdicts.md.
"""

from __future__ import annotations

import math

__all__ = [
    "FEWEST_ERRORS",
    "FEWEST_MOMENTS",
    "SURE",
    "acceptable_share",
    "at_least",
    "e_value",
    "smallest_seen",
    "upper_bound",
]

SURE = 100.0
"""The e-value at which a regression counts as shown: at most 1 false alarm in 100 releases."""
FEWEST_ERRORS = 3
"""Fewer failures are never called bad, whatever the test says."""
FEWEST_MOMENTS = 3
"""Failures that fall into fewer moments than this are a burst: one hiccup, not a regression."""
_FACTOR = 2.0
_CONFIDENCE = 0.95
_POWER = 0.95
_TIMES = (2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
_SHARES = (0.3, 0.6, 0.9)
_HIGHEST_SHARE = 0.999


def acceptable_share(*, requests: int, errors: int, tolerance: float) -> float:
    """Return the share of errors that a baseline lets pass.

    Args:
        requests: of the baseline; 0 without one.
        errors: of these.
        tolerance: a share that is always let pass.
    """
    if requests <= 0:
        return min(max(tolerance, 1e-6), 0.5)
    bound = _FACTOR * upper_bound(requests=requests, errors=errors)
    return min(max(tolerance, bound, 1e-6), 0.5)


def e_value(*, requests: int, errors: int, acceptable: float) -> float:
    """Return the evidence against "at most the acceptable share fails"; 1 is none.

    Args:
        requests: seen so far.
        errors: of these.
        acceptable: a share strictly between 0 and 1.
    """
    worse = sorted(
        {
            share
            for share in (*(times * acceptable for times in _TIMES), *_SHARES)
            if acceptable < share <= _HIGHEST_SHARE
        }
    )
    logs = [
        errors * math.log(share / acceptable)
        + (requests - errors) * math.log((1 - share) / (1 - acceptable))
        for share in worse
    ]
    highest = max(logs)
    # The mean of the exponentials, without overflow on the way.
    mean = math.log(sum(math.exp(one - highest) for one in logs) / len(logs))
    return math.exp(min(highest + mean, 700.0))


def smallest_seen(*, requests: int, acceptable: float) -> float | None:
    """Return the smallest share of errors that would have been called bad in 95 of 100 cases.

    None when even a total outage would not have been: too few requests.
    """
    needed = _errors_needed(requests, acceptable)
    if needed is None:
        return None
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        if at_least(needed, requests=requests, share=middle) >= _POWER:
            high = middle
        else:
            low = middle
    return high


def _errors_needed(requests: int, acceptable: float) -> int | None:
    """Return the smallest number of errors among so many requests that shows a regression."""
    if requests < FEWEST_ERRORS or (
        e_value(requests=requests, errors=requests, acceptable=acceptable) < SURE
    ):
        return None
    low, high = FEWEST_ERRORS, requests
    while low < high:
        middle = (low + high) // 2
        if e_value(requests=requests, errors=middle, acceptable=acceptable) >= SURE:
            high = middle
        else:
            low = middle + 1
    return low


def upper_bound(*, requests: int, errors: int) -> float:
    """Return the one-sided 95% Clopper-Pearson upper bound of a share."""
    if errors >= requests:
        return 1.0
    low, high = errors / requests, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if at_least(errors + 1, requests=requests, share=middle) >= _CONFIDENCE:
            high = middle
        else:
            low = middle
    return high


def at_least(errors: int, *, requests: int, share: float) -> float:
    """Return the chance of `errors` or more among `requests` when each fails with `share`.

    It is the regularized incomplete beta function I_share(errors, requests - errors + 1), by
    Lentz's continued fraction (NIST Handbook of Mathematical Functions, 8.17.22).
    """
    if errors <= 0 or share >= 1:
        return 1.0
    if errors > requests or share <= 0:
        return 0.0
    a, b = float(errors), float(requests - errors + 1)
    front = math.exp(
        math.lgamma(a + b)
        - math.lgamma(a)
        - math.lgamma(b)
        + a * math.log(share)
        + b * math.log1p(-share)
    )
    # The fraction converges fast on this side of the mean only; the other side is its mirror.
    if share < (a + 1) / (a + b + 2):
        return front * _fraction(a, b, share) / a
    return 1.0 - front * _fraction(b, a, 1 - share) / b


def _fraction(a: float, b: float, x: float) -> float:
    tiny = 1e-300
    c, d = 1.0, 1.0 - (a + b) * x / (a + 1)
    d = 1.0 / (d if abs(d) > tiny else tiny)
    result = d
    for m in range(1, 10_000):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1.0 + term * d
            d = 1.0 / (d if abs(d) > tiny else tiny)
            c = 1.0 + term / c
            c = c if abs(c) > tiny else tiny
            result *= c * d
        if abs(c * d - 1.0) < 1e-13:  # noqa: PLR2004 - the last digits of a double
            break
    return result
