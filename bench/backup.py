"""What a backup and a restore cost, beside pg_dump and pg_restore alone, on a database of 1 GB."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from shipway.edges.client_tools import programs as pgtools
from shipway.formats.figures import size

if TYPE_CHECKING:
    from bench.run import Process, Run

__all__ = ["MAKE", "measure"]

_ROOT = Path(__file__).parents[1]
MAKE = """
CREATE TABLE customers (id bigint PRIMARY KEY, email text UNIQUE, name text, joined timestamptz);
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint NOT NULL, total numeric(10, 2),
  state text, note text, at timestamptz);
CREATE TABLE events (id bigint PRIMARY KEY, order_id bigint NOT NULL, body jsonb, at timestamptz);
INSERT INTO customers SELECT n, md5(n::text) || '@example.org', 'customer ' || n,
  '2020-01-01'::timestamptz + n * '1 minute'::interval FROM generate_series(1, {n}) n;
INSERT INTO orders SELECT n, 1 + n % {n}, n % 1000 / 7.0, (array['new', 'paid', 'sent'])[1 + n % 3],
  repeat(md5(n::text), 2), '2021-01-01'::timestamptz + n * '1 second'::interval
  FROM generate_series(1, {n} * 6) n;
INSERT INTO events SELECT n, 1 + n % ({n} * 6), jsonb_build_object('kind', n % 9, 'key',
  md5(n::text), 'seen', n % 2 = 0, 'text', repeat(md5((n * 7)::text), 3)),
  '2022-01-01'::timestamptz + n * '1 second'::interval FROM generate_series(1, {n} * 12) n;
CREATE INDEX ON orders (customer_id);
CREATE INDEX ON orders (at);
CREATE INDEX ON events (order_id);
CREATE INDEX ON events (at);
ALTER TABLE orders ADD FOREIGN KEY (customer_id) REFERENCES customers;
ALTER TABLE events ADD FOREIGN KEY (order_id) REFERENCES orders;
ANALYZE;
"""
_MOST = "1.15 is the most that is wanted."


def measure(run: Run) -> None:
    """Make the database, then dump and restore it in turns."""
    rounds = 2 if run.quick else 5
    name = run.database()
    url = run.url(name)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(MAKE.format(n=20_000 if run.quick else 175_000).encode())
        (bytes_there,) = connection.execute(
            "SELECT pg_database_size(current_database())"
        ).fetchone() or (0,)
        major = connection.info.server_version // 10_000
    tool = pgtools.find_tool("pg_dump", server_major=major, tls=False)
    run.say(f"\n## Backup and restore of {size(bytes_there)}\n")
    run.say(
        f"{tool.label}, custom format, --compress={tool.compression}; rounds: {rounds}. {_MOST}\n"
    )
    home = _project(run, url)
    rows: dict[str, list[list[float]]] = {"pg_dump": [[], []], "invoke backup": [[], []]}
    archive = run.folder / "bare.pgc"
    bare: list[str | Path] = [
        tool.path,
        "--format=custom",
        f"--compress={tool.compression}",
        f"--file={archive}",
        f"--dbname={url}",
    ]
    for _ in range(rounds):
        archive.unlink(missing_ok=True)
        _add(rows["pg_dump"], run.process(bare, cwd=run.folder, env=tool.env))
        shutil.rmtree(home / ".shipway", ignore_errors=True)
        _add(rows["invoke backup"], run.process([*_INVOKE, "backup"], cwd=home))
    run.table(["seconds", "peak MB"], rows, base="pg_dump")
    (ours,) = (home / ".shipway" / "backups").glob("*/dump.pgc")
    run.say(f"\nOn the disk: {size(archive.stat().st_size)} and {size(ours.stat().st_size)}.\n")
    _restores(run, home, archive, ours.parent.name, rounds)


_INVOKE = (_ROOT / ".venv" / "bin" / "python", "-m", "invoke")


def _restores(run: Run, home: Path, archive: Path, backup_id: str, rounds: int) -> None:
    rows: dict[str, list[list[float]]] = {"pg_restore -j2": [[], []], "invoke db.restore": [[], []]}
    tool = pgtools.newest("pg_restore")
    for _ in range(rounds):
        name = run.database()
        bare: list[str | Path] = [tool.path, "--jobs=2", f"--dbname={run.url(name)}", archive]
        _add(rows["pg_restore -j2"], run.process(bare, cwd=run.folder, env=tool.env))
        _drop(run, name)
        name = run.database()
        (home / ".env.empty").write_text(f"DATABASE_URL={run.url(name)}\n", encoding="utf-8")
        argv: list[str | Path] = [*_INVOKE, "db.restore", backup_id, "--into", "empty", "--yes"]
        _add(rows["invoke db.restore"], run.process(argv, cwd=home))
        _drop(run, name)
    run.table(["seconds", "peak MB"], rows, base="pg_restore -j2")
    run.say(
        "\n`db.restore` also reads the archive's digest first and afterwards counts every row and "
        "compares the schema; that is part of its seconds."
    )


def _project(run: Run, url: str) -> Path:
    home = run.folder / "backup"
    home.mkdir()
    shutil.copy(_ROOT / "tasks.py", home)
    (home / "migrations").mkdir()
    (home / ".env").write_text(f"DATABASE_URL={url}\n", encoding="utf-8")
    return home


def _drop(run: Run, name: str) -> None:
    with psycopg.connect(run.url("postgres"), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def _add(row: list[list[float]], done: Process) -> None:
    row[0].append(done.seconds)
    row[1].append(done.peak_mb)
