"""Who may do what through the Data API: as the catalog says, and as the server answers."""

from __future__ import annotations

import json
from collections import defaultdict
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import psycopg

from shipway.edges.postgres.catalog_sql import sql
from shipway.edges.postgres.connection import roll_back_after
from shipway.edges.postgres.reading import reading, reading_begins
from shipway.values.inspection import Access, Reach, Tried

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg.rows import TupleRow

__all__ = ["read_access", "read_powers"]

_DENIED: Final = "42501"
# A view that cannot be written, a relation of another kind: the command cannot be done at all.
_IMPOSSIBLE: Final = ("55000", "42809", "0A000")
_AT_ONCE: Final = 200
_AS_ROLE: Final = """
select set_config('shipway.statements', %(statements)s, true),
    set_config('statement_timeout', %(timeout)s, true),
    set_config('request.jwt.claims', %(claims)s, true),
    set_config('role', %(role)s, true)
"""
_POWERS: Final = """
select r.rolname::text, array_remove(array[
        case when r.rolsuper then 'do everything' end,
        case when r.rolbypassrls then 'pass by row level security' end], null)
    || case when r.rolsuper then '{}' else array(
        select 'all that ' || g.rolname || ' may' from pg_roles as g
        where g.oid <> r.oid and pg_has_role(r.oid, g.oid, 'usage') order by 1) end
from pg_roles as r where r.rolname = any (%s)
"""
# A caller that no row belongs to; policies that cast the id to uuid accept it.
_NOBODY: Final = "00000000-0000-4000-8000-000000000000"


def read_access(
    connection: psycopg.Connection[TupleRow],
    *,
    schemas: Sequence[str],
    roles: Sequence[str],
    timeout_s: float,
) -> tuple[Access, ...]:
    """Return the matrix of role by command for every relation and function of some schemas.

    Each right is derived from grants and policies, then tried as the role: a select is really
    run, for one row; insert, update and delete are planned by the server, which checks the
    grants and builds in the policies, but are not run. All in read-only transactions that are
    rolled back.

    Args:
        connection: in autocommit mode, with no transaction open.
        schemas: those that the Data API serves.
        roles: those that it uses.
        timeout_s: longest time for some 200 trials together.
    """
    with reading(connection):
        parameters = {"exposed": list(schemas), "roles": list(roles)}
        rows = connection.execute(sql("access"), parameters).fetchall()
    by_role: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for place, (*_, role, _command, _part, _reach, trial) in enumerate(rows):
        if trial is not None:
            by_role[role].append((place, trial))
    went: dict[int, str] = {}
    for role, trials in by_role.items():
        for first in range(0, len(trials), _AT_ONCE):
            some = trials[first : first + _AT_ONCE]
            answers = _try(connection, role, [statement for _, statement in some], timeout_s)
            went |= dict(zip((place for place, _ in some), answers, strict=False))
    return tuple(
        sorted(
            Access(
                kind=kind,
                name=f"{schema}.{name}",
                role=role,
                command=command,
                columns=part,
                reach=Reach(reach),
                tried=_try_out(command, went.get(place, "")),
            )
            for place, (kind, schema, name, role, command, part, reach, _) in enumerate(rows)
        )
    )


def read_powers(
    connection: psycopg.Connection[TupleRow], roles: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    """Return what roles can by their attributes, and by the roles that they belong to."""
    rows = connection.execute(_POWERS, [list(roles)]).fetchall()
    return {role: tuple(powers) for role, powers in rows}


def _try(
    connection: psycopg.Connection[TupleRow], role: str, statements: list[str], timeout_s: float
) -> list[str]:
    """Return how each statement went; none when they took too long or the role may not be taken."""
    claims = json.dumps({"sub": _NOBODY, "role": role})
    row = None
    # By the target's own search path: it is the role that would look for names.
    begin = reading_begins(connection, b"set local search_path to default")
    with roll_back_after(connection, begin), suppress(psycopg.Error):
        connection.execute(
            _AS_ROLE,
            {
                "statements": json.dumps(statements),
                "timeout": f"{int(timeout_s * 1000)}ms",
                "claims": claims,
                "role": role,
            },
        )
        connection.execute(sql("trial"))
        row = connection.execute("select current_setting('shipway.went')").fetchone()
    return row[0].split(" ") if row else []


def _try_out(command: str, went: str) -> Tried:
    if went in {"rows", "none"}:
        # The rows of an insert, update or delete are the lines of its plan.
        return Tried.ROWS if (command, went) == ("select", "rows") else Tried.ALLOWED
    if went == _DENIED or went in _IMPOSSIBLE:
        return Tried.REFUSED
    return Tried.NOT_TRIED
