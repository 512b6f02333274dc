"""Copies on a server of one's own: made for a rehearsal, and nothing of them stays there."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import psycopg
import pytest

from shipway.edges.copies.own_server import OwnServer
from shipway.edges.copies.rehearsal_room import RehearsalRoom
from shipway.edges.servers.cluster import HOST
from shipway.errors import Failed, MigrationFailed, Misconfigured, Refused
from shipway.sandbox.database.dress import SUPERUSER
from shipway.values.basics import Secret
from tests.fixtures.backing_up import archives, back_up
from tests.fixtures.migrating import execute
from tests.fixtures.own_server import PASSWORD, Own, own_server
from tests.fixtures.pooling import Pooler

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shipway.values.backup import Backup
    from tests.conftest import DatabaseServer

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Own]:
    with own_server(tmp_path_factory.mktemp("own")) as running:
        yield running


@pytest.fixture
def untouched(own: Own) -> Iterator[Own]:
    """The server, which has to be afterwards as it was before."""
    before = own.state()
    yield own
    assert own.state() == before


@pytest.fixture
def backup(database: str, database_url: Secret, tmp_path: Path) -> Backup:
    execute(
        database_url,
        "create table public.people (id int primary key, name text);"
        "alter table public.people enable row level security;"
        "create policy own on public.people for select to authenticated using (true);"
        "grant select on public.people to authenticated;"
        "insert into public.people values (1, 'a'), (2, 'b');"
        f"alter role postgres in database {database} set datestyle = 'ISO, DMY'",
    )
    return back_up(database_url, tmp_path)


def room_on(url: Secret, folder: Path, target: Secret | None = None) -> RehearsalRoom:
    return RehearsalRoom(
        folder / "rehearsals",
        archives(folder),
        whole_up_to_bytes=1 << 30,
        own_server=OwnServer(url, target=target, timeout_s=5.0),
    )


def test_a_copy_is_made_used_and_gone_with_its_roles(
    untouched: Own, backup: Backup, database_url: Secret, tmp_path: Path
) -> None:
    room = room_on(untouched.url(), tmp_path, database_url)
    with room.copy_of(backup) as copy, copy.open_database() as database:
        (name,) = untouched.copies()
        assert copy.restored.errors == ()
        assert copy.restored.place == f"{HOST}:{untouched.port}"
        assert copy.restored.roles_unlike == ()
        assert copy.contents()["public.people"].rows == 2
        asked = b"select current_user, session_user, current_database()"
        assert database.exchange(asked).rows == (("postgres", "postgres", name),)
    assert untouched.copies() == []


@pytest.mark.parametrize(
    "error",
    [
        KeyboardInterrupt(),
        RuntimeError("a bug"),
        MigrationFailed("It failed.", unchanged="Nothing.", next_step="Mend it."),
    ],
)
def test_nothing_stays_when_the_rehearsal_fails(
    untouched: Own, backup: Backup, tmp_path: Path, error: BaseException
) -> None:
    with pytest.raises(type(error)), room_on(untouched.url(), tmp_path).copy_of(backup):
        raise error
    assert untouched.copies() == []


def test_the_targets_own_server_is_refused_under_any_name(
    backup: Backup, server: DatabaseServer, database_url: Secret, tmp_path: Path
) -> None:
    elsewhere = server.admin_url("template1").reveal()
    names = [elsewhere, elsewhere.replace(HOST, "localhost")]
    for name in names:
        room = room_on(Secret(name), tmp_path, database_url)
        with pytest.raises(Refused, match="the server of the target itself"):
            room.server(18, ())
        with pytest.raises(Refused, match="the server of the target itself"), room.copy_of(backup):
            pass
    found = "select datname from pg_database where datname ~ '^shipway_rehearsal'"
    with psycopg.connect(elsewhere) as connection:
        assert connection.execute(found.encode()).fetchall() == []


def test_a_server_older_than_the_target_is_refused_before_anything_is_made_there(
    untouched: Own, backup: Backup, tmp_path: Path
) -> None:
    room = room_on(untouched.url(), tmp_path)
    newer = replace(backup, manifest=replace(backup.manifest, server_version="99.1"))
    told = r"runs PostgreSQL \d+, and the target runs 99"
    with pytest.raises(Refused, match=told) as stopped:
        room.server(99, ())
    assert "PostgreSQL 99 or newer in SHIPWAY_REHEARSE_ON" in stopped.value.next_step
    with pytest.raises(Refused, match=told), room.copy_of(newer):
        pass
    assert untouched.copies() == []


@pytest.mark.parametrize("there_before", [False, True])
def test_connections_to_a_copy_begin_as_on_the_target_and_other_databases_keep_theirs(
    own: Own, database_url: Secret, admin_url: Secret, tmp_path: Path, *, there_before: bool
) -> None:
    name = database_url.reveal().rpartition("/")[2]
    execute(
        admin_url,
        f"alter database \"{name}\" set datestyle = 'ISO, DMY';"
        "grant set on parameter session_replication_role to postgres",
    )
    backup = back_up(database_url, tmp_path)
    if there_before:
        own.run("create role postgres login createdb")
    before = own.state()
    with room_on(own.url(), tmp_path).copy_of(backup) as copy, copy.open_database() as database:
        assert database.exchange(b"show datestyle").rows == (("ISO, DMY",),)
    assert own.state() == before
    if there_before:
        own.run("drop role postgres")


@pytest.mark.parametrize("mode", ["session", "transaction"])
def test_a_pooler_between_here_and_the_target_hides_nothing(
    server: DatabaseServer, database_url: Secret, tmp_path: Path, mode: str
) -> None:
    with Pooler(database_url, mode=mode) as pooler:  # type: ignore[arg-type]
        room = room_on(server.admin_url("template1"), tmp_path, pooler.url)
        with pytest.raises(Refused, match="the server of the target itself"):
            room.server(18, ())


def test_a_role_that_is_there_keeps_what_it_is_and_what_differs_is_told(
    own: Own, backup: Backup, tmp_path: Path
) -> None:
    own.run(
        "create role postgres superuser login password 'theirs'",
        "create role anon nologin bypassrls",
        "create role authenticator login",
        "create role theirs; grant theirs to authenticator",
        "alter role postgres set work_mem = '7MB'",
        "create database theirs owner postgres",
    )
    before = own.state()
    try:
        with room_on(own.url(), tmp_path).copy_of(backup) as copy:
            told = copy.restored.roles_unlike
            assert "postgres is superuser there" in told
            assert "anon is bypassrls there" in told
            assert "authenticator is no member of anon there" in told
            assert not any("theirs" in one for one in told)
            assert copy.restored.unlike == ()
            with copy.open_database() as database:
                assert database.exchange(b"discard all").error is None
                assert database.exchange(b"show datestyle").rows == (("ISO, DMY",),)
                assert database.exchange(b"select current_user").rows == (("postgres",),)
        assert own.state() == before
    finally:
        own.run("drop database theirs", *(f"drop role {one}" for one in
                ("postgres", "anon", "authenticator", "theirs")))  # fmt: skip


def test_a_database_that_is_not_ours_by_name_is_never_dropped(
    own: Own, backup: Backup, tmp_path: Path
) -> None:
    theirs = ("shipway_rehearsal", "shipway_rehearsal_1_2_3", "shipway_rehearsals")
    own.run(*(f"create database {one}" for one in theirs))
    try:
        with room_on(own.url(), tmp_path).copy_of(backup):
            pass
        assert set(own.copies()) == set(theirs)
    finally:
        own.run(*(f"drop database {one}" for one in theirs))


def test_two_rehearsals_at_a_time_do_not_take_each_others_copies_or_roles(
    untouched: Own, backup: Backup, tmp_path: Path
) -> None:
    room = room_on(untouched.url(), tmp_path)
    with room.copy_of(backup) as first:
        with room.copy_of(backup) as second:
            assert len(untouched.copies()) == 2
            assert second.contents() == first.contents()
            with second.open_database() as database:
                assert database.exchange(b"select current_user").rows == (("postgres",),)
        assert len(untouched.copies()) == 1
        with first.open_database() as database:
            assert database.exchange(b"set role authenticated").error is None


def test_what_the_last_of_several_copies_puts_back_is_what_was_before_the_first(
    own: Own, backup: Backup, tmp_path: Path
) -> None:
    own.run("create role theirs")
    before = own.state()
    try:
        room = room_on(own.url(), tmp_path)
        with room.copy_of(backup):
            own.run("alter role theirs set work_mem = '7MB'")  # as a rehearsed file would
            with room.copy_of(backup):
                own.run("alter role theirs set work_mem = '8MB'")
        assert own.state() == before
        with ExitStack() as second:
            with room.copy_of(backup):
                own.run("alter role theirs createdb")
                second.enter_context(room.copy_of(backup))
            assert own.state() != before
        assert own.state() == before
    finally:
        own.run("drop role theirs")


KILLED = """
import os, pathlib, psycopg, signal, sys
from shipway.values.basics import Secret
from tests.edges.copies.test_own_server import room_on
from tests.fixtures.backing_up import back_up
own, target, folder = Secret(sys.argv[1]), Secret(sys.argv[2]), pathlib.Path(sys.argv[3])
with room_on(own, folder, target).copy_of(back_up(target, folder)):
    with psycopg.connect(own.reveal(), autocommit=True) as connection:
        connection.execute("alter role boss set work_mem = '9MB'")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_next_rehearsal_drops_what_a_killed_one_has_left(
    untouched: Own, backup: Backup, database_url: Secret, tmp_path: Path
) -> None:
    given = (untouched.url().reveal(), database_url.reveal(), str(tmp_path / "killed"))
    ended = subprocess.run([sys.executable, "-c", KILLED, *given], check=False, cwd=ROOT)
    assert ended.returncode == -signal.SIGKILL
    (left,) = untouched.copies()
    with room_on(untouched.url(), tmp_path).copy_of(backup):
        assert left not in untouched.copies()
    assert untouched.copies() == []


