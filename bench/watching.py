"""What it costs to watch each statement of a migration, on a database of 1 GB."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import psycopg

from bench.backup import MAKE
from shipway.edges.catalog.lock_observer import Onlooker
from shipway.edges.ledger.ledger import Ledger
from shipway.edges.machine.clock import SystemClock
from shipway.edges.postgres import connection as postgres
from shipway.formats.figures import size
from shipway.migrations.files import read_folder
from shipway.migrations.plan import plan_migrations
from shipway.steps.migrate.migrate import migrate
from shipway.steps.migrate.powers import MigratePowers
from shipway.steps.rehearse.measured import Watched
from shipway.values.basics import Plainly, Secret, Unproven
from shipway.values.exchange import MigrationLimits
from shipway.values.migrations import MigrationPlan

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bench.run import Run
    from shipway.steps.migrate.powers import Database
    from shipway.values.migrations import Migration

__all__ = ["measure"]

_ROUNDS = 3
_LIMITS = MigrationLimits(
    lock_timeout_s=5.0,
    statement_timeout_s=0.0,
    run_lock_wait_s=5.0,
    lock_retry_s=0.0,
    lock_backoff_s=0.1,
)
# Of each kind that a release has: a rewrite, scans, an index, a mass update, many small ones.
_FILES = {
    "001_column.sql": "ALTER TABLE orders ADD COLUMN source text DEFAULT 'web';",
    "002_rewrite.sql": "ALTER TABLE orders ALTER COLUMN state TYPE varchar(40);",
    "003_check.sql": "ALTER TABLE orders ADD CHECK (total >= 0);",
    "004_index.sql": "CREATE INDEX events_kind ON events ((body ->> 'kind'));",
    "005_concurrently.sql": "CREATE INDEX CONCURRENTLY orders_state ON orders (state);",
    "006_update.sql": "UPDATE orders SET source = 'shop' WHERE id % 10 = 0;",
    "007_tables.sql": "\n".join(
        f"CREATE TABLE t{n} (id bigint PRIMARY KEY, order_id bigint REFERENCES orders);\n"
        f"CREATE INDEX ON t{n} (order_id);\nALTER TABLE t{n} ADD COLUMN name text;\n"
        f"COMMENT ON TABLE t{n} IS 'table {n}';"
        for n in range(100)
    ),
    "008_rows.sql": "\n".join(
        f"INSERT INTO t{n % 100} (id, name) VALUES ({n}, 'row {n}');"  # noqa: S608 - numbers alone
        for n in range(5000)
    ),
}


def measure(run: Run) -> None:
    """Run the same migrations plain and watched, in turns, each time on a new copy."""
    master = run.database()
    with psycopg.connect(run.url(master), autocommit=True) as connection:
        connection.execute(MAKE.format(n=20_000 if run.quick else 175_000).encode())
        (there,) = connection.execute("SELECT pg_database_size(current_database())").fetchone() or (
            0,
        )
    folder = run.folder / "watching"
    folder.mkdir()
    for name, text in _FILES.items():
        (folder / name).write_text(text + "\n", encoding="utf-8")
    statements = sum(text.count(";") for text in _FILES.values())
    run.say(f"\n## Watching a rehearsal on {size(there)}\n")
    run.say(
        f"{len(_FILES)} migrations with {statements} statements, on copies of one database: the "
        f"engine alone, and with every statement measured. Rounds: {_ROUNDS}. 1.25 is the most "
        "that is wanted.\n"
    )
    rows: dict[str, list[list[float]]] = {"unwatched": [[]], "watched": [[]]}
    for _ in range(_ROUNDS):
        for name, columns in rows.items():
            columns[0].append(_seconds(run, master, folder, watched=name == "watched"))
    run.table(["seconds"], rows, base="unwatched")


def _seconds(run: Run, master: str, folder: Path, *, watched: bool) -> float:
    copy = f"{master}_copy"
    with psycopg.connect(run.url("postgres"), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {copy} TEMPLATE {master} STRATEGY file_copy".encode())
        admin.execute("CHECKPOINT")
    url = Secret(run.url(copy))
    try:
        with Ledger(url, connect_timeout_s=5.0) as database:
            pending = plan_migrations(read_folder(folder), database.look()).pending
            began = time.perf_counter()
            if watched:
                with postgres.connect(url, purpose="bench", timeout_s=5.0) as beside:
                    looking = Watched(database, Onlooker(beside), SystemClock())
                    _run_all(pending, looking, looking)
                    if not all(one.line for one in looking.statements):
                        raise SystemExit("a statement was measured without its line")
            else:
                _run_all(pending, database)
            return time.perf_counter() - began
    finally:
        with psycopg.connect(run.url("postgres"), autocommit=True) as admin:
            admin.execute(f"DROP DATABASE {copy} WITH (FORCE)".encode())


def _run_all(
    pending: Sequence[Migration], database: Database, watched: Watched | None = None
) -> None:
    for migration in pending:
        if watched is not None:
            watched.begin(migration)
        migrate(
            MigrationPlan(applied=database.look().applied, pending=(migration,)),
            Unproven(missing="a backup", command="invoke backup"),
            MigratePowers(database=database, limits=_LIMITS, clock=SystemClock(), say=Plainly()),
        )
