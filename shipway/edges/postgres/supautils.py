"""What Supabase's library supautils lets the role postgres do, on a server that lacks the library.

Without it a copy of a project refuses what the project itself allows: the sandbox, the copies of
rehearsals and the server of the expected schema get it by the same few event triggers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from shipway.edges.postgres.catalog_sql import sql

if TYPE_CHECKING:
    import psycopg
    from psycopg.rows import TupleRow

__all__ = ["PRIVILEGED_ROLE", "stand_in_for_supautils", "supautils_script"]

PRIVILEGED_ROLE: Final = "postgres"
"""The role that the library favours: the project's owner, who is no superuser."""
_LACKING: Final = """
select exists (select from pg_roles where rolname = 'postgres' and not rolsuper)
    and (select rolsuper from pg_roles where rolname = current_user)
    and current_setting('supautils.privileged_role', true) is null
    and not exists (select from pg_event_trigger where evtname = 'supautils_2_lend')
"""

_EVENT_TRIGGERS: Final = 170_000
"""The server version from which on they can be switched off for a session."""
_AS_REPLICA: Final = "session_replication_role = replica"


def supautils_script() -> bytes:
    """Return the SQL that a superuser runs once in a database."""
    return sql("supautils") + sql("supautils_settings")


def stand_in_for_supautils(
    connection: psycopg.Connection[TupleRow], *, whole_cluster: bool
) -> None:
    """Give a database what supautils gives it, where a superuser may and the library is not there.

    Args:
        connection: to the database.
        whole_cluster: its server is for this database alone: settings may be given to roles.
    """
    ((lacking,),) = connection.execute(_LACKING).fetchall()
    if lacking:
        # The project's own event triggers are there already, and this is none of its changes.
        silent = "event_triggers = off" if _has_switch(connection) else _AS_REPLICA
        connection.execute(f"set {silent}".encode())
        connection.execute(supautils_script() if whole_cluster else sql("supautils"))
        connection.execute(f"reset {silent.partition(' ')[0]}".encode())


def _has_switch(connection: psycopg.Connection[TupleRow]) -> bool:
    return connection.info.server_version >= _EVENT_TRIGGERS
