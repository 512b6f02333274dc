"""Programs of one major against a target of another: each pair works, or it is said what lacks.

A machine that has PostgreSQL of one major only is made by hiding the others' programs: empty
folders are mounted over theirs, for the command alone.
"""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from shipway.edges.servers.cluster import Cluster, install_at, installs
from shipway.edges.servers.installations import bin_dirs
from tests.fixtures.lint_cases import serve_dressed, url_of
from tests.stories.conftest import clean_environment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shipway.edges.servers.cluster import Install

pytestmark = [pytest.mark.cli, pytest.mark.timeout(300)]

MAJORS = (15, 16, 17, 18)
COLUMN_VERSIONS_SINCE = {15: 20, 16: 16, 17: 12, 18: 7}
ROWS = "select id, body from public.note order by id"
FILES = {
    "001_note.sql": """
        create table public.note (id int generated always as identity primary key, body text);
        alter table public.note enable row level security;
        create policy mine on public.note for select to authenticated using (true);
        grant select on public.note to authenticated;
        insert into public.note (body) values ('a'), ('b');
        create view public.note_count with (security_invoker = true) as
            select count(*) as n from public.note;
        """,
    "001_note.down.sql": "drop view public.note_count; drop table public.note;",
    "002_more.sql": "alter table public.note add column more text;",
    "002_more.down.sql": "alter table public.note drop column more;",
}


@cache
def _of(major: int) -> Install:
    """Return Debian's PostgreSQL 15, or the newest that the wheels bring of a later major."""
    if major == min(MAJORS):
        return install_at(Path(f"/usr/lib/postgresql/{major}/bin"))
    return [one for one in installs() if one.major == major and one.source[0] != "/"][-1]


@pytest.fixture(scope="module", params=MAJORS)
def target(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[int, int]]:
    """Return the major and the port of a server with a dressed database."""
    cluster = Cluster(tmp_path_factory.mktemp("target"), _of(request.param))
    try:
        yield request.param, serve_dressed(cluster)
    finally:
        cluster.destroy()


@pytest.fixture
def folder(target: tuple[int, int], tmp_path: Path) -> Iterator[Path]:
    """Return a project whose target is a new database there, one file of two applied to it."""
    _, port = target
    admin = url_of(port, "supabase_admin", "template1")
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute("create database app template dressed owner postgres")
    (tmp_path / "migrations").mkdir()
    (tmp_path / "tasks.py").write_text("from shipway.tasks import namespace  # noqa: F401\n")
    (tmp_path / ".env.t").write_text(f"DATABASE_URL={url_of(port, 'postgres', 'app')}\n")
    _write(tmp_path, "001_note.sql", "001_note.down.sql")
    _ran(tmp_path, None, "db.migrate", "--yes")
    yield tmp_path
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute("drop database app with (force)")


def _write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / "migrations" / name).write_text(FILES[name])


