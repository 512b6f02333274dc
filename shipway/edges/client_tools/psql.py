"""psql on the target: the installed one, else the embedded one, with the terminal handed over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.edges.client_tools import connections as tool_connections
from shipway.edges.machine import process
from shipway.edges.postgres.connection import connect

if TYPE_CHECKING:
    from shipway.values.basics import Secret

__all__ = ["open_psql"]


def open_psql(url: Secret, *, timeout_s: float) -> int:
    """Give the terminal to psql and return its exit status.

    We connect first: our own messages name the cure when that fails, and psql gets the password
    by its environment, never by its arguments.

    Raises:
        Misconfigured, Refused: there is no psql, or no way to the database.
    """
    with connect(url, purpose="shell", timeout_s=timeout_s) as connection:
        tool = tool_connections.find_tool("psql", connection, url)
        conninfo, env = tool_connections.reach(connection, url, tool, purpose="shell")
    return process.interactive([tool.path, "--no-password", conninfo], env=env)
