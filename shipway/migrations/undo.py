"""What a rollback would undo, and which data its scripts would destroy. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from shipway.errors import Misconfigured, Refused
from shipway.migrations.files import read_migration
from shipway.migrations.foreign import files_named_by
from shipway.migrations.layout import down_for
from shipway.migrations.ledger.messages import literal
from shipway.migrations.names import display_name
from shipway.migrations.order import in_order, number_of
from shipway.migrations.sql.statement_kinds import tokens_of
from shipway.values.histories import Loss, UndoPlan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shipway.migrations.sql.script import Script
    from shipway.values.migrations import LedgerState, Migration

__all__ = ["count_query", "losses_of", "plan_undo", "tables_query"]

_NOTHING_DONE = "Nothing was run; the database is as it was."


def plan_undo(
    files: Sequence[Migration],
    state: LedgerState,
    *,
    steps: int | None = None,
    to: int | None = None,
) -> UndoPlan:
    """Return what would be undone, newest first.

    Args:
        files: the folder, in order.
        state: what the target says about itself.
        steps: how many of the newest; one, when nothing is said.
        to: undo everything above this version, instead.

    Raises:
        Misconfigured: both are said, or a version that is not in the ledger.
        Refused: there is nothing to undo, or a file to undo it with is missing.
    """
    if steps is not None and to is not None:
        raise Misconfigured(
            "--steps and --to are both given.",
            unchanged=_NOTHING_DONE,
            next_step="Give one of them.",
        )
    applied = in_order(state.applied, files)[::-1]
    places = [at for at, row in enumerate(applied) if to in {row.version, number_of(row)}]
    if to is not None and to != 0 and not places:
        raise Misconfigured(
            f"Version {to} is not in the ledger.",
            unchanged=_NOTHING_DONE,
            next_step="See which are: invoke db.status (0 undoes everything).",
        )
    chosen = (
        applied[: places[0] if places else None]
        if to is not None
        else applied[: 1 if steps is None else steps]
    )
    if not chosen:
        raise Refused(
            "There is nothing to roll back.",
            unchanged=_NOTHING_DONE,
            next_step="See what is applied: invoke db.status",
        )
    for step in state.steps:
        if not step.label.endswith(".down"):
            raise Refused(
                f"{step.label} is half done.",
                unchanged=_NOTHING_DONE,
                next_step="Complete it first: invoke db.migrate",
            )
    by_version = {file.version: file for file in files}
    _refuse_known_elsewhere(
        [by_version[row.version] for row in chosen if row.version in by_version], state
    )
    return UndoPlan(
        undo=tuple(_down_of(by_version.get(row.version), row.label) for row in chosen),
        left=tuple(row for row in state.applied if row not in chosen),
    )


def _refuse_known_elsewhere(files: Sequence[Migration], state: LedgerState) -> None:
    """Refuse to undo what would count as applied for another tool for ever."""
    for history in state.histories:
        named = files_named_by(history, files)
        if named and not history.kept_up:
            raise Refused(
                f"{history.tool} has recorded {named[-1].label} in {history.table}, and shipway "
                "does not write there: once undone, it would still count as applied.",
                unchanged=_NOTHING_DONE,
                next_step=f"Undo it by a new migration: invoke db.new NAME; or with {history.tool} "
                f"itself, and then: invoke db.adopt --forget {named[-1].version}",
            )


def _down_of(file: Migration | None, label: str) -> Migration:
    """Return the down file as what is to be run; its label ends in `.down`."""
    if file is None or file.undone_by is None:
        raise Refused(
            f"{label} cannot be undone: there is no {label}.down.sql.",
            unchanged=_NOTHING_DONE,
            next_step=f"Write {down_for(file.path) if file else f'{label}.down.sql'}, or undo it "
            "by a new migration: invoke db.new NAME",
        )
    down = read_migration(file.undone_by, None)
    if down.blank and not file.blank:
        raise Refused(
            f"{display_name(down.path)} holds no SQL statement: it would undo nothing of {label}.",
            unchanged=_NOTHING_DONE,
            next_step=f"Write into {down.path} what undoes it, or undo it by a new migration: "
            "invoke db.new NAME",
        )
    return replace(
        down, version=file.version, digits=file.digits, name=f"{file.name}.down", down_path=None
    )


def losses_of(script: Script, migration: Migration) -> list[Loss]:
    """Return the tables and columns that a script drops or empties, as far as its words tell."""
    found: list[Loss] = []
    for index in range(len(script)):
        tokens = tokens_of(script.sql(index).decode())
        bare = [part.lower() for part in tokens]
        for table, column in _lost_objects(tokens, bare):
            found.append(Loss(label=migration.label, table=table, column=column, count=None))
    return found


def _lost_objects(tokens: list[str], bare: list[str]) -> list[tuple[str, str]]:
    if bare[:2] in (["drop", "table"], ["drop", "schema"]):
        mark = "*" if bare[1] == "schema" else ""
        return [(name + ("." + mark if mark else ""), "") for name in _names(tokens[2:])]
    if bare[:1] == ["truncate"]:
        return [(name, "") for name in _names(tokens[2 if bare[1:2] == ["table"] else 1 :])]
    if bare[:2] != ["alter", "table"] or "drop" not in bare:
        return []
    start = 2
    while bare[start : start + 1] and bare[start] in ("if", "exists", "only"):
        start += 1
    (table, *_) = _names(tokens[start:]) or [""]
    dropped = []
    for at, word in enumerate(bare):
        if word == "drop" and bare[at + 1 : at + 2] != ["constraint"]:
            after = at + 1
            while bare[after : after + 1] and bare[after] in ("column", "if", "exists"):
                after += 1
            follows_name = tokens[after : after + 1]
            if follows_name and bare[after] not in _NO_COLUMNS:
                dropped.append((table, follows_name[0]))
    return dropped


# ALTER COLUMN c DROP DEFAULT and its like destroy no data.
_NO_COLUMNS = {"default", "not", "identity", "expression", "constraint"}


def _names(tokens: list[str]) -> list[str]:
    """Return the names of a list, each with its schema."""
    names = [""]
    for part in tokens:
        if part.lower() in {"cascade", "restrict", "restart", "continue"}:
            break
        if part == ",":
            names.append("")
        elif part.lower() not in {"if", "exists", "only", "*"}:
            if names[-1] and part != "." and not names[-1].endswith("."):
                break
            names[-1] += part
    return [name for name in names if name]


def tables_query(loss: Loss) -> bytes:
    """Return the query for the schema-qualified tables that are there, and the column's name."""
    if loss.table.endswith(".*"):
        which = f"c.relnamespace = to_regnamespace({literal(loss.table.removesuffix('.*'))})"
    else:
        which = f"c.oid = to_regclass({literal(loss.table)})"
    column, join = "''", ""
    if loss.column:
        column = "a.attname"
        join = (
            "JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped "
            f"AND a.attname = (parse_ident({literal(loss.column)}))[1] "
        )
    return (
        f"SELECT format('%I.%I', n.nspname, c.relname), {column} FROM pg_catalog.pg_class c "
        f"JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace {join}"
        f"WHERE c.relkind IN ('r', 'p') AND {which} ORDER BY 1"
    ).encode()


def count_query(table: str, column: str) -> bytes:
    """Return the query that counts a table's rows, or a column's non-null values."""
    quoted = '"' + column.replace('"', '""') + '"' if column else "*"
    return f"SELECT count({quoted}) FROM {table}".encode()