def _on_machine_with(
    major: int | None, folder: Path, *arguments: str, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a command where no other major has programs; None: as this machine is."""
    argv = [sys.executable, "-m", "invoke", *arguments]
    environ = clean_environment() | {"SHIPWAY_TARGET": "t"}
    if major is not None:
        kept = _of(major).bin_dir
        environ["PATH"] = f"{kept}:/usr/bin:/bin"
        empty = folder / "empty"
        empty.mkdir(exist_ok=True)
        hidden = {
            place.resolve()
            for place, _ in bin_dirs()
            if (place / "pg_dump").exists() and place.resolve() not in {kept, Path("/usr/bin")}
        }
        mounts = "".join(f"mount --bind '{empty}' '{place}' && " for place in sorted(hidden))
        alone = ["--mount"] if os.geteuid() == 0 else ["--map-current-user", "--keep-caps", "-m"]
        argv = ["unshare", *alone, "sh", "-c", f'{mounts}exec "$@"', "sh", *argv]
    return subprocess.run(
        argv, cwd=folder, env=environ, input=stdin, capture_output=True, text=True, check=False
    )


def _ran(folder: Path, major: int | None, *arguments: str, stdin: str = "") -> str:
    done = _on_machine_with(major, folder, *arguments, stdin=stdin)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _rows(port: int) -> list[tuple[object, ...]]:
    with psycopg.connect(url_of(port, "postgres", "app")) as connection:
        return connection.execute(ROWS.encode()).fetchall()


def _stores_column_versions(port: int) -> bool:
    """Ask the server itself: some releases keep what an older pg_dump writes down wrongly."""
    with psycopg.connect(url_of(port, "postgres", "app")) as connection:
        found = connection.execute(
            "select from pg_attribute where attoptions::text like '%pg_attver=%' limit 1"
        )
        return found.rowcount == 1


def _knows_column_versions(major: int) -> bool:
    return int(_of(major).version.partition(".")[2]) >= COLUMN_VERSIONS_SINCE[major]


@pytest.mark.parametrize("major", MAJORS)
def test_backup_restore_rehearsal_and_shell(
    target: tuple[int, int], folder: Path, major: int
) -> None:
    server, port = target
    _write(folder, "002_more.sql", "002_more.down.sql")
    if major < server:
        for command, tool in (("backup", "pg_dump"), ("db.shell", "psql")):
            done = _on_machine_with(major, folder, command, stdin="select 1")
            assert done.returncode != 0
            assert f"No {tool} of version {server} or newer is on this machine" in done.stderr
            assert f"{tool} {_of(major).version}" in done.stderr
            assert f"postgresql-client-{server}" in done.stderr
        refused = _on_machine_with(major, folder, "db.rehearse")
        assert refused.returncode != 0
        assert f"No pg_dump of version {server} or newer" in refused.stderr
        return

    if _stores_column_versions(port) and not _knows_column_versions(major):
        done = _on_machine_with(major, folder, "backup")
        assert done.returncode == 2
        needed = f"{major}.{COLUMN_VERSIONS_SINCE[major]}"
        assert needed in done.stderr
        assert "keeps a version with each column" in done.stderr
        assert f"postgresql-client-{server}" in done.stderr
        assert "row 1" in _ran(folder, major, "db.shell", stdin="select 'row ' || 1;\n")
        return

    assert f"pg_dump {_of(major).version} at" in _on_machine_with(major, folder, "doctor").stdout
    assert "grade L6" in _ran(folder, major, "db.rehearse")
    (backup,) = [path.name for path in (folder / ".shipway" / "backups").iterdir()]
    assert "grade L6" in _ran(folder, major, "db.restore", backup)
    assert "row 1" in _ran(folder, major, "db.shell", stdin="select 'row ' || 1;\n")
    before = _rows(port)
    with psycopg.connect(url_of(port, "postgres", "app")) as connection:
        connection.execute("delete from public.note")
    assert "grade L6" in _ran(folder, major, "db.restore", backup, "--into", "t", "--yes")
    assert _rows(port) == before


@pytest.mark.parametrize("target", MAJORS[1:2], indirect=True)
@pytest.mark.parametrize("reader", MAJORS)
def test_an_archive_is_read_by_a_pg_restore_as_new_as_its_pg_dump_or_that_is_said(
    folder: Path, reader: int
) -> None:
    writer = MAJORS[-1]
    _ran(folder, writer, "backup")
    (backup,) = [path.name for path in (folder / ".shipway" / "backups").iterdir()]
    done = _on_machine_with(reader, folder, "db.restore", backup)
    if reader == writer:
        assert done.returncode == 0, done.stdout + done.stderr
        assert "grade L4" in done.stdout
    else:
        assert done.returncode == 2
        # 17 and 18 write one format; what is in it need not be the same.
        newer = f"No pg_restore of version {writer} or newer"
        assert (newer if reader == 17 else "a newer pg_dump wrote it") in done.stderr
        assert "damaged" not in done.stderr
        assert "postgresql-client" in done.stderr
