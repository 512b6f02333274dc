"""Connections to the target's Postgres: how they are opened, and what their failures mean."""

from __future__ import annotations

import ipaddress
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

import psycopg
from psycopg.conninfo import conninfo_to_dict

from shipway.errors import Misconfigured, Refused, Stopped
from shipway.values import Secret

if TYPE_CHECKING:
    from psycopg.rows import TupleRow

__all__ = ["connect", "hide", "is_local", "password_of", "place_of", "port_of", "project_ref_of"]

_NOTHING_DONE = "Nothing was contacted and nothing was changed."
_NOTHING_CHANGED = "The database was not changed."
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cause:
    """A failure to connect that we know, by the words in which it is reported."""

    pattern: str
    what: str
    cure: str


# Wordings of libpq, Postgres and Supabase's pooler; the first that fits is taken.
_CAUSES = (
    _Cause(
        pattern=r"password authentication failed|SCRAM.*[Ww]rong password|Wrong password"
        r"|no password supplied",
        what="refused the password",
        cure="Correct the password in DATABASE_URL (a reset one is shown once, under Database "
        "Settings of the Supabase dashboard). It was tried once: repeated attempts get an "
        "address banned.",
    ),
    _Cause(
        pattern=r"ENOIDENTIFIER|no tenant identifier",
        what="is Supabase's pooler, and the user in the URL does not say which project",
        cure="Write the user as postgres.<project ref> in DATABASE_URL.",
    ),
    _Cause(
        pattern=r"Tenant or user not found|ENOTFOUND",
        what="is Supabase's pooler and knows no such project",
        cure="Copy the session pooler's address from the dashboard (Connect): its index (aws-0, "
        "aws-1) and region belong to the project, and the user is postgres.<project ref>. "
        "A paused project must be restored first.",
    ),
    _Cause(
        pattern=r"MaxClientsInSessionMode|[Mm]ax client connections reached|too many clients"
        r"|remaining connection slots|too many connections",
        what="has no connection left",
        cure="Close idle sessions or raise the pool size (Database Settings), then run it again; "
        "the direct address db.<project ref>.supabase.co does not count against the pool.",
    ),
    _Cause(
        pattern=r"not in tenant allow_list",
        what="does not admit this machine's address",
        cure="Add this machine's address under Network Restrictions of the project.",
    ),
    _Cause(
        pattern=r"self-signed certificate|certificate verify failed|root certificate file"
        r"|does not match host name",
        what="shows a certificate that cannot be verified",
        cure="Point sslrootcert in DATABASE_URL at a file with the server's root certificates; "
        "Supabase has two, both named 'Supabase Root 2021 CA', and verify-full needs both.",
    ),
    _Cause(
        pattern=r"server does not support SSL",
        what="does not speak TLS, which is required for a host that is not this machine",
        cure="Turn TLS on there, or add ?sslmode=disable to DATABASE_URL on a network you trust.",
    ),
    _Cause(
        pattern=r"unsupported startup parameter",
        what="does not accept a start-up parameter of the URL: a transaction pooler is between",
        cure="Use the direct address or the session pooler, port 5432, without 'options'.",
    ),
    _Cause(
        pattern=r"Network is unreachable|No route to host|Cannot assign requested address",
        what="cannot be reached from this network",
        cure="Supabase's direct address has IPv6 only: use the session pooler's address, port "
        "5432, from the dashboard (Connect), or run where IPv6 works.",
    ),
    _Cause(
        pattern=r"[Cc]onnection refused|ECONNREFUSED|No such file or directory",
        what="refused the connection",
        cure="Check that the server runs and that host and port are right. On Supabase a refused "
        "connection can be a ban after wrong passwords: see Network Bans of the project.",
    ),
    _Cause(
        pattern=r"could not translate host|Name or service not known|resolve|nodename nor servname"
        r"|No address associated|Temporary failure in name resolution",
        what="has a name that cannot be resolved",
        cure="Check the host in DATABASE_URL. A paused or deleted Supabase project loses its name; "
        "db.<project ref>.supabase.co has IPv6 only, so an IPv4 network needs the session pooler.",
    ),
    _Cause(
        pattern=r"timeout expired|timed out|Connection timed out",
        what="did not answer in time",
        cure="Check host, port and firewalls; SHIPWAY_CONNECT_TIMEOUT_S sets the wait.",
    ),
    _Cause(
        pattern=r'database ".*" does not exist',
        what="has no database of that name",
        cure="Correct the database's name at the end of DATABASE_URL (on Supabase: postgres).",
    ),
    _Cause(
        pattern=r'role ".*" does not exist|not permitted to log in',
        what="knows no such user",
        cure="Correct the user in DATABASE_URL (on Supabase: postgres).",
    ),
    _Cause(
        pattern=r"no pg_hba.conf entry",
        what="does not admit this user from this machine",
        cure="Admit it in the server's pg_hba.conf, with TLS as the message says.",
    ),
    _Cause(
        pattern=r"database system is (starting up|shutting down|in recovery)|not yet accepting",
        what="is starting or stopping",
        cure="Wait until it is up, then run it again.",
    ),
)


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
        Refused: the server could not be reached or did not let us in.
    """
    options = _parsed(url)
    parameters: dict[str, str] = _KEEPALIVES | options
    parameters["application_name"] = f"shipway {purpose}"
    parameters["client_encoding"] = "UTF8"
    parameters["connect_timeout"] = str(max(1, math.ceil(timeout_s)))
    if "sslmode" not in options and not _local(options) and _libpq_default("sslmode") == "prefer":
        parameters["sslmode"] = "require"
    try:
        return psycopg.connect(autocommit=True, prepare_threshold=None, **parameters)  # type: ignore[arg-type]
    except psycopg.Error as error:
        stopped = _refusal(str(error), options)
    # Raised out here, so that no traceback can lead to the driver's own exception.
    raise stopped


def project_ref_of(url: Secret) -> str | None:
    """Return the Supabase project that the URL names, by its host or by the pooler's user."""
    options = _parsed(url)
    direct = _DIRECT_HOST.match(options.get("host", "").lower())
    pooled = _POOLER_USER.match(options.get("user", ""))
    found = direct or pooled
    return found.group(1) if found else None


