"""How a client program reaches the same database: with what the user asked for.

A connection of ours tells more parameters than that: libpq fills in what it does when nobody asks,
and an older libpq refuses to start at names that came later.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import psycopg
from psycopg.conninfo import make_conninfo

from shipway.edges.client_tools import programs as pgtools
from shipway.edges.postgres import connection as postgres
from shipway.values.basics import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from psycopg.rows import TupleRow

    Connection = psycopg.Connection[TupleRow]

__all__ = ["find_tool", "reach", "requested_parameters"]

_VERSIONS_PER_MAJOR: Final = 10_000
# What libpq and its libraries read from the environment and no parameter can say.
_ENVIRONMENT: Final = (
    *("PGSERVICEFILE", "PGSYSCONFDIR", "KRB5CCNAME", "KRB5_CONFIG", "SSL_CERT_FILE"),
    *("SSL_CERT_DIR", "OPENSSL_CONF"),
)


def find_tool(name: str, connection: Connection, url: Secret) -> pgtools.Tool:
    """Return the client program that fits a connection's server and can connect as safely.

    Raises:
        Misconfigured: there is none; says what was found and how to get one.
    """
    major, minor = divmod(connection.info.server_version, _VERSIONS_PER_MAJOR)
    return pgtools.find_tool(
        name,
        server_major=major,
        server_minor=minor,
        tls=connection.pgconn.ssl_in_use,
        parameters=requested_parameters(connection, url),
    )


def requested_parameters(connection: Connection, url: Secret) -> Mapping[str, str]:
    """Return the parameters that the URL, the environment or we ourselves asked for.

    Those of a service file are left to the program: it reads the same file.
    """
    given = postgres.parameters_of(url)
    # All of them: what is the default of our libpq need not be that of the tool's.
    used = {one.keyword.decode(): one.val.decode() for one in connection.pgconn.info if one.val}
    asked = ("connect_timeout", *_in_environment())
    parameters = {name: used[name] for name in asked if name in used} | given
    parameters.pop("password", None)
    return parameters


def reach(
    connection: Connection, url: Secret, tool: pgtools.Tool, *, purpose: str, options: str = ""
) -> tuple[str, dict[str, str | Secret]]:
    """Return how a tool reaches the same database: its conninfo, and what its environment holds.

    The password is in the environment only: everyone on the machine can read argument lists.

    Args:
        connection: ours.
        url: of the connection.
        tool: found for it.
        purpose: what for; the server shows it.
        options: settings of its sessions beside those that were asked for.
    """
    info = connection.info
    parameters = {
        name: value
        for name, value in requested_parameters(connection, url).items()
        if pgtools.knows(tool, name, value)
    }
    # Of several hosts the one that answered us.
    parameters |= {"host": info.host, "port": str(info.port), "user": info.user}
    parameters |= {"dbname": info.dbname, "application_name": f"shipway {purpose}"}
    if "hostaddr" in parameters:
        parameters["hostaddr"] = info.hostaddr
    if options:
        parameters["options"] = f"{parameters.get('options', '')} {options}".strip()
    env: dict[str, str | Secret] = dict(tool.env)
    env |= {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    if info.password:
        env["PGPASSWORD"] = Secret(info.password)
    return make_conninfo(**parameters), env


def _in_environment() -> list[str]:
    """Return the parameters that libpq's own variables set."""
    return [
        option.keyword.decode()
        for option in psycopg.pq.Conninfo.get_defaults()
        if option.envvar and option.envvar.decode() in os.environ
    ]
