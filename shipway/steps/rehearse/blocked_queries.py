"""Which of the target's queries would wait behind the locks that a migration takes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, Protocol

from shipway.migrations.sql.blank import BadScript
from shipway.migrations.sql.split import pieces
from shipway.values.basics import Unproven

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shipway.values.rehearsal import Query, RehearsedStatement

__all__ = ["Wants", "add_blocked_queries", "wants_of"]

# Table-level locks that queries take, and those that they have to wait for (PostgreSQL's manual,
# "Explicit Locking").
_WAITS_FOR: Final = {
    "AccessShareLock": ("AccessExclusiveLock",),
    "RowShareLock": ("ExclusiveLock", "AccessExclusiveLock"),
    "RowExclusiveLock": (
        *("ShareLock", "ShareRowExclusiveLock"),
        *("ExclusiveLock", "AccessExclusiveLock"),
    ),
}

Wants = tuple[tuple["Query", frozenset[str]], ...]
"""Each query with the locks behind which it waits: `AccessExclusiveLock on public.users`."""


class Planner(Protocol):
    """Knows which locks a query takes."""

    def locks_of(self, query: str) -> frozenset[tuple[str, str]] | None:
        """Return mode and table of each; None when the query cannot be planned."""


def wants_of(traffic: Sequence[Query] | Unproven, copy: Planner) -> tuple[Wants, str]:
    """Return what the target's queries need, and why that is not known (empty when it is).

    Args:
        traffic: the target's busiest queries.
        copy: with the target's schema, before any migration.
    """
    if isinstance(traffic, Unproven):
        return (), traffic.missing
    wants = []
    for query in traffic:
        locks = copy.locks_of(query.text) if _is_one(query.text) else None
        if locks:
            behind = {
                f"{mode} on {table}" for own, table in locks for mode in _WAITS_FOR.get(own, ())
            }
            wants.append((query, frozenset(behind)))
    if not wants:
        return (), "none of its queries in pg_stat_statements reads a table of the copy"
    return tuple(wants), ""


def add_blocked_queries(
    statements: Sequence[RehearsedStatement], wants: Wants
) -> list[RehearsedStatement]:
    """Return the statements, each with the queries that would wait behind its locks."""
    return [
        replace(one, queued=_behind(one, wants)) if one.locks and wants else one
        for one in statements
    ]


def _behind(one: RehearsedStatement, wants: Wants) -> tuple[Query, ...]:
    locks = frozenset(one.locks)
    waiting = [query for query, behind in wants if behind & locks]
    return tuple(sorted(waiting, key=lambda query: -query.per_minute))


def _is_one(text: str) -> bool:
    """Tell whether the text is a single statement: it comes from outside."""
    try:
        return len(list(pieces(text.encode()))) == 1
    except BadScript:
        return False
