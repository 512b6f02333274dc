"""Settings of the target's connections: shipway reads the same, whatever they are."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql

from shipway.edges.catalog.snapshot import Catalog
from shipway.edges.postgres.connection import connect
from shipway.sandbox.database.dress import dress
from tests.fixtures.database_project import DatabaseProject
from tests.fixtures.migrating import execute

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import DatabaseServer

FILES = {
    "001_a.sql": """\
create schema app;
create table app.a (
  id int primary key,
  at timestamptz not null default '2026-01-02 03:04:05+00',
  every interval not null default '1 day 02:03:04',
  part float8 not null default 0.1,
  raw bytea not null default decode('00ff', 'hex')
);
insert into app.a (id) values (1);
comment on table app.a is 'kept';
""",
    "002_b.sql": """\
create table app.seen as
  select current_setting('datestyle') as datestyle, current_setting('timezone') as timezone,
         current_setting('intervalstyle') as intervalstyle;
create table app.b (id int primary key, a int references app.a);
""",
}
LATER = {"009_c.sql": "alter table app.b add column note text;\n"}
ODD = {
    "datestyle": "SQL, DMY",
    "intervalstyle": "sql_standard",
    "bytea_output": "escape",
    "extra_float_digits": "-15",
    "timezone": "Asia/Kathmandu",
    "standard_conforming_strings": "off",
    "quote_all_identifiers": "on",
    "search_path": "app, pg_catalog",
    "row_security": "off",
    "default_transaction_isolation": "serializable",
    "default_transaction_deferrable": "on",
    "array_nulls": "off",
    "transform_null_equals": "on",
    "client_min_messages": "debug1",
    "client_encoding": "LATIN1",
}
OTHER = {
    "datestyle": "German",
    "intervalstyle": "iso_8601",
    "extra_float_digits": "3",
    "timezone": "<+05>-05",
    "search_path": "nowhere",
    "lock_timeout": "1ms",
    "idle_in_transaction_session_timeout": "300ms",
    "idle_session_timeout": "300ms",
    "transaction_timeout": "900ms",
    "client_min_messages": "error",
    "client_encoding": "SQL_ASCII",
    "role": "postgres",
}
HURRIED = {"statement_timeout": "400ms", "datestyle": "Postgres, MDY", "search_path": ""}
COMMANDS = (
    ("db.status",),
    ("backup",),
    ("db.rehearse",),
    ("db.verify",),
    ("db.migrate", "--yes"),
    ("db.diff",),
    ("db.tables",),
    ("release.history",),
)


def _set(server: DatabaseServer, database: str, settings: dict[str, str]) -> None:
    with psycopg.connect(server.admin_url("template1").reveal(), autocommit=True) as admin:
        for name, value in settings.items():
            values = value.split(", ") if name == "search_path" else [value]
            admin.execute(
                sql.SQL("alter database {} set {} = {}").format(
                    sql.Identifier(database),
                    sql.Identifier(name),
                    sql.SQL(", ").join(sql.Literal(one) for one in values),
                )
            )


def _all_works(project: DatabaseProject) -> None:
    code, said = project.invoke("db.migrate", "--yes")
    assert code == 0, said
    project.begin(LATER)
    for command in COMMANDS:
        code, said = project.invoke(*command)
        assert code == 0, (command, said)
    code, said = project.invoke("doctor")
    assert "FAILED      database" not in said, said


@pytest.mark.parametrize("settings", [ODD, OTHER, HURRIED])
def test_every_command_works_whatever_the_database_sets(
    server: DatabaseServer, database: str, tmp_path: Path, settings: dict[str, str]
) -> None:
    project = DatabaseProject(tmp_path, server.url(database))
    project.begin(FILES)
    _set(server, database, settings)
    _all_works(project)
    # The files ran with the target's own.
    seen = "select datestyle, intervalstyle from app.seen"
    with psycopg.connect(server.url(database).reveal(), client_encoding="utf8") as connection:
        ((datestyle, intervalstyle),) = connection.execute(seen).fetchall()
    assert datestyle.startswith(settings["datestyle"])
    assert intervalstyle == settings.get("intervalstyle", "postgres")


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII", "WIN1252"])
def test_every_command_works_whatever_the_databases_encoding_is(
    server: DatabaseServer, tmp_path: Path, encoding: str
) -> None:
    name = f"enc_{encoding.lower()}"
    execute(
        server.admin_url("template1"),
        f"create database {name} encoding {encoding} locale 'C' template template0 owner postgres",
    )
    project = DatabaseProject(tmp_path, server.url(name))
    project.begin(FILES | {"004_d.sql": "comment on table app.b is 'Größe, naïve café';\n"})
    try:
        dress(server.admin_url(name), password=server.password)
        _all_works(project)
    finally:
        server.drop(name)


def test_bytes_that_are_no_text_in_any_encoding_stop_nothing_that_only_reads(
    server: DatabaseServer, tmp_path: Path
) -> None:
    execute(
        server.admin_url("template1"),
        "create database enc_bytes encoding sql_ascii locale 'C' template template0 owner postgres",
    )
    project = DatabaseProject(tmp_path, server.url("enc_bytes"))
    project.begin(FILES)
    try:
        dress(server.admin_url("enc_bytes"), password=server.password)
        assert project.invoke("db.migrate", "--yes")[0] == 0
        bad = (
            "comment on table app.b is E'caf\\xe9'; create table app.odd (id int, \"c\u00e9\" int)"
        )
        execute(project.url, bad)
        for command in (("db.status",), ("db.tables",), ("backup",), ("db.verify",), ("db.diff",)):
            code, said = project.invoke(*command)
            assert code in {0, 5}, (command, said)
        project.begin(LATER)
        project.invoke("db.rehearse")
        assert project.invoke("db.migrate", "--yes", "--without-rehearsal", "told")[0] == 0
    finally:
        server.drop("enc_bytes")


def test_our_own_sql_is_ascii_which_every_encoding_holds() -> None:
    for file in files("shipway.edges.postgres").joinpath("sql").iterdir():
        assert file.read_bytes().isascii(), file.name


def test_the_schema_reads_the_same_whatever_the_database_sets(
    server: DatabaseServer, database: str, tmp_path: Path
) -> None:
    project = DatabaseProject(tmp_path, server.url(database))
    project.begin(FILES)
    assert project.invoke("db.migrate", "--yes")[0] == 0
    with connect(server.url(database), purpose="test", timeout_s=5) as connection:
        plain = Catalog(connection).snapshot()
    for settings in (ODD, OTHER):
        _set(server, database, settings)
        with connect(server.url(database), purpose="test", timeout_s=5) as connection:
            assert Catalog(connection).snapshot() == plain
