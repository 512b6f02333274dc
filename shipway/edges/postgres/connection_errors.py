"""Why no connection to Postgres came about: the wordings that are known, each with its cure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from shipway.errors import Refused

if TYPE_CHECKING:
    from shipway.values.basics import Secret

__all__ = ["hide", "why_not"]

_READ_CHARS = 4_000
_NOTHING_CHANGED = "The database was not changed."


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
        r"|no password supplied|SASL authentication failed|auth failed",
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
        r"|remaining connection slots|too many connections|query_wait_timeout"
        r"|no more connections allowed|no server session came free",
        what="has no connection left",
        cure="Close idle sessions or raise the pool size (PgBouncer: default_pool_size; Supabase: "
        "Database Settings), then run it again; a release wants six at once. The direct address "
        "(on Supabase db.<project ref>.supabase.co) does not count against the pool.",
    ),
    _Cause(
        pattern=r"not in tenant allow_list",
        what="does not admit this machine's address",
        cure="Add this machine's address under Network Restrictions of the project.",
    ),
    _Cause(
        pattern=r"does not match host name",
        what="shows the certificate of another host",
        cure="Write the host in DATABASE_URL as the certificate has it. Where it must differ, "
        "sslmode=verify-ca checks who signed the certificate and leaves the name alone.",
    ),
    _Cause(
        pattern=r"self-signed certificate|certificate verify failed|root certificate file",
        what="shows a certificate that cannot be verified",
        cure="Point sslrootcert in DATABASE_URL at a file with the server's root certificates; "
        "Supabase has two, both named 'Supabase Root 2021 CA', and verify-full needs both.",
    ),
    _Cause(
        pattern=r"server does not support SSL",
        what="does not speak TLS, which is required here",
        cure="Turn TLS on there, or add ?sslmode=disable to DATABASE_URL on a network you trust.",
    ),
    _Cause(
        pattern=r"statement pooling",
        what="is a pooler that hands out its sessions for single statements",
        cure="Set DATABASE_URL to the server's own address, or to a pool with pool_mode = session.",
    ),
    _Cause(
        pattern=r"server login (has been )?fail|cannot connect to server|server_login_retry",
        what="is a pooler that does not get through to its server",
        cure="Mend the pooler's own way to the server (its log says more), or use the server's "
        "own address.",
    ),
    _Cause(
        pattern=r"unsupported startup parameter",
        what="does not accept a start-up parameter of the URL: a pooler is between",
        cure="Take 'options' out of DATABASE_URL (and PGOPTIONS out of the environment), or use "
        "the server's own address, port 5432.",
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
        pattern=r'database ".*" does not exist|no such database',
        what="has no database of that name",
        cure="Correct the database's name at the end of DATABASE_URL (on Supabase: postgres).",
    ),
    _Cause(
        pattern=r'role ".*" does not exist|not permitted to log in|no such user',
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


def why_not(libpq_text: str, *, place: str, password: Secret) -> Refused:
    """Return the error for a connection that did not come about, with the cure where it is known.

    Args:
        libpq_text: what libpq reported.
        place: `host:port/database`.
        password: hidden wherever the report quotes it.
    """
    one_line = " ".join(libpq_text[:_READ_CHARS].split())
    said = hide(one_line, password)
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


def hide(text: str, password: Secret | None) -> str:
    """Return `text` without the password, as it is written or percent-encoded."""
    if not password:
        return text
    bare = password.reveal()
    for form in {bare, quote(bare), quote(bare, safe="")}:
        text = text.replace(form, "(hidden)")
    return text
