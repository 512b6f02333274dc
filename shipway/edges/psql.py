"""psql on the target: the installed one, else the embedded one, with the terminal handed over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.edges import pgtools, process
from shipway.edges.postgres import connect

if TYPE_CHECKING:
    from shipway.values import Secret

__all__ = ["open_psql"]

_VERSIONS_PER_MAJOR = 10_000


def open_psql(url: Secret | None, *, timeout_s: float) -> int:
    """Give the terminal to psql and return its exit status.

    We connect first: our own messages name the cure when that fails, and psql gets the password
    by its environment, never by its arguments.

    Raises:
        Misconfigured, Refused: there is no psql, or no way to the database.
    """
    with connect(url, purpose="shell", timeout_s=timeout_s) as connection:
        major = connection.info.server_version // _VERSIONS_PER_MAJOR
        tool = pgtools.find_tool("psql", server_major=major, tls=connection.pgconn.ssl_in_use)
        conninfo, env = pgtools.reach(connection, tool, purpose="shell")
    return process.interactive([tool.path, "--no-password", conninfo], env=env)
