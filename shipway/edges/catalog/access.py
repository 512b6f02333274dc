"""Who may do what through the Data API: as the catalog says, and as the server answers."""

from __future__ import annotations

import json
from collections import defaultdict
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import psycopg

from shipway.edges.catalog.queries import AS_THE_API, ask
from shipway.edges.catalog.visitors import closed_to_visitors
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
# Of SQL in the database that refuses by raising, as a guard in a function does.
_RAISED: Final = "P0"
# What no policy is to blame for: another server, the read-only transaction, locks, limits, time.
_NO_ANSWER: Final = ("08", "25", "40", "53", "54", "55", "57", "58", "HV", "XX")
_AT_ONCE: Final = 200
_AS_ROLE: Final = f"""
select set_config('shipway.statements', %(statements)s, true),
    set_config('statement_timeout', %(timeout)s, true),
    set_config('request.jwt.claims', %(claims)s, true),
    {AS_THE_API},
    set_config('role', %(role)s, true)
"""
_EXPRESSIONS: Final = """
select distinct said from pg_policy as p
join pg_class as c on c.oid = p.polrelid join pg_namespace as n on n.oid = c.relnamespace
cross join unnest(array[
    pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)]) as said
where said is not null and n.nspname = any (%s)
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
        written = connection.execute(_EXPRESSIONS, [list(schemas)]).fetchall()
        closed = [text for (text,) in written if closed_to_visitors(text)]
        parameters = {"exposed": list(schemas), "roles": list(roles), "closed": closed}
        rows = connection.execute(sql("access"), parameters).fetchall()
    by_role: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for place, (*_, role, _command, _part, _reach, trial) in enumerate(rows):
        if trial is not None:
            by_role[role].append((place, trial))
    went: dict[int, tuple[Tried, str]] = {}
    for role, trials in by_role.items():
        for first in range(0, len(trials), _AT_ONCE):
            some = trials[first : first + _AT_ONCE]
            answers = _try(connection, role, [statement for _, statement in some], timeout_s)
            for (place, statement), answer in zip(some, answers, strict=False):
                command = rows[place][4]
                went[place] = (
                    _ask_why(connection, role, statement, timeout_s)
                    if _is_broken(command, answer)
                    else (_try_out(command, answer), "")
                )
    return tuple(
        sorted(
            Access(
                kind=kind,
                name=f"{schema}.{name}",
                role=role,
                command=command,
                columns=part,
                reach=Reach(reach),
                tried=tried,
                error=error,
            )
            for place, (kind, schema, name, role, command, part, reach, _) in enumerate(rows)
            for tried, error in [went.get(place, (Tried.NOT_TRIED, ""))]
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
    row = None
    # By the target's own search path: it is the role that would look for names.
    begin = reading_begins(connection, b"set local search_path to default")
    with roll_back_after(connection, begin), suppress(psycopg.Error):
        connection.execute(
            _AS_ROLE,
            {
                "statements": json.dumps(statements),
                "timeout": f"{int(timeout_s * 1000)}ms",
                "claims": _claims(role),
                "role": role,
            },
        )
        connection.execute(sql("trial"))
        row = connection.execute("select current_setting('shipway.went')").fetchone()
    return row[0].split(" ") if row else []


def _claims(role: str) -> str:
    """Return what the API says of a caller; the key of visitors names nobody."""
    return json.dumps({"role": role} if role == "anon" else {"sub": _NOBODY, "role": role})


def _is_broken(command: str, went: str) -> bool:
    """Tell whether SQL of the database ended a trial; calls are not really tried with values."""
    known = went in {"", "rows", "none", _DENIED, *_IMPOSSIBLE}
    return command != "execute" and not known and not went.startswith(_NO_ANSWER)


def _ask_why(
    connection: psycopg.Connection[TupleRow], role: str, statement: str, timeout_s: float
) -> tuple[Tried, str]:
    """Return how a trial ends by itself, and what the server says of it."""
    answer = ask(connection, statement, role=role, claims=_claims(role), timeout_s=timeout_s)
    if answer.sqlstate is None:
        return (Tried.ROWS if answer.rows and statement.startswith("select") else Tried.ALLOWED), ""
    if not _is_broken("", answer.sqlstate):
        return _try_out("", answer.sqlstate), ""
    tried = Tried.REFUSED if answer.sqlstate.startswith(_RAISED) else Tried.BROKEN
    return tried, f"{answer.message} (SQLSTATE {answer.sqlstate})"


def _try_out(command: str, went: str) -> Tried:
    if went in {"rows", "none"}:
        # The rows of an insert, update or delete are the lines of its plan.
        return Tried.ROWS if (command, went) == ("select", "rows") else Tried.ALLOWED
    if went == _DENIED or went in _IMPOSSIBLE:
        return Tried.REFUSED
    return Tried.NOT_TRIED
