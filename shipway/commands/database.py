"""The database commands: verify, diff, new, tables, shell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.commands.asked import Answer
from shipway.commands.derived_checks import plan_checks, write_checks
from shipway.edges.client_tools.psql import open_psql
from shipway.errors import Failed
from shipway.migrations.creation import create_files, next_files
from shipway.report.tables import TableList
from shipway.steps.verify.before import earlier_of
from shipway.steps.verify.drift import drift, drift_error
from shipway.steps.verify.verify import ChecksFailed
from shipway.steps.verify.verify import verify as run_checks
from shipway.values.backup import Backup
from shipway.values.migrations import NewMigration

if TYPE_CHECKING:
    from shipway.commands.session import Session

__all__ = ["diff", "new", "shell", "tables", "verify"]


def verify(session: Session, only: str, *, write: bool) -> Answer:
    """Run every check, or those of some groups; the target is not changed.

    With `write`, expectations are made from what is there instead, for review.
    """
    if write:
        return _write(session)
    wiring = session.wiring
    wiring.database.demand(writes=False)
    backup, means = wiring.backups.latest(), wiring.database.means
    applied = wiring.database.catalog.ledger().applied
    try:
        verified = run_checks(
            wiring.database.expectations(),
            database=wiring.database.catalog,
            clock=wiring.clock,
            say=session.terminal,
            means=means,
            earlier=earlier_of(backup.manifest, means.files, applied)
            if isinstance(backup, Backup)
            else None,
            only=[name.strip() for name in only.split(",") if name.strip()],
        )
    except ChecksFailed as error:
        return Answer(value=error.checks, error=error)
    return Answer(value=verified)


def _write(session: Session) -> Answer:
    names = plan_checks(session, again=True)
    if session.asked.dry:
        session.terminal.note(f"Would write from what is there now: {', '.join(names)}")
    else:
        write_checks(session, names)
    return Answer()


def diff(session: Session) -> Answer:
    """Show how the target's schema differs from what its migrations make; nothing is changed."""
    wiring = session.wiring
    told = drift(wiring.database.catalog, means=wiring.database.means)
    if not told.differences:
        return Answer(value=told)
    return Answer(
        value=told, error=drift_error(told, adopt_schema=wiring.database.means.adopt_schema)
    )


def new(session: Session, name: str) -> Answer:
    """Create the next migration's files."""
    settings = session.settings
    folder = settings.under_root(settings.migrations_dir)
    files = next_files(folder, name, now=session.wiring.clock.now())
    if session.asked.dry:
        session.terminal.note(f"Would create {files.up} and {files.down}")
        return Answer()
    create_files(files)
    return Answer(value=NewMigration(path=files.up, down_path=files.down))


def tables(session: Session, name: str) -> Answer:
    """List the tables, or show one."""
    catalog = session.wiring.database.catalog
    if name:
        return Answer(value=catalog.describe_table(name))
    return Answer(value=TableList(tables=catalog.list_tables(session.settings.exposed_schemas)))


def shell(session: Session) -> Answer:
    """Hand the terminal to psql."""
    settings = session.settings
    if session.asked.dry:
        session.terminal.note(f"Would open psql on {session.wiring.database.place}")
        return Answer()
    code = open_psql(session.wiring.database.url, timeout_s=settings.connect_timeout_s)
    if code == 0:
        return Answer()
    raise Failed(
        f"psql ended with {code}.",
        unchanged="What was typed into it stands; shipway itself changed nothing.",
        next_step="Read psql's own message above.",
    )
