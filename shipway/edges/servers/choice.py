"""Which of several PostgreSQL installations is most like a server, and which serves best at all.

How version and extensions weigh, and why: docs/decisions/0022-servers-that-are-here.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from shipway.edges.servers.install import Install

__all__ = ["by_version", "fullest", "most_like"]

_ASKED_FOR: Final = frozenset(
    (
        *("vector", "pg_trgm", "citext", "unaccent", "moddatetime", "pg_stat_statements", "hstore"),
        *("ltree", "btree_gin", "btree_gist", "fuzzystrmatch", "tablefunc", "intarray", "dblink"),
        *("postgres_fdw", "cube", "earthdistance", "postgis", "plpgsql_check"),
    )
)
"""What Supabase offers, histories create, and SQL alone cannot stand in for."""


def most_like(
    installs: Sequence[Install],
    major: int,
    wanted: Collection[str] = (),
    *,
    stand_ins: Collection[str] = (),
) -> Install:
    """Return the one that is most like a server.

    Of those that are not older, it is the one that lacks fewest of the extensions, then the
    nearest major, then the newest minor. Where all are older, it is one of the newest major.

    Args:
        installs: at least one.
        major: the server's.
        wanted: the names of its extensions.
        stand_ins: those whose lack costs nothing, because a stand-in serves.
    """
    least = min(major, max(one.major for one in installs))

    def _likeness(one: Install) -> tuple[int, int, int, tuple[int, ...], int]:
        lacking = set(wanted) - one.extensions
        # Where nothing else decides, the real one is better than its stand-in.
        return (
            -len(lacking - set(stand_ins)),
            -one.major,
            -len(lacking),
            by_version(one),
            len(one.extensions),
        )

    return max((one for one in installs if one.major >= least), key=_likeness)


def fullest(installs: Sequence[Install]) -> Install:
    """Return the one with most of the extensions that projects create; of equals the newest."""
    return max(installs, key=lambda one: (len(one.extensions & _ASKED_FOR), by_version(one)))


def by_version(install: Install) -> tuple[int, ...]:
    """Return what installs are sorted by."""
    return tuple(int(part) for part in install.version.split("."))
