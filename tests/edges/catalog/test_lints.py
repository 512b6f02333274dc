"""Each lint finds the guilty object and leaves the innocent one alone."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import psycopg
import pytest

from shipway.edges.catalog.lints import check_data, lint
from shipway.edges.machine import process
from shipway.edges.servers.cluster import Cluster, installs, newest
from shipway.sandbox.database.dress import SUPERUSER
from shipway.values.basics import Secret
from tests.fixtures.lint_cases import CASES, check_case, made, serve_dressed, url_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from shipway.values.inspection import Finding


@pytest.fixture(scope="module", params=installs(), ids=lambda install: install.version)
def port(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    # The extension that one case creates; not every server here has it.
    further = tmp_path_factory.mktemp("extensions")
    if "vector" not in request.param.extensions:
        (further / "vector.control").write_text("default_version = '1'\n", encoding="utf-8")
        (further / "vector--1.sql").touch()
    cluster = Cluster(tmp_path_factory.mktemp("lints"), request.param, extensions=further)
    try:
        yield serve_dressed(cluster)
    finally:
        cluster.destroy()


@pytest.mark.parametrize("name", CASES)
def test_a_lint_finds_the_guilty_and_only_the_guilty(port: int, name: str) -> None:
    check_case(port, name)


def statement_of(cure: str, name: str) -> str:
    """The statement that a cure proposes; of those that say more, the one that heals."""
    if name == "grant_missing":
        return cure[cure.index("grant ") :]
    return cure.partition("; or write the schema")[0]


@pytest.mark.parametrize(
    "name", ["grant_missing", "definer_view", "mutable_search_path", "duplicate_index"]
)
def test_a_statement_of_a_cure_heals(port: int, name: str) -> None:
    """It is run as it stands, and the finding is gone."""
    with made(port, name, f"{name}_healed") as connection:
        found = _of(lint(connection, exposed_schemas=["public"]), name)
        assert found
        for finding in found:
            connection.execute(statement_of(finding.cure, name).encode())
        assert _of(lint(connection, exposed_schemas=["public"]), name) == []


@pytest.mark.parametrize(
    ("policy", "begins", "opens", "grant"),
    [
        (
            'create policy "read all" on chats for select to anon using (true)',
            'drop policy "read all" on public.chats; or, if anon',
            "if anon (everybody, without an account) is meant to select every row: ",
            "grant select on public.chats to anon;",
        ),
        (
            "create policy own on chats for all to authenticated using (id > 3)",
            "drop policy own on public.chats; or, if authenticated",
            "(everybody who signs up) is meant to select, insert, update, delete the rows that it",
            "grant select, insert, update, delete on public.chats to authenticated;",
        ),
    ],
)
def test_the_cure_of_a_missing_grant_drops_first_and_says_what_each_command_opens(
    database_url: Secret, policy: str, begins: str, opens: str, grant: str
) -> None:
    with psycopg.connect(database_url.reveal(), autocommit=True) as connection:
        connection.execute("create table chats (id int primary key)")
        connection.execute("alter table chats enable row level security")
        connection.execute(policy.encode())

        (found,) = _of(lint(connection, exposed_schemas=["public"]), "grant_missing")

        assert found.cure.startswith(
            "Where no file of yours makes that policy, it was made by hand"
        )
        assert begins in found.cure
        assert opens in found.cure
        assert found.cure.endswith(grant)
        # Where one command is granted, that one is meant.
        connection.execute(f"grant select on chats to {grant.rsplit(maxsplit=1)[-1]}".encode())
        assert _of(lint(connection, exposed_schemas=["public"]), "grant_missing") == []


def test_no_cure_grants_first(port: int) -> None:
    for name in CASES:
        with made(port, name, f"{name}_cures") as connection:
            for finding in lint(connection, exposed_schemas=["public"]):
                assert not finding.cure.lower().startswith("grant"), finding


def test_the_cure_of_a_search_path_leaves_a_body_with_bare_names_as_it_works(
    database_url: Secret,
) -> None:
    with psycopg.connect(database_url.reveal(), autocommit=True) as connection:
        connection.execute("create table notes (id int primary key)")
        connection.execute(
            "create function mine(n int) returns boolean language sql security definer "
            "as 'select exists (select from notes where id = n)'"
        )
        (found,) = _of(lint(connection, exposed_schemas=["public"]), "mutable_search_path")

        connection.execute(statement_of(found.cure, found.lint).encode())

        assert connection.execute("select mine(1)").fetchall() == [(False,)]
        assert "set search_path = public, extensions, pg_temp" in found.cure


def _of(findings: tuple[Finding, ...], name: str) -> list[Finding]:
    return [one for one in findings if one.lint == name]


def test_without_supabases_roles_the_lints_run_all_the_same(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    cluster = Cluster(tmp_path_factory.mktemp("plain"), installs()[0])
    try:
        cluster.create("boss", Secret("x"))
        port = cluster.start().port
        with psycopg.connect(url_of(port, "boss", "postgres"), autocommit=True) as connection:
            connection.execute("create table t (id int); alter table t enable row level security")
            found = lint(connection, exposed_schemas=["public"])
        assert [one.lint for one in found] == ["rls_without_policy", "no_primary_key"]
    finally:
        cluster.destroy()


def test_a_replication_slot_that_nobody_reads_is_named(port: int) -> None:
    with psycopg.connect(url_of(port, SUPERUSER, "dressed"), autocommit=True) as connection:
        assert _of(check_data(connection), "replication_slot_idle") == []
        connection.execute("select pg_create_physical_replication_slot('left', true)")
        (found,) = _of(check_data(connection), "replication_slot_idle")
        assert (found.level, found.object) == ("warn", "left")
        connection.execute(found.cure.partition(": ")[2].encode())
        assert _of(check_data(connection), "replication_slot_idle") == []


@pytest.mark.parametrize(
    ("used", "level"), [(700_000_000, None), (1_000_000_000, "warn"), (1_700_000_000, "error")]
)
def test_a_database_that_uses_up_its_transaction_numbers_is_named(
    tmp_path: Path, used: int, level: str | None
) -> None:
    assert _level_after(tmp_path, used) == level


def _level_after(folder: Path, used: int) -> str | None:
    """Return how serious it is to have used so many transaction numbers, of 2,147,483,647."""
    cluster = Cluster(folder, newest())
    data = cluster.home / "data"
    try:
        cluster.create("boss", Secret("x"))
        user = data.owner()
        bin_dir = newest().bin_dir
        # What a busy year leaves: the next number is high, and the page of it is there.
        argv: list[str | Path] = [bin_dir / "pg_resetwal", "-f", "-x", str(used), "-D", data]
        reset = process.run(argv, deadline_s=30, user=user if os.geteuid() == 0 else None)
        assert reset.returncode == 0, reset.stderr
        page = data / "pg_xact" / f"{used // (8192 * 4 * 32):04X}"
        page.write_bytes(bytes(8192 * 32))
        shutil.chown(page, user)
        # Or autovacuum mends it before we look.
        server = cluster.start(settings={"autovacuum_freeze_max_age": "2000000000"})
        with psycopg.connect(url_of(server.port, "boss", "postgres"), autocommit=True) as one:
            found = _of(check_data(one), "wraparound_near")
        return found[0].level if found else None
    finally:
        cluster.destroy()
