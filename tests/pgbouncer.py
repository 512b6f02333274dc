"""The real PgBouncer in front of a test's server, for the tests that are marked `cli`."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from psycopg.conninfo import conninfo_to_dict

from shipway.values import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["pgbouncer"]

_STARTS_WITHIN_S = 20.0


@contextmanager
def pgbouncer(url: Secret, *, mode: str, size: int = 20, **settings: str | int) -> Iterator[Secret]:
    """Run it for the block; yields the URL of the same database through it.

    Args:
        url: the server behind, with user and password.
        mode: its pool_mode: session, transaction or statement.
        size: its default_pool_size.
        settings: more of its settings, by their names.
    """
    program = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
    given = conninfo_to_dict(url.reveal())
    user, password, dbname = (str(given[name]) for name in ("user", "password", "dbname"))
    # It does not run as root, and the account that it runs as has to enter the folder.
    folder = Path(tempfile.mkdtemp(dir="/var/tmp"))
    folder.chmod(0o755)
    port = _free_port()
    (folder / "users.txt").write_text(f'"{user}" "{password}"\n', encoding="utf-8")
    lines = {
        "listen_addr": "127.0.0.1",
        "listen_port": port,
        "unix_socket_dir": "",
        "auth_type": "scram-sha-256",
        "auth_file": folder / "users.txt",
        "pool_mode": mode,
        "default_pool_size": size,
        **settings,
    }
    (folder / "pgbouncer.ini").write_text(
        f"[databases]\n{dbname} = host={given['host']} port={given['port']}\n[pgbouncer]\n"
        + "".join(f"{name} = {value}\n" for name, value in lines.items()),
        encoding="utf-8",
    )
    running = subprocess.Popen(
        [program, "--quiet", folder / "pgbouncer.ini"],
        user="nobody" if os.geteuid() == 0 else None,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait(port)
        place = f"{quote(user)}:{quote(password, safe='')}@127.0.0.1:{port}"
        yield Secret(f"postgresql://{place}/{dbname}")
    finally:
        running.terminate()
        running.wait(10)
        shutil.rmtree(folder)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(port: int) -> None:
    ends = time.monotonic() + _STARTS_WITHIN_S
    while True:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        assert time.monotonic() < ends, "PgBouncer did not start"
        time.sleep(0.05)
