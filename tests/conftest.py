"""One real server for the whole run, and for each test a fresh database dressed as Supabase."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote

import psycopg
import pytest
from psycopg import sql

from shipway.edges.servers.cluster import HOST, Cluster, newest
from shipway.sandbox.database.dress import APP_ROLE, SUPERUSER, dress
from shipway.values.basics import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest_plugins = (
    "tests.fixtures.hosting_fixtures",
    "tests.fixtures.npm_clients",
    "tests.fixtures.supabase_fixtures",
)

_PASSWORD = Secret("a p@ss/word of one test run")
_TEMPLATE = "dressed"


@dataclass
class DatabaseServer:
    """The run's server. Roles are shared by all its databases: a test that changes one says so."""

    port: int
    password: Secret = _PASSWORD
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def url(self, database: str, role: str = APP_ROLE) -> Secret:
        """Return the URL of a database, as the project owner or as another role."""
        password = quote(self.password.reveal(), safe="")
        return Secret(f"postgresql://{role}:{password}@{HOST}:{self.port}/{database}")

    def admin_url(self, database: str) -> Secret:
        """Return the URL of a database as the superuser."""
        return self.url(database, SUPERUSER)

    def fresh_database(self) -> str:
        """Make a new database dressed as a new Supabase project and return its name."""
        name = f"test_{next(self._numbers)}"
        self._execute(
            # Half as long as through the log, on a server that does not wait for its disk.
            "create database {} template {} owner {} strategy file_copy",
            *map(sql.Identifier, (name, _TEMPLATE, APP_ROLE)),
        )
        return name

    def empty_database(self) -> str:
        """Make a new plain database, not dressed, and return its name."""
        name = f"test_{next(self._numbers)}"
        self._execute("create database {} template template0", sql.Identifier(name))
        return name

    def drop(self, name: str) -> None:
        """Delete a database, whoever is still connected to it."""
        self._execute("drop database if exists {} with (force)", sql.Identifier(name))

    def _execute(self, statement: str, *parts: sql.Composable) -> None:
        admin = self.admin_url("template1").reveal()
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*parts))


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DatabaseServer]:
    """Return the run's server; it is stopped and deleted at the end."""
    cluster = Cluster(tmp_path_factory.mktemp("server"), newest())
    try:
        cluster.create(SUPERUSER, _PASSWORD)
        running = DatabaseServer(port=cluster.start().port)
        running._execute("create database {}", sql.Identifier(_TEMPLATE))  # noqa: SLF001 - its maker
        dress(running.admin_url(_TEMPLATE), password=_PASSWORD)
        yield running
    finally:
        cluster.destroy()


@pytest.fixture
def database(server: DatabaseServer) -> Iterator[str]:
    """Return the name of a fresh database that is this test's own."""
    name = server.fresh_database()
    yield name
    server.drop(name)


@pytest.fixture
def database_url(server: DatabaseServer, database: str) -> Secret:
    """Return the URL of this test's database as the project owner, the role postgres."""
    return server.url(database)


@pytest.fixture
def admin_url(server: DatabaseServer, database: str) -> Secret:
    """Return the URL of this test's database as the superuser."""
    return server.admin_url(database)
