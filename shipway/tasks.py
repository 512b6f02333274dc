"""Invoke's side: names, help and arguments of the tasks; what they do is in `shipway.commands`.

Only Invoke and the standard library are imported at the top: `invoke --list` stays fast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from invoke.collection import Collection
from invoke.exceptions import Exit
from invoke.tasks import task

if TYPE_CHECKING:
    from collections.abc import Callable

    from invoke.context import Context

    from shipway.commands.session import Answer, Session

__all__ = ["namespace"]

_HELP = {
    "target": "environment to work on: reads .env.NAME (else SHIPWAY_TARGET, else the plain .env)",
    "format_": "text, or json: one JSON document on stdout and everything else on stderr",
    "yes": "ask no questions",
    "without_rehearsal": "why the migrations are not tried on a copy first; kept in the record",
}


def _command(name: str, /, *, default: bool = False, **helps: str) -> Callable[[Any], Any]:
    """Declare a task. Short flags would move whenever a parameter is added, so there are none."""

    def declare(body: Any) -> Any:
        known = {**_HELP, **helps}
        wanted = body.__code__.co_varnames[1 : body.__code__.co_argcount]
        return task(
            name=name,
            default=default,
            auto_shortflags=False,
            help={parameter: known[parameter] for parameter in wanted},
        )(body)

    return declare


def _run(  # noqa: PLR0913 - the flags that every command knows
    c: Context,
    command: str,
    work: Callable[[Session], Answer],
    *,
    target: str | None = None,
    format_: str = "text",
    yes: bool = False,
) -> None:
    """Run a command and end the process with its exit code."""
    from shipway.commands.session import Asked, run

    asked = Asked(
        command=command, target=target, format=format_, dry=bool(c.config.run.dry), yes=yes
    )
    code = run(asked, work)
    if code:
        raise Exit(code=code)


# --- release ---------------------------------------------------------------------------------


@_command("run", default=True)
def release(
    c: Context,
    without_rehearsal: str = "",
    target: str = "",
    format_: str = "text",
    yes: bool = False,
) -> None:
    """Back up, rehearse, migrate, verify, deploy and watch the logs, in that order."""
    from shipway.commands import release as commands

    _run(
        c,
        "release",
        lambda session: commands.release(session, without_rehearsal=without_rehearsal),
        target=target,
        format_=format_,
        yes=yes,
    )


@_command("doctor")
def doctor(c: Context, target: str = "", format_: str = "text") -> None:
    """Check every precondition of a release; say what is wrong and how to mend it."""
    from shipway.commands import release as commands

    _run(c, "doctor", commands.doctor, target=target, format_=format_)


# --- backup ----------------------------------------------------------------------------------


@_command("take", default=True)
def backup(c: Context, target: str = "", format_: str = "text") -> None:
    """Dump the database with a manifest; upload it when a bucket is set."""
    from shipway.commands import backup as commands

    _run(c, "backup", commands.take, target=target, format_=format_)


@_command("list")
def backup_list(c: Context, target: str = "", format_: str = "text") -> None:
    """List the target's backups on this machine, each with its proof grade."""
    from shipway.commands import backup as commands

    _run(c, "backup.list", commands.listed, target=target, format_=format_)


@_command("verify", backup="id of the backup, as backup.list shows it (default: the newest)")
def backup_verify(c: Context, backup: str = "", target: str = "", format_: str = "text") -> None:
    """Check a backup's archive against its manifest."""
    from shipway.commands import backup as commands

    _run(
        c,
        "backup.verify",
        lambda session: commands.verified(session, backup),
        target=target,
        format_=format_,
    )


@_command(
    "keep",
    backup="id of the backup, as backup.list shows it (default: the newest)",
    reason="why; it is shown by backup.prune",
)
def backup_keep(
    c: Context,
    backup: str = "",
    reason: str = "asked for",
    target: str = "",
    format_: str = "text",
) -> None:
    """Mark a backup so that backup.prune never deletes it."""
    from shipway.commands import backup as commands

    _run(
        c,
        "backup.keep",
        lambda session: commands.kept(session, backup, reason),
        target=target,
        format_=format_,
    )


@_command("prune")
def backup_prune(c: Context, target: str = "", format_: str = "text", yes: bool = False) -> None:
    """Delete backups on this machine that the retention settings no longer keep."""
    from shipway.commands import backup as commands

    _run(c, "backup.prune", commands.pruned, target=target, format_=format_, yes=yes)


# --- database --------------------------------------------------------------------------------


@_command("status", check="end with exit code 3 when something is pending")
def status(c: Context, check: bool = False, target: str = "", format_: str = "text") -> None:
    """Show which migrations are applied and which are pending."""
    from shipway.commands import migrations as commands

    _run(
        c,
        "db.status",
        lambda session: commands.status(session, check=check),
        target=target,
        format_=format_,
    )