def is_local(url: Secret) -> bool:
    """Tell whether the URL leads to this machine: a socket or a loopback address."""
    return _local(_parsed(url))


def password_of(url: Secret) -> Secret | None:
    """Return the password in the URL, as the server wants it."""
    password = _parsed(url).get("password")
    return Secret(password) if password else None


def port_of(url: Secret) -> int:
    """Return the port that the URL names, the first of several; Postgres' own without one."""
    return int(_parsed(url).get("port", "").partition(",")[0] or "5432")


def place_of(url: Secret) -> str:
    """Return `host:port/database` for messages; never user or password."""
    return _place(_parsed(url))


def hide(text: str, password: Secret | None) -> str:
    """Return `text` without the password, as it is written or percent-encoded."""
    if not password:
        return text
    bare = password.reveal()
    for form in {bare, quote(bare), quote(bare, safe="")}:
        text = text.replace(form, "(hidden)")
    return text


def _parsed(url: Secret | None) -> dict[str, str]:
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


def _refusal(libpq_text: str, options: dict[str, str]) -> Stopped:
    """Say why no connection came about, with the cure where the cause is known."""
    password = Secret(options.get("password", ""))
    one_line = " ".join(libpq_text.split())
    said = hide(one_line, password)
    place = _place(options)
    for cause in _CAUSES:
        if re.search(cause.pattern, one_line):
            return Refused(
                f"The database at {place} {cause.what}: {said}",
                unchanged=_NOTHING_CHANGED,
                next_step=cause.cure,
            )
    return Refused(
        f"The database at {place} could not be connected to: {said}",
        unchanged=_NOTHING_CHANGED,
        next_step="Check DATABASE_URL and the server, then run: invoke doctor",
    )
