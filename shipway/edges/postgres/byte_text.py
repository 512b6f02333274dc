"""Text of databases that keep bytes as they come (SQL_ASCII): what is no UTF-8 is shown escaped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg.adapt import Loader

if TYPE_CHECKING:
    import psycopg
    from psycopg.abc import Buffer
    from psycopg.rows import TupleRow

__all__ = ["read_any_bytes"]

_TYPES = ("text", "varchar", "bpchar", "name")


class _AnyBytes(Loader):
    def load(self, data: Buffer) -> str:
        return bytes(data).decode("utf-8", "backslashreplace")


def read_any_bytes(connection: psycopg.Connection[TupleRow]) -> None:
    """Let a connection read text whose bytes are in no known encoding."""
    for name in _TYPES:
        connection.adapters.register_loader(name, _AnyBytes)
