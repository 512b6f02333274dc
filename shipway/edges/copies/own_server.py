"""A PostgreSQL server of one's own as the place of copies: each has a database, and none stays.

A database is ours by its name alone, and in use for as long as its maker holds a lock in it: the
lock ends with the maker's connection, however that dies, wherever it ran.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Final

import psycopg
from psycopg import sql

from shipway.cleanup import afterwards
from shipway.edges.copies import own_roles
from shipway.edges.copies.abilities import missing_abilities, unusable_extensions
from shipway.edges.copies.database import make_database
from shipway.edges.copies.own_copies import copies, databases, keep_with, new_name, state_before
from shipway.edges.copies.restored_copy import CopyDatabase
from shipway.edges.copies.shared_state import (
    put_back,
    put_passwords_back,
    read_passwords,
    read_shared_state,
)
from shipway.edges.copies.urls import at_database
from shipway.edges.postgres import connection as postgres
from shipway.edges.postgres.advisory_lock import NOTICE_DEATH
from shipway.edges.postgres.diagnostics import plain_message
from shipway.edges.postgres.pooler import connect_session
from shipway.edges.postgres.same_server import same_server
from shipway.errors import Failed, Refused, Stopped

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from psycopg.rows import TupleRow

    from shipway.values.backup import Manifest
    from shipway.values.basics import Secret

    Connection = psycopg.Connection[TupleRow]

__all__ = ["SETTING", "OwnServer"]

SETTING: Final = "SHIPWAY_REHEARSE_ON"
_IN_USE: Final = (0x73686970, 2)
"""The lock that a copy's maker holds in it: "ship" and 2; the first number is a release's."""
_AT_WORK: Final = (0x73686970, 3)
"""Held in the URL's own database while copies and roles are made or dropped."""
_PATIENCE: Final = "60s"
_UNCHANGED: Final = "The target was not touched, and nothing of it is left on that server."


