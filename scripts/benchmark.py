"""Measures shipway and its peers side by side on one embedded server, as whole processes."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from shipway.edges.embedded import Cluster, newest, tool
from shipway.values import Secret

ROOT = Path(__file__).parents[1]
ONE_WAY_S = 0.02
LOOP = """
import hashlib, sys, psycopg
from pathlib import Path
with psycopg.connect(sys.argv[1], autocommit=True) as connection:
    connection.execute("CREATE TABLE IF NOT EXISTS history (version text PRIMARY KEY, sha text)")
    done = {version for (version,) in connection.execute("SELECT version FROM history")}
    for path in sorted(Path("migrations").glob("*.sql")):
        if path.stem not in done:
            text = path.read_text()
            with connection.transaction():
                connection.execute(text)
                digest = hashlib.sha256(text.encode()).hexdigest()
                connection.execute("INSERT INTO history VALUES (%s, %s)", (path.stem, digest))
"""
FILE = """-- adds {t}
CREATE TABLE public.{t} (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL,{parent}
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX {t}_name_idx ON public.{t} (name);
ALTER TABLE public.{t} ADD COLUMN note text;
ALTER TABLE public.{t} ENABLE ROW LEVEL SECURITY;
CREATE POLICY {t}_read ON public.{t} FOR SELECT USING (true);
CREATE FUNCTION public.{t}_touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.created_at := now();
  RETURN NEW;
END
$$;
INSERT INTO public.{t} (name) VALUES ('a'), ('b'), ('c');
COMMENT ON TABLE public.{t} IS 'Table number {n}';
"""


@dataclass
class Bench:
    """One run: the server, the tools and what was measured."""

    port: int
    folder: Path
    tools: dict[str, list[str]]
    lines: list[str] = field(default_factory=list)
    databases: int = 0

    def database(self) -> str:
        """Make a new database and return its name."""
        self.databases += 1
        name = f"bench_{self.databases}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return name

    def url(self, database: str, port: int = 0) -> str:
        """Return the URL of a database, by way of another port when one is given."""
        return f"postgresql://postgres:bench@127.0.0.1:{port or self.port}/{database}"

    def start(
        self, name: str, url: str, project: Path, *, status: bool = False
    ) -> tuple[float, float]:
        """Run one tool as a process; return its seconds and its peak memory in MB."""
        argv = [part.replace("URL", url) for part in self.tools[name]]
        if status:
            argv = [*argv[:3], "db.status"]
        clean = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "DATABASE_URL": url}
        began = time.perf_counter()
        child = subprocess.Popen(
            argv, cwd=project, env=clean, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        said = child.stderr.read() if child.stderr else b""
        _, code, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(code)
        if child.stderr:
            child.stderr.close()
        if child.returncode:
            raise SystemExit(f"{name} failed: {said.decode()[-600:]}")
        return time.perf_counter() - began, used.ru_maxrss / 1024

    def table(self, title: str, rows: dict[str, list[list[float]]], heads: list[str]) -> None:
        """Print and keep a table: medians, and the ratio of each to the plain loop's."""
        self.say(f"\n## {title}\n")
        self.say("| tool | " + " | ".join(heads) + " |")
        self.say("|---|" + "---|" * len(heads))
        base = [statistics.median(values) for values in rows["psycopg loop"]]
        for name, columns in rows.items():
            cells = []
            for values, against in zip(columns, base, strict=True):
                if not values:
                    cells.append("-")
                    continue
                middle = statistics.median(values)
                cells.append(f"{middle:.2f} ({middle / against:.2f})")
            self.say(f"| {name} | " + " | ".join(cells) + " |")

    def say(self, line: str) -> None:
        """Print a line and keep it for the page."""
        print(line, flush=True)
        self.lines.append(line)


def project(folder: Path, count: int) -> Path:
    """Write a project with so many migrations and return its folder."""
    home = folder / f"project_{count}"
    (home / "migrations").mkdir(parents=True)
    shutil.copy(ROOT / "tasks.py", home)
    (home / "loop.py").write_text(LOOP, encoding="utf-8")
    for n in range(1, count + 1):
        add(home, n)
    return home


def add(home: Path, n: int) -> None:
    """Write one more migration."""
    parent = f"\n  parent_id bigint REFERENCES public.t{n - 1:04} (id)," if n % 5 and n > 1 else ""
    text = FILE.format(t=f"t{n:04}", n=n, parent=parent)
    (home / "migrations" / f"{n:04}_add_t{n:04}.sql").write_text(text, encoding="utf-8")


def measure(bench: Bench, count: int, rounds: int) -> None:
    """Fresh apply, nothing to do, status, and one pending; the tools take turns."""
    home = project(bench.folder, count)
    heads = ["fresh apply, s", "nothing to do, s", "status, s", "one pending, s", "peak MB"]
    rows: dict[str, list[list[float]]] = {name: [[] for _ in heads] for name in bench.tools}
    for _ in range(rounds):
        named = {name: bench.url(bench.database()) for name in bench.tools}
        for name, url in named.items():
            seconds, peak_mb = bench.start(name, url, home)
            rows[name][0].append(seconds)
            rows[name][4].append(peak_mb)
        again = [name for name in named if name != "psql, one process"]
        for name in again:
            rows[name][1].append(bench.start(name, named[name], home)[0])
            if name == "shipway":
                rows[name][2].append(bench.start(name, named[name], home, status=True)[0])
        rows["psycopg loop"][2] = rows["psycopg loop"][1]
        add(home, count + 1)
        for name in again:
            rows[name][3].append(bench.start(name, named[name], home)[0])
        (home / "migrations" / f"{count + 1:04}_add_t{count + 1:04}.sql").unlink()
    bench.table(f"{count} files, rounds: {rounds}", rows, heads)


def measure_delay(bench: Bench, count: int) -> None:
    """Fresh apply over a connection on which each way takes 20 ms."""
    home = project(bench.folder / "far", count)
    rows: dict[str, list[list[float]]] = {}
    for name in bench.tools:
        port = _delaying(bench.port)
        rows[name] = [[bench.start(name, bench.url(bench.database(), port), home)[0]]]
    floor = count * 2 * ONE_WAY_S
    bench.table(f"{count} files, 20 ms each way", rows, ["fresh apply, s"])
    ours = rows["shipway"][0][0]
    bench.say(
        f"\nOne round trip a file is {floor:.2f} s; shipway takes {ours / floor:.2f} of that."
    )


def measure_large(bench: Bench, size_mb: int) -> None:
    """Peak memory for one large file."""
    home = bench.folder / "large"
    (home / "migrations").mkdir(parents=True)
    shutil.copy(ROOT / "tasks.py", home)
    row = "INSERT INTO large VALUES (" + "'" + "x" * 400 + "');\n"
    with (home / "migrations" / "001_large.sql").open("w", encoding="utf-8") as stream:
        stream.write("CREATE TABLE large (t text);\n")
        for _ in range(size_mb * (1 << 20) // len(row)):
            stream.write(row)
    seconds, peak_mb = bench.start("shipway", bench.url(bench.database()), home)
    bench.say(f"\n## One file of {size_mb} MB\n")
    bench.say(
        f"shipway: {seconds:.1f} s, peak {peak_mb:.0f} MB, {peak_mb / size_mb:.1f} times the file."
    )


def _delaying(server_port: int) -> int:
    """Listen on a port behind which everything takes 20 ms each way; return the port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        while True:
            client, _ = listener.accept()
            server = socket.create_connection(("127.0.0.1", server_port))
            for one in (client, server):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=_pass, args=(client, server), daemon=True).start()
            threading.Thread(target=_pass, args=(server, client), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return int(listener.getsockname()[1])


def _pass(source: socket.socket, sink: socket.socket) -> None:
    """Pass bytes on, each 20 ms after it came, without holding up those behind it."""
    waiting: list[tuple[float, bytes]] = []
    came = threading.Condition()

    def send() -> None:
        while True:
            with came:
                while not waiting:
                    came.wait()
                due, part = waiting.pop(0)
            time.sleep(max(0.0, due - time.monotonic()))
            try:
                sink.sendall(part) if part else sink.shutdown(socket.SHUT_WR)
            except OSError:
                return
            if not part:
                return

    threading.Thread(target=send, daemon=True).start()
    part = b"-"
    while part:
        try:
            part = source.recv(1 << 16)
        except OSError:
            part = b""
        with came:
            waiting.append((time.monotonic() + ONE_WAY_S, part))
            came.notify()


def found_tools(folder: Path) -> dict[str, list[str]]:
    """Return the command line of every tool that is here or can be installed by pip."""
    tools = {
        "psycopg loop": [sys.executable, "loop.py", "URL"],
        "shipway": [sys.executable, "-m", "invoke", "db.migrate", "--yes"],
        "psql, one process": [
            "sh",
            "-c",
            f"cat migrations/*.sql | {tool('psql')} -q -1 -v ON_ERROR_STOP=1 URL",
        ],
    }
    if dbmate := shutil.which("dbmate"):
        only = [
            "--url",
            "URL?sslmode=disable",
            "--migrations-dir",
            "migrations",
            "--no-dump-schema",
        ]
        tools["dbmate"] = [dbmate, *only, "migrate"]
    peers = folder / "peers"
    subprocess.run([sys.executable, "-m", "venv", peers], check=True)
    wanted = ["yoyo-migrations[postgres]", "psycopg2-binary", "setuptools<80"]
    pip = [peers / "bin" / "pip", "install", "-q", *wanted]
    if subprocess.run(pip, check=False, stderr=subprocess.DEVNULL).returncode == 0:
        yoyo = str(peers / "bin" / "yoyo")
        tools["yoyo"] = [
            yoyo,
            "apply",
            "--batch",
            "--no-config-file",
            "--database",
            "URL",
            "migrations",
        ]
    return tools


def main() -> None:
    """Measure, print and, in full, write the page."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="fewer files and rounds; only print")
    quick = options.parse_args().quick
    folder = Path(tempfile.mkdtemp(prefix="shipway-bench-"))
    cluster = Cluster(folder / "server", newest())
    try:
        cluster.create("postgres", Secret("bench"))
        bench = Bench(
            port=cluster.start().port,
            folder=folder,
            tools=found_tools(folder),
        )
        bench.say("# Benchmarks\n")
        bench.say(
            f"Medians of whole processes that took turns on one embedded PostgreSQL "
            f"{newest().version} (fsync off), Python {platform.python_version()}, "
            f"{os.cpu_count()} cores. In brackets: the ratio to a plain psycopg loop, one "
            "transaction a file, in the same run. Read the ratios: times vary by machine and load. "
            "Peaks below 45 MB are the measuring process's own."
        )
        for count, rounds in ((7, 3), (100, 2)) if quick else ((7, 5), (100, 3), (1000, 1)):
            measure(bench, count, rounds)
        measure_delay(bench, 20 if quick else 100)
        measure_large(bench, 5 if quick else 50)
        bench.say("\nMade by `scripts/bench`.")
        if not quick:
            page = ROOT / "docs" / "benchmarks.md"
            page.write_text("\n".join(bench.lines) + "\n", encoding="utf-8")
    finally:
        cluster.destroy()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
