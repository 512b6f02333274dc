"""A view on PostgreSQL 15, which every newer server prints otherwise: nobody has changed it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.fixtures.lint_cases import url_of
from tests.stories.backup.test_debian_postgres import elsewhere, port

if TYPE_CHECKING:
    from tests.stories.conftest import Project

pytestmark = [pytest.mark.cli, pytest.mark.timeout(300)]
__all__ = ["elsewhere", "port"]

TABLE = """
create table public.p (id int primary key, a int); alter table public.p enable row level security;
create policy own on public.p for select to authenticated using (a > 0);
grant select on public.p to authenticated;
create view public.v with (security_invoker = true) as select id, a from public.p where a > 1;
"""
MORE = """
create view public.w with (security_invoker = true) as
    select a, count(*) as many from public.p where id in (select id from public.v) group by a;
create materialized view public.m as select distinct on (a) a, id as "Id" from public.p order by a;
"""


def test_a_view_that_two_majors_print_differently_is_no_drift(
    elsewhere: Project, port: int
) -> None:
    with psycopg.connect(url_of(port, "supabase_admin", "app"), autocommit=True) as connection:
        # Another story tells what a copy without them is worth.
        connection.execute('drop extension "uuid-ossp", pgcrypto, citext, pg_trgm, ltree')
        connection.execute("drop extension postgres_fdw cascade")
    for number, (name, text) in enumerate((("table", TABLE), ("more", MORE)), start=1):
        file = elsewhere.root / "migrations" / f"{number:03}_{name}.sql"
        file.write_text(text)
        file.with_suffix(".down.sql").write_text("drop table public.p cascade")
        ended = elsewhere.release()
        assert ended.code == 0, ended.err
        assert "the target has become what the rehearsal led to" in ended.out
        assert "not quite" not in ended.out
    for made in ("recorded in the target after 002_more", "after 2 migrations on an empty"):
        ended = elsewhere.invoke("db.diff", "--target", "sandbox")
        assert ended.code == 0, ended.err
        assert made in ended.out + ended.err
        with psycopg.connect(url_of(port, "postgres", "app"), autocommit=True) as connection:
            connection.execute("drop table if exists shipway.recorded_schema")
