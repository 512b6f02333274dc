"""Rehearsals on a server of one's own: said everywhere, and gone from there in every outcome."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.fixtures.database_project import DatabaseProject
from tests.fixtures.own_server import Own, own_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from shipway.values.basics import Secret
    from tests.stories.conftest import Project

NOTES = (
    "create table public.notes (id int primary key, body text);\n"
    "alter table public.notes enable row level security;\n"
    "create policy own on public.notes for select to authenticated using (id > 0);\n"
    "grant select on public.notes to authenticated;\n"
    "insert into public.notes select n, 'x' from generate_series(1, 50) n;\n"
)
WAITS = "select pg_sleep(60);\n"
SEEN_WITHIN_S = 60.0


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Own]:
    with own_server(tmp_path_factory.mktemp("own")) as one:
        yield one


@pytest.fixture
def own(running: Own) -> Iterator[Own]:
    """The server, which has to be afterwards as it was before."""
    before = running.state()
    yield running
    assert running.state() == before


@pytest.fixture
def there(database_url: Secret, own: Own, tmp_path: Path) -> DatabaseProject:
    """A project with a file that is applied, whose copies are made on the server."""
    project = DatabaseProject(tmp_path, database_url)
    project.begin({"001_notes.sql": NOTES})
    assert project.invoke("db.migrate", "--yes")[0] == 0
    (tmp_path / ".env").write_text(f"SHIPWAY_REHEARSE_ON={own.url().reveal()}\n")
    return project


def test_every_command_says_where_the_copy_is(there: DatabaseProject, own: Own) -> None:
    there.begin({"002_pinned.sql": "alter table public.notes add pinned boolean;\n"})
    place = rf"PostgreSQL \d[\d.]+ at 127\.0\.0\.1:{own.port}\b"

    _, said = there.invoke("doctor")
    assert re.search(rf"copies run on {place}", said), said
    code, said = there.invoke("--dry", "db.rehearse")
    assert code == 0, said
    assert re.search(rf"Would rehearse on {place}", said), said
    code, said = there.invoke("db.rehearse")
    assert code == 0, said
    assert re.search(rf"restored \S+ into {place}", said), said
    code, said = there.invoke("db.restore", next(there.root.glob(".shipway/backups/2*")).name)
    assert code == 0, said
    assert f"into a database of its own at 127.0.0.1:{own.port}, which is gone again" in said


def test_a_release_is_rehearsed_there_and_its_page_says_so(project: Project, own: Own) -> None:
    there = {"SHIPWAY_REHEARSE_ON": own.url().reveal()}
    place = rf"PostgreSQL \d[\d.]+ at 127\.0\.0\.1:{own.port}"

    planned = project.invoke("--dry", "release", "--target", "sandbox", **there)
    assert re.search(rf"restore that backup into {place}", planned.out.replace("\n", " ")), planned
    ended = project.release(**there)

    assert ended.code == 0, ended.err
    (record,) = project.records()
    for page in ("release.html", "release.md", "release.json"):
        text = (record / page).read_text(encoding="utf-8")
        assert f"127.0.0.1:{own.port}" in text, page
        assert own.password not in text


def test_the_targets_own_server_stops_a_release_before_its_backup(project: Project) -> None:
    itself = project.env("DATABASE_URL").replace("127.0.0.1", "localhost")
    ended = project.release(SHIPWAY_REHEARSE_ON=itself)
    assert ended.code == 3
    assert "leads to the server of the target itself" in ended.err
    assert not list(project.root.glob(".shipway/backups/2*"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_rehearsal_that_is_cut_off_leaves_nothing_for_long(
    there: DatabaseProject, own: Own, number: signal.Signals
) -> None:
    there.begin({"002_waits.sql": WAITS})
    environ = {"PATH": os.environ["PATH"], "HOME": str(there.root), "SHIPWAY_TARGET": "t"}
    command = [sys.executable, "-m", "invoke", "db.rehearse"]
    with subprocess.Popen(command, cwd=there.root, env=environ, stderr=subprocess.PIPE) as one:
        _wait_for_the_file(own)
        one.send_signal(number)
        one.communicate(timeout=SEEN_WITHIN_S)
    if number is signal.SIGKILL:
        assert len(own.copies()) == 1
        there.begin({"002_waits.sql": "select 1;\n"})
        code, said = there.invoke("db.rehearse")
        assert code == 0, said
    assert own.copies() == []


ROLES = """
create role made_by_file;
create role "Made by File" login; grant select on public.notes to "Made by File";
create role maker createrole; grant usage on schema public to maker;
grant connect on database postgres to made_by_file, maker;
grant anon to made_by_file, "Their Own" with admin option;
revoke anon from reporter;
alter role anon set statement_timeout = '3s';
alter role "Their Own" set search_path = "$user", public, "Odd One";
alter role "Their Own" set app.kept to 'changed';
alter role "Their Own" reset lock_timeout;
alter role "Their Own" createdb noinherit connection limit 3 password 'of the file';
alter role reporter rename to was_reporter;
alter database postgres set app.word = 'x';
grant set on parameter log_statement to anon;
comment on role anon is 'of the file';
"""


def test_what_a_pending_file_does_to_the_whole_server_is_taken_back(
    there: DatabaseProject, running: Own
) -> None:
    running.run(
        "create role postgres superuser",
        "create role anon",
        "create role reporter",
        "grant anon to reporter",
        "create role \"Their Own\" login password 'theirs'",
        "alter role \"Their Own\" set app.kept = 'kept'",
        "alter role \"Their Own\" set lock_timeout = '4s'",
        'alter role "Their Own" in database postgres set search_path = a, "B c"',
    )
    before = running.state()
    try:
        there.begin({"002_roles.sql": ROLES})
        code, said = there.invoke("db.rehearse")
        assert code == 0, said
        assert running.state() == before
    finally:
        running.run('drop role anon, reporter, postgres, "Their Own"')


def _wait_for_the_file(own: Own) -> None:
    ends = time.monotonic() + SEEN_WITHIN_S
    runs = (
        "select from pg_stat_activity where query like '%pg_sleep(60)%' "
        "and datname ~ '^shipway_rehearsal'"
    )
    while not own.ask(runs):
        assert time.monotonic() < ends, "the file was never run"
        time.sleep(0.05)
