"""Down scripts that lie where another tool takes them for migrations, and how to move them."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING

from shipway.edges.team.git import tracked_files
from shipway.formats.figures import count
from shipway.migrations.layout import down_for, tool_sharing_folder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from shipway.values.migrations import Migration

__all__ = ["misread_as_migrations"]


def misread_as_migrations(files: Sequence[Migration], *, root: Path) -> tuple[str, str]:
    """Return what is wrong and the command that mends it; two empty texts when nothing is.

    Args:
        files: the migrations, at least one.
        root: the project's folder.
    """
    newest = files[-1].path
    places = {
        one.down_path: down_for(one.path, like=newest)
        for one in files
        if one.down_path and one.down_path.parent == one.path.parent
    }
    taken = [here for here, right in places.items() if here != right]
    if not taken:
        return "", ""
    folder, outside = taken[0].parent, places[taken[0]].parent
    tool = tool_sharing_folder(newest) or "another tool"
    said = f"{tool} takes {count(len(taken), 'down script')} in {folder.name}/ for "
    said += "a migration" if len(taken) == 1 else "migrations"
    move = "git mv" if len(tracked_files(root, [str(one) for one in taken])) == len(taken) else "mv"
    here, there = (shlex.quote(os.path.relpath(one)) for one in (folder, outside))
    return said, f"mkdir -p {there} && {move} {here}/*.down.sql {there}/"
