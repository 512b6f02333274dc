"""What db.migrate asks of rehearsals: the seal that it is held to, before it runs and after."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from shipway.errors import Refused
from shipway.values.rehearsal import Seal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shipway.commands.session import Session
    from shipway.values.basics import Unproven
    from shipway.values.migrations import MigrationPlan

__all__ = ["hold_to", "required_seal"]


@contextmanager
def hold_to(seal: Seal | None, plan: MigrationPlan, session: Session) -> Iterator[None]:
    """Run the block only on the base that was rehearsed on, and demand the rehearsed result."""
    if seal is None:
        yield
        return
    from shipway.steps.seal.check import refuse_another_base, refuse_another_result

    wiring = session.wiring
    looker, folder, say = wiring.database.catalog, wiring.backups.folder, session.terminal
    refuse_another_base(seal, plan, looker=looker, folder=folder, say=say)
    yield
    refuse_another_result(seal, looker=looker, folder=folder, say=say)


def required_seal(session: Session, plan: MigrationPlan, without: str) -> Seal | None:
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
        from shipway.steps.journal.journal import FileCopy, Journal

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
