"""Review: what linters say of the pending files, before any of them has run."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, Protocol

from shipway.errors import Stopped
from shipway.migrations.lint import lint
from shipway.migrations.lint_rules import LEFT_OUT, SWITCHED_ON, severity_of
from shipway.migrations.sql.do_blocks import open_do_blocks
from shipway.migrations.sql.opened import open_script
from shipway.values.basics import Unproven
from shipway.values.lint import LintReport

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shipway.values.lint import LintFinding
    from shipway.values.migrations import Migration

__all__ = ["Linter", "review"]

_READ_UP_TO_BYTES: Final = 1 << 20
"""Larger files are bulk data."""
_SYNTAX: Final = "squawk/syntax-error"
"""The server itself reads the files: where the two differ, it is right."""


class Linter(Protocol):
    """A program that finds fault with SQL."""

    @property
    def label(self) -> str:
        """Its name and version."""

    def read(
        self,
        files: Mapping[str, bytes],
        *,
        include: Sequence[str],
        exclude: Sequence[str],
        server_major: int,
    ) -> tuple[LintFinding, ...]:
        """Return what it finds in the files, each under its migration's label."""


def review(
    pending: Sequence[Migration], linter: Linter | Unproven, *, server_version: str
) -> LintReport:
    """Return what our own rules and the linter find in the pending files."""
    unread = [linter.missing] if isinstance(linter, Unproven) else []
    tools = ["shipway's own rules"]
    found: list[LintFinding] = []
    texts: dict[str, bytes] = {}
    for migration in pending:
        if migration.size_bytes > _READ_UP_TO_BYTES:
            unread.append(f"{migration.label} is bulk data: no linter has read it")
            continue
        with open_script(migration) as script:
            found += lint(script, migration.label)
            texts[migration.label] = open_do_blocks(script.text)
    if not isinstance(linter, Unproven) and texts:
        try:
            major = int(server_version.partition(".")[0])
            said = linter.read(texts, include=SWITCHED_ON, exclude=LEFT_OUT, server_major=major)
            found += (
                replace(one, severity=severity_of(one.rule)) for one in said if one.rule != _SYNTAX
            )
            tools.append(linter.label)
        except Stopped as error:
            unread.append(error.what)
    order = {migration.label: at for at, migration in enumerate(pending)}
    found.sort(key=lambda one: (order[one.migration], one.line, one.rule))
    return LintReport(tools=tuple(tools), unread=tuple(unread), findings=tuple(found))
