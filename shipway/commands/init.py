"""The command init: looks at the project, shows what it would write, asks, and writes it."""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from shipway.commands.asked import Answer
from shipway.commands.derived_checks import plan_checks, write_checks
from shipway.environment import target_files
from shipway.errors import Stopped
from shipway.report.words import show
from shipway.starter.looking import look_at
from shipway.starter.next_steps import next_steps
from shipway.starter.planning import plan_start
from shipway.starter.writing import write_start
from shipway.values.starting import Started

if TYPE_CHECKING:
    from shipway.commands.session import Session

__all__ = ["init"]

_SANDBOX = "sandbox"


def init(session: Session) -> Answer:
    """Write what the project lacks; the database is only looked at."""
    root = session.settings.root
    plan = plan_start(look_at(root))
    if session.settings.database_url is not None:
        plan = replace(plan, derived=plan_checks(session, again=False))
    if session.asked.dry:
        return Answer(value=plan)
    show(plan, session.terminal)
    if plan.written or plan.derived:
        session.confirm(f"Write this into {root}?")
    written = write_start(plan, say=session.terminal)
    derived = _derive(session, plan.derived)
    steps = next_steps(
        plan.found,
        asked=session.settings.target,
        targets=[name for name in target_files(root) if name != _SANDBOX],
        installed=_is_installed(),
        history=_history(session),
        derived=session.settings.database_url is not None and derived == plan.derived,
    )
    return Answer(value=Started(written=(*written, *derived), next_steps=steps))


def _is_installed() -> bool:
    """Return whether `invoke` can be called after this command, too."""
    # `uvx` and `pipx run` put it on PATH for this command alone, from an environment in a cache.
    lent = any("cache" in part.lower() for part in Path(sys.prefix).parts)
    return shutil.which("invoke") is not None and not lent


def _derive(session: Session, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the files that were made from the database; one that is not there stops nothing."""
    if not names:
        return ()
    try:
        write_checks(session, names)
    except Stopped as error:
        session.terminal.warn(f"{', '.join(names)} could not be written: {error.what}")
        return ()
    return names


def _history(session: Session) -> str:
    """Return whose history the database holds, while it has no ledger of ours."""
    if session.settings.database_url is None:
        return ""
    try:
        with session.wiring.database.open() as database:
            state = database.look()
        told = [one.tool for one in state.histories if one.entries]
        return "" if state.applied else " and ".join(told)
    except Stopped:
        return ""  # That it cannot be asked is said already.
