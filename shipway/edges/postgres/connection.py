"""Connections to the target's Postgres: how they are opened, and what their failures mean."""

from __future__ import annotations

import ipaddress
import math
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias

import psycopg
from psycopg.conninfo import conninfo_to_dict

from shipway.cleanup import afterwards
from shipway.edges.postgres.backend import first_answer, hold, is_direct, let_go
from shipway.edges.postgres.byte_text import read_any_bytes
from shipway.errors import Misconfigured
from shipway.values.basics import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg.rows import TupleRow

    from shipway.errors import Refused

__all__ = [
    "Connection",
    "connect",
    "is_local",
    "is_supabase",
    "let_in",
    "not_reached",
    "open_with_backend",
    "parameters_of",
    "place_of",
    "port_of",
    "project_ref_of",
    "roll_back_after",
]

Connection: TypeAlias = "psycopg.Connection[TupleRow]"

_NOTHING_DONE = "Nothing was contacted and nothing was changed."
_ELSEWHERE = "DATABASE_URL has the form postgresql://USER:PASSWORD@HOST:5432/DATABASE."

_DIRECT_HOST = re.compile(r"db\.([a-z]{20})\.supabase\.co\Z")
_POOLER_USER = re.compile(r".+\.([a-z]{20})\Z")
_HOST_NAME = re.compile(r"[A-Za-z0-9._:%/\[\],~+ -]*\Z")

# A dead network must not hold the server's locks, nor this process, for the hours that the
# kernel's own defaults allow. What the URL says itself goes first.
_KEEPALIVES = {
    "keepalives_idle": "15",
    "keepalives_interval": "5",
    "keepalives_count": "4",
    "tcp_user_timeout": "35000",
}


class _Connection(psycopg.Connection["TupleRow"]):
    """As a context manager it is closed and that is all: what was not committed is rolled back.

    psycopg's own commits on the way out, and that fails where a query is still under way.
    """

    def __exit__(self, *_: object) -> None:
        self.close()


@contextmanager
def roll_back_after(connection: psycopg.Connection[TupleRow], begin: bytes) -> Iterator[None]:
    """Run the block in a transaction of which nothing stays.

    Args:
        connection: in autocommit mode, with no transaction open.
        begin: the statement that begins it.
    """
    connection.execute(begin)
    with afterwards(lambda: connection.execute("rollback")):
        yield


def connect(url: Secret | None, *, purpose: str, timeout_s: float) -> psycopg.Connection[TupleRow]:
    """Open a connection in autocommit mode, without server-side prepared statements.

    It is tried once. A host that is not this machine must speak TLS unless the URL (or libpq's
    own environment) says otherwise.

    Args:
        url: the target's `DATABASE_URL`.
        purpose: what for; the server shows it as `shipway <purpose>` in pg_stat_activity.
        timeout_s: the longest wait, in seconds; libpq counts in whole ones.

    Raises:
        Misconfigured: there is no URL, or it is none.
        Refused: the server could not be reached or did not let us in, or let us wait.
    """
    return open_with_backend(url, purpose=purpose, timeout_s=timeout_s)[0]


def open_with_backend(
    url: Secret | None, *, purpose: str, timeout_s: float
) -> tuple[psycopg.Connection[TupleRow], int]:
    """Open a connection as `connect` does; return it and the server process that answers."""
    connection = let_in(url, purpose=purpose, timeout_s=timeout_s)
    try:
        pid = first_answer(connection, within_s=timeout_s)
        if not is_direct(connection, pid):
            # A pooler that hands out statements has no transactions, and says so only now.
            hold(connection, within_s=timeout_s)
            let_go(connection, within_s=timeout_s)
    except psycopg.Error as error:
        connection.close()
        stopped = not_reached(url, str(error))
    else:
        return connection, pid
    # Raised out here, so that no traceback can lead to the driver's own exception.
    raise stopped


def let_in(url: Secret | None, *, purpose: str, timeout_s: float) -> psycopg.Connection[TupleRow]:
    """Open a connection as `connect` does; a pooler may have no session of the server for it."""
    parameters = parameters_of(url)
    parameters["application_name"] = f"shipway {purpose}"
    parameters["connect_timeout"] = str(max(1, math.ceil(timeout_s)))
    try:
        connection = _Connection.connect(autocommit=True, prepare_threshold=None, **parameters)  # type: ignore[arg-type]
    except psycopg.Error as error:
        stopped = not_reached(url, str(error))
    else:
        if connection.info.parameter_status("server_encoding") == "SQL_ASCII":
            read_any_bytes(connection)
        return connection
    raise stopped


