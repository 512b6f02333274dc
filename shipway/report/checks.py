"""Checks as a person reads them: how each ended, and what cures it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.report.words import show, summary
from shipway.values.checks import CheckResult, Checks, Outcome, Verified

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shipway.report.terminal.terminal import Terminal

__all__ = ["count_outcomes", "show_checks"]

_MARK = {
    Outcome.PASSED: "ok",
    Outcome.WARNED: "warning",
    Outcome.FAILED: "FAILED",
    Outcome.NOT_CHECKED: "not checked",
}


@summary.register(Verified)
def _(proof: Verified) -> str:
    return count_outcomes(proof.results)


def count_outcomes(results: Iterable[CheckResult]) -> str:
    """Return how many checks ended how: `9 passed, 1 warning`."""
    ends = [one.outcome for one in results]
    words = [
        (Outcome.FAILED, "failed"),
        (Outcome.PASSED, "passed"),
        (Outcome.WARNED, "with a warning"),
        (Outcome.NOT_CHECKED, "not checked"),
    ]
    return ", ".join(f"{ends.count(one)} {word}" for one, word in words if one in ends)


@show.register(Verified | Checks)
def _(value: Verified | Checks, terminal: Terminal) -> None:
    show_checks(value.results, terminal)
    terminal.note("")
    terminal.note(count_outcomes(value.results))


def show_checks(results: Iterable[CheckResult], terminal: Terminal) -> None:
    """Write a line for each check; a cure stands below the line that wants it."""
    width = max((len(one.name) for one in results), default=0)
    for one in results:
        mark = _MARK[one.outcome]
        took = f" ({one.duration_ms:.0f} ms)" if one.duration_ms else ""
        terminal.note(f"{mark:<11} {one.name:<{min(width, 40)}}  {one.detail}{took}".rstrip())
        if one.cure and one.outcome is not Outcome.PASSED:
            for line in one.cure.split("\n"):
                terminal.note(f"{'':<11}   -> {line}")
