"""What public projects do runs in the sandbox, a later file on a copy of it, and it comes back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from shipway.values.basics import Secret
from tests.fixtures.database_project import DatabaseProject
from tests.fixtures.migrating import labels
from tests.histories.generated import history

if TYPE_CHECKING:
    from pathlib import Path

    from tests.histories.server import Sandbox

HOW_MANY = 6


@pytest.mark.parametrize("number", range(HOW_MANY))
def test_a_history_of_what_public_projects_do_is_run_rehearsed_and_brought_back(
    number: int, tmp_path: Path, sandbox: Sandbox
) -> None:
    project = DatabaseProject(root=tmp_path, url=Secret(sandbox.url(sandbox.database())))
    (tmp_path / ".env.empty").write_text(f"DATABASE_URL={sandbox.url(sandbox.database())}\n")
    files = history(number, of=HOW_MANY)
    pending = max(name for name in files if name[0].isdigit())
    project.begin({name: text for name, text in files.items() if name != pending})
    code, said = project.invoke("db.migrate", "--yes")
    assert code == 0, said
    assert len(labels(project.url)) == len(files) - 2, "all but the one that is no migration"
    code, said = project.invoke("backup")
    assert code == 0, said
    project.begin({pending: files[pending]})
    code, said = project.invoke("db.rehearse", "--format", "json")
    assert code == 0, said
    seal = json.loads(said[said.index("{") : said.rindex("}") + 1])["result"]
    assert (seal["grade"], seal["comparable"]) == (6, True), said
    code, said = project.invoke("db.restore", seal["backup_id"], "--into", "empty", "--yes")
    assert code == 0, said
