"""The database commands: status, migrate, verify, new, tables, shell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.commands.session import Answer
from shipway.edges.psql import open_psql
from shipway.errors import Failed
from shipway.migrations.files import new_files
from shipway.report.tables import TableList
from shipway.report.words import show
from shipway.steps.migrate import migrate as run_migrations
from shipway.steps.verify import ChecksFailed
from shipway.steps.verify import verify as run_checks
from shipway.values import Checks, NewMigration

if TYPE_CHECKING:
    from shipway.commands.session import Session

__all__ = ["migrate", "new", "shell", "status", "tables", "verify"]


def status(session: Session) -> Answer:
    """Show what is applied and what is pending; writes nothing."""
    return Answer(value=session.wiring.migration_plan())


def migrate(session: Session) -> Answer:
    """Apply what is pending, after a yes."""
    wiring = session.wiring
    plan = wiring.migration_plan()
    if session.asked.dry:
        return Answer(value=plan)
    if plan.pending:
        show(plan, session.terminal)
        session.confirm(f"Apply the {len(plan.pending)} pending to {wiring.place}?")
    with wiring.lock("db.migrate"), wiring.open_database() as database:
        done = run_migrations(
            plan,
            wiring.latest_backup(),
            database=database,
            limits=wiring.migration_limits,
            clock=wiring.clock,
            say=session.terminal,
        )
    return Answer(value=done)


def verify(session: Session) -> Answer:
    """Run every check; nothing is changed."""
    wiring = session.wiring
    try:
        verified = run_checks(
            wiring.expectations(),
            database=wiring.catalog,
            clock=wiring.clock,
            say=session.terminal,
        )
    except ChecksFailed as error:
        return Answer(value=Checks(results=error.results), error=error)
    return Answer(value=verified)


def new(session: Session, name: str) -> Answer:
    """Create the next migration's files."""
    settings = session.settings
    folder = settings.under_root(settings.migrations_dir)
    if session.asked.dry:
        session.terminal.note(f"Would create the next migration and its .down.sql in {folder}")
        return Answer()
    up, down = new_files(folder, name, now=session.wiring.clock.now())
    return Answer(value=NewMigration(path=up, down_path=down))


def tables(session: Session, name: str) -> Answer:
    """List the tables, or show one."""
    catalog = session.wiring.catalog
    if name:
        return Answer(value=catalog.describe_table(name))
    return Answer(value=TableList(tables=catalog.list_tables(session.settings.exposed_schemas)))


def shell(session: Session) -> Answer:
    """Hand the terminal to psql."""
    settings = session.settings
    if session.asked.dry:
        session.terminal.note(f"Would open psql on {session.wiring.place}")
        return Answer()
    code = open_psql(settings.database_url, timeout_s=settings.connect_timeout_s)
    if code == 0:
        return Answer()
    raise Failed(
        f"psql ended with {code}.",
        unchanged="What was typed into it stands; shipway itself changed nothing.",
        next_step="Read psql's own message above.",
    )
