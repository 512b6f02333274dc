"""Whose database it is: the project that the settings name and the one that the database names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.errors import Refused

if TYPE_CHECKING:
    from shipway.values.migrations import LedgerState

__all__ = ["refuse_other_project"]


def refuse_other_project(state: LedgerState, project_ref: str | None) -> None:
    """Refuse a database that was told to belong to another project than the settings name.

    Raises:
        Refused: it was.
    """
    if project_ref and state.project_ref and project_ref != state.project_ref:
        raise Refused(
            f"The database belongs to project {state.project_ref}, not to {project_ref}.",
            unchanged="Nothing was run; the database is as it was.",
            next_step="Correct DATABASE_URL or SUPABASE_PROJECT_REF of this target.",
        )
