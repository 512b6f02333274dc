"""Restores whose parts need more than an archive tells: one way for the proof and for the place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg

from shipway.edges.machine.clock import SystemClock
from shipway.steps.restore.restore import BroughtBack, restore
from shipway.values.backup import Backup, Grade
from tests.fixtures.backing_up import archives, back_up, room
from tests.fixtures.migrating import Heard, execute

if TYPE_CHECKING:
    from pathlib import Path

    from shipway.values.basics import Secret
    from tests.conftest import DatabaseServer

NEEDS = {
    # Tables come by name, so that `account` is filled before `region`.
    "a check that reads another table": """
        create table region (code text primary key); insert into region values ('eu');
        create function known(c text) returns boolean language sql stable as
          $$ select exists (select 1 from public.region where code = c) $$;
        create table account (id int primary key, code text check (known(code)));
        insert into account values (1, 'eu'), (2, 'eu');
    """,
    "checks in a chain": """
        create table c (n int); insert into c values (1);
        create function in_c(i int) returns boolean language sql stable as
          $$ select exists (select 1 from public.c where n = i) $$;
        create table b (n int check (in_c(n))); insert into b values (1);
        create function in_b(i int) returns boolean language sql stable as
          $$ select exists (select 1 from public.b where n = i) $$;
        create table a (n int check (in_b(n))); insert into a values (1);
    """,
    "a domain whose check reads a table": """
        create table zone (code text); insert into zone values ('eu');
        create function known(c text) returns boolean language plpgsql stable as
          $$ begin return exists (select 1 from public.zone where code = c); end $$;
        create domain code as text check (known(value));
        create table account (code code); insert into account values ('eu');
    """,
    "a check that finds its table by search_path": """
        create table region (code text primary key); insert into region values ('eu');
        create function known(c text) returns boolean language sql stable as
          $$ select exists (select 1 from region where code = c) $$;
        create table account (id int primary key, code text check (known(code)));
        insert into account values (1, 'eu');
    """,
    "a generated column by an unqualified name": """
        create function b36(v bytea) returns text language sql immutable strict as
          $$ select encode(v, 'hex') $$;
        create function b36(v uuid) returns text language sql immutable strict as
          $$ select b36(decode(replace(v::text, '-', ''), 'hex')) $$;
        create table item (id uuid primary key default gen_random_uuid(),
          short text generated always as (b36(id)) stored);
        insert into item default values;
        create view items as select * from item; grant select on item to anon;
        create table of_item (item uuid references item);
    """,
    "a materialized view on another over late rows": """
        create table region (code text primary key); insert into region values ('eu');
        create function known(c text) returns boolean language sql stable as
          $$ select exists (select 1 from public.region where code = c) $$;
        create table account (code text check (known(code))); insert into account values ('eu');
        create materialized view a_view as select * from account;
        create materialized view b_view as select * from a_view;
        create unique index on b_view (code);
    """,
    "a trigger that late rows must not set off": """
        create table region (code text primary key); insert into region values ('eu');
        create function known(c text) returns boolean language sql stable as
          $$ select exists (select 1 from public.region where code = c) $$;
        create table account (code text check (known(code)));
        create table log (n int);
        create function note() returns trigger language plpgsql as
          $$ begin insert into public.log values (1); return new; end $$;
        create trigger note after insert on account for each row execute function note();
        insert into account values ('eu');
    """,
    "a carriage return within a body": """
        create function f() returns text language sql as E'select $t$a\\rb\\r\\nc\\u2028d$t$';
        create table t (a text default E'x\\ry'); insert into t default values;
        comment on table t is E'\\\\restrict x\\n\\\\. y';
    """,
    "lines of a body that look like a script's own": """
        create function f() returns text language sql as $f$ select $t$
\\restrict abc
SET transaction_timeout = 0;
COPY t (a) FROM stdin;
SELECT pg_catalog.set_config('search_path', '', false);
\\.
$t$ $f$;
        create table t (a text); insert into t values (E'\\\\.\\n'), (E'COPY x FROM stdin;\\n');
    """,
}


SCHEMAS = tuple(f"n{number}" for number in range(len(NEEDS)))
PATHS = ", ".join(SCHEMAS)


def counts(url: Secret) -> list[tuple[object, ...]]:
    """Return each table with its rows and each function with its body's digest."""
    with psycopg.connect(url.reveal(), autocommit=True) as connection:
        connection.execute(f"set search_path = {PATHS}".encode())
        names = connection.execute(
            "select oid::regclass::text from pg_class where relkind in ('r', 'm', 'v') "
            "and relnamespace::regnamespace::text = any (%s) order by 1",
            [list(SCHEMAS)],
        ).fetchall()
        return [
            (name, *connection.execute(f"select count(*) from {name}".encode()).fetchall())
            for (name,) in names
        ] + connection.execute(
            "select proname::text, md5(prosrc) from pg_proc "
            "where pronamespace::regnamespace::text = any (%s) order by 1, 2",
            [list(SCHEMAS)],
        ).fetchall()


def brought(backup: Backup, folder: Path, url: Secret | None, say: Heard) -> BroughtBack:
    place = room(folder)
    return restore(
        backup.directory,
        place="there",
        open_copy=place.copy_of
        if url is None
        else lambda one, tell: place.replaced(one, tell, url=url),
        lister=archives(folder),
        clock=SystemClock(),
        say=say,
    )


def test_what_a_first_pass_cannot_load_comes_after_the_rest_everywhere(
    server: DatabaseServer, database: str, tmp_path: Path
) -> None:
    url = server.url(database)
    # The role's own, which a dressed server has, would go before the database's.
    sets = f"alter role postgres in database {database} set search_path = {PATHS}"
    execute(server.admin_url("template1"), sets)
    for schema, need in zip(SCHEMAS, NEEDS.values(), strict=True):
        execute(
            url,
            f"create schema {schema}; set search_path = {schema}; {need}".replace("public", schema),
        )
    before = counts(url)
    backup = back_up(url, tmp_path)
    told = Heard()
    empty = server.empty_database()
    try:
        proven = brought(backup, tmp_path, None, told)
        with room(tmp_path).filled(backup, url=server.admin_url(empty)) as filled:
            assert filled.restored.errors == ()
        assert counts(server.admin_url(empty)) == before
        in_place = brought(backup, tmp_path, url, Heard())
    finally:
        server.drop(empty)

    assert proven.restored.errors == ()
    assert (proven.backup.grade, in_place.backup.grade) == (Grade.EQUAL, Grade.EQUAL)
    assert counts(url) == before
    warned = " ".join(told.warnings)
    assert "with the target's search path only" in warned
    for one in ("table data n3 account (known)", "table n4 item (b36)"):
        assert one in warned
    assert "n0" not in warned
