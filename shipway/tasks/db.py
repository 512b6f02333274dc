"""`db`: the migrations of a database, what became of them, and a look inside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.tasks.shape import Commands

if TYPE_CHECKING:
    from shipway.tasks.shape import Work

__all__ = ["tasks"]

tasks = Commands("db")


@tasks.command("status", check="end with exit code 3 when something is pending")
def status(check: bool = False) -> Work:
    """Show which migrations are applied and which are pending."""
    from shipway.commands import migrate as commands

    return lambda session: commands.status(session, check=check)


@tasks.command(
    "migrate",
    yes=True,
    transaction="file: one transaction for each; all: one for the whole run",
)
def migrate(phase: str = "expand", transaction: str = "file", without_rehearsal: str = "") -> Work:
    """Apply the pending migrations, one transaction a file."""
    from shipway.commands import migrate as commands

    return lambda session: commands.migrate(
        session, phase=phase, transaction=transaction, without_rehearsal=without_rehearsal
    )


@tasks.command("rehearse")
def rehearse(phase: str = "expand") -> Work:
    """Run the pending migrations on a restored copy of the backup, and seal what it proves."""
    from shipway.commands import migrate as commands

    return lambda session: commands.rehearse(session, phase=phase)


@tasks.command(
    "rollback",
    yes=True,
    steps="how many of the newest to undo (default: 1)",
    to="undo everything above this version instead; 0 undoes all",
)
def rollback(steps: str = "", to: str = "") -> Work:
    """Run the newest migrations' .down.sql, after saying what data they destroy."""
    from shipway.commands import ledger as commands

    return lambda session: commands.rollback(session, steps=steps, to=to)


@tasks.command(
    "adopt",
    yes=True,
    source="the tool whose history counts, when several have left one",
    up_to="record every file up to this version, whatever any history says",
    accept="make the ledger agree with the file of this version, edited or renamed",
    forget="take this version, whose file was deleted, out of the ledger",
    schema="take the schema that is there for the expected one, with all that db.diff tells of it",
)
def adopt(
    source: str = "", up_to: str = "", accept: str = "", forget: str = "", schema: bool = False
) -> Work:
    """Take over another tool's history into the ledger, without running anything."""
    from shipway.commands import ledger as commands

    return lambda session: commands.adopt(
        session, source=source, up_to=up_to, accept=accept, forget=forget, schema=schema
    )


@tasks.command(
    "restore",
    yes=True,
    backup="id of the backup, as backup.list shows it",
    into="embedded (made for it where rehearse_on says, and gone again), or the name of a target",
)
def restore(backup: str, into: str = "embedded") -> Work:
    """Bring a backup back, timed, and prove that everything is there again."""
    from shipway.commands import restore as commands

    return lambda session: commands.restore(session, backup, into)


@tasks.command(
    "verify",
    only="groups of checks, with commas: schema, access, queries, data, platform (default: all)",
    write="write checks/access.toml from what is there now, for review, and check nothing",
)
def verify(only: str = "", write: bool = False) -> Work:
    """Check that schema, access, queries and data are what the project promises."""
    from shipway.commands import database as commands

    return lambda session: commands.verify(session, only, write=write)


@tasks.command("diff")
def diff() -> Work:
    """Show what was changed by hand: the schema against what its migrations make."""
    from shipway.commands import database as commands

    return commands.diff


@tasks.command("new", name="what the migration does, in a few words, for example add_invoices")
def new(name: str) -> Work:
    """Create the next numbered migration and its .down.sql."""
    from shipway.commands import database as commands

    return lambda session: commands.new(session, name)


@tasks.command("tables", name="one table, as schema.table or table (default: list all)")
def tables(name: str = "") -> Work:
    r"""List the tables, or show one in full, as psql's \dt and \d do."""
    from shipway.commands import database as commands

    return lambda session: commands.tables(session, name)


@tasks.command("shell", format_=False)
def shell() -> Work:
    """Open psql on the target; the installed one, else the embedded one."""
    from shipway.commands import database as commands

    return commands.shell
