"""The deployment commands: deploy, logs."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from shipway.commands.asked import Answer
from shipway.errors import Misconfigured, Refused, Stopped
from shipway.release import new_release_id
from shipway.report.checks import show_checks
from shipway.steps.deploy.deploy import deploy as run_deployment
from shipway.steps.deploy.side_by_side import compare
from shipway.steps.deploy.sources import describe
from shipway.steps.verify.verify import verify
from shipway.steps.watch.past_window import look_back
from shipway.steps.watch.verdict import line_of, refuse_bad, weigh_silence
from shipway.steps.watch.watch import watch
from shipway.values.basics import Unproven
from shipway.values.checks import Outcome, Verified

if TYPE_CHECKING:
    from shipway.commands.session import Session
    from shipway.steps.deploy.plan import DeployPlan
    from shipway.steps.watch.plan import WatchPlan
    from shipway.values.hosting import Deployment
    from shipway.values.logs import LogRow, Watched

__all__ = ["deploy", "logs", "tail"]

_DURATION = re.compile(r"(\d+(?:\.\d+)?)([smhd]?)")
_UNITS_S = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SHOWN_AT_THE_END = 999
"""Rows that the JSON document of `logs.tail` holds at most."""


def deploy(session: Session, *, side_by_side: bool) -> Answer:
    """Put the app live, after a yes.

    Args:
        session: the command's.
        side_by_side: compare the new deployment with production before it is promoted; where
            they differ, ask again.
    """
    wiring = session.wiring
    proof = _proof(session)
    version = proof.ledger_version if isinstance(proof, Verified) else None
    plan = wiring.hosting.deploy_plan(new_release_id(wiring.clock.now()), version)
    if session.asked.dry:
        return Answer(value=plan)
    session.confirm(f"Deploy {describe(plan.source)} to {plan.project_name}, production?")
    return Answer(
        value=run_deployment(
            plan,
            proof,
            wiring.hosting.deploy_powers(plan.release_id, session.terminal),
            when_staged=(lambda staged: _compare(session, plan, staged)) if side_by_side else None,
        )
    )


def _compare(session: Session, plan: DeployPlan, staged: Deployment) -> None:
    """Show where the new deployment differs from production, and ask when it does."""
    if plan.previous_id is None or not plan.production_urls:
        session.terminal.note("nothing serves production yet: there is nothing to compare with")
        return
    with session.terminal.part("compare"):
        results = compare(
            plan.production_urls[0], staged.url, plan.pages, web=session.wiring.hosting.web
        )
        show_checks(results, session.terminal)
    if any(one.outcome is not Outcome.PASSED for one in results):
        session.confirm(f"They differ. Go on with {staged.deployment_id}?")


def _proof(session: Session) -> Verified | Unproven:
    """Return the proof that the database fits: made now, since looking costs a second."""
    wiring = session.wiring
    if session.settings.database_url is None:
        return Unproven(
            missing="The database was not verified: DATABASE_URL is not set.",
            command="invoke db.verify",
        )
    with session.terminal.part("verify"):
        return verify(
            wiring.database.expectations(),
            database=wiring.database.catalog,
            clock=wiring.clock,
            say=session.terminal,
            means=wiring.database.means,
        )


def logs(session: Session, deployment: str, window: str, since: str) -> Answer:
    """Watch a deployment's logs, or look back on them, and give a verdict."""
    if window and since:
        raise Misconfigured(
            "--window watches what comes and --since judges what was: only one of them is meant.",
            unchanged="Nothing was contacted and nothing was changed.",
            next_step="Leave one of them out.",
        )
    wiring, settings = session.wiring, session.settings
    seconds = _seconds(since or window) if since or window else settings.watch_window_s
    hosting = wiring.hosting.vercel.hosting()
    wanted = deployment or hosting.production_id
    if wanted is None:
        raise Refused(
            "Nothing serves production, so there is no log to watch.",
            unchanged="Nothing was changed.",
            next_step="Deploy first: invoke deploy; or name one: invoke logs --deployment ID",
        )
    found = wiring.hosting.vercel.get(wanted)
    live = found.deployment_id == hosting.production_id and bool(hosting.production_urls)
    url = hosting.production_urls[0] if live else found.url
    plan = replace(
        wiring.hosting.watch_plan(found.deployment_id, url, seconds),
        shows_rows=settings.show_rows or session.terminal.for_a_person,
    )
    if session.asked.dry:
        return Answer(value=plan)
    watched = _look_back(session, plan) if since else _watch(session, plan)
    try:
        refuse_bad(watched, next_step="Look at the lines above, mend the app, and release again.")
        if not since:
            # What was looked back on may have been learned when it happened.
            wiring.hosting.log_memory.learn(watched)
        weigh_silence(watched, fails=plan.not_enough_fails, say=session.terminal)
    except Stopped as error:
        return Answer(value=watched, error=error)
    return Answer(value=watched)


def _watch(session: Session, plan: WatchPlan) -> Watched:
    wiring = session.wiring
    return watch(plan, wiring.hosting.logs, wiring.hosting.watch_powers(session.terminal))


def _look_back(session: Session, plan: WatchPlan) -> Watched:
    wiring = session.wiring
    return look_back(plan, wiring.hosting.history, wiring.hosting.watch_powers(session.terminal))


def tail(session: Session, deployment: str, window: str) -> Answer:
    """Show a deployment's log rows as they come, until Ctrl-C or the time is over."""
    wiring, terminal = session.wiring, session.terminal
    wanted = deployment or wiring.hosting.vercel.hosting().production_id
    if wanted is None:
        raise Refused(
            "Nothing serves production, so there is no log to follow.",
            unchanged="Nothing was changed.",
            next_step="Name a deployment: invoke logs.tail --deployment ID",
        )
    found = wiring.hosting.vercel.get(wanted)
    clock = wiring.clock
    ends = clock.monotonic() + (_seconds(window) if window else float("inf"))
    rows: list[LogRow] = []
    try:
        with wiring.hosting.logs.open(found.deployment_id) as followed:
            while (left := ends - clock.monotonic()) > 0:
                for row in followed.take(min(left, 1.0)):
                    terminal.note(line_of(row))
                    rows = [*rows[-_SHOWN_AT_THE_END:], row]
                if followed.hopeless:
                    raise Refused(
                        f"The log of {found.deployment_id} cannot be read: {followed.unseen()}.",
                        unchanged="Nothing was changed.",
                        next_step="Check the token's rights and the deployment's id.",
                    )
    except KeyboardInterrupt:
        # The way in which a person ends it.
        terminal.note("")
    return Answer(value=tuple(rows) if session.asked.format == "json" else None)


def _seconds(text: str) -> float:
    """Return a duration in seconds: `90`, `90s`, `30m`, `2h`, `1d`."""
    found = _DURATION.fullmatch(text.strip())
    seconds = float(found[1]) * _UNITS_S[found[2] or "s"] if found else 0.0
    if not 0 < seconds < float("inf"):
        raise Misconfigured(
            f"'{text}' is no length of time.",
            unchanged="Nothing was contacted and nothing was changed.",
            next_step="Write for example 60 (seconds), 30m, 2h or 1d.",
        )
    return seconds
