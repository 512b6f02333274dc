"""What this machine brings, as `invoke doctor` alone tells it.

It stops no release and changes rarely: told at the head of every one, it would be read by nobody.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.edges.client_tools import programs as pgtools
from shipway.edges.client_tools import releases
from shipway.edges.client_tools.connections import find_tool
from shipway.edges.postgres import connection as postgres
from shipway.edges.servers.installations import installs, passed_over
from shipway.errors import Misconfigured
from shipway.steps.gates.preflight import Found, Precondition
from shipway.values.gates import GateState

if TYPE_CHECKING:
    from shipway.wiring import Wiring

__all__ = ["machine"]


def machine(wiring: Wiring) -> list[Precondition]:
    """Return the list; `preconditions` has what a release demands."""
    return [
        Precondition(name="servers", look=_servers),
        Precondition(name="security", look=lambda: _security(wiring), needs=("pg_dump",)),
    ]


def _servers() -> Found:
    try:
        there = ", ".join(one.label for one in installs())
    except Misconfigured as error:
        return Found(detail=error.what, state=GateState.WARNED, cure=error.next_step)
    broken = passed_over()
    if not broken:
        return Found(detail=there)
    return Found(
        detail=f"{there}. Passed over: {' '.join(broken)}",
        state=GateState.WARNED,
        cure="Copies run on the others. Install it again, or take its folder off PATH.",
    )


def _security(wiring: Wiring) -> Found:
    tools = _tools(wiring)
    lacking = [one for one in tools if releases.missing_fixes(one.version)]
    if not lacking:
        return Found(
            detail=f"no fix is known that {', '.join(one.label for one in tools)} would lack"
        )
    mended = releases.first_fixed(min(one.version[0] for one in lacking))
    client = f"postgresql-client-{mended.partition('.')[0]}"
    return Found(
        detail="; ".join(
            f"{one.label} at {one.path} lacks the fixes of "
            f"{' and '.join(releases.missing_fixes(one.version))}"
            for one in lacking
        ),
        state=GateState.WARNED,
        cure=f"{mended} has them: upgrade what brought the program, or install {client} "
        "(apt.postgresql.org, Homebrew); the one with the fixes is then taken. Until then give "
        "these programs no dump of a stranger: shipway itself restores only archives that are "
        "what their manifest says.",
    )


def _tools(wiring: Wiring) -> list[pgtools.Tool]:
    """Return the client programs that work with this target."""
    url, timeout_s = wiring.database.url, wiring.settings.connect_timeout_s
    with postgres.connect(url, purpose="preflight", timeout_s=timeout_s) as connection:
        dumper, shell = (find_tool(name, connection, url) for name in ("pg_dump", "psql"))
    zstd = "zstd" in dumper.compression
    return [dumper, pgtools.find_restorer(dumper.version[0], zstd=zstd), shell]
