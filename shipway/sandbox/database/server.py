"""The sandbox's PostgreSQL: made and dressed once, started again on the port that it had."""

from __future__ import annotations

import json
import secrets
import socket
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import psycopg

from shipway.edges.extensions.folder import extensions_for
from shipway.edges.servers.cluster import HOST, Cluster, Install, Server, newest
from shipway.errors import Refused
from shipway.sandbox.database.dress import APP_ROLE, SUPERUSER, dress
from shipway.sandbox.database.extensions import preinstall
from shipway.sandbox.state import write_whole
from shipway.values.basics import Secret

if TYPE_CHECKING:
    from pathlib import Path

    from shipway.values.basics import Say

__all__ = ["install_of", "start_database"]

_DATABASE: Final = "postgres"


def start_database(directory: Path, *, older: bool, say: Say) -> Secret:
    """Start the sandbox's server if it does not run, and return the URL of the dressed database.

    Args:
        directory: the sandbox's.
        older: it is to be like a project from before 30 October 2026.
        say: tells what runs where.

    Raises:
        Refused: it is there already, and like a newer project.
        Failed: the server did not start.
    """
    if not _passwords_file(directory).is_file():
        # Left by a folder of this name that was deleted: root's clusters lie elsewhere.
        Cluster(directory / "postgres", newest()).destroy()
    install = install_of(directory)
    kept = _passwords(directory, older=older)
    if older and not kept.get("older"):
        raise Refused(
            "This sandbox is like a project made since 30 October 2026, and an older one is asked "
            "for.",
            unchanged="Nothing was started, and the sandbox is as it was.",
            next_step="Its data go when it is made anew: invoke sandbox.reset, then: "
            "invoke sandbox.up --older",
        )
    superuser, owner = Secret(kept["superuser"]), Secret(kept["owner"])
    with extensions_for(install) as extensions:
        cluster = Cluster(directory / "postgres", install, extensions=extensions)
        if not cluster.exists:
            cluster.create(SUPERUSER, superuser)
        server = cluster.running() or cluster.start(_if_free(kept.get("port")))
    write_whole(_passwords_file(directory), json.dumps(kept | {"port": server.port}).encode())
    admin = _url(server, SUPERUSER, superuser)
    if not _is_dressed(admin):
        dress(admin, password=owner, older=bool(kept.get("older")))
        preinstall(admin)
    like = "Supabase before 30 October 2026" if kept.get("older") else "Supabase"
    say.note(f"PostgreSQL {install.version}, dressed as {like}, listens on {HOST}:{server.port}")
    return _url(server, APP_ROLE, owner)


def install_of(directory: Path) -> Install:
    """Return the PostgreSQL for the data that are there, which keep their major, or for new ones.

    Raises:
        Misconfigured: there is none.
    """
    return newest(Cluster(directory / "postgres", newest()).major)


def _passwords(directory: Path, *, older: bool) -> dict[str, Any]:
    """Return what was kept; made before the cluster, so that no crash leaves one without it."""
    path = _passwords_file(directory)
    if path.is_file():
        kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return kept
    fresh: dict[str, Any] = {
        "superuser": secrets.token_urlsafe(18),
        "owner": secrets.token_urlsafe(18),
        "older": older,
    }
    write_whole(path, json.dumps(fresh).encode())
    return fresh


def _passwords_file(directory: Path) -> Path:
    return directory / "database.json"


def _url(server: Server, role: str, password: Secret) -> Secret:
    quoted = quote(password.reveal(), safe="")
    return Secret(f"postgresql://{role}:{quoted}@{HOST}:{server.port}/{_DATABASE}")


def _is_dressed(admin: Secret) -> bool:
    # Dressing is one transaction: its last role being there proves all of it.
    with psycopg.connect(admin.reveal()) as connection:
        found = connection.execute("select 1 from pg_roles where rolname = %s", [APP_ROLE])
        return found.fetchone() is not None


def _if_free(port: int | None) -> int | None:
    """Return the port of last time when it is free, so that URLs stay the same."""
    if port is None:
        return None
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return None
    return port
