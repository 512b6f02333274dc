"""A history from before 30 October 2026 is known by what it leaves unsaid."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shipway.starter.older_history import counts_on_default_grants

if TYPE_CHECKING:
    from pathlib import Path

TABLE = (
    "create table public.notes (id int primary key, owner uuid);\n"
    "alter table public.notes enable row level security;\n"
    'create policy "own notes" on public.notes for select using (owner = auth.uid());\n'
)
IN_A_BLOCK = (
    'CREATE TABLE IF NOT EXISTS "Notes" (id int); DO $$ BEGIN IF true THEN\n'
    'CREATE POLICY p ON "Notes" TO authenticated USING (true); END IF; END $$;'
)
OLD, NEW, UNDATED = "20250301120000_a.sql", "20261115120000_a.sql", "001_a.sql"


def asked(folder: Path, *files: tuple[str, str]) -> bool:
    for name, text in files:
        (folder / name).write_text(text, encoding="utf-8")
    return counts_on_default_grants([folder / name for name, _ in files])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (OLD, TABLE),
        ("20250301_a.sql", TABLE),
        (UNDATED, TABLE),
        (OLD, TABLE + "create table other (id int); grant select on table other to anon;"),
        (
            OLD,
            TABLE + "grant usage on schema public to anon; grant execute on function f() to anon;",
        ),
        (OLD, TABLE + "grant select on private.notes to authenticated;"),
        (OLD, TABLE + "grant all on public.notes to reporting;"),
        (OLD, IN_A_BLOCK),
    ],
)
def test_a_table_that_a_policy_opens_and_nobody_grants_shows_an_older_project(
    tmp_path: Path, name: str, text: str
) -> None:
    assert asked(tmp_path, (name, text))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (OLD, "create table public.notes (id int);"),
        (OLD, TABLE.replace("for select", "for select to service_role")),
        (OLD, TABLE + "grant select on public.notes to authenticated;"),
        (OLD, TABLE + 'GRANT ALL ON TABLE "public"."other", "public"."notes" TO "anon";'),
        (OLD, TABLE + "grant select on all tables in schema public to anon, authenticated;"),
        (
            OLD,
            "alter default privileges in schema public grant all on tables to authenticated;"
            + TABLE,
        ),
        (NEW, TABLE),
        (UNDATED, TABLE + "create table b (id int); grant select on b to anon;"),
        (OLD, "create policy p on storage.objects using (true);"),
        (OLD, "-- create policy p on notes using (true);\ncreate table notes (id int);"),
        (OLD, "create function f() returns void language sql as $$ " + TABLE + " $$;"),
    ],
)
def test_what_says_all_that_it_needs_or_is_newer_is_no_older_project(
    tmp_path: Path, name: str, text: str
) -> None:
    assert not asked(tmp_path, (name, text))


def test_a_grant_in_a_later_file_counts(tmp_path: Path) -> None:
    granted = "grant select on notes to authenticated;"
    assert not asked(tmp_path, (OLD, TABLE), ("20250401000000_b.sql", granted))


def test_a_new_table_without_a_grant_does_not_age_a_project(tmp_path: Path) -> None:
    old = TABLE + "grant select on public.notes to authenticated;"
    assert not asked(tmp_path, (OLD, old), (NEW, TABLE.replace("notes", "tags")))
