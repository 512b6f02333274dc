"""What the target was like before the first pending file: what comes after is held against it.

It is read once, while nothing has run, and kept beside the backup (`before.json`), so that a
release that was cut off can go on with it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from shipway.formats.decoding import IllFormed
from shipway.formats.signed_file import read_paper, write_paper
from shipway.migrations.files import losing_tables
from shipway.migrations.order import applied_since
from shipway.schema.access import API_ROLES
from shipway.schema.vanished import NAMED, places
from shipway.values.inspection import Before
from shipway.values.migrations import Phase

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from shipway.schema.expectations import Expectations
    from shipway.steps.verify.powers import Database
    from shipway.values.backup import Backup, Manifest
    from shipway.values.basics import Say, Secret
    from shipway.values.inspection import Identities
    from shipway.values.migrations import AppliedMigration, Migration

__all__ = [
    "Earlier",
    "Unlike",
    "earlier_of",
    "earlier_on",
    "look_before",
    "read_or_keep_before",
    "roles_of",
    "unlike",
]

_BEFORE: Final = "before.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlike:
    """What a copy tells otherwise than its target, for want of what was left out of it.

    What is told of the same later says nothing of the target; whatever else is does.
    """

    findings: frozenset[tuple[str, str]] = frozenset()
    """Lint and object."""
    rights: frozenset[tuple[str, str, str]] = frozenset()
    """Object, role and command."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """What a database held before files ran on it, and what those files say of themselves."""

    rows: Mapping[str, int]
    """`schema.table` to its rows."""
    may_lose: frozenset[str] = frozenset()
    """Tables that the files' heads say lose rows."""
    contract: bool = False
    """A file of the contract phase is among them: it takes away what nobody needs any more."""
    before: Before | None = None
    """None where nobody looked before they ran."""
    places: Mapping[str, str] | None = None
    """What relations, columns and functions of before are called now; None: as before."""
    rows_now: Mapping[str, int] | None = None
    """Already counted, on a copy; None: they have to be."""
    sampled: bool = False
    """Only some rows were there: what is missing says nothing of the target."""
    unlike: Unlike = field(default_factory=Unlike)
    """What a copy told otherwise than the target before any file ran there."""

    @property
    def of_release(self) -> bool:
        """Whether files have just run on it, here or on a copy; else somebody only looks."""
        return self.before is not None or self.rows_now is not None


def look_before(database: Database, expectations: Expectations) -> Before:
    """Return what the target is like now, while nothing has run."""
    schemas, roles = expectations.exposed_schemas, roles_of(expectations)
    return Before(
        access=database.access(schemas, roles, timeout_s=expectations.timeout_s),
        powers=database.powers(roles),
        findings=database.findings(schemas),
        identities={kind: one for kind, one in database.identities().items() if kind in NAMED},
    )


def unlike(database: Database, expectations: Expectations, before: Before) -> Unlike:
    """Return of what a copy tells other things than the target, before any file ran there.

    Args:
        database: the copy.
        expectations: name the schemas and roles that are asked about.
        before: what was found in the target.
    """
    schemas, roles = expectations.exposed_schemas, roles_of(expectations)
    access = database.access(schemas, roles, timeout_s=expectations.timeout_s)
    found = {(one.lint, one.object) for one in before.findings}
    allowed = {one[:5]: one.reach for one in before.access}
    return Unlike(
        findings=frozenset((one.lint, one.object) for one in database.findings(schemas)) - found,
        rights=frozenset(
            (one.name, one.role, one.command) for one in access if allowed.get(one[:5]) != one.reach
        ),
    )


def roles_of(expectations: Expectations) -> list[str]:
    """Return the roles that are asked about: those of the API, and those that a file names."""
    named = {one.role for one in expectations.access or ()}
    return [*API_ROLES, *sorted(named - {*API_ROLES})]


def read_or_keep_before(  # noqa: PLR0913 - whose, where it is kept, and what has happened since
    database: Database,
    expectations: Expectations,
    backup: Backup,
    *,
    first: Backup | None,
    moved: bool,
    key: Secret | None,
    say: Say,
) -> Before | None:
    """Return what the target was like before a release's first file; it is kept with the backup.

    Args:
        database: the target.
        expectations: name the schemas and roles that are asked about.
        backup: that the release goes on with.
        first: the one that it set out with, where it goes on after an interruption.
        moved: a part of its files is in the database already: it is too late to look.
        key: signs what is kept.
        say: told when it cannot be known any more.
    """
    before: Before | None = None
    if not moved:
        before = look_before(database, expectations)
    elif first is not None:
        before = _read_kept(backup.directory.parent / first.manifest.backup_id, key=key)
    if before is None:
        say.warn(
            "who could do what before this release's first file is not known on this machine: "
            "rights are held against the last release that passed"
        )
    else:
        write_paper(backup.directory / _BEFORE, "before", before, key=key)
    return before


def _read_kept(directory: Path, *, key: Secret | None) -> Before | None:
    """Return what was written down; None when it cannot be read."""
    try:
        return read_paper(directory / _BEFORE, "before", Before, key=key)
    except IllFormed:
        return None


def earlier_on(
    database: Database, files: Iterable[Migration], backup: Backup, *, key: Secret | None
) -> Earlier:
    """Return what a release holds its target against, once its files have run there."""
    before = _read_kept(backup.directory, key=key)
    now = database.identities() if before is not None else None
    return earlier_of(backup.manifest, files, database.ledger().applied, before=before, now=now)


def earlier_of(
    manifest: Manifest,
    files: Iterable[Migration],
    applied: Iterable[AppliedMigration],
    *,
    before: Before | None = None,
    now: Identities | None = None,
) -> Earlier:
    """Return what the target is held against after files have run.

    Args:
        manifest: of the backup taken before them.
        files: the project's.
        applied: the ledger; of its files those count that are newer than the backup.
        before: what it was like, where somebody looked.
        now: what its parts are now.
    """
    ran = applied_since(manifest, applied)
    since = [one for one in files if one.version in ran]
    return Earlier(
        rows=manifest.row_counts,
        may_lose=frozenset(name for one in since for name in losing_tables(one)),
        contract=any(one.phase is Phase.CONTRACT for one in since),
        before=before,
        places=places(before.identities, now) if before is not None and now is not None else None,
    )
