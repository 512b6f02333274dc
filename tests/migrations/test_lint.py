"""What linters say of a migration's text: our own rules, DO blocks laid open, and squawk itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shipway.edges.machine.squawk import Squawk, find_squawk
from shipway.errors import Failed
from shipway.migrations.files import read_folder
from shipway.migrations.lint import lint
from shipway.migrations.sql.do_blocks import open_do_blocks
from shipway.migrations.sql.opened import open_script
from shipway.steps.rehearse.lint import review
from shipway.values.basics import Unproven
from tests.fixtures.migrating import write

if TYPE_CHECKING:
    from pathlib import Path

    from shipway.values.lint import LintFinding, LintReport

NOBODY = Unproven(missing="squawk is not installed", command="pip install")


def found(folder: Path, text: str) -> list[LintFinding]:
    (migration,) = read_folder(write(folder / "one", {"001_x.sql": text}))
    with open_script(migration) as script:
        return list(lint(script, "001_x"))


def reviewed(folder: Path, *texts: str) -> LintReport:
    files = {f"{at:03}_x.sql": text for at, text in enumerate(texts, start=1)}
    pending = read_folder(write(folder / "some", files))
    return review(pending, find_squawk(), server_version="17.11 (Debian 17.11-1)")


@pytest.mark.parametrize(
    ("text", "rule", "severity", "about"),
    [
        ("grant all on public.t to anon", "grant-to-everyone", "warning", "public.t"),
        ("grant insert, select on table t to PUBLIC", "grant-to-everyone", "warning", "public.t"),
        ('grant update on "T" to "anon", service_role', "grant-to-everyone", "warning", "public.T"),
        ("grant all on all tables in schema public to anon", "grant-to-everyone", "warning", ""),
        ("grant create on schema public to anon", "grant-to-everyone", "warning", ""),
        ("grant service_role to anon", "grant-role", "serious", ""),
        (
            "alter default privileges in schema public grant insert on tables to anon",
            "grant-to-everyone",
            "serious",
            "",
        ),
        ("update t set a = (select 1 where true)", "no-where", "warning", "public.t"),
        ("delete from only app.t", "no-where", "serious", "app.t"),
        ("with x as (select 1 where true) delete from t", "no-where", "serious", "public.t"),
        ("truncate table t", "truncate", "serious", "public.t"),
        (
            "alter table if exists t add a int, disable row level security",
            "row-security-off",
            "serious",
            "public.t",
        ),
        ("alter table t no force row level security", "row-security-off", "note", "public.t"),
        (
            'drop policy if exists "own rows" on app.t',
            "policy-dropped",
            "warning",
            "app.t.own rows",
        ),
        ("alter policy p on t using (true)", "policy-altered", "warning", "public.t.p"),
        ("create policy p on t using (true)", "policy-open", "warning", "public.t.p"),
        (
            "create policy p on t for insert to anon with check (true)",
            "policy-open",
            "warning",
            "public.t.p",
        ),
        (
            "create policy p on t for select to anon using (true)",
            "policy-open",
            "note",
            "public.t.p",
        ),
    ],
)
def test_each_of_our_rules_finds_what_it_is_for(
    tmp_path: Path, text: str, rule: str, severity: str, about: str
) -> None:
    (one,) = found(tmp_path, f"-- first\n{text};\n")

    assert (one.rule, one.severity, one.about) == (f"shipway/{rule}", severity, about)
    assert one.line == 2
    assert one.what
    assert one.cure


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('grant all on table "public"."Private_items" to anon', 'table "public"."Private_items"'),
        ("GRANT ALL ON Public.a , b TO anon", "Public.a, b"),
        ("grant all on all tables in schema public to anon", "all tables in schema public"),
    ],
)
def test_a_name_is_told_as_the_file_has_it(tmp_path: Path, text: str, shown: str) -> None:
    (one,) = found(tmp_path, f"{text};\n")

    assert f" on {shown} to " in one.what


@pytest.mark.parametrize(
    "text",
    [
        "grant select on t to anon",
        "grant all on t to service_role",
        "grant execute on function f() to anon",
        "grant all on function f() to anon",
        "revoke all on t from anon",
        "update t set a = 1 where b",
        "delete from t using u where t.a = u.a",
        "insert into t select 1 on conflict (a) do update set a = 2",
        "with x as (update t set a = 1 where b returning 1) select * from x",
        "alter table t enable row level security",
        "create policy p on t using (owner = (select auth.uid()))",
        "create policy p on t as restrictive using (true)",
        "create policy p on t for all to authenticated using (true)",
        "comment on table t is 'update t set a = 1; grant all on t to anon'",
        "create function f() returns int language sql as $$ delete from t; select 1 $$",
    ],
)
def test_what_is_harmless_is_passed_by(tmp_path: Path, text: str) -> None:
    assert found(tmp_path, text + ";") == []


BLOCK = """-- squawk-ignore ban-drop-table
do $body$
declare one record;
begin
  if not exists (select from pg_class where relname = 't;') then
    -- drop table nothing;
    alter table t disable row level security;
  else
    update t set a = case when b then 1 else 2 end;
  end if;
  for one in select 1 loop
    execute 'drop policy p on t';
    execute format('grant all on %I to anon', 't');
    perform 1;
  end loop;
