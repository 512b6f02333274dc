"""Copies of a hosted project: its extensions are stand-ins there, with their rows, and used."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from shipway.edges.extensions.library import stand_ins, write_stand_ins
from shipway.sandbox.database.extensions import preinstall
from shipway.steps.rehearse.restored_copy_check import check_copy, tell_restored
from tests.fixtures.backing_up import back_up, room
from tests.fixtures.migrating import Heard, ask

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shipway.values.basics import Secret

PRE = ("pg_graphql", "pg_stat_statements", "pgcrypto", "supabase_vault", "uuid-ossp")
USED = """
create extension pg_cron; create extension pg_net with schema extensions; create extension pgmq;
create table public.invite (
    id uuid primary key default extensions.uuid_generate_v4(),
    token text not null default encode(extensions.gen_random_bytes(16), 'hex'));
insert into public.invite default values;
create view public.due as select jobname from cron.job;
create function public.ring() returns bigint language sql
    as $$ select net.http_post('http://x.invalid') $$;
select cron.schedule('tidy', '0 3 * * *', 'select 1'), vault.create_secret('s', 'key');
select pgmq.create('jobs'), pgmq.send('jobs', '{"n": 1}');
"""
PENDING = """
select cron.unschedule('tidy'), cron.schedule('other', '@daily', 'select 2');
select public.ring(), vault.create_secret('t', 'next');
select pgmq.send('jobs', '{"n": 2}');
create extension pgjwt with schema extensions; drop extension pg_net cascade;
create extension http with schema extensions;
"""


@pytest.fixture
def hosted(admin_url: Secret) -> Iterator[None]:
    """Let this test's database have the extensions that every project has, and offer the rest."""
    folder = Path(tempfile.mkdtemp(dir="/var/tmp"))
    (folder / "extension").mkdir()
    write_stand_ins(folder / "extension", stand_ins())
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    with psycopg.connect(admin_url.reveal(), autocommit=True) as admin:
        name = admin.info.dbname
        path_value = f"{folder}:$system"
        admin.execute(f"alter database {name} set extension_control_path = '{path_value}'".encode())
    preinstall(admin_url)
    yield
    shutil.rmtree(folder)


@pytest.mark.usefixtures("hosted")
def test_the_copy_of_a_hosted_project_is_compared_and_what_it_uses_works_there(
    database_url: Secret, tmp_path: Path
) -> None:
    with psycopg.connect(database_url.reveal(), autocommit=True) as owner:
        owner.execute(USED)
    backup = back_up(database_url, tmp_path)

    with room(tmp_path).copy_of(backup) as copy:
        assert copy.restored.errors == ()
        assert not [one for one in copy.restored.left_out if not one.startswith("event trigger")]
        assert {"pg_cron", "pg_net", "pgmq", "supabase_vault"} <= set(copy.restored.stand_ins)
        assert copy.restored.partly == ""
        heard = Heard()
        tell_restored(copy.restored, backup, heard)
        _, equal = check_copy(copy, backup, heard)
        assert equal
        assert "stand-ins on the copy" in "\n".join(heard.notes)
        url = copy.owner
        assert ask(url, "select jobname from public.due") == [("tidy",)]
        assert ask(url, "select decrypted_secret from vault.decrypted_secrets") == [("s",)]
        assert ask(url, "select message from pgmq.read('jobs', 0, 1)") == [({"n": 1},)]
        with psycopg.connect(url.reveal(), autocommit=True) as owner:
            owner.execute(PENDING)


@pytest.mark.usefixtures("hosted")
def test_what_a_stand_in_lacks_is_left_out_and_named(
    admin_url: Secret, database_url: Secret, tmp_path: Path
) -> None:
    # As a version of the extension would be that is newer than the stand-in.
    with psycopg.connect(admin_url.reveal(), autocommit=True) as admin:
        admin.execute(
            """
            create extension pg_cron;
            alter table cron.job add column zone text;
            insert into cron.job (schedule, command, username) values ('@daily', 'x', 'postgres');
            create function extensions.pgp_sym_encrypt(text, text) returns bytea
                language sql return 'x'::bytea;
            alter extension pgcrypto add function extensions.pgp_sym_encrypt(text, text);
            create table public.a (id int, hidden bytea default extensions.pgp_sym_encrypt('', ''));
            create view public.zones as select zone from cron.job;
            create table public.b (id int); insert into public.b values (1);
            grant select on public.a, public.b, public.zones to postgres;
            """
        )
    backup = back_up(database_url, tmp_path)

    with room(tmp_path).copy_of(backup) as copy:
        assert copy.restored.errors == ()
        assert {"table data cron job", "view public zones"} <= set(copy.restored.left_out)
        assert "public.b" not in copy.restored.tables_left_out
        check_copy(copy, backup, Heard())
