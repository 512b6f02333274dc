"""The place of a rehearsal: a database of its own with a backup restored into it."""

from __future__ import annotations

import os
import secrets
import shutil
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from dataclasses import replace as changed
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import quote

from psycopg import sql

from shipway.cleanup import afterwards
from shipway.edges.copies.database import make_database
from shipway.edges.copies.restored_copy import Copy, CopyDatabase, tables_of
from shipway.edges.copies.target_session import begin_as_target
from shipway.edges.extensions.folder import extensions_for
from shipway.edges.extensions.library import stand_ins
from shipway.edges.machine import process
from shipway.edges.postgres import connection as postgres
from shipway.edges.postgres.supautils import PRIVILEGED_ROLE, stand_in_for_supautils
from shipway.edges.restore import replace, restore
from shipway.edges.restore.progress import untold
from shipway.edges.restore.roles import make_roles
from shipway.edges.servers import cluster as embedded
from shipway.errors import Refused
from shipway.formats.figures import count
from shipway.values.basics import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from shipway.edges.copies.own_server import OwnServer
    from shipway.edges.dump.archives import Archives
    from shipway.edges.restore.replace import Replacement
    from shipway.values.backup import Backup, Manifest

__all__ = ["CopyServer", "RehearsalRoom", "install_like"]

_SUPERUSER: Final = "shipway_rehearsal"
_CONNECT_S: Final = 10.0


class Elsewhere(Protocol):
    """Another place for copies."""

    def copy_of(
        self, backup: Backup, tell: Callable[[int], None], /
    ) -> AbstractContextManager[Copy]:
        """Make one for the block."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyServer:
    """The server that copies are made on."""

    version: str
    place: str = ""
    """`host:port` of a server of one's own; empty for an embedded one, made for each copy."""

    @property
    def major(self) -> int:
        """Its major version."""
        return _major(self.version)

    def __str__(self) -> str:
        if self.place:
            return f"PostgreSQL {self.version} at {self.place}"
        return f"an embedded PostgreSQL {self.version}"


