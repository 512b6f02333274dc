"""The commands that bring a backup back: db.rehearse and db.restore."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from shipway.commands.backup import directory_of, taken
from shipway.commands.session import Answer
from shipway.edges import postgres
from shipway.environment import load
from shipway.errors import Refused
from shipway.journal import Journal
from shipway.schema.fingerprint import fingerprint
from shipway.steps.rehearse import rehearse as run_rehearsal
from shipway.steps.restore import restore as run_restore
from shipway.steps.sealed import refuse_another_base, refuse_another_result
from shipway.values import Backup, Seal, Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from shipway.commands.session import Session
    from shipway.steps.brought_back import Copy
    from shipway.values import MigrationPlan, Unproven

__all__ = ["EMBEDDED", "held_to", "rehearse", "restore", "wanted_seal"]

EMBEDDED = "embedded"


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
            serving=wiring.backups.serving(),
            linter=wiring.backups.linter,
            key=wiring.settings.backup_signing_key,
        )
    return Answer(value=seal)


def _still_true(session: Session, backup: Backup, plan: MigrationPlan) -> bool:
    """Tell whether it can be read, and still is what the target holds, as its schema tells."""
    if not session.wiring.backups.archives.readable(backup.archive):
        return False
    newest = max((row.version for row in plan.applied), default=0)
    if backup.manifest.ledger_version != newest:
        return False
    return fingerprint(session.wiring.database.catalog.snapshot()) == backup.manifest.fingerprint


def restore(session: Session, backup_id: str, into: str) -> Answer:
    """Bring a backup back: into a server that is made for it and goes again, or into a target."""
    wiring, say = session.wiring, session.terminal
    directory = directory_of(session, backup_id)
    if session.asked.dry:
        say.note(f"Would restore {directory.name} into {into}")
        return Answer()
    if into == EMBEDDED:
        place = "a server of its own, which is gone again"
        open_copy: Callable[[Backup], AbstractContextManager[Copy]] = wiring.backups.room.copy_of
    else:
        other = load(into, root=session.settings.root)
        url = other.database_url or Secret("")
        place = postgres.place_of(url)
        _confirm_place(session, into, place, local=postgres.is_local(url))
        open_copy = partial(wiring.backups.room.filled, url=url)
    done = run_restore(
        directory,
        place=place,
        open_copy=open_copy,
        lister=wiring.backups.archives,
        clock=wiring.clock,
        say=say,
        key=session.settings.backup_signing_key,
    )
    return Answer(value=done)


def _confirm_place(session: Session, into: str, place: str, *, local: bool) -> None:
    """Ask for a yes; for a database elsewhere, for its name, which --yes does not replace."""
    if local and into not in session.settings.protected_targets:
        session.confirm(f"Restore into {into} ({place})?")
        return
    terminal = session.terminal
    said = terminal.ask(f"Type {into} to restore into {place}:") if terminal.can_ask else ""
    if said != into:
        raise Refused(
            f"{into} ({place}) is protected, and its name was not typed.",
            unchanged="Nothing was restored.",
            next_step="Run it at a terminal and type the target's name when asked.",
        )


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
        journal = Journal(wiring.state / "migrations.jsonl", wiring.clock)
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