exception when others then
  delete from t where true;
end $body$;
alter table u rename to v;
copy w from stdin;
drop table	x;
\\.
"""


def test_a_do_block_is_read_statement_by_statement(tmp_path: Path) -> None:
    told = [(one.line, one.rule.partition("/")[2]) for one in found(tmp_path, BLOCK)]

    assert told == [
        (7, "row-security-off"),
        (7, "in-do-block"),
        (9, "no-where"),
        (12, "policy-dropped"),
        (12, "in-do-block"),
        (13, "grant-to-everyone"),
        (13, "in-do-block"),
    ]


def test_a_file_laid_open_keeps_its_lines_and_shows_only_sql() -> None:
    lines = open_do_blocks(BLOCK.encode()).decode().split("\n")

    assert len(lines) == len(BLOCK.split("\n"))
    shown = {at: line.strip() for at, line in enumerate(lines, start=1) if line.strip()}
    assert shown == {
        1: "-- squawk-ignore ban-drop-table",
        7: "alter table t disable row level security;",
        9: "update t set a = case when b then 1 else 2 end;",
        17: "delete from t where true;",
        19: "alter table u rename to v;",
    }


def test_squawk_reads_all_files_at_once_and_do_blocks_too(tmp_path: Path) -> None:
    report = reviewed(
        tmp_path,
        "\nalter table t drop column a;\ncreate table n (id int);",
        "do $$ begin\n  alter table t rename to u;\nend $$;\ndrop view v;\nupdate t set a = 1;",
    )

    told = [(one.migration, one.line, one.rule) for one in report.findings]
    assert told == [
        ("001_x", 2, "squawk/ban-drop-column"),
        ("002_x", 2, "shipway/in-do-block"),
        ("002_x", 2, "squawk/renaming-table"),
        ("002_x", 4, "squawk/ban-drop-view"),
        ("002_x", 5, "shipway/no-where"),
    ]
    assert report.tools[0] == "shipway's own rules"
    assert report.tools[1].startswith("squawk 2.")
    assert report.unread == ()


def test_what_was_not_read_is_said(tmp_path: Path) -> None:
    bulk = "select 1;\n" + "-- much\n" * 140_000
    pending = read_folder(write(tmp_path / "some", {"001_a.sql": bulk, "002_b.sql": "select 1;"}))

    report = review(pending, NOBODY, server_version="17.11")

    assert report.tools == ("shipway's own rules",)
    assert report.unread == (
        "squawk is not installed",
        "001_a is bulk data: no linter has read it",
    )


def test_a_linter_that_does_not_answer_is_no_clean_bill(tmp_path: Path) -> None:
    squawk = find_squawk()
    assert isinstance(squawk, Squawk)
    with pytest.raises(Failed, match="ban-nonsense"):
        squawk.read({"001_x": b"select 1"}, include=["ban-nonsense"], exclude=(), server_major=17)

    mute = tmp_path / "squawk"
    mute.write_text("#!/bin/sh\necho squawk 9; exit 1\n", encoding="utf-8")
    mute.chmod(0o755)
    pending = read_folder(write(tmp_path / "some", {"001_a.sql": "drop view v;"}))
    report = review(pending, Squawk(mute), server_version="17.11")
    assert report.tools == ("shipway's own rules",)
    assert "squawk 9 could not be asked" in report.unread[0]