@_command(
    "migrate",
    phase="expand (before the new code is live), or contract (after the old code is gone)",
    transaction="file: one transaction for each; all: one for the whole run",
)
def migrate(  # noqa: PLR0913, PLR0917 - its flags
    c: Context,
    phase: str = "expand",
    transaction: str = "file",
    without_rehearsal: str = "",
    target: str = "",
    format_: str = "text",
    yes: bool = False,
) -> None:
    """Apply the pending migrations, one transaction a file."""
    from shipway.commands import migrations as commands

    _run(
        c,
        "db.migrate",
        lambda session: commands.migrate(
            session,
            phase=phase,
            transaction=transaction,
            without_rehearsal=without_rehearsal,
        ),
        target=target,
        format_=format_,
        yes=yes,
    )


@_command(
    "restore",
    backup="id of the backup, as backup.list shows it",
    into="embedded (a server made for it that goes again), or the name of a target that is empty",
)
def restore(  # noqa: PLR0913, PLR0917 - its flags
    c: Context,
    backup: str,
    into: str = "embedded",
    target: str = "",
    format_: str = "text",
    yes: bool = False,
) -> None:
    """Bring a backup back, timed, and prove that everything is there again."""
    from shipway.commands import rehearsal as commands

    _run(
        c,
        "db.restore",
        lambda session: commands.restore(session, backup, into),
        target=target,
        format_=format_,
        yes=yes,
    )


@_command(
    "rehearse",
    phase="expand (before the new code is live), or contract (after the old code is gone)",
)
def rehearse(c: Context, phase: str = "expand", target: str = "", format_: str = "text") -> None:
    """Run the pending migrations on a restored copy of the backup, and seal what it proves."""
    from shipway.commands import migrations as commands

    _run(
        c,
        "db.rehearse",
        lambda session: commands.rehearse(session, phase=phase),
        target=target,
        format_=format_,
    )


@_command(
    "rollback",
    steps="how many of the newest to undo (default: 1)",
    to="undo everything above this version instead; 0 undoes all",
)
def undo(  # noqa: PLR0913, PLR0917 - its flags
    c: Context,
    steps: str = "",
    to: str = "",
    target: str = "",
    format_: str = "text",
    yes: bool = False,
) -> None:
    """Run the newest migrations' .down.sql, after saying what data they destroy."""
    from shipway.commands import history as commands

    _run(
        c,
        "db.rollback",
        lambda session: commands.rollback(session, steps=steps, to=to),
        target=target,
        format_=format_,
        yes=yes,
    )


@_command(
    "adopt",
    source="the tool whose history counts, when several have left one",
    up_to="record every file up to this version, whatever any history says",
    accept="make the ledger agree with the file of this version, edited or renamed",
    forget="take this version, whose file was deleted, out of the ledger",
)
def adopt(  # noqa: PLR0913, PLR0917 - its flags
    c: Context,
    source: str = "",
    up_to: str = "",
    accept: str = "",
    forget: str = "",
    target: str = "",
    format_: str = "text",
    yes: bool = False,
) -> None:
    """Take over another tool's history into the ledger, without running anything."""
    from shipway.commands import history as commands

    _run(
        c,
        "db.adopt",
        lambda session: commands.adopt(
            session, source=source, up_to=up_to, accept=accept, forget=forget
        ),
        target=target,
        format_=format_,
        yes=yes,
    )


@_command(
    "verify",
    only="groups of checks, with commas: schema, access, queries, data, platform (default: all)",
    write="write checks/access.toml from what is there now, for review, and check nothing",
)
def verify(
    c: Context, only: str = "", write: bool = False, target: str = "", format_: str = "text"
) -> None:
    """Check that schema, access, queries and data are what the project promises."""
    from shipway.commands import database as commands

    _run(
        c,
        "db.verify",
        lambda session: commands.verify(session, only, write=write),
        target=target,
        format_=format_,
    )


@_command("diff")
def diff(c: Context, target: str = "", format_: str = "text") -> None:
    """Show what was changed by hand: the schema against what its migrations make."""
    from shipway.commands import database as commands

    _run(c, "db.diff", commands.diff, target=target, format_=format_)


@_command("new", name="what the migration does, in a few words, for example add_invoices")
def new(c: Context, name: str, target: str = "", format_: str = "text") -> None:
    """Create the next numbered migration and its .down.sql."""
    from shipway.commands import database as commands

    _run(c, "db.new", lambda session: commands.new(session, name), target=target, format_=format_)


@_command("tables", name="one table, as schema.table or table (default: list all)")
def tables(c: Context, name: str = "", target: str = "", format_: str = "text") -> None:
    r"""List the tables, or show one in full, as psql's \dt and \d do."""
    from shipway.commands import database as commands

    _run(
        c,
        "db.tables",
        lambda session: commands.tables(session, name),
        target=target,
        format_=format_,
    )


