"""The verdict of a watch as a value, and what follows from it for the command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.errors import LogsBad, LogsSilent
from shipway.steps.watch.error_fingerprint import without_particulars
from shipway.values.logs import Verdict, Watched

if TYPE_CHECKING:
    from shipway.steps.watch.counts import Tally
    from shipway.steps.watch.plan import WatchPlan
    from shipway.values.basics import Say
    from shipway.values.logs import LogRow

__all__ = ["as_watched", "line_of", "refuse_bad", "weigh_silence"]


def as_watched(tally: Tally, plan: WatchPlan, *, took_s: float, unseen: str) -> Watched:
    """Return the verdict with its numbers.

    Args:
        tally: what was counted.
        plan: what was to be watched.
        took_s: that was watched, seconds.
        unseen: what could not be seen; told with the reason.
    """
    judged = tally.judged(window_s=plan.window_s)
    blind = f" Not everything was seen: {unseen}." if unseen else ""
    measure, database = tally.measure, tally.database
    worst = (*tally.worst, *database.worst)
    return Watched(
        verdict=judged.verdict,
        reason=f"{judged.reason}{blind}",
        deployment_id=plan.deployment_id,
        window_s=round(took_s, 3),
        requests=tally.requests,
        errors=tally.errors,
        probes=tally.probes,
        probes_failed=tally.probes_failed,
        worst=worst if plan.shows_rows else tuple(map(without_particulars, worst)),
        baseline=measure.baseline,
        e_value=tally.e_value,
        acceptable_share=measure.acceptable,
        smallest_seen=tally.smallest_seen,
        fingerprints=tuple(tally.kinds),
        new_errors=(*tally.new_kinds, *database.kinds),
        database_errors=database.errors,
        unseen=unseen,
        samples=tuple(tally.samples),
    )


def refuse_bad(watched: Watched, *, next_step: str) -> None:
    """Raise when the verdict is BAD.

    Raises:
        LogsBad: with the worst lines.
    """
    if watched.verdict is not Verdict.BAD:
        return
    raise LogsBad(
        "\n".join(
            [
                f"The logs of {watched.deployment_id} are BAD: {watched.reason}",
                *(f"  {line_of(row)}" for row in watched.worst),
            ]
        ),
        unchanged=f"{watched.deployment_id} is live. Nothing was changed by watching it.",
        next_step=next_step,
    )


def line_of(row: LogRow) -> str:
    """Return a row of the log as one line."""
    first_line = row.message.strip().split("\n", 1)[0][:200]
    parts = (row.at.strftime("%H:%M:%S"), row.level, str(row.status or ""), row.path or "")
    return " ".join(part for part in (*parts, first_line) if part)


def weigh_silence(watched: Watched, *, fails: bool, say: Say) -> None:
    """Say loudly that NOT ENOUGH EVIDENCE was seen, or raise when that is a failure.

    Raises:
        LogsSilent: the verdict is that one, and it `fails`.
    """
    if watched.verdict is not Verdict.NOT_ENOUGH_EVIDENCE:
        return
    what = f"The logs of {watched.deployment_id} show {watched.verdict}: {watched.reason}"
    if not fails:
        say.warn(f"{what} Nothing is known to be bad, and nothing is shown to be good.")
        return
    raise LogsSilent(
        what,
        unchanged=f"{watched.deployment_id} is live, and nothing in it is known to be bad; it was "
        "not rolled back.",
        next_step="Watch on when there are visitors: invoke logs. The settings watch_window_s and "
        'watch_min_requests say how much is enough; watch_not_enough = "finish" lets it pass.',
    )
