"""Puts a query to the database as a role of the API would, so that nothing it does can stay.

Four walls, each enough by itself against most of what a query could try: the transaction is
READ ONLY, it is always rolled back, the server takes exactly one statement (the extended
protocol refuses a second), and a statement timeout bounds it. A DO block or a procedure that
commits is refused by the server, because it stands inside a transaction.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Final

import psycopg
from psycopg.pq import TransactionStatus

from shipway.edges.postgres.diagnostics import report
from shipway.edges.postgres.reading import reading_begins
from shipway.values.inspection import QueryAnswer

if TYPE_CHECKING:
    from psycopg.rows import TupleRow

__all__ = ["AS_THE_API", "ask"]

AS_THE_API: Final = """
    set_config('request.method', 'GET', true), set_config('request.path', '/', true),
    set_config('request.headers', '{}', true), set_config('request.cookies', '{}', true)
"""
"""What every request of the Data API sets: policies read it, and some take it for granted."""

_PREPARE: Final = f"""
select set_config('statement_timeout', %(timeout)s, true),
    set_config('request.jwt.claims', %(claims)s, true),
    set_config('search_path', 'public, extensions', true),
    {AS_THE_API},
    case when %(role)s::text is not null then set_config('role', %(role)s::text, true) end
"""


def ask(  # noqa: PLR0913 - who asks what, and three bounds
    connection: psycopg.Connection[TupleRow],
    statement: str,
    *,
    role: str | None,
    claims: str | None,
    timeout_s: float,
    most_rows: int = 5,
) -> QueryAnswer:
    """Run one statement and return its first rows or its error; nothing it does stays.

    Args:
        connection: in autocommit mode, with no transaction open.
        statement: exactly one; the server itself refuses a second.
        role: whose rights it has; the connection's own when None.
        claims: JSON of the caller's token, as the API sets it.
        timeout_s: after which the server cancels it.
        most_rows: how many rows are returned at most.
    """
    began = time.monotonic()
    parameters = {"timeout": f"{int(timeout_s * 1000)}ms", "claims": claims or "", "role": role}
    rows: list[tuple[str | None, ...]] = []
    more = False
    sqlstate: str | None = None
    message = ""
    connection.execute(reading_begins(connection))
    try:
        connection.execute(_PREPARE, parameters)
        began = time.monotonic()
        # `stream` takes single rows by the extended protocol: one statement, little memory.
        with connection.cursor() as cursor:
            for row in cursor.stream(statement.encode()):
                if len(rows) == most_rows:
                    more = True
                    break
                rows.append(tuple(_text(value) for value in row))
    except psycopg.Error as error:
        sqlstate = error.sqlstate or "unknown"
        message = report(error.diag, sent=statement.encode(), otherwise=str(error)).message
    duration_ms = (time.monotonic() - began) * 1000
    left = connection.info.transaction_status is TransactionStatus.IDLE
    if not left and not connection.broken:  # else the answer says why it is
        connection.execute("rollback")
    return QueryAnswer(
        rows=tuple(rows),
        more=more,
        sqlstate=sqlstate,
        message=message,
        duration_ms=duration_ms,
        left_transaction=left,
    )


def _text(value: object) -> str | None:
    """Return a value as it is written in an expectation."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return json.dumps(value, default=str, ensure_ascii=False)
    return str(value)
