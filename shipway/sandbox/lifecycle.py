"""Starts, stops, shows and deletes the sandbox: a Postgres, the stand-ins, and `.env.sandbox`."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from shipway.edges.machine import process
from shipway.edges.servers.cluster import HOST, Cluster, newest
from shipway.errors import Failed, Locked, Misconfigured, Refused
from shipway.sandbox.database.server import install_of, start_database
from shipway.sandbox.state import AlreadyRunning, hold, write_whole
from shipway.values.sandbox import SandboxStatus

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from shipway.values.basics import Say, Secret

__all__ = ["ENV_FILE", "down", "env_text", "reset", "status", "up"]

ENV_FILE = ".env.sandbox"
_MARK = "# Written by `invoke sandbox.up` at each start; changes are lost."
_READY_S = 30.0
_POLL_S = 0.02


def up(root: Path, directory: Path, *, older: bool = False, say: Say) -> SandboxStatus:
    """Start what does not run yet, write `.env.sandbox` below `root`, and return what runs where.

    Safe to call again, also after a call that was interrupted.

    Args:
        root: the project's.
        directory: the sandbox's.
        older: it is like a project from before 30 October 2026.
        say: tells what is started.

    Raises:
        Refused: `.env.sandbox` exists and is not ours, or the sandbox is like a newer project.
        Locked: another call is at work on the same sandbox.
        Failed: something did not start.
    """
    env_file = root / ENV_FILE
    if env_file.exists() and not env_file.read_text(encoding="utf-8").startswith(_MARK):
        raise Refused(
            f"{ENV_FILE} exists and was not written by the sandbox.",
            unchanged="Nothing was started and the file is as it was.",
            next_step=f"Move {env_file} away, then run: invoke sandbox.up",
        )
    with _alone(directory):
        url = start_database(directory, older=older, say=say)
        standins = _standins_up(directory, say)
        write_whole(env_file, env_text(url, standins).encode())
        return status(directory)


def down(directory: Path, *, say: Say) -> SandboxStatus:
    """Stop everything; the data stays."""
    if directory.exists():
        with _alone(directory):
            _standins_down(directory)
            Cluster(directory / "postgres", newest()).stop()
            say.note("The sandbox is stopped; its data stays.")
    return status(directory)


def reset(root: Path, directory: Path, *, say: Say) -> SandboxStatus:
    """Stop everything and delete the sandbox's data and its `.env.sandbox`."""
    if directory.exists():
        with _alone(directory):
            _standins_down(directory)
            Cluster(directory / "postgres", newest()).destroy()
            shutil.rmtree(directory)
        env_file = root / ENV_FILE
        if env_file.exists() and env_file.read_text(encoding="utf-8").startswith(_MARK):
            env_file.unlink()
        say.note("The sandbox is stopped and its data is deleted.")
    return status(directory)


def status(directory: Path) -> SandboxStatus:
    """Return what runs, as the processes themselves tell."""
    install = install_of(directory)
    server = Cluster(directory / "postgres", install).running()
    standins = _facts(directory) if _standins_run(directory) else {}
    return SandboxStatus(
        directory=directory,
        exists=directory.exists(),
        database=f"{HOST}:{server.port}" if server else None,
        postgres=install.version,
        supabase_api_url=standins.get("supabase_api_url"),
        vercel_api_url=standins.get("vercel_api_url"),
        production_url=standins.get("production_url"),
    )


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """Let one call at a time change the sandbox."""
    try:
        descriptor = hold(directory.with_name(directory.name + ".turn"))
    except AlreadyRunning:
        raise Locked(
            "Another command is starting or stopping this sandbox right now.",
            unchanged="Nothing was changed by this command.",
            next_step="Wait a moment, then run this again.",
        ) from None
    except OSError as error:
        raise Misconfigured(
            f"The sandbox has no place in {directory.parent}: {error.strerror}.",
            unchanged="Nothing was started.",
            next_step="Make that folder writable, or set state_dir to another one.",
        ) from None
    try:
        yield
    finally:
        os.close(descriptor)


# --- the stand-ins ---------------------------------------------------------------------------


def _standins_up(directory: Path, say: Say) -> dict[str, Any]:
    if not _standins_run(directory):
        (directory / "standins.json").unlink(missing_ok=True)
        log = directory / "standins.log"
        pid = process.daemon([sys.executable, "-m", "shipway.sandbox", str(directory)], log=log)
        ends = time.monotonic() + _READY_S
        while _facts(directory).get("pid") != pid:
            if not process.alive(pid) or time.monotonic() > ends:
                raise Failed(
                    "The stand-ins of Supabase and Vercel did not start. The end of their log:\n"
                    + log.read_text(encoding="utf-8", errors="replace")[-1500:].strip(),
                    unchanged="The database runs; nothing else was started.",
                    next_step=f"Read {log}, then run: invoke sandbox.up",
                )
            time.sleep(_POLL_S)
    told = _facts(directory)
    say.note(f"Supabase's stand-in listens on {told['supabase_api_url']}")
    say.note(f"Vercel's stand-in listens on {told['vercel_api_url']}")
    return told


def _standins_down(directory: Path) -> None:
    if not _standins_run(directory):
        return
    pid = int(_facts(directory)["pid"])
    os.kill(pid, signal.SIGTERM)
    ends = time.monotonic() + _READY_S
    while _standins_run(directory):
        if time.monotonic() > ends:
            raise Failed(
                f"The stand-ins (pid {pid}) did not stop within {_READY_S:g} s.",
                unchanged="They still run.",
                next_step=f"Stop them with: kill -KILL {pid}",
            )
        time.sleep(_POLL_S)


def _standins_run(directory: Path) -> bool:
    """Return whether a process holds the stand-ins' lock: a pid could be another's by now."""
    if not directory.exists():
        return False
    try:
        os.close(hold(directory))
    except AlreadyRunning:
        return True
    return False


def _facts(directory: Path) -> dict[str, Any]:
    try:
        told: dict[str, Any] = json.loads((directory / "standins.json").read_text("utf-8"))
    except FileNotFoundError:
        return {}
    return told


# --- .env.sandbox ----------------------------------------------------------------------------


def env_text(url: Secret, standins: dict[str, Any]) -> str:
    """Return what `.env.sandbox` holds: what makes `--target sandbox` work.

    Args:
        url: of the database, as the project's owner.
        standins: what the stand-ins tell of themselves in standins.json.
    """
    values = {
        "DATABASE_URL": url.reveal(),
        "SUPABASE_PROJECT_REF": standins["project_ref"],
        "SUPABASE_URL": standins["supabase_api_url"],
        "SUPABASE_SECRET_KEY": standins["supabase_secret_key"],
        "SUPABASE_API_URL": standins["supabase_api_url"],
        "SUPABASE_ACCESS_TOKEN": standins["supabase_access_token"],
        "VERCEL_API_URL": standins["vercel_api_url"],
        "VERCEL_TOKEN": standins["vercel_token"],
        "VERCEL_ORG_ID": standins["vercel_team_id"],
        "VERCEL_PROJECT_ID": standins["vercel_project_id"],
        "SHIPWAY_BACKUP_BUCKET": "backups",
        "SHIPWAY_WATCH_WINDOW_S": "3",
        "SHIPWAY_WATCH_PROBE_EVERY_S": "0.1",
    }
    return "\n".join([_MARK, *(f"{name}={value}" for name, value in values.items()), ""])
