"""Proves on a copy whether migrations can be undone: down, compared, and up again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from shipway.errors import Interrupted, Stopped
from shipway.formats.figures import count
from shipway.migrations.files import read_migration
from shipway.migrations.sql.opened import open_script
from shipway.schema.differences import differences
from shipway.values.rehearsal import Reversal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from shipway.steps.migrate.powers import Database
    from shipway.values.inspection import Identities, Snapshot
    from shipway.values.migrations import Migration
    from shipway.values.rehearsal import TableContent

__all__ = ["Stage", "prove_reversal"]

_SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """The copy's state between two migrations."""

    schema: Snapshot
    contents: Mapping[str, TableContent]
    identities: Identities = field(default_factory=dict)
    """Empty where nobody asks what became of things."""


class Again(Protocol):
    """Runs a migration on the copy once more."""

    def __call__(self, migration: Migration, /) -> object:
        """Run it, or raise Stopped."""


def prove_reversal(
    pending: Sequence[Migration],
    stages: Sequence[Stage],
    *,
    database: Database,
    look: Callable[[], Stage],
    again: Again,
) -> list[tuple[Reversal, str]]:
    """Undo migrations from the last to the first, run them again, and say what came of each.

    Args:
        pending: the migrations, all applied.
        stages: the state before the first one and after each; one more than `pending`.
        database: the copy's connection.
        look: returns the copy's present state.
        again: runs a migration.

    Returns:
        For each migration what was proven, and what would be lost or why it cannot be undone.

    Raises:
        Interrupted: the operator stopped it.
    """
    results = [(Reversal.NOT_REACHED, "a later migration could not be undone")] * len(pending)
    undone_to = len(pending)
    told: set[str] = set()
    for at in range(len(pending) - 1, -1, -1):
        results[at] = _undo(pending[at], database, stages[at], stages[at + 1], look, told)
        if results[at][0] is Reversal.IRREVERSIBLE:
            return results
        undone_to = at
    for at in range(undone_to, len(pending)):
        problem = _not_again(pending[at], stages[at + 1], look, again)
        if problem:
            results[at] = (Reversal.IRREVERSIBLE, problem)
            break
    return results


def _undo(  # noqa: PLR0913, PLR0917 - the migration, its two sides and what looks at them
    migration: Migration,
    database: Database,
    before: Stage,
    after: Stage,
    look: Callable[[], Stage],
    told: set[str],
) -> tuple[Reversal, str]:
    if migration.undone_by is None:
        return Reversal.IRREVERSIBLE, "it has no .down.sql"
    name = migration.undone_by.name
    try:
        problem = _run_down(migration, database)
    except Interrupted:
        raise  # that says nothing of the file
    except Stopped as error:
        problem = error.what
    if problem:
        return Reversal.IRREVERSIBLE, f"{name} fails: {problem}"
    found = look()
    left = differences(before.schema, found.schema)
    if left:
        said = "; ".join(one.said for one in left[:_SHOWN])
        return Reversal.IRREVERSIBLE, f"{name} does not lead back: {said}"
    lost = _lost_tables(before.contents, found.contents)
    # What a later migration lost is still lost here; it is told once, where it happened.
    new = [text for table, text in lost.items() if table not in told]
    told |= set(lost)
    if new:
        return Reversal.LOSSY, "; ".join(new)
    vanishing = [
        f"{table} ({count(content.rows, 'row')})"
        for table, content in after.contents.items()
        if table not in before.contents and content.rows
    ]
    beside = [f"takes {', '.join(vanishing)} with it"] if vanishing else []
    if any(one.rows and not one.digest for one in before.contents.values()):
        beside.append("the database is large: its values were counted, not compared")
    return Reversal.REVERSIBLE, "; ".join(beside)


def _run_down(migration: Migration, database: Database) -> str:
    """Run the down script and take the migration out of the books; return what went wrong."""
    if migration.undone_by is None:
        return "there is none"
    down = read_migration(migration.undone_by, None)
    if down.blank and not migration.blank:
        return "it holds no SQL statement"
    with open_script(down) as script:
        for unit in script.units():
            statements = [script.sql(index) for index in unit.rest]
            if not unit.outside:
                statements = [*unit.begin, *statements, b"COMMIT"]
            data = (script.copy_data(index) for index in range(unit.first, unit.after))
            answer = database.exchange(
                b"\n;\n".join(statements), copies=[one for one in data if one is not None]
            )
            if answer.error is not None and not answer.lost:
                database.exchange(b"ROLLBACK")
            if answer.interrupted:
                raise Interrupted(
                    f"Stopped while {down.path.name} was run.",
                    unchanged="It ran on a copy.",
                    next_step="Run it again.",
                )
            if answer.error is not None:
                return answer.error.message
    database.exchange(b"RESET ALL")
    books = [b"DELETE FROM shipway.migrations WHERE version = %d" % migration.version]
    if "version" in database.look().supabase_columns:
        books.append(
            b"DELETE FROM supabase_migrations.schema_migrations WHERE version = '%b'"
            % migration.digits.encode()
        )
    gone = database.exchange(b"\n;\n".join(books))
    return gone.error.message if gone.error else ""


def _not_again(migration: Migration, after: Stage, look: Callable[[], Stage], again: Again) -> str:
    """Run the migration once more; return what is then not as it was the first time."""
    try:
        again(migration)
    except Interrupted:
        raise  # that says nothing of the file
    except Stopped as error:
        return f"after it was undone it could not be applied again: {error.what}"
    left = differences(after.schema, look().schema)
    told = "; ".join(one.said for one in left[:_SHOWN])
    return f"applied again it leads elsewhere: {told}" if left else ""


def _lost_tables(
    before: Mapping[str, TableContent], found: Mapping[str, TableContent]
) -> dict[str, str]:
    """Return which tables do not hold again what they held before, each in words."""
    told = {}
    for name, was in before.items():
        now = found.get(name)
        if now is None or now.rows != was.rows:
            told[name] = (
                f"{name} held {count(was.rows, 'row')} and holds {now.rows if now else 0} again"
            )
        elif gone := [
            f"{many - now.values.get(column, 0)} values of {name}.{column}"
            for column, many in was.values.items()
            if now.values.get(column, 0) < many
        ]:
            told[name] = f"{', '.join(gone)} do not come back"
        elif now.digest != was.digest:
            told[name] = (
                f"values in the {count(was.rows, 'row')} of {name} do not come back as they were"
            )
    return told
