"""Judges what Supabase itself says of the project: its state, its services, its advisors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from shipway.values.checks import CheckResult, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shipway.values.backup import ServiceHealth, SupabaseProject
    from shipway.values.inspection import Advice

__all__ = ["advice_results", "health_results", "not_asked"]

_WELL: Final = "ACTIVE_HEALTHY"


def health_results(
    project: SupabaseProject, services: Sequence[ServiceHealth], *, readonly: bool
) -> Iterator[CheckResult]:
    """Yield how the project and its services are."""
    ill = [service for service in services if service.status != _WELL]
    if project.status != _WELL:
        yield _result(
            "project",
            Outcome.FAILED,
            f"its status is {project.status}",
            "Look at the project's dashboard; a paused project has to be restored first.",
        )
    for service in ill:
        yield _result(
            service.name,
            Outcome.FAILED,
            f"{service.status}{f': {service.error}' if service.error else ''}",
            "Look at https://status.supabase.com and at the project's logs.",
        )
    if readonly:
        yield _result(
            "read-only mode",
            Outcome.FAILED,
            "the database takes no writes: its disk is nearly full",
            "Free space or enlarge the disk (Database Settings of the dashboard).",
        )
    if not ill and project.status == _WELL and not readonly:
        yield _result(
            "services", Outcome.PASSED, f"the project and {len(services)} services are well"
        )


def advice_results(
    advice: Sequence[Advice], *, known: Sequence[str] | None
) -> Iterator[CheckResult]:
    """Yield the advisors' new findings, and one result for those that were there before.

    Args:
        advice: all that the advisors find now.
        known: keys of the findings when the database last passed; None when that is not known:
            then all were there before we looked, and none is new.
    """
    before = {one.key for one in advice} if known is None else set(known)
    for one in advice:
        if not one.available:
            yield _result(one.name, Outcome.NOT_CHECKED, one.detail, one.remedy)
    advice = [one for one in advice if one.available]
    for one in advice:
        if one.key not in before:
            serious = one.level.upper() != "INFO"
            yield _result(
                one.name,
                Outcome.FAILED if serious else Outcome.WARNED,
                f"new since it last passed: {one.detail}",
                one.remedy,
            )
    old = sum(one.key in before for one in advice)
    yield _result(
        "advisors",
        Outcome.WARNED if old else Outcome.PASSED,
        "no finding"
        if not old
        else f"{old} finding{' that was' if old == 1 else 's that were'} there before",
        "See Advisors in the dashboard." if old else "",
    )


def not_asked(reason: str, cure: str) -> CheckResult:
    """Return the result that says why the platform was not asked."""
    return _result("platform", Outcome.NOT_CHECKED, reason, cure)


def _result(name: str, outcome: Outcome, detail: str, cure: str = "") -> CheckResult:
    return CheckResult(group="platform", name=name, outcome=outcome, detail=detail, cure=cure)
