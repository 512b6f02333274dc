"""Where a copy is less than its target: what fails there for that says nothing of the target."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from shipway.errors import MigrationFailed, Place, Refused
from shipway.migrations.sql.created_extensions import created_extensions

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from shipway.values.backup import Manifest
    from shipway.values.migrations import Migration
    from shipway.values.rehearsal import Restored

__all__ = ["refuse_what_it_lacks", "refuse_what_target_lacks", "what_next"]

_TOO: Final = "It would have failed on the target too."
_ON_ANOTHER: Final = (
    "Rehearse on a server that has it: set SHIPWAY_REHEARSE_ON to its URL (docs/rehearsals.md says "
    "which there are). Or release without this rehearsal: "
    "invoke release --without-rehearsal REASON"
)
_READ_BYTES: Final = 1 << 24
"""Of a larger file, which holds rows, no more is looked at before it runs."""
_SYNTAX: Final = "42601"
_BRINGS_OTHERS: Final = "pg_tle"
"""Where it is, extensions can be created that no server lists: they are rows."""
_NOT_OFFERED: Final = "0A000"
"""As a server says that it has no such extension."""
_OF_ROWS: Final = ("22", "23", "P0")
"""Classes of errors that come of rows, and of what a file says itself."""
_BEYOND_THE_SCHEMA: Final = {
    "0A000": "a feature or an extension that this server was built without",
    "22023": "a version of an extension, or the value of a setting, that this server does not know",
    "42501": "a right that the platform gives beside its roles",
    "42704": "an object of an extension, or a setting, that this server does not know",
    "53100": "room on this machine's disk",
    "53200": "memory of this machine",
    "53300": "free connections of this machine's server",
    "53400": "a limit that this machine's server has set",
    "55P03": "a lock in time, on this machine",
    "57014": "time: this machine may be slower",
    "58P01": "a file of an extension that is not installed here",
    "F0000": "a setting of its server",
}
"""What may be otherwise on the target though its schema is the copy's."""

_OF_A_STAND_IN: Final = frozenset(
    (
        *("42883", "42725", "42809"),  # a function: not there, not the only one, of another kind
        *("42704", "42804", "42846"),  # a type: not there, another one, not to be cast
        *("0A000", "22023", "42501", "58P01"),  # a feature, a setting, a right, a file
    )
)
_OF_A_NAME: Final = frozenset(("3F000", "42P01", "42703"))
"""A schema, a table or a column is not there: of the project's own, no stand-in is to blame."""
_SCHEMAS: Final = r"(?:cron|extensions|graphql|graphql_public|net|pgmq|pgsodium|pgtle|repack|vault)"
"""Those in which extensions keep tables that a release of theirs may have and a stand-in not."""
_IN_THEIRS: Final = re.compile(rf'(?<![.\w]){_SCHEMAS}"?\s*\.|schema "{_SCHEMAS}"')


def refuse_what_target_lacks(pending: Sequence[Migration], manifest: Manifest) -> None:
    """Refuse files that create what the target cannot have, whatever the copy's server has.

    Args:
        pending: the files.
        manifest: what the target has and offers; one that does not say refuses nothing.

    Raises:
        MigrationFailed: a file creates an extension that the target neither has nor offers.
    """
    if manifest.offered is None:
        return
    there = {*manifest.offered, *manifest.extensions}
    made = set(manifest.extensions)
    for migration in pending:
        for name, line in created_extensions(_read(migration)).items():
            if name in there or _BRINGS_OTHERS in made:
                made.add(name)
                continue
            what = (
                f"the target does not offer extension {name}; its server, PostgreSQL "
                f"{manifest.server_version}, does not list it in pg_available_extensions"
            )
            raise MigrationFailed(
                f"The rehearsal failed. {migration.path.name}, line {line}: {what}.",
                unchanged="No file ran, on the copy or on the target.",
                next_step=f"Install {name} on the target's server and take a new backup, or take "
                "the statement out of the file. Then run: invoke db.rehearse",
                place=Place(
                    file=migration.path,
                    line=line,
                    column=1,
                    what=f"{what[0].upper()}{what[1:]}.",
                    sqlstate=_NOT_OFFERED,
                ),
            )


