"""A copy of a database that has foreign servers: nothing on it leads to another database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from shipway.edges.restore.restore import restore
from shipway.errors import MigrationFailed
from tests.fixtures.backing_up import archives, back_up
from tests.fixtures.incidents import BASE, Target
from tests.fixtures.migrating import ask, run, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from shipway.values.basics import Secret
    from tests.conftest import DatabaseServer

REMOTE = "create table invoice (id int, paid boolean); insert into invoice values (1, false)"
SERVER = """
create extension postgres_fdw;
create server billing foreign data wrapper postgres_fdw options ({});
grant usage on foreign server billing to public;
create user mapping for public server billing options (user {}, password {});
create foreign data wrapper elsewhere;
create server lake foreign data wrapper elsewhere options (address 'lake.example', key 'k');
create server alone foreign data wrapper postgres_fdw;
create subscription followed connection 'host=h.example' publication p with (connect = false);
create schema app;
grant usage on schema app to public;
create foreign table app.invoice (id int, paid boolean) server billing
  options (schema_name 'public');
grant all on app.invoice to public;
create materialized view app.unpaid as select id from app.invoice where not paid;
create materialized view app.many as select count(*) from app.unpaid;
"""
PAID = "select paid from public.invoice"
OPTIONS = "select srvname, unnest(srvoptions) from pg_foreign_server order by 1, 2"


def hand(url: Secret, *statements: sql.SQL | sql.Composed) -> None:
    with psycopg.connect(url.reveal(), autocommit=True) as connection:
        for one in statements:
            connection.execute(one)


@pytest.fixture
def remote(server: DatabaseServer, database_url: Secret, admin_url: Secret) -> Iterator[Secret]:
    """Another database, which that of `database_url` reaches through a foreign table."""
    name = server.fresh_database()
    url = server.url(name)
    hand(url, sql.SQL(REMOTE))
    place = conninfo_to_dict(url.reveal())
    options = [
        sql.SQL("{} {}").format(sql.Identifier(one), sql.Literal(str(place[one])))
        for one in ("host", "port", "dbname")
    ]
    user, password = (sql.Literal(str(place[one])) for one in ("user", "password"))
    hand(admin_url, sql.SQL(SERVER).format(sql.SQL(", ").join(options), user, password))
    assert ask(database_url, "select paid from app.invoice") == [(False,)]
    yield url
    drop_subscription(admin_url)
    server.drop(name)


def drop_subscription(url: Secret) -> None:
    hand(url, sql.SQL("alter subscription followed set (slot_name = none)"))
    hand(url, sql.SQL("drop subscription followed"))


def test_nothing_on_a_copy_leads_to_another_database(
    server: DatabaseServer, remote: Secret, admin_url: Secret, tmp_path: Path
) -> None:
    backup = back_up(admin_url, tmp_path)
    name = server.empty_database()
    copy = server.admin_url(name)

    with archives(tmp_path).plain(backup.archive) as archive:
        restored = restore(archive, backup.manifest, url=copy, stays=False)

    assert restored.errors == ()
    assert restored.left_out == (
        "subscription followed",
        "materialized view data app unpaid",
        "materialized view data app many",
        "server alone leads nowhere on the copy",
        "server billing leads nowhere on the copy",
        "server lake leads nowhere on the copy",
    )
    assert ask(copy, "select count(*) from pg_user_mappings") == [(0,)]
    assert ask(copy, OPTIONS) == [
        ("alone", "host=/dev/null"),
        ("alone", "port=1"),
        ("billing", "dbname=nowhere"),
        ("billing", "host=/dev/null"),
        ("billing", "port=1"),
        ("lake", "address=nowhere"),
        ("lake", "key=nowhere"),
    ]
    mapping = "create user mapping for public server billing options (user 'x', password 'x')"
    hand(copy, sql.SQL(mapping))
    with pytest.raises(psycopg.OperationalError, match=r"/dev/null/\.s\.PGSQL\.1"):
        hand(server.url(name), sql.SQL("update app.invoice set paid = true"))
    assert ask(remote, PAID) == [(False,)]
    server.drop(name)


def test_what_stays_leads_where_the_target_does(
    server: DatabaseServer, remote: Secret, admin_url: Secret, tmp_path: Path
) -> None:
    backup = back_up(admin_url, tmp_path)
    name = server.empty_database()
    stays = server.admin_url(name)

    with archives(tmp_path).plain(backup.archive) as archive:
        restored = restore(archive, backup.manifest, url=stays, stays=True)

    assert (restored.errors, restored.left_out) == ((), ())
    assert ask(stays, OPTIONS) == ask(admin_url, OPTIONS)
    assert ask(stays, "select id, count from app.unpaid, app.many") == [(1, 1)]
    hand(server.url(name), sql.SQL("update app.invoice set paid = true"))
    assert ask(remote, PAID) == [(True,)]
    drop_subscription(stays)
    server.drop(name)


def test_a_rehearsal_does_not_change_rows_of_another_database(
    remote: Secret, database_url: Secret, admin_url: Secret, tmp_path: Path
) -> None:
    run(database_url, write(tmp_path / "base", {"001_base.sql": BASE}))
    target = Target(url=database_url, folder=tmp_path, backup=back_up(admin_url, tmp_path))

    verdict = target.change("update app.invoice set paid = true;")

    assert ask(remote, PAID) == [(False,)]
    assert isinstance(verdict.stopped, MigrationFailed), verdict.said
    assert "server billing leads nowhere on the copy" in verdict.stopped.next_step
    assert "--without-rehearsal" in verdict.stopped.next_step
