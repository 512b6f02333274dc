"""A project as the Supabase CLI leaves one: sixty timestamped migrations and their history."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import psycopg

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["apply_as_the_cli_does", "write_project"]

_FIRST = datetime(2024, 3, 1, 9, 30, tzinfo=UTC)
_TABLES = ("profiles", "teams", "projects", "invoices", "events", "comments")
# What the CLI makes before its first push, in the shape of version 3.1.
_HISTORY = """
create schema if not exists supabase_migrations;
create table if not exists supabase_migrations.schema_migrations
  (version text not null primary key, statements text[], name text);
"""


def write_project(root: Path) -> list[Path]:
    """Write a small Next.js app with its sixty migrations and return these, in order."""
    (root / "public").mkdir(parents=True)
    (root / "public" / "index.html").write_text("<!doctype html><title>Ledgerly</title>\n")
    (root / "package.json").write_text('{"name": "ledgerly", "dependencies": {"next": "16.0.3"}}\n')
    (root / ".gitignore").write_text("node_modules/\n.next/\n.env*.local\n")
    (root / ".env.example").write_text("DATABASE_URL=\nNEXT_PUBLIC_SUPABASE_URL=\n")
    folder = root / "supabase" / "migrations"
    folder.mkdir(parents=True)
    made = []
    for number, (name, text) in enumerate(_migrations()):
        at = _FIRST + timedelta(days=9 * number, minutes=37 * number)
        path = folder / f"{at:%Y%m%d%H%M%S}_{name}.sql"
        path.write_text(text, encoding="utf-8")
        made.append(path)
    return made


def apply_as_the_cli_does(url: str, paths: list[Path]) -> None:
    """Apply each file and record it, as `supabase db push` does."""
    with psycopg.connect(url) as connection:
        connection.execute(_HISTORY)
        for path in paths:
            version, _, name = path.stem.partition("_")
            text = path.read_text(encoding="utf-8")
            connection.execute(text.encode())
            connection.execute(
                "insert into supabase_migrations.schema_migrations values (%s, %s, %s)",
                (version, [text], name),
            )


def _migrations() -> list[tuple[str, str]]:
    """Return ten migrations for each table: what a table goes through in two years."""
    _, *parts = re.split(r"^-- (\w+)\n", _LIFE, flags=re.MULTILINE)
    steps = list(zip(parts[::2], parts[1::2], strict=True))
    return [
        (f"{table}_{name}", text.format(table=table)) for table in _TABLES for name, text in steps
    ]


_LIFE = """\
-- create
create table public.{table} (
  id uuid primary key default gen_random_uuid(),
  owner uuid not null,
  title text not null
);
alter table public.{table} enable row level security;
-- created_at
alter table public.{table} add column created_at timestamptz default now();
-- read_own
grant select on public.{table} to authenticated;
create policy read_own on public.{table} for select to authenticated
  using (owner = (select auth.uid()));
-- write_own
grant insert on public.{table} to authenticated;
create policy write_own on public.{table} for insert to authenticated
  with check (owner = (select auth.uid()));
-- owner_index
create index {table}_owner on public.{table} (owner);
-- status
alter table public.{table} add column status text not null default 'open';
-- status_check
alter table public.{table} add constraint {table}_status
  check (status in ('open', 'done')) not valid;
alter table public.{table} validate constraint {table}_status;
-- touched
create function public.{table}_touched() returns trigger language plpgsql
set search_path = '' as $$
begin
  new.created_at := now();
  return new;
end
$$;
revoke execute on function public.{table}_touched() from public;
-- touch
create trigger touch before insert on public.{table}
  for each row execute function public.{table}_touched();
-- comment
comment on table public.{table} is 'Of the app: {table}; one owner each';
"""