class OwnServer:
    """Makes databases for copies on a server that is there already, and drops them again.

    Args:
        url: of the server, with a database to connect to, as a role that may create databases.
        target: what is rehearsed for, which must be on another server; None when there is none.
        timeout_s: longest wait for a connection.
    """

    def __init__(self, url: Secret, *, target: Secret | None, timeout_s: float) -> None:
        self._url = url
        self._target = target
        self._timeout_s = timeout_s

    @property
    def place(self) -> str:
        """Its host and port."""
        with _naming_setting():
            return postgres.place_of(self._url).rpartition("/")[0]

    def version(self, *, at_least: int) -> str:
        """Return the server's version; nothing is made.

        Args:
            at_least: the target's major version, which an older server cannot stand in for.

        Raises:
            Stopped: it cannot be reached, is older, is the target's own, or can hold no copies.
        """
        with self._connection() as connection:
            self._refuse_unfit(connection, at_least)
            return str(connection.info.parameter_status("server_version"))

    @contextmanager
    def database(self, manifest: Manifest, archive: Path) -> Iterator[CopyDatabase]:
        """Make an empty database, and the roles that are missing, for the block alone.

        Args:
            manifest: of the backup that is to be restored there.
            archive: the plain one.

        Raises:
            Refused: no copy can be made there; it says why, before anything is restored.
            Failed: it could not be dropped again.
        """
        name = new_name()
        with self._connection() as connection, _alone(connection):
            self._refuse_unfit(connection, int(manifest.server_version.partition(".")[0]))
            self._sweep(connection)
            if name in databases(connection):
                raise _not_ours(name, self.place)
        passwords: dict[str, str | None] = {}
        with afterwards(partial(self._clear, name, passwords)), ExitStack() as opened:
            with self._connection() as connection, _alone(connection):
                passwords |= read_passwords(connection)
                lacks = self._create(connection, name, manifest)
                guard = opened.enter_context(self._guarding(name))
                made = self._prepared(guard, name, manifest, archive)
            yield CopyDatabase(
                admin=at_database(self._url, name),
                owner=own_roles.owner_url(guard, self._url, name, manifest.role, made),
                place=self.place,
                unusable=unusable_extensions(guard, manifest),
                roles_unlike=own_roles.unlike(guard, manifest.roles, made.names),
                role_is_ours=manifest.role in made.names,
                lacks=lacks,
            )

    def _connection(self, database: str = "") -> Connection:
        url = at_database(self._url, database) if database else self._url
        with _naming_setting():
            return connect_session(url, purpose="rehearsal", timeout_s=self._timeout_s)

    def _refuse_unfit(self, connection: Connection, at_least: int) -> None:
        runs = connection.info.server_version // 10_000
        if runs < at_least:
            raise Refused(
                f"The server at {self.place} runs PostgreSQL {runs}, and the target runs "
                f"{at_least}: a backup is not restored into an older version.",
                unchanged=_UNCHANGED,
                next_step=f"Name a server of PostgreSQL {at_least} or newer in {SETTING}, or leave "
                "it out: copies are then made on an embedded one.",
            )
        if connection.execute("select pg_catalog.pg_is_in_recovery()").fetchone() == (True,):
            raise Refused(
                f"The server at {self.place} is a standby: no copy can be made there.",
                unchanged=_UNCHANGED,
                next_step=f"Name another server in {SETTING}.",
            )
        if self._target is None:
            return
        with postgres.connect(
            self._target, purpose="rehearsal", timeout_s=self._timeout_s
        ) as theirs:
            same = same_server(theirs, connection)
        if same:
            raise Refused(
                f"{SETTING} leads to the server of the target itself, under the name {self.place}: "
                "a rehearsal there would work beside the data that it is to protect.",
                unchanged=_UNCHANGED,
                next_step=f"Name another server in {SETTING}, or leave it out: copies are then "
                "made on an embedded one.",
            )

    def _create(self, connection: Connection, name: str, manifest: Manifest) -> tuple[str, ...]:
        # What a copy beside this one has changed by now is put back by whichever goes last.
        others = (state_before(connection, one) for one in copies(connection))
        before = next(filter(None, others), None) or read_shared_state(connection)
        try:
            lacks = make_database(connection, name, manifest.locale)
            keep_with(connection, name, before)
        except psycopg.Error as error:
            raise _refusal(
                f"No database can be made at {self.place}: {plain_message(error)}."
            ) from None
        return lacks

    @contextmanager
    def _guarding(self, name: str) -> Iterator[Connection]:
        """Hold the lock by which others see that the database is in use."""
        with self._connection(name) as guard:
            with suppress(psycopg.Error):  # a local socket has no TCP
                guard.execute(NOTICE_DEATH, [guard.info.backend_pid])
            guard.execute("select pg_catalog.pg_advisory_lock(%s, %s)", _IN_USE)
            yield guard

    def _prepared(
        self, guard: Connection, name: str, manifest: Manifest, archive: Path
    ) -> own_roles.Made:
        """Make what the restore wants to find, or refuse with all that the URL's role may not."""
        try:
            made = own_roles.make(guard, manifest)
            lacking = missing_abilities(guard, manifest, archive)
            if not lacking:
                belongs = map(sql.Identifier, (name, manifest.role))
                guard.execute(sql.SQL("alter database {} owner to {}").format(*belongs))
        except psycopg.Error as error:
            lacking = [plain_message(error)]
        if lacking:
            told = "\n".join(f"- {one}" for one in lacking)
            raise _refusal(
                f"The backup cannot be restored at {self.place} as {guard.info.user}:\n{told}"
            )
        return made

    def _sweep(self, connection: Connection) -> None:
        """Drop what rehearsals have left whose process is gone."""
        for name in copies(connection):
            if self._is_left(name):
                with suppress(psycopg.Error):  # another role's: it is that one's to drop
                    self._drop(connection, name)
        if not copies(connection):
            own_roles.drop(connection)

    def _is_left(self, name: str) -> bool:
        try:
            with self._connection(name) as inside:
                taken = inside.execute("select pg_catalog.pg_try_advisory_lock(%s, %s)", _IN_USE)
                return taken.fetchone() == (True,)
        except (Stopped, psycopg.Error):
            return False

    def _drop(self, connection: Connection, name: str) -> None:
        """Drop a copy, and with the last one all that came with copies."""
        before = state_before(connection, name)
        left: list[str] = []
        if before is not None:
            with suppress(Stopped, psycopg.Error), self._connection(name) as inside:
                own_roles.claim(inside, before.roles)
            # Before its database goes, which keeps what is to be put back.
            if copies(connection) == [name]:
                left = put_back(connection, before, own_roles.made_by_us(connection))
        connection.execute(
            sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name))
        )
        if not copies(connection):
            own_roles.drop(connection)
        if left:
            raise Failed(
                f"What a rehearsed file has changed for the whole server at {self.place} could "
                "not be put back.",
                unchanged="The target was not touched.",
                next_step="Put it back by hand, as a superuser there:\n" + ";\n".join(left),
            )

    def _clear(self, name: str, passwords: dict[str, str | None]) -> None:
        try:
            with self._connection() as connection, _alone(connection):
                if name in databases(connection):
                    self._drop(connection, name)
                put_passwords_back(connection, passwords)
        except Failed:
            raise
        except (Stopped, psycopg.Error) as error:
            why = error.what if isinstance(error, Stopped) else plain_message(error)
            raise Failed(
                f"The copy {name} may still be on the server at {self.place}: {why}",
                unchanged="The target was not touched.",
                next_step="The next rehearsal there drops it; or drop it by hand: "
                f"drop database if exists {name} with (force)",
            ) from None


@contextmanager
def _naming_setting() -> Iterator[None]:
    """Let an error about a connection name the setting that it came from."""
    try:
        yield
    except Stopped as error:
        what, next_step = (
            text.replace("DATABASE_URL", SETTING) for text in (error.what, error.next_step)
        )
        raise type(error)(what, unchanged=_UNCHANGED, next_step=next_step) from None


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    """Let no other rehearsal make or drop anything meanwhile; the roles are shared by all."""
    connection.execute(sql.SQL("set lock_timeout = {}").format(sql.Literal(_PATIENCE)))
    try:
        connection.execute("select pg_catalog.pg_advisory_lock(%s, %s)", _AT_WORK)
    except psycopg.errors.LockNotAvailable:
        raise _refusal(
            f"Another rehearsal has been making or dropping a copy there for {_PATIENCE}.",
            next_step="Run it again when that one has ended.",
        ) from None
    try:
        yield
    finally:
        with suppress(psycopg.Error):
            connection.execute("select pg_catalog.pg_advisory_unlock(%s, %s)", _AT_WORK)


def _not_ours(name: str, place: str) -> Refused:
    return _refusal(f"The server at {place} has a database {name} already, which is not ours.")


def _refusal(
    what: str,
    *,
    next_step: str = f"Name a role in {SETTING} that may; a superuser may, which on Supabase's own "
    "images is supabase_admin.",
) -> Refused:
    return Refused(what, unchanged=_UNCHANGED, next_step=next_step)
