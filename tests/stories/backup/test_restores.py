"""Restores as an operator meets them: at a terminal, into a target that is protected."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.stories.conftest import DEADLINE_S, Ended, clean_environment

if TYPE_CHECKING:
    from tests.stories.conftest import Project

PROTECTED = {"SHIPWAY_PROTECTED_TARGETS": "sandbox"}


def at_a_terminal(project: Project, typed: str, *arguments: str) -> Ended:
    """Run a command with a terminal at both ends, at which a person types a line."""
    master, slave = pty.openpty()
    try:
        os.write(master, f"{typed}\n".encode())
        ended = subprocess.run(
            [sys.executable, "-m", "invoke", *arguments],
            cwd=project.root,
            env=clean_environment() | project.environ | PROTECTED | {"TERM": "dumb"},
            stdin=slave,
            stdout=subprocess.PIPE,
            stderr=slave,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )
        said = os.read(master, 1 << 16).decode()
    finally:
        os.close(slave)
        os.close(master)
    # The terminal breaks lines where they are too long for it.
    return Ended(code=ended.returncode, out=ended.stdout, err=" ".join(said.split()))


def test_a_protected_target_is_restored_only_by_its_name_and_backed_up_before(
    project: Project,
) -> None:
    assert project.invoke("db.migrate", "--target", "sandbox", "--yes").code == 0
    assert project.invoke("backup", "--target", "sandbox").code == 0
    (backup,) = [one.name for one in (project.root / ".shipway" / "backups").iterdir()]
    tables = project.tables()
    project.execute("drop table public.api_audit_log cascade; create table public.later (n int)")
    restore = ("db.restore", "--backup", backup, "--into", "sandbox", "--target", "sandbox")

    wrong = at_a_terminal(project, "sandbx", *restore)

    assert wrong.code == 3
    assert "its name was not typed" in wrong.err
    assert "nothing was changed" in wrong.err
    assert "api_audit_log" not in project.tables()
    assert len(list((project.root / ".shipway" / "backups").iterdir())) == 1
    assert project.invoke(*restore, "--yes", **PROTECTED).code == 3

    right = at_a_terminal(project, "sandbox", *restore)

    assert right.code == 0, right.err
    assert project.tables() == tables
    assert "came back in" in right.out
    assert re.search(r"restored \S+ into PostgreSQL \S+ at ", right.out)
    assert "embedded" not in right.out
    assert "left out" not in right.out
    counted = re.findall(r"tables with ([\d,]+ rows)", right.out)[-1]
    assert f": {counted}, grade" in right.out
    told = "users and files are not brought back"
    assert told in wrong.out
    assert right.out.index(told) < right.out.index("backed up first")
    assert "grade L4" in right.out
    saved = max(one.name for one in (project.root / ".shipway" / "backups").iterdir())
    assert f"to have it back: invoke db.restore {saved} --into sandbox" in right.out
    assert saved != backup
