"""What public Supabase projects do runs whole in the sandbox, under the names that they give it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shipway.values import Secret
from tests.fixtures.database_project import DatabaseProject
from tests.fixtures.migrating import labels
from tests.histories.generated import history

if TYPE_CHECKING:
    from pathlib import Path

    from tests.histories.server import Sandbox

HOW_MANY = 6


@pytest.mark.parametrize("number", range(HOW_MANY))
def test_a_history_of_what_public_projects_do_runs_in_the_sandbox(
    number: int, tmp_path: Path, sandbox: Sandbox
) -> None:
    project = DatabaseProject(root=tmp_path, url=Secret(sandbox.url(sandbox.database())))
    files = history(number, of=HOW_MANY)
    project.begin(files)
    code, said = project.invoke("db.migrate", "--yes")
    assert code == 0, said
    assert len(labels(project.url)) == len(files) - 1, "all but the one that is no migration"