def test_a_role_that_may_all_that_is_wanted_need_not_be_a_superuser(
    own: Own, server: DatabaseServer, tmp_path: Path
) -> None:
    name = server.empty_database()
    target = server.url(name, SUPERUSER)
    execute(
        target, f"grant all on database {name} to postgres; grant all on schema public to public"
    )
    execute(server.url(name), "create table public.t (id int); insert into public.t values (1)")
    own.run(f"create role maker login createdb createrole password '{PASSWORD}'")
    backup = back_up(server.url(name), tmp_path)
    # Without the platform's superuser, which no other role can make.
    roles = tuple(one for one in backup.manifest.roles if one.name == "postgres")
    plain = tuple(replace(one, attributes=(), member_of=()) for one in roles)
    backup = replace(backup, manifest=replace(backup.manifest, roles=plain))
    before = own.state()
    try:
        with room_on(own.url("maker"), tmp_path).copy_of(backup) as copy:
            assert copy.restored.errors == ()
            assert copy.contents()["public.t"].rows == 1
            with copy.open_database() as database:
                assert database.exchange(b"select current_user").rows == (("postgres",),)
                assert database.exchange(b"create table public.u (id int)").error is None
        assert own.state() == before
    finally:
        own.run("drop role maker")
        server.drop(name)


