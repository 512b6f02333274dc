"""The dress has the platform's schemas column by column, and what seeds and policies rely on."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import errors

if TYPE_CHECKING:
    from shipway.values.basics import Secret

FACTS = Path(__file__).parents[3] / "shared" / "facts" / "platform-schemas.md"
"""What the maintainers have beside their checkout; elsewhere there is nothing to compare with."""

COLUMNS = """
select n.nspname || '.' || c.relname, a.attname,
    replace(replace(replace(format_type(a.atttypid, a.atttypmod),
        'timestamp with time zone', 'timestamptz'), 'timestamp without time zone', 'timestamp'),
        'character varying', 'varchar') || case when a.attnotnull then '!' else '' end
    || case when a.attgenerated <> '' then ' generated'
        when d.oid is not null then '=' else '' end
from pg_attribute as a
join pg_class as c on c.oid = a.attrelid
join pg_namespace as n on n.oid = c.relnamespace
left join pg_attrdef as d on (d.adrelid, d.adnum) = (a.attrelid, a.attnum)
where n.nspname in ('auth', 'storage') and c.relkind = 'r' and a.attnum > 0
order by 1, a.attnum
"""
CONSTRAINTS = """
select n.nspname || '.' || c.relname, pg_get_constraintdef(k.oid)
from pg_constraint as k
join pg_class as c on c.oid = k.conrelid
join pg_namespace as n on n.oid = c.relnamespace
where n.nspname in ('auth', 'storage') and k.contype <> 'n'
"""
USER = "11111111-1111-4111-8111-111111111111"


def told(heading: str) -> list[str]:
    if not FACTS.is_file():
        return []
    part = FACTS.read_text(encoding="utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return [line[2:] for line in part.splitlines() if line.startswith("- ")]


def columns_told(line: str) -> tuple[str, list[tuple[str, str]]]:
    name, _, rest = line.partition(" (")
    columns = []
    # A default may hold a comma: a column begins with its name and its type.
    for one in re.split(r", (?=\w+ [a-z])", rest.partition("): ")[2]):
        column, kind = re.match(r"(\w+) (.*)", one, re.DOTALL).groups()  # type: ignore[union-attr]
        shape = re.sub(r"(!?)=.*", r"\1=", kind)
        columns.append((column, shape))
    return name, columns


def test_every_column_of_auth_and_storage_is_as_the_platform_has_it(database_url: Secret) -> None:
    with psycopg.connect(database_url.reveal()) as connection:
        has: dict[str, list[tuple[str, str]]] = {}
        for table, column, shape in connection.execute(COLUMNS):
            has.setdefault(table, []).append((column, shape))

    for line in told("Tables"):
        table, columns = columns_told(line)
        assert has[table] == columns, table


def test_every_constraint_of_auth_and_storage_is_as_the_platform_has_it(
    database_url: Secret,
) -> None:
    with psycopg.connect(database_url.reveal()) as connection:
        connection.execute("set search_path = ''")
        has: dict[str, set[str]] = {}
        for table, definition in connection.execute(CONSTRAINTS):
            has.setdefault(table, set()).add(definition)

    for line in told("Constraints"):
        table, _, definitions = line.partition(": ")
        assert has[table] == set(definitions.split("; ")), table


def test_row_level_security_is_on_where_the_platform_has_it_on(database_url: Secret) -> None:
    with psycopg.connect(database_url.reveal()) as connection:
        has: dict[str, bool] = dict(
            connection.execute(
                "select n.nspname || '.' || c.relname, c.relrowsecurity from pg_class as c "
                "join pg_namespace as n on n.oid = c.relnamespace where c.relkind in ('r', 'p')"
            ).fetchall()
        )

    assert has["realtime.messages"]
    for line in told("Tables"):
        table, _, rest = line.partition(" (")
        assert has[table] == rest.startswith("table, RLS on)"), table


def test_every_enum_and_function_is_there(database_url: Secret) -> None:
    with psycopg.connect(database_url.reveal()) as connection:
        for line in told("Enums"):
            name, _, values = line.partition(": ")
            row = connection.execute("select enum_range(null::" + name + ")::text[]").fetchone()
            assert row == (values.split(),), name
        connection.execute("set search_path = pg_catalog")
        for line in told("Functions"):
            name, _, rest = line.partition("(")
            arguments, _, result = rest.partition(") -> ")
            row = connection.execute(
                "select pg_get_function_arguments(p.oid), pg_get_function_result(p.oid), l.lanname"
                " from pg_proc as p join pg_language as l on l.oid = p.prolang"
                " join pg_namespace as n on n.oid = p.pronamespace where n.nspname = %s"
                " and proname = %s",
                name.split("."),
            ).fetchone()
            assert row is not None, name
            assert row[0] == arguments, name
            assert (
                row[1].replace("timestamp with time zone", "timestamptz")
                == (result.rpartition(" ")[0])
            ), name


def test_a_seed_makes_a_person_who_can_sign_in(database_url: Secret) -> None:
    with psycopg.connect(database_url.reveal()) as connection:
        connection.execute(
            "insert into auth.users (instance_id, id, aud, role, email, encrypted_password,"
            " email_confirmed_at, raw_app_meta_data, raw_user_meta_data, created_at, updated_at,"
            " confirmation_token, recovery_token, email_change_token_new, email_change)"
            " values ('00000000-0000-0000-0000-000000000000', %s, 'authenticated',"
            " 'authenticated', 'a@b.c', 'x', now(), '{}', '{\"name\": \"A\"}', now(), now(),"
            " '', '', '', '')",
            [USER],
        )
        connection.execute(
            "insert into auth.identities (provider_id, user_id, identity_data, provider)"
            " values (%s, %s, '{\"email\": \"A@B.c\"}', 'email')",
            [USER, USER],
        )
        row = connection.execute(
            "select u.confirmed_at is not null, i.email from auth.users as u"
            " join auth.identities as i on i.user_id = u.id"
        ).fetchone()
        assert row == (True, "a@b.c")
        connection.execute("delete from auth.users")
        assert connection.execute("select count(*) from auth.identities").fetchone() == (0,)


def test_a_bucket_is_made_by_insert_and_its_rows_go_by_the_api_alone(database_url: Secret) -> None:
    with psycopg.connect(database_url.reveal(), autocommit=True) as connection:
        connection.execute(
            "insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types)"
            " values ('pics', 'pics', true, 1000, array['image/png']) on conflict (id) do nothing;"
            "insert into storage.objects (bucket_id, name)"
            " values ('pics', 'me/a.png'), ('pics', 'b.tar.gz')"
        )
        for table in ("objects", "buckets"):
            with pytest.raises(errors.InsufficientPrivilege, match="Storage API"):
                connection.execute(f"delete from storage.{table}".encode())
        connection.execute(
            "begin; set local storage.allow_delete_query = 'true';"
            "delete from storage.objects; rollback"
        )
        with pytest.raises(errors.RaiseException, match="too long"):
            connection.execute(
                "insert into storage.buckets (id, name) values ('x', repeat('x', 101))"
            )


def test_storage_takes_paths_apart_and_lists_a_bucket_level_by_level(database_url: Secret) -> None:
    with psycopg.connect(database_url.reveal()) as connection:
        row = connection.execute(
            "select storage.foldername(n), storage.filename(n), storage.extension(n)"
            " from (values ('a/b/c.tar.gz')) as of (n)"
        ).fetchone()
        assert row == (["a", "b"], "c.tar.gz", "gz")
        connection.execute(
            "insert into storage.buckets (id, name) values ('pics', 'pics');"
            "insert into storage.objects (bucket_id, name)"
            " values ('pics', 'a/b/c.png'), ('pics', 'a/x.png'), ('pics', 'z.png')"
        )
        top = connection.execute("select name, id is null from storage.search('', 'pics')")
        assert top.fetchall() == [("a", True), ("z.png", False)]
        below = connection.execute("select name from storage.search('a/', 'pics', 100, 2)")
        assert below.fetchall() == [("b",), ("x.png",)]
        paged = connection.execute("select name from storage.search_v2('', 'pics', 1, 1, 'a/')")
        assert paged.fetchall() == [("z.png",)]
        keys = connection.execute(
            "select name from storage.list_objects_with_delimiter('pics', '', '/')"
        )
        assert keys.fetchall() == [("a/",), ("z.png",)]


def test_a_change_is_broadcast_into_the_topic_that_policies_ask_for(database_url: Secret) -> None:
    with psycopg.connect(database_url.reveal()) as connection:
        connection.execute(
            "create table public.notes (id int);"
            "create function public.tell() returns trigger language plpgsql as $$ begin"
            " perform realtime.broadcast_changes('room:1', tg_op, tg_op, tg_table_name,"
            " tg_table_schema, new, old); return new; end $$;"
            "create trigger tell after insert on public.notes"
            " for each row execute function public.tell();"
            "insert into public.notes values (7)"
        )
        row = connection.execute(
            "select topic, event, private, payload #>> '{record,id}', realtime.topic()"
            " from realtime.messages"
        ).fetchone()
        assert row == ("room:1", "INSERT", True, "7", "room:1")


def test_a_database_webhook_is_noted_when_it_fires(database_url: Secret) -> None:
    with psycopg.connect(database_url.reveal(), autocommit=True) as connection:
        connection.execute(
            "create table public.notes (id int);"
            "create trigger hook after insert on public.notes for each row execute function"
            " supabase_functions.http_request('http://x.invalid', 'POST', '{}', '{}', '1000');"
            "insert into public.notes values (1)"
        )
        row = connection.execute("select hook_name from supabase_functions.hooks").fetchone()
        assert row == ("hook",)
        connection.execute(
            "create trigger lost before insert on public.notes for each row"
            " execute function supabase_functions.http_request('null', 'POST')"
        )
        with pytest.raises(errors.RaiseException, match="url argument is missing"):
            connection.execute("insert into public.notes values (1)")


def test_what_extensions_bring_is_found_without_their_schemas_name(database_url: Secret) -> None:
    with psycopg.connect(database_url.reveal()) as connection:
        assert connection.execute("show search_path").fetchone() == ('"$user", public, extensions',)
        connection.execute("create table public.t (id uuid default uuid_generate_v4())")
