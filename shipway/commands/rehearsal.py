"""The command db.rehearse."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.commands.asked import Answer
from shipway.commands.backup import take_now
from shipway.environment import github_actions
from shipway.migrations.order import applied_since
from shipway.report.github.actions import tell_seal
from shipway.schema.fingerprint import fingerprint
from shipway.steps.rehearse.rehearse import Beside
from shipway.steps.rehearse.rehearse import rehearse as run_rehearsal
from shipway.steps.verify.before import look_before
from shipway.values.backup import Backup

if TYPE_CHECKING:
    from shipway.commands.session import Session
    from shipway.values.migrations import MigrationPlan

__all__ = ["rehearse"]


def rehearse(session: Session, plan: MigrationPlan) -> Answer:
    """Rehearse the plan on the fresh backup that there is, or on one taken now."""
    wiring = session.wiring
    if session.asked.dry:
        session.terminal.note(f"Would rehearse on {wiring.backups.copies_on}")
        return Answer(value=plan)
    wiring.database.demand(writes=False)
    with wiring.database.lock("db.rehearse"):
        backup = wiring.backups.latest()
        if not isinstance(backup, Backup) or not _still_true(session, backup, plan):
            backup = take_now(session)
        expectations = wiring.database.expectations()
        seal = run_rehearsal(
            plan,
            backup,
            room=wiring.backups.room,
            expectations=expectations,
            limits=wiring.database.limits,
            clock=wiring.clock,
            say=session.terminal,
            beside=Beside(
                before=look_before(wiring.database.catalog, expectations),
                serving=wiring.backups.serving(),
                linter=wiring.backups.linter,
                traffic=wiring.database.traffic,
                means=wiring.database.means,
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
    since = applied_since(backup.manifest, plan.applied)
    if backup.manifest.ledger_version != newest or since:
        return False
    return fingerprint(session.wiring.database.catalog.snapshot()) == backup.manifest.fingerprint
