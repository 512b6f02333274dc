"""Sends an archive's statements and rows through a connection of ours, as psql would."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from psycopg import sql

from shipway.edges.client_tools import messages as tool_messages
from shipway.edges.machine import process
from shipway.edges.restore.pg_restore import list_file
from shipway.errors import Failed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import psycopg

    from shipway.edges.client_tools.programs import Tool
    from shipway.edges.restore.archive_entries import Entry

    Connection = psycopg.Connection[tuple[object, ...]]

__all__ = ["DATA", "POST_DATA", "PRE_DATA", "Script"]

PRE_DATA: Final = "pre-data"
DATA: Final = "data"
POST_DATA: Final = "post-data"

_DEADLINE_S: Final = 6 * 3600.0
_CHUNK_BYTES: Final = 1 << 20
_TRANSACTION_TIMEOUT: Final = 170_000
"""The server version from which on `transaction_timeout` is known."""
_TIMEOUT: Final = b"SET transaction_timeout = 0;\n"
_EMPTY_PATH: Final = b"SELECT pg_catalog.set_config('search_path', '', false);\n"
_UNCHANGED: Final = "The database is as it was: the transaction was rolled back."


class Script:
    """The statements of one archive.

    Args:
        connection: that they are sent through.
        tool: pg_restore, which writes them.
        archive: the plain one.
    """

    def __init__(self, connection: Connection, tool: Tool, archive: Path) -> None:
        self._connection = connection
        self._tool = tool
        self._archive = archive

    def send(self, entries: Sequence[Entry], *, section: str = "", search_path: str = "") -> None:
        """Run the statements of some entries in the transaction that is open.

        Args:
            entries: those that are sent, in the archive's order.
            section: only what belongs to it; empty: all of it.
            search_path: of the statements; a restore has an empty one.

        Raises:
            psycopg.Error: one of them did not succeed.
            Failed: the archive could not be read.
        """
        with list_file(entries) as names:
            argv: list[str | Path] = [
                self._tool.path,
                f"--use-list={names}",
                *((f"--section={section}",) if section else ()),
                "--no-tablespaces",
                "--file=-",
                self._archive,
            ]
            with process.stream(argv, env=self._tool.env, deadline_s=_DEADLINE_S) as running:
                lines = iter(running.stdout)
                statements = list(self._head(lines, search_path))
                if section == DATA or any(one.kind == "TABLE DATA" for one in entries):
                    self._rows(statements, lines)
                else:
                    self._execute([*statements, *lines])
                ended = running.finish()
        if ended.returncode:
            raise Failed(
                "pg_restore could not read the archive: "
                f"{tool_messages.complaints_of(ended.stderr)}",
                unchanged=_UNCHANGED,
                next_step="Use another backup: invoke backup.list",
            )

    def _head(self, lines: Iterator[bytes], search_path: str) -> Iterator[bytes]:
        """Yield the settings that come first, as this server takes them, up to the first entry.

        What was written for psql alone is left out, and so is what only newer servers know. Behind
        it every line may be one of a function's body.
        """
        old = self._connection.info.server_version < _TRANSACTION_TIMEOUT
        for line in lines:
            if line.startswith(b"\\restrict ") or (old and line == _TIMEOUT):
                continue
            if line == _EMPTY_PATH and search_path:
                path = sql.SQL("select pg_catalog.set_config('search_path', {}, false);\n")
                yield path.format(sql.Literal(search_path)).as_bytes(self._connection)
            else:
                yield line
            if line.startswith((b"-- Name: ", b"-- Data for Name: ")):
                return

    def _rows(self, statements: list[bytes], lines: Iterator[bytes]) -> None:
        """Send each table's rows behind its COPY, and what stands between as it stands."""
        for line in lines:
            if line.startswith(b"COPY ") and line.endswith(b" FROM stdin;\n"):
                self._execute(statements)
                self._copy(line, lines)
                statements.clear()
            else:
                statements.append(line)
        self._execute(statements)

    def _execute(self, lines: Sequence[bytes]) -> None:
        sent = [line for line in lines if not line.startswith(b"\\unrestrict ")]
        if any(line.strip() and not line.startswith((b"--", b"SET ")) for line in sent):
            self._connection.execute(b"".join(sent))

    def _copy(self, statement: bytes, lines: Iterator[bytes]) -> None:
        """Send a table's rows, up to the line that ends them."""
        with self._connection.cursor().copy(statement.rstrip().removesuffix(b";")) as copy:
            chunk: list[bytes] = []
            size = 0
            for line in lines:
                if line == b"\\.\n":
                    break
                chunk.append(line)
                size += len(line)
                if size >= _CHUNK_BYTES:
                    copy.write(b"".join(chunk))
                    chunk, size = [], 0
            copy.write(b"".join(chunk))
