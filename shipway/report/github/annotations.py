"""Annotations for GitHub Actions: errors and findings beside the lines that they speak of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.formats.visible import no_command, visible
from shipway.values.lint import Severity
from shipway.values.rehearsal import Seal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from shipway.errors import Stopped

__all__ = ["of_error", "of_seal"]

_LEVELS = {Severity.SERIOUS: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def of_error(error: Stopped, workspace: Path | None) -> str:
    """Return the annotation of a failure; beside its line when it stands in a file.

    Form: `::error file=…,line=…,col=…,title=…::message`, as GitHub's "Workflow commands" have it.
    """
    title = type(error).__name__
    if error.place is None:
        return _command("error", error.what, title=title)
    place = error.place
    where = _from(workspace, place.file)
    return _command("error", place.what, file=where, line=place.line, col=place.column, title=title)


def of_seal(seal: Seal, files: dict[str, Path], workspace: Path | None) -> Iterator[str]:
    """Yield one annotation for each finding of a rehearsal, also those of linters that stand.

    Args:
        seal: of the rehearsal.
        files: label of a migration to its file.
        workspace: the repository's root.
    """
    told = [(one.severity, one.migration, one.line, one.what, one.cure) for one in seal.findings]
    told += [
        (one.severity, one.migration, one.line, f"{one.what} ({one.rule})", one.cure)
        for one in seal.lint.standing
    ]
    for severity, migration, line, what, cure in told:
        path = files.get(migration)
        where: dict[str, str] = {}
        if path and line:
            where = {"file": _from(workspace, path), "line": str(line)}
        title = f"Rehearsal: {migration or 'all'}"
        yield _command(_LEVELS[severity], f"{what} {cure}".strip(), **where, title=title)


def _from(workspace: Path | None, path: Path) -> str:
    below = workspace and path.is_relative_to(workspace)
    return (path.relative_to(workspace) if workspace and below else path).as_posix()


def _command(level: str, message: str, **properties: str | int) -> str:
    told = ",".join(f"{name}={_property(str(value))}" for name, value in properties.items())
    return f"::{level} {told}::{_data(message)}"


def _data(text: str) -> str:
    return no_command(visible(text)).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
