"""The place of a rehearsal: an embedded PostgreSQL of its own with a backup restored into it."""

from __future__ import annotations

import os
import secrets
import shutil
from contextlib import ExitStack, closing, contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import quote

import psycopg
from psycopg import sql

from shipway.edges import embedded, postgres, process, replace, restore
from shipway.edges.catalog import Catalog
from shipway.edges.ledger import Ledger
from shipway.edges.onlooker import Onlooker, locks_of_query
from shipway.edges.rows_back import untold
from shipway.errors import Refused
from shipway.values import Secret, TableContent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from shipway.edges.archives import Archives
    from shipway.edges.replace import Replacement
    from shipway.values import Backup, Restored

__all__ = ["Copy", "RehearsalRoom"]

_SUPERUSER: Final = "shipway_rehearsal"
_CONNECT_S: Final = 10.0
_VERSIONS_PER_MAJOR: Final = 10_000
_READ_WHOLE_BYTES: Final = 64 * 1024 * 1024
"""Tables of a database above this size are compared by their row counts alone."""

_TABLES: Final = """
select n.nspname, c.relname, has_table_privilege(c.oid, 'select'),
       array(select attname::text from pg_attribute where attrelid = c.oid and attnum > 0
             and not attisdropped order by attnum)
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where c.relkind = 'r' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
   and n.nspname <> 'shipway'
   and not exists (select from pg_depend where classid = 'pg_class'::regclass and objid = c.oid
                   and deptype = 'e')
 order by 1, 2
"""


class Copy:
    """A restored copy, for as long as the rehearsal lasts.

    Attributes:
        restored: how it was restored.
    """

    def __init__(self, *, admin: Secret, owner: Secret, restored: Restored) -> None:
        self.restored = restored
        self._admin = admin
        self._owner = owner
        self._open = ExitStack()

    def close(self) -> None:
        """Close the connections."""
        self._open.close()

    def open_database(self) -> Ledger:
        """Return a connection that migrations run on, as the role that runs them on the target."""
        return Ledger(self._owner, connect_timeout_s=_CONNECT_S)

    @cached_property
    def catalog(self) -> Catalog:
        """What looks at the copy, as the same role."""
        connection = postgres.connect(self._owner, purpose="verify", timeout_s=_CONNECT_S)
        return Catalog(self._open.enter_context(connection))

    @cached_property
    def onlooker(self) -> Onlooker:
        """What looks at the session that migrates, from beside it."""
        return Onlooker(self._connection)

    def locks_of(self, query: str) -> frozenset[tuple[str, str]] | None:
        """Return mode and table of the locks that a query takes; None when it cannot be planned."""
        return locks_of_query(self._planning, query)

    @cached_property
    def _planning(self) -> psycopg.Connection[tuple[object, ...]]:
        # As the role that migrates, not as the superuser: planning may call functions.
        opened = postgres.connect(self._owner, purpose="rehearsal", timeout_s=_CONNECT_S)
        connection = self._open.enter_context(opened)
        connection.execute("set statement_timeout = '2s'; set search_path = public, extensions")
        return connection

    @cached_property
    def _connection(self) -> psycopg.Connection[tuple[object, ...]]:
        connection = postgres.connect(self._admin, purpose="rehearsal", timeout_s=_CONNECT_S)
        return self._open.enter_context(connection)

    def contents(self) -> Mapping[str, TableContent]:
        """Return `schema.table` to what it holds, of every table but the ledger's own."""
        size = self._connection.execute("select pg_database_size(current_database())").fetchone()
        small = size is not None and int(str(size[0])) <= _READ_WHOLE_BYTES
        # jsonb sorts its keys, so the order of columns does not count.
        whole = "coalesce(sum(hashtextextended(to_jsonb(t)::text, 0))::text, '0')"
        found = {}
        for schema, name, readable, columns in self._connection.execute(_TABLES).fetchall():
            if not readable:
                continue  # on a branch some belong to the platform
            names = [str(one) for one in columns] if isinstance(columns, list) else []
            counts = [sql.SQL("count({})").format(sql.Identifier("t", one)) for one in names]
            query = sql.SQL("select {} from only {} t").format(
                sql.SQL(", ").join(
                    [sql.SQL("count(*)"), sql.SQL(whole if small else "''"), *counts]
                ),
                sql.Identifier(str(schema), str(name)),
            )
            ((rows, digest, *values),) = self._connection.execute(query).fetchall()
            found[f"{schema}.{name}"] = TableContent(
                rows=int(str(rows)),
                digest=str(digest),
                values={one: int(str(many)) for one, many in zip(names, values, strict=True)},
            )
        return found


class Elsewhere(Protocol):
    """Another place for copies."""

    def copy_of(
        self, backup: Backup, tell: Callable[[int], None], /
    ) -> AbstractContextManager[Copy]:
        """Make one for the block."""