@_command("shell")
def shell(c: Context, target: str = "") -> None:
    """Open psql on the target; the installed one, else the embedded one."""
    from shipway.commands import database as commands

    _run(c, "db.shell", commands.shell, target=target)


# --- deploy and logs -------------------------------------------------------------------------


@_command(
    "run",
    default=True,
    compare="compare the pages with those of production before promoting; ask where they differ",
)
def deploy(
    c: Context,
    compare: bool = False,
    target: str = "",
    format_: str = "text",
    yes: bool = False,
) -> None:
    """Deploy to Vercel: build staged, smoke test, promote, prove that it is live."""
    from shipway.commands import deploy as commands

    _run(
        c,
        "deploy",
        lambda session: commands.deploy(session, side_by_side=compare),
        target=target,
        format_=format_,
        yes=yes,
    )


@_command("status")
def deploy_status(c: Context, target: str = "", format_: str = "text") -> None:
    """Show what serves production, as Vercel says now."""
    from shipway.commands import production as commands

    _run(c, "deploy.status", commands.status, target=target, format_=format_)


@_command("promote", deployment="id or host of a READY production deployment")
def promote(
    c: Context, deployment: str, target: str = "", format_: str = "text", yes: bool = False
) -> None:
    """Let a staged deployment serve production, and prove that it does."""
    from shipway.commands import production as commands

    _run(
        c,
        "deploy.promote",
        lambda session: commands.promote(session, deployment),
        target=target,
        format_=format_,
        yes=yes,
    )


@_command("rollback", to="id of the deployment to go back to (default: the one before the release)")
def rollback(
    c: Context, to: str = "", target: str = "", format_: str = "text", yes: bool = False
) -> None:
    """Let the deployment from before the release serve again; the database stays as it is."""
    from shipway.commands import production as commands

    _run(
        c,
        "deploy.rollback",
        lambda session: commands.rollback(session, to),
        target=target,
        format_=format_,
        yes=yes,
    )


@_command(
    "watch",
    default=True,
    deployment="id or host of the deployment (default: the one that serves production)",
    window="seconds to watch (default: the setting watch_window_s)",
)
def logs(
    c: Context, deployment: str = "", window: str = "", target: str = "", format_: str = "text"
) -> None:
    """Watch the runtime logs of a deployment and give a verdict with its numbers."""
    from shipway.commands import deploy as commands

    _run(
        c,
        "logs",
        lambda session: commands.logs(session, deployment, window),
        target=target,
        format_=format_,
    )


@_command(
    "tail",
    deployment="id or host of the deployment (default: the one that serves production)",
    window="seconds to follow it (default: until Ctrl-C)",
)
def logs_tail(
    c: Context, deployment: str = "", window: str = "", target: str = "", format_: str = "text"
) -> None:
    """Show the runtime log of a deployment as it is written."""
    from shipway.commands import deploy as commands

    _run(
        c,
        "logs.tail",
        lambda session: commands.tail(session, deployment, window),
        target=target,
        format_=format_,
    )


# --- sandbox ---------------------------------------------------------------------------------


@_command("up")
def sandbox_up(c: Context, format_: str = "text") -> None:
    """Start the local Postgres and the stand-ins of Supabase and Vercel."""
    from shipway.commands import sandbox as commands

    _run(c, "sandbox.up", commands.up, format_=format_)


@_command("down")
def sandbox_down(c: Context, format_: str = "text") -> None:
    """Stop the sandbox; its data stays."""
    from shipway.commands import sandbox as commands

    _run(c, "sandbox.down", commands.down, format_=format_)


@_command("reset")
def sandbox_reset(c: Context, format_: str = "text", yes: bool = False) -> None:
    """Stop the sandbox and delete its data."""
    from shipway.commands import sandbox as commands

    _run(c, "sandbox.reset", commands.reset, format_=format_, yes=yes)


@_command("status")
def sandbox_status(c: Context, format_: str = "text") -> None:
    """Show what of the sandbox is running, and where."""
    from shipway.commands import sandbox as commands

    _run(c, "sandbox.status", commands.status, format_=format_)


namespace = Collection(
    doctor,
    Collection("release", release),
    Collection("backup", backup, backup_list, backup_verify, backup_keep, backup_prune),
    Collection(
        "db", status, restore, rehearse, migrate, undo, adopt, verify, diff, new, tables, shell
    ),
    Collection("deploy", deploy, deploy_status, promote, rollback),
    Collection("logs", logs, logs_tail),
    Collection("sandbox", sandbox_up, sandbox_down, sandbox_reset, sandbox_status),
)
