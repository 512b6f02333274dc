"""How long a snapshot and an access matrix take, beside pg_dump on the same database."""

from __future__ import annotations

import resource
import statistics
import sys
import time
from functools import partial
from typing import TYPE_CHECKING

import psycopg
from psycopg.conninfo import make_conninfo

from shipway.edges.catalog.access import read_access
from shipway.edges.catalog.lints import lint
from shipway.edges.catalog.snapshot import Catalog
from shipway.edges.machine import process
from shipway.edges.servers.cluster import HOST, Cluster, newest, tool
from shipway.sandbox.database.dress import APP_ROLE, SUPERUSER, dress
from shipway.schema.access import API_ROLES
from shipway.schema.fingerprint import fingerprint
from shipway.values.basics import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from psycopg.rows import TupleRow

    from bench.run import Run

__all__ = ["measure"]

RUNS = 5
PASSWORD = "bench"
_MAKE = """
do $$ begin
  for i in 1..{tables} loop
    execute format('create table public.t%s (id bigint primary key, owner uuid not null,'
      ' a text, b text default ''x'', c int, d int check (d > 0), e jsonb, f timestamptz'
      ' default now(), g boolean, h numeric(10, 2))', i);
    execute format('create index on public.t%s (owner)', i);
    execute format('create index on public.t%s (c) where g', i);
    execute format('alter table public.t%s enable row level security', i);
    execute format('create policy own on public.t%s for select to authenticated'
      ' using (owner = (select auth.uid()))', i);
    execute format('grant select on public.t%s to authenticated, service_role', i);
  end loop;
end $$
"""


def measure(run: Run) -> None:
    """Make the databases, measure, and write one line a measure."""
    cluster = Cluster(run.folder / "schema", newest())
    try:
        run.folder.chmod(0o755)
        cluster.create(SUPERUSER, Secret(PASSWORD))
        port = cluster.start().port
        run.say("\n## Schema\n")
        _snapshot(run, port, tables=200 if run.quick else 2000)
        _matrix(run, port, (125,) if run.quick else (125, 250, 500))
    finally:
        cluster.destroy()


def _snapshot(run: Run, port: int, *, tables: int) -> None:
    url = _database(port, "many", tables)
    with psycopg.connect(url, autocommit=True) as connection:
        catalog = Catalog(connection)
        before = _memory_mb()
        things = len(catalog.snapshot().things)
        run.say(
            f"{tables} tables, {10 * tables} columns, {2 * tables} indexes besides the keys, "
            f"{tables} policies: {things} objects in the snapshot; {RUNS} runs each.\n"
        )
        place = make_conninfo(host=HOST, port=port, user=APP_ROLE, dbname="many")
        argv: list[str | Path] = [tool("pg_dump"), "--schema-only", "--dbname", place]
        # In turns, so that whatever else the machine does weighs on both alike.
        ours, theirs = [], []
        for _ in range(RUNS):
            ours.append(_seconds(lambda: fingerprint(catalog.snapshot())))
            theirs.append(_seconds(lambda: _dump(argv)))
        _row(run, "snapshot and fingerprint", ours)
        _row(run, "pg_dump --schema-only", theirs)
        run.say(f"- peak memory of this process: {_memory_mb():.0f} MB, {before:.0f} MB before")
        _row(run, "lints", _times(lambda: lint(connection, exposed_schemas=["public"])))


def _dump(argv: list[str | Path]) -> None:
    finished = process.run(argv, env={"PGPASSWORD": PASSWORD}, deadline_s=600)
    if finished.returncode != 0:
        sys.exit(finished.stderr)


def _matrix(run: Run, port: int, sizes: Sequence[int]) -> None:
    for tables in sizes:
        url = _database(port, f"access_{tables}", tables)
        with psycopg.connect(url, autocommit=True) as connection:
            times = _times(partial(_access, connection))
            _row(run, f"access matrix, {tables} tables by {len(API_ROLES)} roles, tried", times)


def _access(connection: psycopg.Connection[TupleRow]) -> None:
    read_access(connection, schemas=["public"], roles=API_ROLES, timeout_s=60)


def _database(port: int, name: str, tables: int) -> str:
    admin = make_conninfo(host=HOST, port=port, user=SUPERUSER, password=PASSWORD)
    with psycopg.connect(admin, dbname="postgres", autocommit=True) as connection:
        connection.execute(f"create database {name}")
    url = f"postgresql://{SUPERUSER}:{PASSWORD}@{HOST}:{port}/{name}"
    dress(Secret(url), password=Secret(PASSWORD))
    url = url.replace(SUPERUSER, APP_ROLE)
    step = 200  # one transaction cannot lock them all
    with psycopg.connect(url, autocommit=True) as connection:
        for first in range(0, tables, step):
            text = _MAKE.format(tables=min(first + step, tables)).replace("1..", f"{first + 1}..")
            connection.execute(text.encode())
    return url


def _times(work: Callable[[], object]) -> list[float]:
    return [_seconds(work) for _ in range(RUNS)]


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _row(run: Run, name: str, times: list[float]) -> None:
    run.say(f"- {name}: median {statistics.median(times):.3f} s, least {min(times):.3f} s")


def _memory_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
