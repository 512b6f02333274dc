"""Copies on Debian's own PostgreSQL 15: ICU, contrib modules, and pg_cron in one database alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from shipway.edges.copies.own_server import OwnServer
from shipway.edges.servers.cluster import Cluster, install_at
from shipway.errors import Refused
from shipway.sandbox.database.dress import SUPERUSER, dress
from shipway.values.basics import Secret
from tests.edges.copies.test_own_server import room_on
from tests.fixtures.backing_up import back_up
from tests.fixtures.lint_cases import url_of
from tests.fixtures.migrating import ask, execute
from tests.fixtures.own_server import Own, own_server
from tests.fixtures.pgbouncer import pgbouncer

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.cli, pytest.mark.timeout(300)]

BIN = Path("/usr/lib/postgresql/15/bin")
CRON = {"shared_preload_libraries": "pg_cron", "cron.database_name": "postgres"}
MADE = """
create extension "uuid-ossp" schema extensions;
create extension pgcrypto schema extensions;
create extension pg_cron;
grant usage on schema cron to postgres;
create table public.people (id uuid primary key default extensions.uuid_generate_v4(),
    name text collate "de-x-icu", mark text generated always as
    (encode(extensions.digest(coalesce(name, ''), 'sha256'), 'hex')) stored);
alter table public.people owner to postgres;
insert into public.people (name) values ('Ähre'), ('Zebra'), ('Apfel');
"""


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Own]:
    with own_server(tmp_path_factory.mktemp("own"), install_at(BIN), settings=CRON) as running:
        # As on a server that somebody uses: the one database that can have it has it.
        running.run("create extension pg_cron")
        yield running


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secret]:
    cluster = Cluster(tmp_path_factory.mktemp("target"), install_at(BIN))
    try:
        cluster.create(SUPERUSER, Secret("x"))
        port = cluster.start(settings=CRON).port
        admin = Secret(url_of(port, SUPERUSER, "postgres"))
        dress(admin, password=Secret("x"))
        execute(admin, "drop function extensions.uuid_generate_v4(); " + MADE)
        yield Secret(url_of(port, "postgres", "postgres"))
    finally:
        cluster.destroy()


def test_what_the_server_has_is_used_for_real_and_what_it_lacks_in_a_copy_is_named(
    own: Own, target: Secret, tmp_path: Path
) -> None:
    before = own.state()
    with room_on(own.url(), tmp_path, target).copy_of(back_up(target, tmp_path)) as copy:
        assert copy.restored.errors == ()
        assert copy.restored.server_version.startswith("15.")
        assert "extension pg_cron" in copy.restored.left_out
        assert copy.contents()["public.people"].rows == 3
        with copy.open_database() as database:
            asked = b"select string_agg(name, ' ' order by name) from public.people"
            assert database.exchange(asked).rows == (("Ähre Apfel Zebra",),)
            assert database.exchange(
                b"insert into public.people (name) values ('x') returning length(mark)"
            ).rows == (("64",),)
            asked = (
                b"select extname from pg_extension where extname ~ '^(uuid|pgc|pg_c)' order by 1"
            )
            assert database.exchange(asked).rows == (("pgcrypto",), ("uuid-ossp",))
    assert own.state() == before


def test_what_a_file_changes_for_the_whole_server_is_put_back_before_postgres_16_too(
    own: Own, target: Secret, tmp_path: Path
) -> None:
    own.run(
        "create role theirs valid until '2029-01-01'",
        "create role group_of_theirs",
        "grant group_of_theirs to theirs",
    )
    before = own.state()
    try:
        with room_on(own.url(), tmp_path, target).copy_of(back_up(target, tmp_path)) as copy:
            with copy.open_database() as database:
                assert database.exchange(b"create role of_a_file").error is None
            own.run(
                "alter role theirs bypassrls valid until '2030-01-01'",
                "grant group_of_theirs to theirs with admin option",
                "grant set on parameter log_statement to theirs",
                'alter role theirs set search_path = a, "b c"',
                "alter role theirs rename to other",
            )
            with copy.open_database() as database:
                assert (
                    database.exchange(b"grant select on public.people to of_a_file").error is None
                )
        assert own.state() == before
    finally:
        own.run("drop role theirs, group_of_theirs")


def test_the_targets_own_server_is_refused_behind_a_real_pooler(target: Secret) -> None:
    for mode in ("session", "transaction"):
        with pgbouncer(target, mode=mode) as pooled:
            server = OwnServer(target, target=pooled, timeout_s=5.0)
            with pytest.raises(Refused, match="the server of the target itself"):
                server.version(at_least=15)
    assert ask(target, "select from pg_database where datname ~ '^shipway_rehearsal'") == []
