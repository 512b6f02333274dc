"""The program pg_restore, reading one archive into one database."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from shipway.edges.client_tools import connections as tool_connections
from shipway.edges.client_tools import messages as tool_messages
from shipway.edges.machine import process

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    import psycopg

    from shipway.edges.client_tools import programs as pgtools
    from shipway.edges.restore.archive_entries import Entry
    from shipway.edges.restore.progress import RowsBack
    from shipway.values.basics import Secret

__all__ = ["PgRestore", "list_file"]

_DEADLINE_S: Final = 6 * 3600.0
_JOBS: Final = 2
_LOOK_EVERY_S: Final = 0.25
# pg_restore 17 and newer say this to older servers; everything is there all the same.
_HARMLESS: Final = ('unrecognized configuration parameter "transaction_timeout"',)


@dataclass(frozen=True, slots=True, kw_only=True)
class PgRestore:
    """One archive, one database.

    Attributes:
        excused: numbers of the entries whose errors do not count.
    """

    tool: pgtools.Tool
    archive: Path
    connection: psycopg.Connection[tuple[object, ...]]
    url: Secret
    """Of the connection."""
    back: RowsBack
    excuses: Callable[[int, str, Collection[int]], bool] = field(
        default=lambda _number, _error, _excused: False
    )
    """Tells of an entry's number, its error and those that were excused whether it may fail."""
    excused: set[int] = field(default_factory=set)

    def run(
        self,
        entries: Sequence[Entry],
        options: str = "",
        *,
        sections: Sequence[str] = (),
        with_owners: bool = True,
    ) -> list[tuple[int, str]]:
        """Restore some entries and return pg_restore's errors: the entry's number, and one line.

        Args:
            entries: those that are restored.
            options: settings of its sessions, as PGOPTIONS has them.
            sections: only what belongs to these; none: all.
            with_owners: whether they get their owners; else they are the connected role's.
        """
        if not entries:
            return []
        place, env = tool_connections.reach(
            self.connection, self.url, self.tool, purpose="restore", options=options
        )
        with list_file(entries) as chosen:
            argv: list[str | Path] = [
                self.tool.path,
                f"--jobs={_JOBS}",
                f"--use-list={chosen}",
                *(f"--section={one}" for one in sections),
                "--no-tablespaces",
                "--no-password",
                "--verbose",  # it names each table whose rows are back
                *(() if with_owners else ("--no-owner",)),
                f"--dbname={place}",
                self.archive,
            ]
            with process.stream(argv, env=env, deadline_s=_DEADLINE_S) as running:
                said = running.watched(self.back.look, every_s=_LOOK_EVERY_S)
        self.back.look(said.stderr.encode())
        errors = list(tool_messages.numbered_errors(said.stderr))
        if said.returncode and not errors:
            complaint = tool_messages.complaints_of(said.stderr)
            return [(0, f"pg_restore ended with {said.returncode}: {complaint}")]
        return list(self._counted(errors))

    def _counted(self, errors: Sequence[tuple[int, str]]) -> Iterator[tuple[int, str]]:
        for number, error in errors:
            if any(harmless in error for harmless in _HARMLESS):
                continue
            if number in self.excused or self.excuses(number, error, self.excused):
                self.excused.add(number)
            else:
                yield number, error


@contextmanager
def list_file(entries: Sequence[Entry]) -> Iterator[Path]:
    """Write entries down as pg_restore reads them; the file is there for the block alone."""
    with tempfile.TemporaryDirectory(prefix="shipway-") as scratch:
        chosen = Path(scratch) / "entries"
        chosen.write_text("".join(f"{one.line}\n" for one in entries), encoding="utf-8")
        yield chosen
