"""Dumps the target with pg_dump: one snapshot, streamed, hashed while it is written.

The archive has pg_dump's custom format. It holds the whole database as the role may read it, not
the app's schemas alone: so triggers on auth.users, the ledger and the grants are in it, which
Supabase's own `db dump` loses.
"""

from __future__ import annotations

import re
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psycopg

from shipway.edges.catalog.snapshot import Catalog
from shipway.edges.client_tools import connections as tool_connections
from shipway.edges.client_tools import messages as tool_messages
from shipway.edges.dump import survey as dump_survey
from shipway.edges.dump.file import UNCHANGED, DumpFile, whole_or_not
from shipway.edges.machine import process
from shipway.edges.postgres import connection as postgres
from shipway.edges.postgres import diagnostics
from shipway.edges.postgres.pooler import connect_session
from shipway.edges.postgres.reading import reading_begins
from shipway.edges.storage.age import Age
from shipway.errors import Failed
from shipway.values.backup import Dumped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from shipway.edges.client_tools.programs import Tool
    from shipway.edges.dump.survey import Survey
    from shipway.values.backup import DumpedSoFar
    from shipway.values.basics import Secret
    from shipway.values.inspection import Snapshot

    Connection = psycopg.Connection[tuple[object, ...]]

__all__ = ["PgDump"]

_CHUNK_BYTES = 1 << 20
_NO_SCHEMA = "shipway asks for no schema"
_TRY_S = 60.0

# Fail rather than count only the rows that policies let through. Counting goes on beside the dump:
# it need not be quick, and takes one process alone.
_COUNTING = (
    b"set local statement_timeout = 0",
    b"set local row_security = off",
    b"set local max_parallel_workers_per_gather = 0",
)

