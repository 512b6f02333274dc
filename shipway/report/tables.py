r"""How tables are told to a person: what `\dt` and `\d` of psql show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shipway.formats.figures import size
from shipway.report.words import show
from shipway.values.inspection import TableDetail, TableSummary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shipway.report.terminal.terminal import Terminal
    from shipway.values.inspection import Named

__all__ = ["TableList"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableList:
    """The tables and views of the schemas that were asked for."""

    tables: tuple[TableSummary, ...]


@show.register(TableList)
def _(value: TableList, terminal: Terminal) -> None:
    terminal.table(
        ("table", "kind", "#rows", "#size", "row security"),
        [
            (
                f"{one.schema}.{one.name}",
                one.kind,
                "?" if one.rows_estimate is None else f"~{one.rows_estimate}",
                size(one.size_bytes),
                _row_security(one),
            )
            for one in value.tables
        ],
    )


def _row_security(table: TableSummary) -> str:
    if not table.kind.endswith("table") or table.kind == "foreign table":
        return ""
    if not table.row_security:
        return "OFF"
    return f"on, {table.policies} policies" if table.policies != 1 else "on, 1 policy"


@show.register(TableDetail)
def _(value: TableDetail, terminal: Terminal) -> None:
    about = value.summary
    terminal.title(f"{about.kind} {about.schema}.{about.name}")
    if about.comment:
        terminal.note(about.comment)
    terminal.note("")
    terminal.table(
        ("column", "type", "null", "default"),
        [
            (one.name, one.type, "null" if one.nullable else "not null", one.default)
            for one in value.columns
        ],
    )
    if value.definition:
        terminal.note("")
        terminal.note(value.definition)
    for title, parts in (
        ("indexes", value.indexes),
        ("constraints", value.constraints),
        ("referenced by", value.referenced_by),
        ("policies", value.policies),
        ("triggers", value.triggers),
        ("grants", value.grants),
    ):
        _show_parts(title, parts, terminal)
    if about.kind.endswith("table") and not about.row_security:
        terminal.note("")
        terminal.warn("row security is OFF")


def _show_parts(title: str, parts: Sequence[Named], terminal: Terminal) -> None:
    if not parts:
        return
    terminal.note("")
    with terminal.part(title):
        for one in parts:
            terminal.note(f"{one.name}  {one.definition}")
