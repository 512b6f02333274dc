"""Makes the database that a copy is restored into: encoding and locale as the target's has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import psycopg
from psycopg import sql

from shipway.values.backup import DatabaseLocale

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Connection = psycopg.Connection[tuple[object, ...]]

__all__ = ["make_database"]

_BUILTIN: Final = 170_000
"""The server version from which on PostgreSQL has a locale of its own."""
_BUILTIN_LOCALE: Final = "locale_provider builtin builtin_locale {}"
_PLAIN: Final = """
select pg_encoding_to_char(encoding), datcollate, datctype from pg_database d
 where datname = %s and coalesce(to_jsonb(d) ->> 'datlocprovider', 'c') = 'c'
"""


def make_database(
    connection: Connection, name: str, locale: DatabaseLocale | None
) -> tuple[str, ...]:
    """Make a database, in the place of an empty one of that name; return what it lacks, in words.

    Args:
        connection: in autocommit mode, as a superuser, to another database.
        name: of the database.
        locale: the target's; None: the server's own.
    """
    there = connection.execute(_PLAIN, [name]).fetchone()
    if there is not None and locale in {None, _plain(there)}:
        return ()
    database = sql.Identifier(name)
    connection.execute(sql.SQL("drop database if exists {}").format(database))
    make = sql.SQL("create database {} template template0 ").format(database)
    if locale is None:
        connection.execute(make)
        return ()
    first, *others = _forms(connection.info.server_version, locale)
    for form in (first, *others):
        try:
            connection.execute(make + form)
        except psycopg.Error:
            if form is others[-1]:
                raise
        else:
            return () if form is first else (f"collation {_called(locale)} of the database",)
    return ()


def _plain(row: Sequence[object]) -> DatabaseLocale:
    """Return what a new cluster's own database has: it may do as it is."""
    encoding, collate, ctype = map(str, row)
    return DatabaseLocale(encoding=encoding, provider="c", collate=collate, ctype=ctype)


def _forms(server_version: int, locale: DatabaseLocale) -> Iterator[sql.Composed]:
    """Yield the clauses of CREATE DATABASE, the likest first."""
    encoding = sql.SQL("encoding {} ").format(sql.Literal(locale.encoding))
    names = sql.SQL("lc_collate {} lc_ctype {} ").format(
        sql.Literal(locale.collate), sql.Literal(locale.ctype)
    )
    own = {"i": "locale_provider icu icu_locale {}", "b": _BUILTIN_LOCALE}.get(locale.provider)
    if own is None:
        yield encoding + names
    else:
        named = sql.SQL(own).format(sql.Literal(locale.locale))
        yield encoding + names + named
        # The libraries' locale decides little there, and need not be here.
        yield encoding + sql.SQL("locale 'C' ") + named
    # Letters are letters at least, where only their order is another.
    if locale.encoding == "UTF8":
        if server_version >= _BUILTIN:
            builtin = sql.SQL(_BUILTIN_LOCALE).format(sql.Literal("C.UTF-8"))
            yield encoding + sql.SQL("locale 'C' ") + builtin
        yield encoding + sql.SQL("locale 'C.UTF-8'")
    yield encoding + sql.SQL("locale 'C'")


def _called(locale: DatabaseLocale) -> str:
    return locale.locale if locale.provider == "i" else locale.collate
