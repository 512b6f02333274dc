"""The command db.rehearse, and what db.migrate asks of rehearsals."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from shipway.commands.backup import taken
from shipway.commands.session import Answer
from shipway.environment import github_actions
from shipway.errors import Refused
from shipway.journal import FileCopy, Journal
from shipway.report.actions import tell_seal
from shipway.schema.fingerprint import fingerprint
from shipway.steps.rehearse import Beside
from shipway.steps.rehearse import rehearse as run_rehearsal
from shipway.steps.sealed import refuse_another_base, refuse_another_result
from shipway.values import Backup, Seal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shipway.commands.session import Session
    from shipway.values import MigrationPlan, Unproven

__all__ = ["held_to", "rehearse", "wanted_seal"]


def rehearse(session: Session, plan: MigrationPlan) -> Answer:
    """Rehearse the plan on the fresh backup that there is, or on one taken now."""
    wiring = session.wiring
    if session.asked.dry:
        return Answer(value=plan)
    with wiring.database.lock("db.rehearse"):
        backup = wiring.backups.latest()
        if not isinstance(backup, Backup) or not _still_true(session, backup, plan):
            backup = taken(session)
        seal = run_rehearsal(
            plan,
            backup,
            room=wiring.backups.room,
            expectations=wiring.database.expectations(),
            limits=wiring.database.limits,
            clock=wiring.clock,
            say=session.terminal,
            beside=Beside(
                serving=wiring.backups.serving(),
                linter=wiring.backups.linter,
                traffic=wiring.database.traffic,
            ),
            key=wiring.settings.backup_signing_key,
        )
    tell_seal(seal, plan.pending, github_actions(), session.terminal)
    return Answer(value=seal)


def _still_true(session: Session, backup: Backup, plan: MigrationPlan) -> bool:
    """Tell whether it can be read, and still is what the target holds, as its schema tells."""
    if not session.wiring.backups.archives.readable(backup.archive):
        return False
    newest = max((row.version for row in plan.applied), default=0)
    if backup.manifest.ledger_version != newest:
        return False
    return fingerprint(session.wiring.database.catalog.snapshot()) == backup.manifest.fingerprint


@contextmanager
def held_to(seal: Seal | None, plan: MigrationPlan, session: Session) -> Iterator[None]:
    """Run the block only on the base that was rehearsed on, and demand the rehearsed result."""
    if seal is None:
        yield
        return
    wiring = session.wiring
    looker, folder, say = wiring.database.catalog, wiring.backups.folder, session.terminal
    refuse_another_base(seal, plan, looker=looker, folder=folder, say=say)
    yield
    refuse_another_result(seal, looker=looker, folder=folder, say=say)


def wanted_seal(session: Session, plan: MigrationPlan, without: str) -> Seal | None:
    """Return the seal that the plan is held to; None where none is wanted.

    Args:
        session: of the command.
        plan: what is about to run.
        without: the operator's reason to do without; empty for none.

    Raises:
        Refused: the target is protected and there is no fresh rehearsal of these files.
    """
    wiring = session.wiring
    if without and plan.pending and not session.asked.dry:
        labels = [one.label for one in plan.pending]
        journal = Journal([FileCopy(wiring.state / "migrations.jsonl")], wiring.clock)
        journal.write("intent", "db.migrate", {"without_rehearsal": without, "pending": labels})
    found: Seal | Unproven = wiring.backups.latest_seal(plan)
    if isinstance(found, Seal):
        return None if without else found
    if not plan.pending or not wiring.database.protected:
        return None
    if without:
        session.terminal.warn(f"not rehearsed: {without}")
        return None
    missing = found.missing.removeprefix("a ")
    raise Refused(
        f"{session.settings.target} is protected, and there is no {missing}.",
        unchanged="Nothing was run; the database is as it was.",
        next_step=f"Rehearse first: {found.command}. Or say why not: --without-rehearsal REASON",
    )