def not_reached(url: Secret | None, said: str) -> Refused:
    """Return the error for what the way to the database answered instead of the server."""
    from shipway.edges.postgres.connection_errors import why_not  # noqa: PLC0415 - on the way to an error only

    options = _parse(url)
    return why_not(said, place=_place(options), password=Secret(options.get("password", "")))


def is_supabase(url: Secret) -> bool:
    """Tell whether the URL names a host of Supabase itself."""
    return _parse(url).get("host", "").lower().endswith((".supabase.co", ".supabase.com"))


def parameters_of(url: Secret | None) -> dict[str, str]:
    """Return what a connection is asked for: the URL's own parameters, and ours beside them.

    Raises:
        Misconfigured: there is no URL, or it is none.
    """
    options = _parse(url)
    parameters: dict[str, str] = _KEEPALIVES | options
    parameters["client_encoding"] = "UTF8"
    if "sslmode" not in options and not _local(options) and _libpq_default("sslmode") == "prefer":
        parameters["sslmode"] = "require"
    return parameters


def project_ref_of(url: Secret) -> str | None:
    """Return the Supabase project that the URL names, by its host or by the pooler's user."""
    options = _parse(url)
    direct = _DIRECT_HOST.match(options.get("host", "").lower())
    pooled = _POOLER_USER.match(options.get("user", ""))
    found = direct or pooled
    return found.group(1) if found else None


def is_local(url: Secret) -> bool:
    """Tell whether the URL leads to this machine: a socket or a loopback address."""
    return _local(_parse(url))


def port_of(url: Secret) -> int:
    """Return the port that the URL names, the first of several; Postgres' own without one."""
    return int(_parse(url).get("port", "").partition(",")[0] or "5432")


def place_of(url: Secret) -> str:
    """Return `host:port/database` for messages; never user or password."""
    return _place(_parse(url))


def _parse(url: Secret | None) -> dict[str, str]:
    """Return the URL's parts under libpq's names, or refuse without quoting any of it."""
    if not url:
        raise Misconfigured(
            "DATABASE_URL is not set.",
            unchanged=_NOTHING_DONE,
            next_step="Set it in the environment or in the target's .env file. " + _ELSEWHERE,
        )
    text = url.reveal()
    if not text.startswith(("postgresql://", "postgres://")):
        raise _ill_formed("it does not begin with postgresql://")
    try:
        given = conninfo_to_dict(text)
    except psycopg.Error as error:
        problem = _problem(str(error))
    except UnicodeDecodeError:
        problem = "what it percent-encodes is not UTF-8 (a plain % is %25)"
    else:
        options = {name: str(value) for name, value in given.items() if value is not None}
        problem = _suspicion(options)
        if not problem:
            return options
    raise _ill_formed(problem)


def _problem(libpq_text: str) -> str:
    """Say in our own words what libpq found wrong: its text quotes the URL."""
    if "percent-encoded" in libpq_text:
        return "it holds a % that begins no percent-encoded character (a plain % is %25)"
    if "query parameter" in libpq_text:
        return "a parameter after the ? is not one that Postgres knows, or has no value"
    return "it cannot be read as a URL"


def _suspicion(options: dict[str, str]) -> str:
    """Find a password whose characters were taken for host, port or database."""
    places = [options.get(name, "") for name in ("host", "port", "dbname")]
    if any("@" in place for place in places) or not _HOST_NAME.match(places[0]):
        return "the password holds @, / or another character that must be percent-encoded"
    ports = [port for port in places[1].split(",") if port]
    if not all(port.isascii() and port.isdigit() and 0 < int(port) < 1 << 16 for port in ports):
        return "the port is no number from 1 to 65535 (or the password holds / and is cut there)"
    return ""


def _ill_formed(problem: str) -> Misconfigured:
    return Misconfigured(
        f"DATABASE_URL is not a Postgres URL: {problem}.",
        unchanged=_NOTHING_DONE,
        next_step=f"Correct it; percent-encode special characters of the password. {_ELSEWHERE}",
    )


def _libpq_default(keyword: str) -> str | None:
    for option in psycopg.pq.Conninfo.get_defaults():
        if option.keyword == keyword.encode():
            return option.val.decode() if option.val is not None else None
    return None


def _local(options: dict[str, str]) -> bool:
    hosts = (options.get("hostaddr") or options.get("host") or "").split(",")
    return all(_is_this_machine(host) for host in hosts)


def _is_this_machine(host: str) -> bool:
    if not host or host.startswith(("/", "@")) or host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _place(options: dict[str, str]) -> str:
    host = options.get("host") or options.get("hostaddr") or "the local socket"
    port = options.get("port", "5432")
    database = options.get("dbname") or options.get("user", "")
    return f"{host}:{port}/{database}"
