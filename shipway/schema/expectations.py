"""What the project's checks/ folder promises of the database: read from its files, judged here."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from shipway.errors import Misconfigured
from shipway.migrations.directives import duration_s, read_directives, refuse_unknown
from shipway.migrations.sql.blank import BadScript
from shipway.migrations.sql.split import pieces
from shipway.schema.access_words import load_access

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from shipway.schema.access_words import ExpectedRight

__all__ = [
    "QUERY_DIRECTIVES",
    "DeclaredTable",
    "Expect",
    "Expectations",
    "QueryCheck",
    "load_expectations",
]

_NOTHING_DONE = "Nothing was run and nothing was changed."
QUERY_DIRECTIVES: Final = {
    "expect": "what comes out: `empty`, `rows`, `value:X` or `error:SQLSTATE`; it has to be said",
    "name": "what the check is called; the file's name when it is left out",
    "role": "whose rights the query runs with: `anon`, `authenticated`, `service_role`, …",
    "claims": 'the caller\'s token, JSON: `\'{"sub": "…"}\'`',
    "within": "its time budget: `200ms`",
}
"""What the head of a critical query may say."""
_QUERY_WORDS = (b"select", b"with", b"values", b"table")


class Expect(StrEnum):
    """What a query has to return."""

    EMPTY = "empty"
    ROWS = "rows"
    VALUE = "value"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryCheck:
    """One file `checks/*.sql`: a query and what it has to return."""

    file: str
    name: str
    statement: str
    expect: Expect
    wanted: str
    """The value, or the SQLSTATE of the error; empty for EMPTY and ROWS."""
    role: str | None
    """Whose rights it runs with; the connection's own when None."""
    claims: str | None
    """JSON of the caller's token."""
    within_s: float | None
    """Its time budget."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredTable:
    """A table of `checks/schema.toml` and the columns that the app's code relies on."""

    schema: str
    name: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectations:
    """All that verify holds against the database."""

    tables: tuple[DeclaredTable, ...] = ()
    queries: tuple[QueryCheck, ...] = ()
    exposed_schemas: tuple[str, ...]
    timeout_s: float
    """Longest run of one query."""
    access: tuple[ExpectedRight, ...] | None = None
    """Who may do what; None without an access.toml."""
    may_lose_rows: tuple[str, ...] = ()
    """Tables, `schema.table`, that the app itself deletes from."""


def load_expectations(
    checks_dir: Path, *, exposed_schemas: tuple[str, ...], timeout_s: float
) -> Expectations:
    """Read the folder of checks; one that does not exist promises nothing.

    Args:
        checks_dir: holds schema.toml and the critical queries, `*.sql`.
        exposed_schemas: those that the Data API serves.
        timeout_s: longest run of one query, seconds.

    Raises:
        Misconfigured: a file that cannot be read or understood.
    """
    queries = sorted(checks_dir.glob("*.sql")) if checks_dir.is_dir() else []
    return Expectations(
        tables=tuple(_declared_tables(checks_dir / "schema.toml")),
        queries=tuple(_query(path) for path in queries),
        exposed_schemas=exposed_schemas,
        timeout_s=timeout_s,
        access=load_access(checks_dir / "access.toml"),
        may_lose_rows=_may_lose_rows(checks_dir / "data.toml"),
    )


def _may_lose_rows(path: Path) -> tuple[str, ...]:
    told = _toml(path)
    tables = told.get("may_lose_rows", [])
    if set(told) - {"may_lose_rows"} or not isinstance(tables, list):
        raise _bad(path.name, "cannot be understood", 'Write: may_lose_rows = ["public.session"]')
    return tuple(str(table) for table in tables)


def _declared_tables(path: Path) -> Iterator[DeclaredTable]:
    for schema, tables in _toml(path).items():
        if not isinstance(tables, dict):
            raise _ill_declared(path.name, schema)
        for name, told in tables.items():
            yield DeclaredTable(
                schema=schema, name=name, columns=_columns(path.name, f"{schema}.{name}", told)
            )


def _toml(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise _bad(path.name, f"is not valid TOML: {error}", "Mend it.") from None


def _columns(source: str, table: str, told: Any) -> tuple[str, ...]:
    columns = told.get("columns", []) if isinstance(told, dict) else None
    known = isinstance(told, dict) and set(told) <= {"columns"}
    if not known or not isinstance(columns, list):
        raise _ill_declared(source, table)
    if not all(isinstance(column, str) for column in columns):
        raise _ill_declared(source, table)
    return tuple(columns)


def _ill_declared(source: str, where: str) -> Misconfigured:
    return _bad(
        source,
        f"'{where}' is not a declared table",
        'Write each as: [schema.table], then: columns = ["id", "email"]',
    )


def _query(path: Path) -> QueryCheck:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise _bad(path.name, "cannot be read as UTF-8 text", "Save it as UTF-8.") from None
    head = read_directives(text, source=path.name)
    refuse_unknown(head, QUERY_DIRECTIVES, source=path.name)
    expect, wanted = _expectation(path.name, head)
    within = head.get("within")
    return QueryCheck(
        file=path.name,
        name=head.get("name", path.stem.replace("_", " ")),
        statement=_one_query(path.name, text),
        expect=expect,
        wanted=wanted,
        role=head.get("role"),
        claims=head.get("claims"),
        within_s=duration_s(within, key="within", source=path.name) if within else None,
    )


def _expectation(source: str, head: Mapping[str, str]) -> tuple[Expect, str]:
    kind, colon, wanted = head.get("expect", "").partition(":")
    if kind in {Expect.EMPTY, Expect.ROWS} and not colon:
        return Expect(kind), ""
    if kind in {Expect.VALUE, Expect.ERROR} and wanted:
        return Expect(kind), wanted
    raise _bad(
        source,
        f"'expect={head['expect']}' says nothing" if "expect" in head else "says no 'expect'",
        "Begin it with: -- shipway: expect=empty (or rows, value:3, error:42501)",
    )


def _one_query(source: str, text: str) -> str:
    """Return the file's one statement, which reads and does nothing else.

    The database is asked in a read-only transaction that is rolled back, so this is no wall but
    a plain answer for someone who wrote a script where a query belongs.
    """
    data = text.encode()
    try:
        found = list(pieces(data, start=0, standard_strings=True))
    except BadScript as error:
        raise _bad(source, str(error), error.next_step) from None
    if len(found) != 1:
        raise _bad(source, f"holds {len(found)} statements", "Keep one query in each file.")
    statement = data[found[0].start : found[0].end].strip()
    if not statement.lstrip(b"( ").lower().startswith(_QUERY_WORDS):
        raise _bad(source, "is not a query", "Write it as a SELECT, WITH, VALUES or TABLE.")
    return statement.decode()


def _bad(source: str, problem: str, next_step: str) -> Misconfigured:
    return Misconfigured(f"{source} {problem}.", unchanged=_NOTHING_DONE, next_step=next_step)