def test_what_the_urls_role_may_not_is_told_before_anything_is_restored(
    own: Own, backup: Backup, tmp_path: Path
) -> None:
    own.run(f"create role lesser login createdb password '{PASSWORD}'",
            f"create role least login password '{PASSWORD}'")  # fmt: skip
    before = own.state()
    try:
        with (
            pytest.raises(Refused, match=r"cannot be restored .* as lesser") as stopped,
            room_on(own.url("lesser"), tmp_path).copy_of(backup),
        ):
            pass
        assert "SHIPWAY_REHEARSE_ON" in stopped.value.next_step
        with (
            pytest.raises(Refused, match="permission denied to create database"),
            room_on(own.url("least"), tmp_path).copy_of(backup),
        ):
            pass
        assert own.state() == before
    finally:
        own.run("drop role lesser", "drop role least")


def test_an_error_of_the_connection_names_the_setting_that_it_comes_from(
    own: Own, tmp_path: Path
) -> None:
    wrong = Secret(own.url().reveal().replace(quote(PASSWORD, safe=""), "wrong"))
    for url, kind in ((wrong, Refused), (Secret("mysql://x"), Misconfigured)):
        with pytest.raises(kind) as stopped:
            room_on(url, tmp_path).server(18, ())
        said = f"{stopped.value.what} {stopped.value.next_step}"
        assert "SHIPWAY_REHEARSE_ON" in said
        assert "DATABASE_URL" not in said


def test_a_copy_that_may_still_be_there_is_told(own: Own, backup: Backup, tmp_path: Path) -> None:
    own.run(f"create role boss2 superuser login password '{PASSWORD}'")
    try:
        with (
            pytest.raises(Failed, match="may still be on the server") as stopped,
            room_on(own.url("boss2"), tmp_path).copy_of(backup),
        ):
            own.run("alter role boss2 nologin")
        assert "drop database if exists shipway_rehearsal_" in stopped.value.next_step
        assert len(own.copies()) == 1
    finally:
        own.run("alter role boss2 login")
    with room_on(own.url(), tmp_path).copy_of(backup):
        pass
    assert own.copies() == []
    own.run("drop role boss2")