class RehearsalRoom:
    """Makes copies of backups and takes them away again.

    Args:
        folder: where the copies' clusters lie; those that a killed rehearsal left are deleted.
        archives: reads the archives.
        whole_up_to_bytes: of larger archives only a sample of the rows is restored.
        most_rows: of a table, in a sample.
        instead: where large backups are rehearsed on, instead of on a sample.
    """

    def __init__(
        self,
        folder: Path,
        archives: Archives,
        *,
        whole_up_to_bytes: int,
        most_rows: int = 10_000,
        instead: Elsewhere | None = None,
    ) -> None:
        self._folder = folder
        self._archives = archives
        self._whole_up_to_bytes = whole_up_to_bytes
        self._most_rows = most_rows
        self._instead = instead

    def server_major(self, wanted: int) -> int:
        """Return the major version that a copy would have: the nearest one that is not older."""
        return self._install(wanted).major

    def instead_of_whole(self, backup: Backup) -> str:
        """Return what is done with a backup too large to be restored whole; empty for others."""
        if not self._is_large(backup):
            return ""
        how = (
            f"up to {self._most_rows} rows of each table are restored"
            if self._instead is None
            else "a branch of the project is made, which takes minutes and costs money until it is "
            "deleted at the end"
        )
        return f"{backup.manifest.backup_id} is above rehearse_whole_up_to_bytes: {how}"

    def _is_large(self, backup: Backup) -> bool:
        return backup.manifest.archive_bytes > self._whole_up_to_bytes

    @contextmanager
    def copy_of(self, backup: Backup, tell: Callable[[int], None] = untold) -> Iterator[Copy]:
        """Restore a backup into a server that exists only for the block.

        Args:
            backup: its digest was looked at by the caller.
            tell: told meanwhile how many rows are back.

        Raises:
            Misconfigured: no embedded PostgreSQL, or no pg_restore that can read the archive.
            Failed: the server did not start, or the restore could not begin.
        """
        manifest = backup.manifest
        large = self._is_large(backup)
        if large and self._instead is not None:
            with self._instead.copy_of(backup, tell) as copy:
                yield copy
            return
        self._sweep()
        directory = self._folder / f"{os.getpid()}-{secrets.token_hex(3)}"
        directory.mkdir(parents=True, mode=0o700)
        cluster = embedded.Cluster(directory, self._install(_major(manifest.server_version)))
        password = Secret(secrets.token_urlsafe(24))
        try:
            cluster.create(_SUPERUSER, password)
            place = f"{password.reveal()}@{embedded.HOST}:{cluster.start().port}"
            _prepare(Secret(f"postgresql://{_SUPERUSER}:{place}/postgres"), backup, password)
            place += "/" + quote(manifest.database, safe="")
            admin = Secret(f"postgresql://{_SUPERUSER}:{place}")
            with self._archives.plain(backup.archive) as archive:
                restored = restore.restore(
                    archive,
                    manifest,
                    url=admin,
                    most_rows=self._most_rows if large else None,
                    tell=tell,
                )
            owner = Secret(f"postgresql://{quote(manifest.role, safe='')}:{place}")
            with closing(Copy(admin=admin, owner=owner, restored=restored)) as copy:
                yield copy
        finally:
            cluster.destroy()
            shutil.rmtree(directory, ignore_errors=True)

    @contextmanager
    def filled(
        self, backup: Backup, tell: Callable[[int], None] = untold, *, url: Secret
    ) -> Iterator[Copy]:
        """Restore a backup into an empty database, where it stays.

        Args:
            backup: its digest was looked at by the caller.
            tell: told meanwhile how many rows are back.
            url: of the database, as a role that may create all that is in the backup.

        Raises:
            Refused: the database holds tables already.
        """
        with postgres.connect(url, purpose="restore", timeout_s=_CONNECT_S) as connection:
            there = connection.execute(_TABLES).fetchall()
            if there:
                raise Refused(
                    f"The database at {postgres.place_of(url)} is not empty: it holds "
                    f"{len(there)} tables, {there[0][0]}.{there[0][1]} among them.",
                    unchanged="Nothing was restored; the database is as it was.",
                    next_step="Make a new database and name that one; restoring over data that "
                    "is there loses it.",
                )
            restore.make_roles(connection, backup.manifest.roles)
        with self._archives.plain(backup.archive) as archive:
            restored = restore.restore(archive, backup.manifest, url=url, tell=tell)
        with closing(Copy(admin=url, owner=url, restored=restored)) as copy:
            yield copy

    @contextmanager
    def replaced(
        self, backup: Backup, _tell: Callable[[int], None] = untold, *, url: Secret
    ) -> Iterator[Replacement]:
        """Put a backup in the place of what a database holds, when the block ends well.

        Args:
            backup: its digest was looked at by the caller.
            url: of the database, as the role that owns the project's objects.

        Raises:
            Failed: it could not be; the database is as it was.
        """
        with (
            self._archives.plain(backup.archive) as archive,
            replace.replaced(archive, backup, url=url) as done,
        ):
            yield done

    def _install(self, wanted: int) -> embedded.Install:
        installs = embedded.installs()
        return next((one for one in installs if one.major >= wanted), installs[-1])

    def _sweep(self) -> None:
        """Delete the clusters of rehearsals whose process was killed."""
        if not self._folder.is_dir():
            return
        for left in self._folder.iterdir():
            pid = left.name.partition("-")[0]
            if pid.isdigit() and not process.alive(int(pid)):
                cluster = embedded.Cluster(left, embedded.newest())
                cluster.destroy()
                if not cluster.home.exists():  # else it is found again next time
                    shutil.rmtree(left, ignore_errors=True)


def _prepare(url: Secret, backup: Backup, password: Secret) -> None:
    """Make the roles, and an empty database that is named like the target's."""
    manifest = backup.manifest
    with postgres.connect(url, purpose="rehearsal", timeout_s=_CONNECT_S) as connection:
        restore.make_roles(connection, manifest.roles)
        role = sql.Identifier(manifest.role)
        # The password lives as long as this server: no longer than the rehearsal.
        connection.execute(
            sql.SQL("alter role {} login password {}").format(role, sql.Literal(password.reveal()))
        )
        database = sql.Identifier(manifest.database)
        there = connection.execute(
            "select from pg_database where datname = %s", [manifest.database]
        ).fetchone()
        if there is None:
            connection.execute(sql.SQL("create database {} template template0").format(database))
        connection.execute(sql.SQL("alter database {} owner to {}").format(database, role))


def _major(version: str) -> int:
    """Return the major of `17.11` or `17.11 (Debian …)`."""
    return int(version.partition(".")[0].split()[0])
