"""Restores: into a server that goes again, into an empty database, and never over data."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import psycopg
import pytest

from shipway.edges.clock import SystemClock
from shipway.errors import Failed, Refused
from shipway.steps.restore import BroughtBack, restore
from shipway.steps.shelf import ARCHIVE, open_backup
from shipway.values import Backup, Grade, Secret
from tests.backing_up import archives, back_up, room
from tests.migrating import Heard, ask

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from shipway.steps.brought_back import Copy
    from tests.conftest import DatabaseServer


@pytest.fixture
def backup(database_url: Secret, tmp_path: Path) -> Backup:
    """Return a backup of a small dressed database."""
    with psycopg.connect(database_url.reveal(), autocommit=True) as connection:
        connection.execute(
            """
            create table public.pets (id uuid default extensions.uuid_generate_v4(), name text);
            alter table public.pets enable row level security;
            create policy own on public.pets to authenticated using (auth.uid() = id);
            insert into public.pets (name) select 'pet ' || n from generate_series(1, 500) n;
            insert into auth.users (email) values ('a@x.org');
            """
        )
    return back_up(database_url, tmp_path)


def brought(
    backup: Backup, open_copy: Callable[[Backup], AbstractContextManager[Copy]]
) -> BroughtBack:
    return restore(
        backup.directory,
        place="there",
        open_copy=open_copy,
        lister=archives(backup.directory.parent),
        clock=SystemClock(),
        say=Heard(),
    )


def test_a_restore_into_an_empty_database_brings_everything_back(
    server: DatabaseServer, backup: Backup, tmp_path: Path
) -> None:
    place, empty = room(tmp_path), server.empty_database()
    url = server.admin_url(empty)
    try:
        done = brought(backup, lambda one: place.filled(one, url))

        assert done.backup.grade is Grade.EQUAL
        assert open_backup(backup.directory).grade is Grade.EQUAL
        assert done.restored.errors == ()
        assert done.restored.duration_s > 0
        assert open_backup(backup.directory).restore_s == done.restored.duration_s
        assert ask(url, "select count(*) from public.pets") == [(500,)]
        assert ask(url, "select count(*) from auth.users") == [(1,)]
        assert ask(url, "select relrowsecurity from pg_class where relname = 'pets'") == [(True,)]
        with pytest.raises(Refused, match="is not empty"):
            brought(backup, lambda one: place.filled(one, url))
    finally:
        server.drop(empty)


def test_a_damaged_archive_is_never_handed_to_pg_restore(backup: Backup, tmp_path: Path) -> None:
    archive = backup.directory / ARCHIVE
    content = bytearray(archive.read_bytes())
    content[-100] ^= 0xFF
    archive.write_bytes(content)
    opened: list[Backup] = []

    def open_copy(one: Backup) -> AbstractContextManager[Copy]:
        opened.append(one)
        return room(tmp_path).copy_of(one)

    with pytest.raises(Failed, match="another than the one written"):
        brought(backup, open_copy)

    assert opened == []


def test_an_extension_that_only_the_platform_has_is_left_out_and_told(
    backup: Backup, tmp_path: Path
) -> None:
    extensions = {**backup.manifest.extensions, "pg_graphql": "1.5", "pgcrypto": "1.3"}
    richer = replace(backup, manifest=replace(backup.manifest, extensions=extensions))

    with (
        room(tmp_path).copy_of(richer) as copy,
        closing(psycopg.connect(copy._admin.reveal())) as one,  # noqa: SLF001 - looks past it
    ):
        found = one.execute("select length(extensions.gen_random_bytes(16))").fetchone()

    assert {"extension pg_graphql", "extension pgcrypto"} <= set(copy.restored.left_out)
    assert copy.restored.errors == ()
    assert found == (16,)
