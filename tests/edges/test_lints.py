"""Each lint finds the guilty object and leaves the innocent one alone."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql

from shipway.edges.embedded import HOST, Cluster, installs
from shipway.edges.lints import lint
from shipway.sandbox.dress import APP_ROLE, SUPERUSER, dress
from shipway.values import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shipway.inspection import Finding

# Every table in it has row level security, a policy, a key and grants, unless that is the point.
CASES = {
    name: (guilty, statements)
    for name, guilty, statements in re.findall(
        r"^-- (\w+): (\S.*)\n((?:(?!--).*\n)+)",
        Path(__file__).with_name("lint_cases.sql").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
}


@pytest.fixture(scope="module", params=installs(), ids=lambda install: str(install.major))
def port(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    cluster = Cluster(tmp_path_factory.mktemp("lints"), request.param)
    try:
        cluster.create(SUPERUSER, Secret("x"))
        port = cluster.start().port
        with psycopg.connect(_url(port, SUPERUSER, "template1"), autocommit=True) as connection:
            connection.execute("create database dressed")
        dress(Secret(_url(port, SUPERUSER, "dressed")), password=Secret("x"))
        yield port
    finally:
        cluster.destroy()


def _url(port: int, role: str, database: str) -> str:
    return f"postgresql://{role}:x@{HOST}:{port}/{database}"


@pytest.mark.parametrize("name", CASES)
def test_a_lint_finds_the_guilty_and_only_the_guilty(port: int, name: str) -> None:
    guilty, statements = CASES[name]
    with psycopg.connect(_url(port, SUPERUSER, "template1"), autocommit=True) as admin:
        admin.execute(
            sql.SQL("create database {} template dressed owner postgres").format(
                sql.Identifier(name)
            )
        )
    role = SUPERUSER if "extension" in statements or "foreign data" in statements else APP_ROLE
    with psycopg.connect(_url(port, role, name), autocommit=True) as connection:
        connection.execute(statements.encode())
        found = lint(connection, exposed_schemas=["public"])
    assert [one.object for one in found if one.lint == name] == [guilty], found
    for finding in found:
        assert "innocent" not in finding.object, finding
        assert finding.cure
        assert finding.detail


def test_a_cure_that_is_a_statement_heals(port: int) -> None:
    """The cures that end in a semicolon are run as they stand, and the finding is gone."""
    for name in ("grant_missing", "definer_view", "mutable_search_path", "duplicate_index"):
        with psycopg.connect(_url(port, APP_ROLE, name), autocommit=True) as connection:
            found = _of(lint(connection, exposed_schemas=["public"]), name)
            for finding in found:
                assert finding.cure.endswith(";")
                connection.execute(finding.cure.encode())
            assert _of(lint(connection, exposed_schemas=["public"]), name) == []


def _of(findings: tuple[Finding, ...], name: str) -> list[Finding]:
    return [one for one in findings if one.lint == name]


def test_without_supabases_roles_the_lints_run_all_the_same(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    cluster = Cluster(tmp_path_factory.mktemp("plain"), installs()[0])
    try:
        cluster.create("boss", Secret("x"))
        port = cluster.start().port
        with psycopg.connect(_url(port, "boss", "postgres"), autocommit=True) as connection:
            connection.execute("create table t (id int primary key)")
            found = lint(connection, exposed_schemas=["public"])
        assert [(one.lint, one.object) for one in found] == [("rls_disabled", "public.t")]
    finally:
        cluster.destroy()
