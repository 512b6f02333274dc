"""Writes expectations into checks/ from what a database is now, for people to review."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.schema.access import API_ROLES
from shipway.schema.access_words import sections_kept, write_access
from shipway.schema.declared_words import write_declared

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from shipway.commands.session import Session
    from shipway.values.inspection import Access

__all__ = ["plan_checks", "write_checks"]

_ACCESS = "access.toml"
_DECLARED = "schema.toml"


def plan_checks(session: Session, *, again: bool) -> tuple[str, ...]:
    """Return the files that would be written, as paths relative to the project.

    Args:
        session: its target's database is what they tell of.
        again: whether an access.toml that is there is written anew. schema.toml never is: it
            says what the app's code relies on, which no database knows.
    """
    settings = session.settings
    wanted = [settings.checks_dir / name for name in (_ACCESS, _DECLARED)]
    return tuple(
        path.as_posix()
        for path in wanted
        if (again and path.name == _ACCESS) or not settings.under_root(path).exists()
    )


def write_checks(session: Session, names: Sequence[str]) -> None:
    """Write files that `plan_checks` has named.

    Raises:
        Stopped: the database cannot be asked.
    """
    made = {
        name: _access(session) if name.endswith(_ACCESS) else _declaration(session)
        for name in names
    }
    for name, text in made.items():
        path: Path = session.settings.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        session.terminal.note(f"wrote {path}: review it as you review code, then commit it")


def _access(session: Session) -> str:
    settings = session.settings
    matrix = session.wiring.database.catalog.access(
        settings.exposed_schemas, API_ROLES, timeout_s=settings.check_timeout_s
    )
    return "\n".join([write_access(matrix), *_still_to_come(session, matrix)])


def _still_to_come(session: Session, matrix: Sequence[Access]) -> list[str]:
    """Return what access.toml says of objects that pending files are still to make."""
    path = session.settings.under_root(session.settings.checks_dir / _ACCESS)
    # A new one keeps nothing, and init has no settings yet that say where the migrations are.
    if not path.exists() or not session.wiring.database.plan().pending:
        return []
    kept = sections_kept(path, matrix)
    if kept:
        session.terminal.note(f"kept, for what is pending: {', '.join(kept)}")
    return [f"{text}\n" for text in kept.values()]


def _declaration(session: Session) -> str:
    catalog = session.wiring.database.catalog
    tables = catalog.list_tables(session.settings.exposed_schemas)
    return write_declared(catalog.describe_table(f"{one.schema}.{one.name}") for one in tables)
