"""The sandbox's own server, as `invoke sandbox.up` starts it, with a database for each project."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Self
from urllib.parse import quote

import psycopg
from psycopg import sql

from shipway.edges.servers.cluster import tool
from shipway.sandbox.database.dress import APP_ROLE, SUPERUSER

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Sandbox", "SqlError", "shipway"]

_TEMPLATE = "dressed"
_PROGRAM = "from shipway.tasks.console import main; main()"
_ERROR = re.compile(r"psql:.*?:(\d+): (?:ERROR|FATAL): +(.*)")
_COMMITS = re.compile(rb"^\s*commit\b[^;]*;", re.MULTILINE | re.IGNORECASE)
_SETTINGS = """
select setting from pg_db_role_setting s join pg_database d on d.oid = s.setdatabase,
       unnest(setconfig) setting
 where d.datname = %s and s.setrole = 0
"""


@dataclass(frozen=True, kw_only=True)
class SqlError:
    """What psql said of a file."""

    file: str
    line: int
    what: str


def shipway(*arguments: str) -> list[str]:
    """Return a command line of the program that this interpreter has."""
    return [sys.executable, "-c", _PROGRAM, *arguments]


class Sandbox:
    """A running sandbox; it is stopped and deleted at the end.

    Args:
        folder: of an empty project whose sandbox it is.
        older: it is like a project from before 30 October 2026.
    """

    def __init__(self, folder: Path, *, older: bool = False) -> None:
        self._folder = folder
        self._older = older
        self._numbers = count(1)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.callback(self._invoke, "sandbox.reset", "--yes")
            self._invoke("sandbox.up", *(["--older"] if self._older else []))
            told = json.loads((self._folder / ".shipway/sandbox/database.json").read_text("utf-8"))
            self._superuser, self._owner, self._port = (
                told["superuser"],
                told["owner"],
                told["port"],
            )
            dressed = self._dressed()
            self._execute("create database {} template {}", _TEMPLATE, dressed)
            with self._admin("template1") as connection:
                found = connection.execute(_SETTINGS, [dressed])
                self._settings = [str(one) for (one,) in found]
            self._at_end = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._at_end.close()

    def url(self, database: str) -> str:
        """Return the URL of a database as the project owner."""
        password = quote(self._owner, safe="")
        return f"postgresql://{APP_ROLE}:{password}@127.0.0.1:{self._port}/{database}"

    def database(self, *, like: str = _TEMPLATE) -> str:
        """Make a database dressed as a new project, or like another one, and return its name."""
        name = f"history_{next(self._numbers)}"
        self._execute("create database {} template {} owner {}", name, like, APP_ROLE)
        # A template gives its settings to nobody.
        for setting in self._settings:
            parameter, _, value = setting.partition("=")
            # search_path is a list of names, quoted where they need it; all others are one value.
            value = value if parameter == "search_path" else sql.Literal(value).as_string()
            self._execute(f"alter database {{}} set {{}} = {value}", name, parameter)
        return name

    def drop(self, database: str) -> None:
        """Delete a database, whoever is still connected to it."""
        self._execute("drop database if exists {} with (force)", database)

    def execute(self, database: str, statements: str) -> None:
        """Run statements as the project owner, as another tool would."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            connection.execute(statements.encode())

    def psql(self, database: str, file: Path, *, deadline_s: float) -> tuple[SqlError, ...]:
        """Run a file with psql, which goes on after errors, and return these.

        A file that runs whole in one transaction, as the Supabase CLI runs it, has none.
        """
        asked: list[str | Path] = [tool("psql"), "-X", "-q", "-d", self.url(database), "-f", file]
        ways: list[list[str]] = [["-1", "-v", "ON_ERROR_STOP=1"], []]
        if _COMMITS.search(file.read_bytes()):
            del ways[0]  # what it commits itself would be made twice
        errors: tuple[SqlError, ...] = ()
        for more in ways:
            done = subprocess.run(
                [*asked, *more],
                check=False,
                capture_output=True,
                stdin=subprocess.DEVNULL,
                timeout=deadline_s,
                encoding="utf-8",
                errors="replace",
            )
            errors = tuple(_errors(file, done.stderr))
            if not errors:
                break
        return errors

    def _dressed(self) -> str:
        """Return the database that the sandbox offers."""
        env = (self._folder / ".env.sandbox").read_text("utf-8")
        url = next(one for one in env.splitlines() if one.startswith("DATABASE_URL="))
        return url.rpartition("/")[2]

    def _execute(self, statement: str, *names: str) -> None:
        with self._admin("template1") as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))

    def _admin(self, database: str) -> psycopg.Connection[tuple[object, ...]]:
        password = quote(self._superuser, safe="")
        url = f"postgresql://{SUPERUSER}:{password}@127.0.0.1:{self._port}/{database}"
        return psycopg.connect(url, autocommit=True)

    def _invoke(self, *arguments: str) -> None:
        subprocess.run(shipway(*arguments), cwd=self._folder, check=True, capture_output=True)


def _errors(file: Path, said: str) -> Iterator[SqlError]:
    for line in said.splitlines():
        if found := _ERROR.match(line):
            yield SqlError(file=file.name, line=int(found[1]), what=found[2])
