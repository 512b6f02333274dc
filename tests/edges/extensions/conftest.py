"""A database in which every stand-in can be created, also where the server has the real one."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from shipway.edges.extensions.library import stand_ins, write_stand_ins

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import DatabaseServer

    Row = tuple[Any, ...]
    Ask = Callable[..., list[Row]]


@pytest.fixture(scope="session")
def stand_in_files() -> Iterator[Path]:
    """Return a folder that extension_control_path may name: the server's account can enter it."""
    folder = Path(tempfile.mkdtemp(dir="/var/tmp"))
    (folder / "extension").mkdir()
    write_stand_ins(folder / "extension", stand_ins())
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def connection(server: DatabaseServer, stand_in_files: Path) -> Iterator[psycopg.Connection[Row]]:
    """Return a connection as the project owner to a dressed database of this module's own."""
    name = server.fresh_database()
    with psycopg.connect(server.admin_url(name).reveal(), autocommit=True) as admin:
        admin.execute(
            f"alter database {name} set extension_control_path = '{stand_in_files}:$system';"
            f"alter database {name} set search_path = '$user', public, extensions;"
            "drop function if exists extensions.uuid_generate_v4()".encode()
        )
    with psycopg.connect(server.url(name).reveal(), autocommit=True) as connection:
        yield connection
    server.drop(name)


@pytest.fixture(scope="module")
def admin_of(
    server: DatabaseServer, connection: psycopg.Connection[Row]
) -> Callable[[], psycopg.Connection[Row]]:
    """Return what connects to the same database as the superuser."""
    url = server.admin_url(connection.info.dbname).reveal()
    return lambda: psycopg.connect(url)


@pytest.fixture(scope="module")
def ask(connection: psycopg.Connection[Row]) -> Ask:
    """Return what runs a query and returns its rows."""

    def _ask(query: str, *values: object) -> list[Row]:
        done = connection.execute(query.encode(), values or None)
        return done.fetchall() if done.description else []

    return _ask
