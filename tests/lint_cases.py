"""The crafted schemas of lint_cases.sql: for each lint a guilty object beside innocent ones."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql

from shipway.edges.embedded import HOST
from shipway.edges.lints import lint
from shipway.sandbox.dress import APP_ROLE, SUPERUSER, dress
from shipway.values import Secret

if TYPE_CHECKING:
    from shipway.edges.embedded import Cluster
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


def url_of(port: int, role: str, database: str) -> str:
    """Return the URL of a database on a server that `serve_dressed` started."""
    return f"postgresql://{role}:x@{HOST}:{port}/{database}"


def serve_dressed(cluster: Cluster) -> int:
    """Start a server with a database `dressed` as a new Supabase project; return its port."""
    cluster.create(SUPERUSER, Secret("x"))
    port = cluster.start().port
    with psycopg.connect(url_of(port, SUPERUSER, "template1"), autocommit=True) as connection:
        connection.execute("create database dressed")
    dress(Secret(url_of(port, SUPERUSER, "dressed")), password=Secret("x"))
    return port


def made(port: int, name: str, database: str) -> psycopg.Connection[tuple[Any, ...]]:
    """Make a database that holds only the objects of one case; return a connection to it."""
    _, statements = CASES[name]
    with psycopg.connect(url_of(port, SUPERUSER, "template1"), autocommit=True) as admin:
        create = "create database {} template dressed owner postgres"
        admin.execute(sql.SQL(create).format(sql.Identifier(database)))
    role = SUPERUSER if "extension" in statements or "foreign data" in statements else APP_ROLE
    connection = psycopg.connect(url_of(port, role, database), autocommit=True)
    connection.execute(statements.encode())
    return connection


def found_in(port: int, name: str) -> tuple[Finding, ...]:
    """Return what the lints find where only the objects of one case are."""
    with made(port, name, name) as connection:
        return lint(connection, exposed_schemas=["public"])


def check_case(port: int, name: str) -> None:
    """Assert that a lint finds the guilty object and no lint an innocent one."""
    found = found_in(port, name)
    guilty, _ = CASES[name]
    assert [one.object for one in found if one.lint == name] == [guilty], found
    for finding in found:
        assert "innocent" not in finding.object, finding
        assert finding.cure
        assert finding.detail