class RehearsalRoom:
    """Makes copies of backups and takes them away again.

    Args:
        folder: where the copies' clusters lie; those that a killed rehearsal left are deleted.
        archives: reads the archives.
        whole_up_to_bytes: of larger archives only a sample of the rows is restored.
        most_rows: of a table, in a sample.
        instead: where large backups are rehearsed on, instead of on a sample.
        own_server: where copies are made; embedded servers of their own when None.
    """

    def __init__(  # noqa: PLR0913 - all but two by name
        self,
        folder: Path,
        archives: Archives,
        *,
        whole_up_to_bytes: int,
        most_rows: int = 10_000,
        instead: Elsewhere | None = None,
        own_server: OwnServer | None = None,
    ) -> None:
        self._folder = folder
        self._archives = archives
        self._whole_up_to_bytes = whole_up_to_bytes
        self._most_rows = most_rows
        self._instead = instead
        self._own_server = own_server

    @property
    def place(self) -> str:
        """What is made for a copy, for people."""
        if self._own_server is None:
            return "a server of its own"
        return f"a database of its own at {self._own_server.place}"

    def server(self, major: int, extensions: Collection[str]) -> CopyServer:
        """Return the server that a copy would have.

        Args:
            major: the target's version.
            extensions: the target's: of the embedded servers the likest is taken.

        Raises:
            Stopped: there is none, or none that a copy may be made on.
        """
        if self._own_server is not None:
            version = self._own_server.version(at_least=major)
            return CopyServer(version=version, place=self._own_server.place)
        return CopyServer(version=install_like(major, extensions).version)

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
        """Restore a backup into a database that exists only for the block.

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
        with ExitStack() as opened:
            with self._archives.plain(backup.archive) as archive:
                database = opened.enter_context(self._database(backup, archive))
                restored = restore.restore(
                    archive,
                    manifest,
                    url=database.admin,
                    stays=False,
                    most_rows=self._most_rows if large else None,
                    unusable=database.unusable,
                    tell=tell,
                )
            if _is_hosted(manifest):
                with postgres.connect(
                    database.admin, purpose="rehearsal", timeout_s=_CONNECT_S
                ) as admin:
                    stand_in_for_supautils(admin, whole_cluster=not database.place)
            restored = begin_as_target(restored, manifest, database)
            restored = changed(restored, place=database.place, roles_unlike=database.roles_unlike)
            copy = Copy(admin=database.admin, owner=database.owner, restored=restored)
            with closing(copy):
                yield copy

    def _database(self, backup: Backup, archive: Path) -> AbstractContextManager[CopyDatabase]:
        if self._own_server is not None:
            return self._own_server.database(backup.manifest, archive)
        return self._embedded(backup)

    @contextmanager
    def _embedded(self, backup: Backup) -> Iterator[CopyDatabase]:
        """Run a server for the block, with roles and database of the target's names."""
        manifest = backup.manifest
        self._sweep()
        directory = self._folder / f"{os.getpid()}-{secrets.token_hex(3)}"
        directory.mkdir(parents=True, mode=0o700)
        install = install_like(_major(manifest.server_version), manifest.extensions)
        password = Secret(secrets.token_urlsafe(24))
        with ExitStack() as opened:
            extensions = opened.enter_context(extensions_for(install))
            cluster = embedded.Cluster(directory, install, extensions=extensions)
            gone = afterwards(cluster.destroy, lambda: shutil.rmtree(directory, ignore_errors=True))
            opened.enter_context(gone)
            cluster.create(_SUPERUSER, password)
            place = f"{password.reveal()}@{embedded.HOST}:{cluster.start().port}"
            template = Secret(f"postgresql://{_SUPERUSER}:{place}/template1")
            lacks = _prepare(template, backup, password)
            place += "/" + quote(manifest.database, safe="")
            yield CopyDatabase(
                admin=Secret(f"postgresql://{_SUPERUSER}:{place}"),
                owner=Secret(f"postgresql://{quote(manifest.role, safe='')}:{place}"),
                lacks=lacks,
            )

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
            there = tables_of(connection)
            if there:
                raise Refused(
                    f"The database at {postgres.place_of(url)} is not empty: it holds "
                    f"{count(len(there), 'table')}, {there[0].schema}.{there[0].name} among them.",
                    unchanged="Nothing was restored; the database is as it was.",
                    next_step="Make a new database and name that one; restoring over data that "
                    "is there loses it.",
                )
            make_roles(connection, backup.manifest.roles)
        with self._archives.plain(backup.archive) as archive:
            restored = restore.restore(archive, backup.manifest, url=url, stays=True, tell=tell)
        restored = changed(restored, place=postgres.place_of(url))
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
            replace.replace(archive, backup, url=url) as done,
        ):
            yield done

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


def install_like(major: int, extensions: Collection[str]) -> embedded.Install:
    """Return the embedded PostgreSQL that a copy of such a server runs on.

    Raises:
        Misconfigured: there is none on this machine.
    """
    return embedded.install_for(major, extensions, stand_ins=stand_ins())


def _prepare(url: Secret, backup: Backup, password: Secret) -> tuple[str, ...]:
    """Make the roles, and an empty database like the target's; return what that lacks."""
    manifest = backup.manifest
    with postgres.connect(url, purpose="rehearsal", timeout_s=_CONNECT_S) as connection:
        make_roles(connection, manifest.roles)
        role = sql.Identifier(manifest.role)
        # The password lives as long as this server: no longer than the rehearsal.
        connection.execute(
            sql.SQL("alter role {} login password {}").format(role, sql.Literal(password.reveal()))
        )
        database = sql.Identifier(manifest.database)
        lacks = make_database(connection, manifest.database, manifest.locale)
        connection.execute(sql.SQL("alter database {} owner to {}").format(database, role))
    return lacks


def _is_hosted(manifest: Manifest) -> bool:
    """Return whether the platform's library was behind the role that migrates."""
    platform = any(
        role.name == "supabase_admin" and "superuser" in role.attributes for role in manifest.roles
    )
    return platform and manifest.role == PRIVILEGED_ROLE


def _major(version: str) -> int:
    """Return the major of `17.11` or `17.11 (Debian …)`."""
    return int(version.partition(".")[0].split()[0])
