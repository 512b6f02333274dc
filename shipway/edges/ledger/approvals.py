"""Approvals as the target's database keeps them: any machine that releases finds them there."""

from __future__ import annotations

import hmac
from datetime import UTC
from typing import TYPE_CHECKING

import psycopg

from shipway.edges.postgres.diagnostics import plain_message
from shipway.edges.postgres.reading import reading
from shipway.errors import Failed, Refused
from shipway.formats.signed_file import signature_of
from shipway.values.gates import Approval

if TYPE_CHECKING:
    from datetime import datetime

    from psycopg.rows import TupleRow

    from shipway.values.basics import Secret

__all__ = ["read_approvals", "write_approval"]

_TABLE = b"""
create schema if not exists shipway;
create table if not exists shipway.approvals (
  plan_digest text not null,
  by text not null,
  role text not null default session_user,
  at timestamptz not null,
  signature text
);
alter table shipway.approvals enable row level security;
revoke all on schema shipway from public;
revoke all on shipway.approvals from public
"""
_KIND = "approval"


def write_approval(
    connection: psycopg.Connection[TupleRow],
    *,
    digest: str,
    by: str,
    at: datetime,
    key: Secret | None,
) -> Approval:
    """Keep an approval and return it as the server has it.

    Raises:
        Failed: the database would not keep it.
    """
    try:
        with connection.transaction():
            role = _one(connection, "select session_user::text")
            made = Approval(plan_digest=digest, by=by, role=role, at=at.replace(microsecond=0))
            if _one(connection, "select to_regclass('shipway.approvals')::text") is None:
                connection.execute(_TABLE)
            connection.execute(
                "insert into shipway.approvals (plan_digest, by, at, signature) "
                "values (%s, %s, %s, %s)",
                (digest, by, made.at, signature_of(_KIND, made, key) if key else None),
            )
    except psycopg.Error as error:
        raise Failed(
            f"The database would not keep the approval: {plain_message(error)}",
            unchanged="Nothing was changed.",
            next_step="Approve as a role that may write the schema 'shipway': its owner.",
        ) from None
    return made


def read_approvals(
    connection: psycopg.Connection[TupleRow], *, digest: str, key: Secret | None
) -> tuple[Approval, ...]:
    """Return the approvals of one plan; with a key, those alone that are signed with it.

    Raises:
        Refused: they cannot be read.
    """
    try:
        with reading(connection):
            rows = _rows(connection, digest)
    except psycopg.Error as error:
        raise Refused(
            f"The approvals cannot be read: {plain_message(error)}",
            unchanged="Nothing was changed.",
            next_step="Release as a role that may read the schema 'shipway': its owner.",
        ) from None
    found = []
    for plan, by, role, at, signature in rows:
        one = Approval(plan_digest=plan, by=by, role=role, at=at.astimezone(UTC))
        if key is None or hmac.compare_digest(signature or "", signature_of(_KIND, one, key)):
            found.append(one)
    return tuple(found)


def _rows(connection: psycopg.Connection[TupleRow], digest: str) -> list[TupleRow]:
    if _one(connection, "select to_regclass('shipway.approvals')::text") is None:
        return []
    return connection.execute(
        "select plan_digest, by, role, at, signature from shipway.approvals "
        "where plan_digest = %s order by at",
        (digest,),
    ).fetchall()


def _one(connection: psycopg.Connection[TupleRow], query: str) -> str:
    row = connection.execute(query.encode()).fetchone()
    return row[0] if row else ""
