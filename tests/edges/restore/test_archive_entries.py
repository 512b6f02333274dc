"""Names in a real archive's table of contents, where nothing but spaces stands between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg

from shipway.edges.client_tools import programs as pgtools
from shipway.edges.dump.dump import PgDump
from shipway.edges.restore.archive_entries import entries_of

if TYPE_CHECKING:
    from pathlib import Path

    from shipway.values.basics import Secret


def test_schemas_tables_and_owners_are_told_apart_whatever_they_are_called(
    admin_url: Secret, tmp_path: Path
) -> None:
    with psycopg.connect(admin_url.reveal(), autocommit=True) as connection:
        connection.execute(
            """
            create role "odd Owner";
            create schema "DATA" authorization "odd Owner"; create schema "My ""own"" S";
            create table "DATA".ATTACH (n int); create table "My ""own"" S"."T x" (n int);
            alter table "My ""own"" S"."T x" owner to "odd Owner";
            create table public."DATA" (n int); create table public."DATA x" (n int);
            comment on schema "My ""own"" S" is 'ours'; grant usage on schema "DATA" to anon;
            """
        )
        try:
            archive = tmp_path / "dump.pgc"
            dumper = PgDump(url=admin_url, connect_timeout_s=5)
            roles = dumper.dump(archive, progress=lambda _: None).roles
        finally:
            connection.execute('drop owned by "odd Owner" cascade; drop role "odd Owner"')

    entries = entries_of(pgtools.newest("pg_restore"), archive, roles)

    tables = {(one.schema, one.name, one.owner) for one in entries if one.kind == "TABLE"}
    expected = {
        ("DATA", "attach", "supabase_admin"),
        ('My "own" S', "T x", "odd Owner"),
        ("public", "DATA", "supabase_admin"),
        ("public", "DATA x", "supabase_admin"),
    }
    assert expected <= tables
    rows = {(one.schema, one.name) for one in entries if one.kind == "TABLE DATA"}
    assert {(schema, name) for schema, name, _ in expected} <= rows
    about = {(one.kind, *one.subject, one.owner) for one in entries if one.is_about}
    assert ("COMMENT", "SCHEMA", 'My "own" S', "supabase_admin") in about
    assert ("ACL", "SCHEMA", "DATA", "odd Owner") in about
    (table,) = (one for one in entries if one.kind == "TABLE" and one.name == "T x")
    (schema,) = (one for one in entries if one.kind == "SCHEMA" and one.name == 'My "own" S')
    assert schema.number in table.needs
