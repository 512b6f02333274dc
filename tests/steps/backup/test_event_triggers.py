"""Event triggers that note every change of the schema: silent while a copy is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from shipway.edges.machine.clock import SystemClock
from shipway.steps.restore.restore import restore
from shipway.values.backup import Grade
from tests.fixtures.backing_up import archives, back_up, room
from tests.fixtures.migrating import Heard

if TYPE_CHECKING:
    from pathlib import Path

    from shipway.values.basics import Secret

# The table is named without its schema: a restore has an empty search path.
LOGS = """
create table public.ddl_log (id bigint generated always as identity, tag text, at timestamptz);
create function public.note_ddl() returns event_trigger language plpgsql as
  $$ begin insert into ddl_log (tag, at) values (tg_tag, now()); end $$;
create event trigger note_ddl on ddl_command_end execute function public.note_ddl();
alter event trigger note_ddl enable always;
create event trigger note_drop on sql_drop execute function public.note_ddl();
alter event trigger note_drop disable;
create table public.a (id int primary key);
create materialized view public.m as select * from public.a;
create table public.b (id int references public.a);
comment on event trigger note_ddl is 'notes';
"""


@pytest.mark.parametrize("way", ["whole", "sample"])
def test_event_triggers_are_silent_while_a_backup_comes_back(
    admin_url: Secret, tmp_path: Path, way: str
) -> None:
    with psycopg.connect(admin_url.reveal(), autocommit=True) as connection:
        connection.execute(LOGS.encode())
    backup = back_up(admin_url, tmp_path)
    there = room(tmp_path, whole_up_to_bytes=1 if way == "sample" else 1 << 30)

    done = restore(
        backup.directory,
        place="there",
        open_copy=there.copy_of,
        lister=archives(tmp_path),
        clock=SystemClock(),
        say=Heard(),
    )

    assert done.restored.errors == ()
    assert way == "sample" or done.backup.grade is Grade.EQUAL
