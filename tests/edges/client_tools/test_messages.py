"""What pg_dump and pg_restore complain of, from real runs of them: names stay, data goes."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import psycopg
import pytest

from shipway.edges.client_tools import messages as tool_messages
from shipway.edges.client_tools import programs as pgtools
from shipway.edges.postgres.diagnostics import UNTOLD

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import DatabaseServer

# Each with a secret or a row in it, all of which are called canary.
HOLDS = """
create foreign data wrapper elsewhere;
create server billing foreign data wrapper elsewhere options (host 'canary.example', pw 'canary');
create user mapping for current_user server billing options (user 'x', password 'canary '' pw');
create publication everything for all tables;
create subscription followed connection 'host=h user=u password=canary' publication p
    with (connect = false, enabled = false, create_slot = false, slot_name = none);
comment on foreign data wrapper elsewhere is 'the password is canary';
create table public.visitor (mail text primary key, age int, body jsonb);
insert into public.visitor values ('ada@canary.example', 36, '{"secret": "canary"}');
comment on table public.visitor is 'canary
pg_restore: but no error: canary
of many lines';
create function public.knock(word text default 'canary') returns text language plpgsql as $body$
begin
    -- canary
    return 'canary';
end $body$;
create view public.young as select mail from public.visitor where mail <> 'canary';
create index visitor_age on public.visitor (age) where mail = 'canary';
create rule "no Rule" as on delete to public.visitor where old.mail = 'canary' do instead nothing;
create materialized view public.counted as select 'canary'::text as word;
create type public.mood as enum ('canary');
create domain public.word as text default 'canary' check (value <> 'canary');
"""


@pytest.fixture
def archive(server: DatabaseServer) -> Iterator[tuple[str, str]]:
    """The URLs of two databases; the second holds what the first holds."""
    first, second = server.empty_database(), server.empty_database()
    for name in (first, second):
        with psycopg.connect(server.admin_url(name).reveal(), autocommit=True) as connection:
            connection.execute(HOLDS.replace("followed", f"followed_{name}").encode())
    yield server.admin_url(first).reveal(), server.admin_url(second).reveal()
    for name in (first, second):
        with psycopg.connect(server.admin_url(name).reveal(), autocommit=True) as connection:
            mine = "pg_database d on d.oid = subdbid where datname = current_database()"
            for (made,) in connection.execute(
                f"select quote_ident(subname) from pg_subscription join {mine}".encode()
            ).fetchall():
                connection.execute(f"alter subscription {made} disable".encode())
                connection.execute(f"alter subscription {made} set (slot_name = none)".encode())
                connection.execute(f"drop subscription {made}".encode())
        server.drop(name)


def complained(archive: tuple[str, str], folder: Path, *options: str, change: str = "") -> str:
    """Dump the first database, restore into the second, and return what pg_restore says."""
    first, second = archive
    tool, restorer = pgtools.newest("pg_dump"), pgtools.newest("pg_restore")
    dump = folder / "dump.pgc"
    subprocess.run([tool.path, "-Fc", "-f", dump, first], env=tool.env, check=True)
    if change:
        with psycopg.connect(second, autocommit=True) as connection:
            connection.execute(change.encode())
    said = subprocess.run(
        [restorer.path, "--verbose", *options, f"--dbname={second}", dump],
        env=restorer.env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode, "nothing went wrong"
    assert "canary" in said.stderr
    return said.stderr


def test_of_a_statement_that_fails_the_verb_and_the_object_are_kept(
    archive: tuple[str, str], tmp_path: Path
) -> None:
    said = complained(archive, tmp_path)

    told = tool_messages.errors(said)

    assert [one for one in told if "canary" in one] == []
    assert "canary" not in tool_messages.complaints_of(said)
    commands = {one.partition("Command was: ")[2] for one in told}
    assert commands >= {
        "CREATE FOREIGN DATA WRAPPER elsewhere",
        "CREATE SERVER billing",
        "CREATE TABLE public.visitor",
        "CREATE FUNCTION public.knock",
        "CREATE VIEW public.young",
        "CREATE INDEX visitor_age ON public.visitor",
        'CREATE RULE "no Rule"',
        "CREATE TYPE public.mood",
        "CREATE DOMAIN public.word",
    }
    assert any(one.startswith("CREATE USER MAPPING FOR ") for one in commands)
    assert any("server billing already exists" in one.replace('"', "") for one in told)
    assert any('unique constraint "visitor_pkey"' in one for one in told)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("alter table visitor add check (age < 3)", 'new row for relation "visitor" violates'),
        ("alter table visitor alter age type text, alter mail type int using 1", "type integer"),
        ("alter table visitor alter mail type date using '2020-1-1'", "type date"),
        ("alter table visitor alter mail type public.mood using 'canary'", "enum"),
        ("alter table visitor alter mail type char(3) using 'a'", "too long"),
        ("alter table visitor alter body type point using null", "type point"),
        (
            """create function refuse(t text) returns boolean language plpgsql as
            $$ begin raise exception 'bad mail: % (canary)', t; end $$;
            alter table visitor add check (refuse(mail))""",
            UNTOLD,
        ),
    ],
)
def test_a_row_that_does_not_go_in_is_not_quoted(
    archive: tuple[str, str], tmp_path: Path, change: str, told: str
) -> None:
    empty = 'truncate visitor; drop view young; drop rule "no Rule" on visitor; '
    empty += "drop index visitor_age; "
    said = complained(archive, tmp_path, "--data-only", "--table=visitor", change=empty + change)

    errors = tool_messages.errors(said)

    assert [one for one in errors if "canary" in one] == []
    assert any(re.escape(told) in re.escape(one) for one in errors), errors
    assert any("visitor" in one for one in errors)


def test_a_secret_in_any_of_the_dumped_statements_is_left_out() -> None:
    """As pg_restore quotes them; some want a superuser or a server of another kind."""
    for statement, kept in {
        "ALTER ROLE app WITH LOGIN PASSWORD 'canary';": "ALTER ROLE app",
        "ALTER DATABASE d SET \"app.secret\" TO 'canary';": "ALTER DATABASE d",
        "ALTER SYSTEM SET archive_command = 'canary';": "ALTER SYSTEM SET archive_command",
        "INSERT INTO vault.secrets VALUES ('canary');": "INSERT INTO vault.secrets",
        "COPY public.t (canary, b) FROM stdin;": "COPY public.t",
        "COMMENT ON COLUMN public.t.c IS 'canary';": "COMMENT ON COLUMN public.t.c",
        "CREATE POLICY \"read all\" ON public.t USING (a = 'canary');": 'CREATE POLICY "read all" '
        "ON public.t",
        "SELECT pg_catalog.set_config('a.b', 'canary', false);": "SELECT pg_catalog.set_config",
        "DO $$ BEGIN PERFORM 'canary'; END $$;": "DO",
        "create role lower password 'canary'": "…",
    }.items():
        said = (
            "pg_restore: while PROCESSING TOC:\npg_restore: from TOC entry 1; 2 3 X y postgres\n"
            f"pg_restore: error: could not execute query: ERROR:  no\nCommand was: {statement}\n\n"
        )
        assert tool_messages.errors(said) == [
            f"could not execute query: ERROR:  no Command was: {kept}"
        ]


def test_a_server_of_another_language_is_read_by_its_quotes() -> None:
    """As PostgreSQL 15 words it in German, French and Spanish."""
    copy, query = 'COPY failed for table "visitor": ', "could not execute query: "
    context = "\nCONTEXT:  COPY visitor, Zeile 1, Spalte mail: »canary«\n"
    create = "Command was: CREATE SERVER billing"
    for said, told in (
        (
            f"{copy}FEHLER:  ungültige Eingabesyntax für Typ date: »canary«{context}",
            f"{copy}FEHLER:  ungültige Eingabesyntax für Typ date: …",
        ),
        (
            f"{copy}ERROR:  la sintaxis no es válida para tipo date: «canary»{context}",
            f"{copy}ERROR:  la sintaxis no es válida para tipo date: …",
        ),
        (
            f"{query}FEHLER:  Server »billing« existiert bereits\n{create} OPTIONS (p 'canary');",
            f"{query}FEHLER:  Server »billing« existiert bereits {create}",
        ),
        (
            f"{query}ERREUR:  syntaxe invalide : « canary »\n{create} OPTIONS (p 'canary');",
            f"{query}ERREUR:  syntaxe invalide : … {create}",
        ),
    ):
        assert tool_messages.errors(f"pg_restore: error: {said}") == [told]


def test_what_a_hostile_text_costs_grows_with_its_length_alone() -> None:
    for piece in ('"', "A ", "PL/pgSQL ", "CONTEXT: ", "Command was: ", "\n", "ERROR:  ", "'"):
        said = "pg_restore: error: " + piece * 200_000
        assert len(tool_messages.complaints_of(said)) < 2_000