# What pg_dump says, and what to do about it; the first that fits is taken.
_CURES = (
    (
        r"row-level security",
        "Dump as a role with BYPASSRLS (on Supabase: postgres); otherwise rows would be missing.",
    ),
    (
        r"lock timeout|statement timeout.*LOCK TABLE",
        "Another session, a migration perhaps, has locked a table: run it again when it is done.",
    ),
    (
        r"permission denied",
        "Grant the role in DATABASE_URL the right to read what is named, or use the owner.",
    ),
    (
        r"server closed the connection|could not receive data|connection to server",
        "The connection was lost: run it again, over the direct address if you can.",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PgDump:
    """Dumps one database.

    Args:
        url: the target's `DATABASE_URL`.
        connect_timeout_s: longest wait for a connection.
        deadline_s: longest time for the whole dump.
        lock_wait_s: longest wait for a table that another session has locked.
        age: encrypts.
    """

    url: Secret
    connect_timeout_s: float
    deadline_s: float = 6 * 3600.0
    lock_wait_s: float = 30.0
    age: Age = field(default_factory=Age)

    def dump(
        self,
        into: Path,
        *,
        recipients: Sequence[str] = (),
        progress: Callable[[DumpedSoFar], None],
    ) -> Dumped:
        """Write the archive to `into`, which exists afterwards only if it is whole.

        Args:
            into: the file; what it holds grows under the name `….partial` first.
            recipients: those who can read it; none: it is written as pg_dump gives it.
            progress: is told a few times a second how far it is.

        Raises:
            Misconfigured: no fitting pg_dump.
            Refused: the database cannot be reached.
            Failed: the dump did not finish.
        """
        began = time.monotonic()
        with self._snapshot() as (connection, snapshot):
            facts = dump_survey.facts_of(connection)
            survey = dump_survey.look(connection)
            tool = tool_connections.find_tool("pg_dump", connection, self.url)
            argv, env = self._command(connection, tool, snapshot, survey)
            # Before pg_dump begins: where a pool has none left for us, it would have none for it.
            second = postgres.connect(self.url, purpose="backup", timeout_s=self.connect_timeout_s)
            with closing(second), ThreadPoolExecutor(max_workers=2) as beside:
                counting = beside.submit(dump_survey.count, connection, survey)
                seen = beside.submit(_schema, second)
                with whole_or_not(into) as partial:
                    try:
                        output = DumpFile(partial, tables=len(survey.tables), tell=progress)
                        self._write(argv, env, output, recipients)
                    except BaseException as error:
                        _give_up_counting(connection, counting, error)
                        raise
                    try:
                        row_counts, schema = counting.result(), seen.result()
                    except psycopg.Error as error:
                        raise _broken(
                            "Counting rows, or reading the schema: "
                            f"{diagnostics.plain_message(error)}"
                        ) from None
        return Dumped(
            database=facts.database,
            server_version=facts.server_version,
            tool=tool.label,
            snapshot_at=facts.snapshot_at,
            lsn=facts.lsn,
            archive_bytes=output.size_bytes,
            archive_sha256=output.sha256,
            duration_s=time.monotonic() - began,
            row_counts=row_counts,
            left_out=survey.left_out,
            extensions=facts.extensions,
            offered=facts.offered,
            has_public=facts.has_public,
            roles=facts.roles,
            role=facts.role,
            compression=tool.compression,
            schema=schema,
            ledger_version=facts.ledger_version,
            session=facts.session,
            locale=facts.locale,
        )

    def tried(self) -> Tool:
        """Return the pg_dump that would be used, once it has been connected with.

        Raises:
            Misconfigured: no fitting pg_dump.
            Refused: the database cannot be reached.
            Failed: it connects for us, and not for pg_dump.
        """
        with postgres.connect(
            self.url, purpose="preflight", timeout_s=self.connect_timeout_s
        ) as connection:
            tool = tool_connections.find_tool("pg_dump", connection, self.url)
            place, env = tool_connections.reach(connection, self.url, tool, purpose="preflight")
        # A schema that nobody has: pg_dump connects, looks for it and ends with that.
        argv: list[str | Path] = [tool.path, "--no-password", f"--schema={_NO_SCHEMA}"]
        said = process.run([*argv, f"--dbname={place}"], env=env, deadline_s=_TRY_S)
        if "no matching schemas were found" not in said.stderr:
            raise _broken(
                f"{tool.label} at {tool.path} does not connect: "
                f"{tool_messages.complaints_of(said.stderr)}"
            )
        return tool

    @contextmanager
    def _snapshot(self) -> Iterator[tuple[Connection, str]]:
        """Hold a transaction whose snapshot pg_dump shares; the counts are taken in it."""
        timeout_s = self.connect_timeout_s
        with connect_session(self.url, purpose="backup", timeout_s=timeout_s) as connection:
            connection.execute(reading_begins(connection, *_COUNTING))
            row = connection.execute("select pg_export_snapshot()").fetchone()
            yield connection, str(row[0]) if row else ""
            connection.execute("rollback")

    def _command(
        self, connection: Connection, tool: Tool, snapshot: str, survey: Survey
    ) -> tuple[list[str | Path], Mapping[str, str | Secret]]:
        """Return argv and environment. The password is in the environment only."""
        conninfo, env = tool_connections.reach(connection, self.url, tool, purpose="backup")
        # Bytes in no known encoding are dumped as they are; everything else as UTF-8.
        encoding = connection.info.parameter_status("server_encoding") or ""
        as_it_is = [f"--encoding={encoding}"] if encoding == "SQL_ASCII" else []
        argv: list[str | Path] = [
            tool.path,
            "--format=custom",
            f"--compress={tool.compression}",
            f"--snapshot={snapshot}",
            f"--lock-wait-timeout={int(self.lock_wait_s * 1000)}",
            "--no-password",
            "--verbose",  # it names each table that it begins
            f"--dbname={conninfo}",
            *as_it_is,
            *survey.exclusions,
        ]
        return argv, env

    def _write(
        self,
        argv: list[str | Path],
        env: Mapping[str, str | Secret],
        output: DumpFile,
        recipients: Sequence[str],
    ) -> None:
        """Run pg_dump into a file."""
        with output, process.stream(argv, env=env, deadline_s=self.deadline_s) as running:
            output.listen(running)
            if recipients:
                self.age.encrypt(running.stdout, output, recipients)
            else:
                while chunk := running.stdout.read(_CHUNK_BYTES):
                    output.write(chunk)
            ended = running.finish()
            if ended.returncode:
                raise _broken(f"pg_dump failed: {tool_messages.complaints_of(ended.stderr)}")


def _schema(connection: Connection) -> Snapshot:
    """Return the schema, as it is a moment after the dump's snapshot; close the connection.

    A change just between the two is found when the restored copy is compared with it.
    """
    with closing(connection):
        return Catalog(connection).snapshot()


def _give_up_counting(
    connection: Connection, counting: Future[Mapping[str, int]], error: BaseException
) -> None:
    """Stop the count; when it was the count that failed first, say so instead of `error`."""
    with suppress(psycopg.Error):
        connection.cancel()
    cause = counting.exception()
    # A failed count ends the snapshot, and pg_dump then complains of that.
    if (
        isinstance(error, Failed)
        and isinstance(cause, psycopg.Error)
        and not isinstance(cause, psycopg.errors.QueryCanceled)
    ):
        raise _broken(f"Counting the rows failed: {diagnostics.plain_message(cause)}") from None


def _broken(what: str) -> Failed:
    cure = next((cure for pattern, cure in _CURES if re.search(pattern, what, re.DOTALL)), None)
    return Failed(
        what,
        unchanged=UNCHANGED,
        next_step=cure or "Mend the cause that is named, then run it again.",
    )
