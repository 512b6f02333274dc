"""A restored copy, held against the manifest of its backup: is everything there again?"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Protocol

from shipway.errors import Failed, Refused
from shipway.formats.decoding import IllFormed
from shipway.formats.figures import count
from shipway.formats.signed_file import read_paper
from shipway.schema.differences import differences
from shipway.schema.fingerprint import fingerprint
from shipway.schema.recorded import same
from shipway.steps.backup.store import SCHEMA
from shipway.steps.rehearse.rollback_proof import Stage
from shipway.steps.seal.check import schema_of
from shipway.values.inspection import Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from shipway.steps.migrate.powers import Database
    from shipway.steps.rehearse.statement_cost import Onlooker
    from shipway.steps.verify.powers import Database as Catalog
    from shipway.values.backup import Backup
    from shipway.values.basics import Say
    from shipway.values.rehearsal import Restored, TableContent

__all__ = ["UNTOUCHED", "Back", "Copy", "Room", "add_stand_ins", "check_copy", "tell_restored"]

_NOT_FOUND: Final = re.compile(
    r"\b(?:function|relation|type|procedure) \"?([a-z_][\w$]*)\"?(?:\([^()]*\))? does not exist"
)
_NAMED_ALONE: Final = (
    *("function", "procedure", "aggregate", "type", "sequence"),
    *("table", "view", "materialized view", "foreign table"),
)
_SHOWN = 5
_OF_STAND_INS: Final = "which keep what they are given and act on nothing"
UNTOUCHED = "The target was not touched: this happened on a copy of its backup, which is gone."


class Looker(Protocol):
    """What looks at a schema."""

    def snapshot(self) -> Snapshot:
        """Return it as it is."""


class Back(Protocol):
    """What a backup was restored to."""

    @property
    def restored(self) -> Restored:
        """How it was restored."""

    @property
    def catalog(self) -> Looker:
        """What looks at its schema."""

    def contents(self) -> Mapping[str, TableContent]:
        """Return `schema.table` to what it holds."""


class Copy(Protocol):
    """A backup, restored into a database that is there for nothing else."""

    @property
    def restored(self) -> Restored:
        """How it was restored."""

    @property
    def catalog(self) -> Catalog:
        """What looks at it."""

    @property
    def onlooker(self) -> Onlooker:
        """What looks at the session that migrates, from beside it."""

    def open_database(self) -> AbstractContextManager[Database]:
        """Return a connection that migrations run on."""

    def extensions(self) -> frozenset[str]:
        """Return the names of those that can be created there."""

    def stand_ins(self) -> frozenset[str]:
        """Return those among them that are not the real ones."""

    def locks_of(self, query: str) -> frozenset[tuple[str, str]] | None:
        """Return mode and table of the locks that a query takes; None when it cannot be planned."""

    def contents(self) -> Mapping[str, TableContent]:
        """Return `schema.table` to what it holds; the ledger is left out."""


class Room(Protocol):
    """Where copies live."""

    def instead_of_whole(self, backup: Backup) -> str:
        """Return what is done with a backup too large to be restored whole; empty for others."""

    def copy_of(
        self, backup: Backup, tell: Callable[[int], None], /
    ) -> AbstractContextManager[Copy]:
        """Restore a backup into a server that exists only for the block.

        Meanwhile it tells how many rows are back.
        """


def tell_restored(restored: Restored, backup: Backup, say: Say) -> None:
    """Say where the copy differs from the target by its nature, and how long it took."""
    say.note(
        f"restored {backup.manifest.backup_id} into {restored.server} in "
        f"{restored.duration_s:.1f} s"
    )
    theirs, ours = (
        version.split(".")[0]
        for version in (backup.manifest.server_version, restored.server_version)
    )
    if theirs != ours:
        nearest = "" if restored.place or restored.branch else ", the nearest one here"
        say.warn(f"The target runs PostgreSQL {theirs}; the copy runs {ours}{nearest}.")
    if restored.roles_unlike:
        say.warn(
            "Roles are not quite the target's where the copy is, so what they may do there is no "
            f"proof: {'; '.join(restored.roles_unlike)}"
        )
    if restored.partly:
        say.warn(f"not proven by this rehearsal, for {restored.partly}")
    if restored.by_path:
        say.warn(
            "These came back with the target's search path only; a plain pg_restore, which has an "
            f"empty one, leaves them out: {', '.join(restored.by_path)}. Give the function that is "
            "called a path of its own (alter function … set search_path = …), or qualify its names."
        )
    if restored.unlike:
        say.warn(
            "Connections to the copy do not begin as the target's do: "
            f"{'; '.join(restored.unlike)}. What the files do there is not proven by it."
        )
    if restored.stand_ins:
        say.note(f"stand-ins on the copy, {_OF_STAND_INS}: {', '.join(restored.stand_ins)}")
    if restored.left_out:
        one_a_line = "".join(f"\n- {one}" for one in restored.left_out)
        say.note(f"left out:{one_a_line}")


def add_stand_ins(restored: Restored, copy: Copy, stages: Sequence[Stage], say: Say) -> Restored:
    """Return how the copy was made, with the stand-ins that files made there since; say which."""
    created = {
        one.name for stage in stages for one in stage.schema.things if one.kind == "extension"
    }
    made = sorted((created & copy.stand_ins()) - set(restored.stand_ins))
    if made:
        say.note(f"a pending file made stand-ins on the copy, {_OF_STAND_INS}: {', '.join(made)}")
    return replace(restored, stand_ins=tuple(sorted({*restored.stand_ins, *made})))


def check_copy(
    copy: Back, backup: Backup, say: Say, *, unchanged: str = UNTOUCHED
) -> tuple[Stage, bool]:
    """Compare the copy with the manifest; return its state and whether the schema is equal.

    Args:
        copy: what was restored.
        backup: what it was restored from.
        say: told whether it is the same.
        unchanged: what a failure leaves as it was.

    Raises:
        Refused: it was restored with errors.
        Failed: tables hold another number of rows than the manifest says.
    """
    name = backup.manifest.backup_id
    if copy.restored.errors:
        shown = "\n".join(f"- {error}" for error in copy.restored.errors[:_SHOWN])
        many = count(len(copy.restored.errors), "error")
        raise Refused(
            f"The backup {name} restores with {many}:\n{shown}",
            unchanged=unchanged,
            next_step=_cure(copy.restored, backup),
        )
    contents = copy.contents()
    wrong = [] if copy.restored.branch else _other_counts(backup, contents, copy.restored)
    if wrong:
        raise Failed(
            f"The backup {name} does not bring the data back: {'; '.join(wrong[:_SHOWN])}.",
            unchanged=unchanged,
            next_step="Do not rely on it; take another one: invoke backup",
        )
    schema = copy.catalog.snapshot()
    equal = fingerprint(schema) == backup.manifest.fingerprint or _same(backup, schema)
    if equal:
        rows = sum(content.rows for content in contents.values())
        say.note(
            f"{count(len(contents), 'table')} with {count(rows, 'row')} and the schema are the "
            "target's"
        )
    else:
        say.warn(
            "The copy's schema is not quite the target's, so its result cannot be demanded of the "
            f"target: {_difference(backup, schema)}"
        )
    return Stage(schema=schema, contents=contents), equal


def _cure(restored: Restored, backup: Backup) -> str:
    """Return what to do about errors of a restore."""
    backup_id = backup.manifest.backup_id
    without = [one for one in restored.left_out if one.startswith("extension ")]
    cure = "Mend their cause. An owner: restore as a role that may become it."
    if without:
        cure = (
            f"PostgreSQL {restored.server_version}, where it was restored, lacks the "
            f"{', '.join(without)}; what is named may need that. It comes back where they are: "
            f"invoke db.restore {backup_id} --into TARGET"
        )
    if by_path := _found_by_search_path(restored.errors, schema_of(backup)):
        cure = (
            f"A restore runs with an empty search_path, so {', '.join(by_path)} cannot be found "
            "where a function, view or default names it without its schema. Write the schema in "
            "front of that name, or give the function that has it in its body a search_path of its "
            f"own: alter function … set search_path = {by_path[0].partition('.')[0]};"
        )
    return f"{cure} A release goes on all the same with --without-rehearsal REASON"


def _found_by_search_path(errors: Sequence[str], schema: Snapshot | None) -> list[str]:
    """Return what was looked for without a schema in vain, and is in the backup: in which one."""
    missing = {found[1] for one in errors for found in _NOT_FOUND.finditer(one)}
    there = schema.things if schema else ()
    return sorted(
        {
            f"{one.parent}.{name}"
            for one in there
            for name in missing
            if one.kind in _NAMED_ALONE and one.name.partition("(")[0] == name
        }
    )


def _other_counts(
    backup: Backup, contents: Mapping[str, TableContent], restored: Restored
) -> list[str]:
    """Return the tables that hold another number of rows than were counted for the manifest."""
    wrong = []
    sampled = {one.name: one.rows for one in restored.sample}
    for table, rows in {**backup.manifest.row_counts, **sampled}.items():
        schema, _, name = table.partition(".")
        of_ledger = schema == "shipway"
        gone = f"table data {schema} {name}" in (*restored.left_out, *restored.stayed)
        found = contents.get(table)
        if of_ledger or gone or (found is not None and found.rows == rows):
            continue
        wrong.append(f"{table} has {found.rows if found else 'no'} rows instead of {rows}")
    return wrong


def _same(backup: Backup, found: Snapshot) -> bool:
    """Tell whether it is the target's schema as a server of another version prints it."""
    expected = schema_of(backup)
    return expected is not None and same(expected, found)


def _difference(backup: Backup, found: Snapshot) -> str:
    try:
        expected = read_paper(backup.directory / SCHEMA, "schema", Snapshot)
    except IllFormed as why:
        return f"{SCHEMA} {why}"
    told = [one.said for one in differences(expected, found)]
    if not told:
        return "no single difference can be told; another version of shipway took the backup"
    more = f"; and {len(told) - _SHOWN} more" if len(told) > _SHOWN else ""
    return "; ".join(told[:_SHOWN]) + more