def refuse_what_it_lacks(
    pending: Sequence[Migration],
    restored: Restored,
    offered: Collection[str],
    on_target: Collection[str] = (),
) -> None:
    """Refuse files of which it is plain, before anything runs, that the copy cannot take them.

    Args:
        pending: the files.
        restored: how the copy was made.
        offered: the extensions that its server has, stand-ins included.
        on_target: those that the target offers, as far as it was asked.

    Raises:
        Refused: a file creates an extension that is not there, or names a table that was left out
            for want of one.
    """
    for migration in pending:
        data = _read(migration)
        told = [
            f"line {line} creates the extension {name}, which {restored.server} has not"
            + (" and the target offers" if name in on_target else "")
            for name, line in created_extensions(data).items()
            if name not in offered
        ]
        told += [
            f"it names {table}, which is not there for want of {', '.join(restored.lacking)}"
            for table in restored.tables_left_out
            if re.search(
                rb"\b%b\b" % re.escape(table.partition(".")[2].encode()), data, re.IGNORECASE
            )
        ]
        if told:
            raise Refused(
                f"{migration.path.name} cannot be rehearsed on this copy: {'; '.join(told)}.",
                unchanged="No file ran, on the copy or on the target: whether the target would "
                "take it was not tried.",
                next_step=_ON_ANOTHER,
            )


def _read(migration: Migration) -> bytes:
    with migration.path.open("rb") as file:
        return file.read(_READ_BYTES)


def what_next(  # noqa: PLR0913 - all but two by name
    error: MigrationFailed,
    restored: Restored,
    *,
    unread: Sequence[str],
    comparable: bool,
    pending: Sequence[Migration] = (),
    stand_ins: Collection[str] = (),
) -> str:
    """Return what to do about a file that failed on a copy.

    That it would have failed on the target too is said only where the copy is no worse.

    Args:
        error: as the migration step told it.
        restored: how the copy was made.
        unread: schemas and tables that the backup does not hold, because the role may not.
        comparable: the copy's schema is the target's.
        pending: the files, which may have made stand-ins themselves.
        stand_ins: those that the copy's server has.
    """
    made = {name for one in pending for name in created_extensions(_read(one))} & set(stand_ins)
    restored = replace(restored, stand_ins=tuple(sorted({*restored.stand_ins, *made})))
    cure = error.next_step.replace("invoke db.migrate", "invoke db.rehearse")
    lacks = list(_lacks(error.place, restored, unread, comparable=comparable))
    if not lacks:
        return f"{_TOO} {cure}"
    listed = "; ".join(lacks)
    return (
        f"The target was not tried, and the copy may be what fails. It may lack: {listed}. "
        f"{_ON_ANOTHER}. Where the file is wrong itself: {cure}"
    )


def _lacks(
    place: Place | None, restored: Restored, unread: Sequence[str], *, comparable: bool
) -> Iterator[str]:
    """Yield in which ways the copy may be worse than the target, for an error of this place."""
    code = place.sqlstate if place else ""
    if code == _SYNTAX:
        return  # a copy's server is never older than the target's
    if code in _BEYOND_THE_SCHEMA:
        yield _BEYOND_THE_SCHEMA[code]
    elif code.startswith(_OF_ROWS) and comparable:
        if restored.sample:
            yield "the rows that are not in the sample"
        return
    if restored.left_out:
        yield f"what was left out of it ({', '.join(restored.left_out)})"
    if restored.stand_ins and (place is None or _may_come_of(restored.stand_ins, place)):
        yield f"what its stand-ins do not do ({', '.join(restored.stand_ins)})"
    if unread:
        yield f"what the role may not read ({', '.join(unread)})"
    yield from restored.unlike
    yield from restored.roles_unlike
    if not comparable and not restored.left_out:
        yield "what its schema has otherwise than the target's, as told above"


def _may_come_of(stand_ins: Sequence[str], place: Place) -> bool:
    """Tell whether an error may come of an extension that is a stand-in on the copy."""
    if place.sqlstate not in _OF_A_NAME:
        return place.sqlstate in _OF_A_STAND_IN
    named = set(re.findall(r'"([^"]+)"', place.what))
    if named & set(stand_ins) or _IN_THEIRS.search(place.what):
        return True
    # A column's message does not say in which schema its table lies.
    return place.sqlstate == "42703" and _names_theirs(place)


def _names_theirs(place: Place) -> bool:
    with place.file.open("rb") as file:
        text = file.read(_READ_BYTES).decode("utf-8", "replace")
    return _IN_THEIRS.search(text) is not None
