"""What connections begin with: read on one server, given to another, compared."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import psycopg
import pytest

from shipway.edges.catalog.session_defaults import (
    give_session_defaults,
    missing_locales,
    read_session_defaults,
    unlike_session,
)
from shipway.values.backup import SessionDefaults
from tests.fixtures.migrating import ask, execute

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shipway.values.basics import Secret
    from tests.conftest import DatabaseServer

SETTINGS = {
    "datestyle": "'SQL, DMY'",
    "intervalstyle": "iso_8601",
    "timezone": "'<+0545>-05:45'",
    "search_path": '"$user", "A, b", public',
    "bytea_output": "escape",
    "extra_float_digits": "-3",
    "standard_conforming_strings": "off",
    "backslash_quote": "on",
    "default_text_search_config": "'pg_catalog.german'",
    "default_transaction_isolation": "'repeatable read'",
    "session_replication_role": "replica",
    "check_function_bodies": "off",
    "row_security": "off",
    "statement_timeout": "'20s'",
    "xmloption": "document",
    "plpgsql.variable_conflict": "use_column",
}


@contextmanager
def two_databases(server: DatabaseServer) -> Iterator[tuple[str, str]]:
    one, other = server.fresh_database(), server.fresh_database()
    try:
        yield one, other
    finally:
        server.drop(one)
        server.drop(other)


def read(url: Secret) -> SessionDefaults:
    with psycopg.connect(url.reveal(), autocommit=True) as connection:
        return read_session_defaults(connection)


def given(server: DatabaseServer, database: str, defaults: SessionDefaults) -> tuple[str, ...]:
    with ExitStack() as opened:
        admin, begins = (
            opened.enter_context(psycopg.connect(url.reveal(), autocommit=True))
            for url in (server.admin_url(database), server.url(database))
        )
        give_session_defaults(admin, defaults, "postgres", begins=begins)
    with psycopg.connect(server.url(database).reveal(), autocommit=True) as begins:
        assert missing_locales(begins, defaults) == ()
        return unlike_session(begins, defaults, begins.info.user)


@pytest.mark.parametrize("who", ["database {}", "role postgres in database {}"])
def test_a_copys_connections_begin_with_all_that_the_targets_begin_with(
    server: DatabaseServer, who: str
) -> None:
    with two_databases(server) as (target, copy):
        for name, value in SETTINGS.items():
            what = f"alter {who.format(target)} set {name} = {value}"
            execute(server.admin_url("template1"), what)
        # What is set on the copy alone goes, too.
        execute(server.admin_url("template1"), f"alter database {copy} set array_nulls = off")

        defaults = read(server.url(target))

        assert given(server, copy, defaults) == ()
        shown = "; ".join(f"select current_setting('{name}')" for name in SETTINGS)
        for query in shown.split("; "):
            assert ask(server.url(copy), query) == ask(server.url(target), query), query
        assert ask(server.url(copy), "show array_nulls") == [("on",)]
        assert ask(server.admin_url(copy), "show session_replication_role") == [("origin",)]


def test_options_of_the_url_count_and_what_a_transaction_has_set_does_not(
    server: DatabaseServer, database: str
) -> None:
    options = "?options=-csearch_path%3Dapp%20-c%20app.plan%3Dgold%20--intervalstyle%3Diso_8601"
    with psycopg.connect(server.url(database).reveal() + options) as connection:
        connection.execute("set local datestyle = 'German'; set local search_path = ''")
        found = read_session_defaults(connection)

    assert found.settings["search_path"] == "app"
    assert found.settings["IntervalStyle"] == "iso_8601"
    assert "DateStyle" not in found.settings
    assert found.own == {"app.plan": "stand-in"}


def test_settings_of_ones_own_are_there_without_their_values(server: DatabaseServer) -> None:
    values = {
        "app.jwt_secret": "s3cret-value-of-the-target",
        "app.pin": "948217",
        "app.rate": "0.75",
        "app.tenant": "6f1c1a52-98a5-4b6c-9a5f-0f7f3a3c1c11",
        "app.hook": "https://x.example/hook?key=s3cret-value-of-the-target",
        "app.flags": '{"key": "s3cret-value-of-the-target"}',
        "app.is_on": "true",
    }
    reads = {
        "app.jwt_secret": "length(current_setting('app.jwt_secret'))",
        "app.pin": "current_setting('app.pin')::int",
        "app.rate": "current_setting('app.rate')::numeric",
        "app.tenant": "current_setting('app.tenant')::uuid",
        "app.hook": "current_setting('app.hook')",
        "app.flags": "current_setting('app.flags')::jsonb",
        "app.is_on": "current_setting('app.is_on')::boolean",
    }
    with two_databases(server) as (target, copy):
        for name, value in values.items():
            execute(
                server.admin_url("template1"), f"alter database {target} set {name} = '{value}'"
            )

        defaults = read(server.url(target))

        assert given(server, copy, defaults) == ()
        told = str(defaults)
        for secret in ("s3cret", "948217", "0.75", "6f1c1a52"):
            assert secret not in told
        for query in reads.values():
            ask(server.url(copy), f"select {query}")
        assert ask(server.url(copy), f"select {reads['app.is_on']}") == [(True,)]


def test_a_setting_that_cannot_be_given_is_told(server: DatabaseServer, database: str) -> None:
    defaults = SessionDefaults(
        settings={"search_path": "public", "default_table_access_method": "columnar"},
        own={},
        may_set=("no_such_parameter",),
    )

    assert given(server, database, defaults) == ("default_table_access_method is not columnar",)
