"""The embedded PostgreSQL: a cluster of its own made, started, found again and stopped.

For root it lies elsewhere than in the folder that it is given, see `account`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import socket
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from shipway.edges.machine import process
from shipway.edges.servers.account import FOR_ROOT, server_account
from shipway.edges.servers.cluster_template import new_cluster
from shipway.edges.servers.install import Install, install_at
from shipway.edges.servers.installation_tree import plant
from shipway.edges.servers.installations import install_for, installs, newest, tool
from shipway.errors import Failed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shipway.values.basics import Secret

__all__ = [
    "HOST",
    "Cluster",
    "Install",
    "Server",
    "install_at",
    "install_for",
    "installs",
    "newest",
    "tool",
]

HOST = "127.0.0.1"
_START_S = 60.0
_STOP_S = 60.0
_EMPTIED_S = 5.0
_POLL_S = 0.005
_PORT_TRIES = 3

# A sandbox, a rehearsal and a test are made again rather than mended after a power cut, so the
# server need not wait for the disk. TCP only: no socket file whose path could be too long.
_SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "fsync": "off",
    "full_page_writes": "off",
    "wal_level": "logical",
    "max_wal_senders": "4",
    "shared_buffers": "64MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running server on the loopback address."""

    port: int
    pid: int


class Cluster:
    """One data directory with the server that runs on it.

    Args:
        directory: names the cluster, and holds it unless we are root (see the module's head).
        install: the PostgreSQL that it is made with and run by.
        extensions: a folder of control files and scripts that `create extension` finds beside the
            install's own, and in the place of those of the same name; read at each start.
    """

    def __init__(
        self, directory: Path, install: Install, *, extensions: Path | None = None
    ) -> None:
        self._install = install
        self._extensions = extensions
        self._user = server_account()
        self._home = directory.absolute()
        if self._user is not None:
            digest = hashlib.sha256(os.fsencode(self._home)).hexdigest()[:16]
            self._home = FOR_ROOT / "clusters" / digest
        self._data = self._home / "data"
        self._name = self._program = install.bin_dir / "postgres"
        self._pid_file = self._data / "postmaster.pid"
        self.log = self._home / "postgres.log"

    @property
    def home(self) -> Path:
        """The folder that holds all of it; what the server is to read may be put there."""
        return self._home

    @property
    def exists(self) -> bool:
        """Whether `create` has once finished."""
        return (self._data / "PG_VERSION").is_file()

    @property
    def major(self) -> int | None:
        """The PostgreSQL that the data are of, which no other can run; None before `create`."""
        return int((self._data / "PG_VERSION").read_text()) if self.exists else None

    def create(self, superuser: str, password: Secret) -> None:
        """Make an empty cluster that lets nobody in without a password.

        Raises:
            Failed: a program of PostgreSQL did not succeed; the cluster does not exist then.
        """
        self._make_home()
        # A folder beside it is filled first: a cluster exists whole or not at all.
        with tempfile.TemporaryDirectory(prefix="new-", dir=self._home) as scratch:
            if self._user is not None:
                shutil.chown(scratch, self._user)
            new = Path(scratch) / "data"
            new_cluster(self._install, new, superuser=superuser, password=password, user=self._user)
            new.rename(self._data)

    def start(
        self, port: int | None = None, *, settings: Mapping[str, str] | None = None
    ) -> Server:
        """Start the server, or find the one that runs already, and return it ready for clients.

        Args:
            port: the loopback port; a free one when left out.
            settings: of the server, beside our own.

        Raises:
            Failed: it did not come up; the message holds the end of its log.
        """
        running = self.running()
        if running is not None:
            return running
        self._forget_stranger()
        if self._extensions is not None:
            self._name = plant(self._install, self._extensions, self._home / "installation")
        for _ in range(1 if port else _PORT_TRIES):
            server, said = self._try_to_start(port or _free_port(), settings or {})
            if server is not None:
                return server
            if "could not bind" not in said:
                break
        raise Failed(
            f"The embedded PostgreSQL did not start. The end of its log:\n{said}",
            unchanged="Its data are as they were.",
            next_step=f"Read {self.log}.",
        )

    def running(self) -> Server | None:
        """Return the server that runs on these data and takes clients, whoever started it."""
        told = self._told()
        if told is None or told[2] != "ready" or not self._is_ours(told[0]):
            return None
        return Server(pid=told[0], port=told[1])

    def stop(self, *, immediate: bool = False) -> None:
        """Stop the server if it runs; `immediate` leaves the clean-up to the next start.

        Raises:
            Failed: it still ran after a minute.
        """
        told = self._told()
        if told is None or not self._is_ours(told[0]):
            return
        pid = told[0]
        os.kill(pid, signal.SIGQUIT if immediate else signal.SIGINT)
        ends = time.monotonic() + _STOP_S
        while process.alive(pid):
            if time.monotonic() > ends:
                raise Failed(
                    f"The embedded PostgreSQL (pid {pid}) did not stop within {_STOP_S:g} s.",
                    unchanged="Its data are safe; it still runs.",
                    next_step=f"Read {self.log}, then stop it with: kill -QUIT {pid}",
                )
            time.sleep(_POLL_S)

    def destroy(self) -> None:
        """Stop the server and delete everything."""
        self.stop(immediate=True)
        # Programs that a killed process has started may write there for a moment more.
        ends = time.monotonic() + _EMPTIED_S
        while True:
            shutil.rmtree(self._home, ignore_errors=True)
            if not self._home.exists() or time.monotonic() >= ends:
                return
            time.sleep(_POLL_S)

    def _try_to_start(self, port: int, settings: Mapping[str, str]) -> tuple[Server | None, str]:
        """Return the ready server, or what the log said while it failed to start."""
        settings = {**_SETTINGS, **settings, "port": str(port)}
        said_before = self.log.stat().st_size if self.log.exists() else 0
        argv: list[str | Path] = [self._name, "-D", self._data]
        for name, value in settings.items():
            argv += ["-c", f"{name}={value}"]
        pid = process.daemon(
            argv, program=self._program, cwd=self._data, log=self.log, user=self._user
        )
        ends = time.monotonic() + _START_S
        while time.monotonic() < ends:
            server = self.running()
            if server is not None and _answers(server.port):
                return server, ""
            if not process.alive(pid):
                break
            time.sleep(_POLL_S)
        else:
            os.kill(pid, signal.SIGQUIT)
        with self.log.open("rb") as log:
            log.seek(said_before)
            return None, log.read()[-2000:].decode("utf-8", errors="replace").strip()

    def _told(self) -> tuple[int, int, str] | None:
        """Return pid, port and state as the server's own pid file tells them."""
        try:
            lines = self._pid_file.read_text(encoding="utf-8").splitlines()
            return int(lines[0]), int(lines[3]), lines[7].strip()
        except (OSError, ValueError, IndexError):
            return None

    def _is_ours(self, pid: int) -> bool:
        """Return whether `pid` is a server on these data: numbers are used again."""
        return process.alive(pid) and str(self._data) in _command_line(pid)

    def _forget_stranger(self) -> None:
        """Delete a pid file whose number now belongs to a program that is not our server.

        A number that belongs to no one is left for PostgreSQL itself, which also looks whether
        children of the dead server still hold its memory.
        """
        try:
            pid = int(self._pid_file.read_text(encoding="utf-8").splitlines()[0])
        except (OSError, ValueError, IndexError):
            return
        if process.alive(pid) and not self._is_ours(pid):
            self._pid_file.unlink(missing_ok=True)

    def _make_home(self) -> None:
        if self._user is None:
            self._home.mkdir(parents=True, exist_ok=True)
            return
        for folder in (FOR_ROOT, self._home.parent, self._home):
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o755)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _answers(port: int) -> bool:
    try:
        with socket.create_connection((HOST, port), timeout=1.0):
            return True
    except OSError:
        return False


def _command_line(pid: int) -> str:
    told_by_linux = Path(f"/proc/{pid}/cmdline")
    try:
        return told_by_linux.read_bytes().replace(b"\0", b" ").decode("utf-8", errors="replace")
    except OSError:
        if Path("/proc/self").exists():
            return ""
    finished = process.run(["ps", "-o", "command=", "-p", str(pid)], deadline_s=10.0)
    return finished.stdout.decode("utf-8", errors="replace")
