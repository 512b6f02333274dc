"""What an interrupted statement outside transactions has left, and what to do about it.

Such a statement cannot be recorded together with its effect. So its intent is recorded before
it, with the indexes that its table has, and after a crash the catalog is asked what came of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shipway.migrations.ledger.messages import literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shipway.migrations.sql.statement_kinds import Kind

__all__ = ["Finding", "Leftover", "index_expression", "judge", "question"]

_REBUILT = re.compile(r"_cc(?:new|old)\d*\Z")

_INDEXES: Final = """
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname), c.relname, i.indisvalid,
       i.indexrelid::bigint, c.relname = ({wanted}),
       EXISTS (SELECT FROM pg_catalog.pg_stat_progress_create_index AS p
               WHERE p.index_relid = i.indexrelid)
FROM pg_catalog.pg_index AS i
JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE {which}
ORDER BY 1
"""
_DETACHED: Final = """
SELECT (SELECT inhdetachpending FROM pg_catalog.pg_inherits
        WHERE inhrelid = pg_catalog.to_regclass({name})
          AND inhparent = pg_catalog.to_regclass({table}))
"""
_NAMED_THINGS: Final = {
    "database": "SELECT count(*) FROM pg_catalog.pg_database WHERE datname = {part}",
    "tablespace": "SELECT count(*) FROM pg_catalog.pg_tablespace WHERE spcname = {part}",
    "subscription": "SELECT count(*) FROM pg_catalog.pg_subscription WHERE subname = {part}",
    "index": "SELECT count(*) FROM pg_catalog.pg_class WHERE oid = pg_catalog.to_regclass({name})",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """An invalid index that has to go before its statement can be run."""

    name: str
    """With its schema, quoted where needed."""
    being_built: bool
    """A session is still at work on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What the catalog says about a statement that runs outside transactions."""

    done: bool = False
    """It took effect: it must not run again."""
    leftovers: tuple[Leftover, ...] = ()
    instead: bytes | None = None
    """The statement that completes what the interrupted one began."""


def index_expression(kind: Kind) -> str:
    """Return the SQL expression of the indexes that the statement's table has by now."""
    which = _which_indexes(kind)
    if not which:
        return "ARRAY[]::bigint[]"
    return f"ARRAY(SELECT i.indexrelid::bigint FROM pg_catalog.pg_index AS i WHERE {which})"


def question(kind: Kind, *, begun: bool) -> bytes | None:
    """Return the query to ask before the statement is run; None when nothing needs asking.

    Args:
        kind: of the statement.
        begun: it was begun before and not seen to end.
    """
    if kind.verb == "create index" and (begun or kind.name):
        wanted = _last_part(kind.name) if kind.name else "NULL"
        return _INDEXES.format(which=_which_indexes(kind), wanted=wanted).encode()
    if not begun:
        return None
    if which := _which_indexes(kind):
        return _INDEXES.format(which=which, wanted="NULL").encode()
    if kind.verb == "detach partition":
        return _DETACHED.format(name=literal(kind.name), table=literal(kind.table)).encode()
    verb, _, thing = kind.verb.partition(" ")
    if verb in ("create", "drop") and thing in _NAMED_THINGS:
        asked = _NAMED_THINGS[thing]
        return asked.format(part=_last_part(kind.name), name=literal(kind.name)).encode()
    return None


def judge(
    kind: Kind,
    rows: Sequence[Sequence[str | None]],
    *,
    begun: bool,
    seen: Sequence[int],
) -> Finding:
    """Return what to do, from the answer to `question`.

    Args:
        kind: of the statement.
        rows: the answer.
        begun: it was begun before and not seen to end.
        seen: the indexes that were there when it was begun.
    """
    if kind.verb == "create index":
        return _judge_new_index(kind, rows, begun=begun, seen=seen)
    if kind.verb.startswith("reindex"):
        return Finding(
            leftovers=tuple(
                Leftover(name=name or "", being_built=building == "t")
                for name, bare, valid, oid, _, building in rows
                if valid == "f" and int(oid or 0) not in seen and _REBUILT.search(bare or "")
            )
        )
    if kind.verb == "detach partition":
        pending = rows[0][0]
        finalize = f"ALTER TABLE {kind.table} DETACH PARTITION {kind.name} FINALIZE".encode()
        return Finding(done=pending is None, instead=finalize if pending == "t" else None)
    present = rows[0][0] != "0"
    return Finding(done=present if kind.verb.startswith("create") else not present)


def _judge_new_index(
    kind: Kind, rows: Sequence[Sequence[str | None]], *, begun: bool, seen: Sequence[int]
) -> Finding:
    done = False
    leftovers = []
    for name, _, valid, oid, same_name, building in rows:
        ours = begun and int(oid or 0) not in seen and (same_name == "t" or not kind.name)
        if valid == "t":
            done = done or ours
        elif ours or same_name == "t":
            leftovers.append(Leftover(name=name or "", being_built=building == "t"))
    return Finding(done=done, leftovers=tuple(leftovers))


def _which_indexes(kind: Kind) -> str:
    """Return the condition that picks the indexes the statement can leave behind."""
    if kind.verb == "create index":
        return f"i.indrelid = pg_catalog.to_regclass({literal(kind.table)})"
    if kind.verb == "reindex table":
        return f"i.indrelid = pg_catalog.to_regclass({literal(kind.name)})"
    if kind.verb == "reindex index":
        return (
            "i.indrelid = (SELECT x.indrelid FROM pg_catalog.pg_index AS x "
            f"WHERE x.indexrelid = pg_catalog.to_regclass({literal(kind.name)}))"
        )
    if kind.verb.startswith("reindex"):
        return (
            "NOT i.indisvalid"
            if kind.verb != "reindex schema"
            else (
                "i.indexrelid IN (SELECT oid FROM pg_catalog.pg_class WHERE relnamespace = "
                f"pg_catalog.to_regnamespace({literal(kind.name)}))"
            )
        )
    return ""


def _last_part(name: str) -> str:
    """Return the SQL expression of the name without its schema, as the catalog holds it."""
    return f"(pg_catalog.parse_ident({literal(name)}))[{2 if _has_schema(name) else 1}]"


def _has_schema(name: str) -> bool:
    return "." in re.sub(r'"(?:[^"]|"")*"', "", name)
