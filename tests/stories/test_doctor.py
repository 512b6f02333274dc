"""What this machine brings is told by doctor, and by nothing else."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from shipway.edges.client_tools import programs as pgtools
from shipway.edges.client_tools import releases
from shipway.edges.servers.cluster import installs

if TYPE_CHECKING:
    from pathlib import Path

    from tests.stories.conftest import Project


def test_what_the_client_programs_lack_is_told_by_doctor_and_not_by_every_release(
    project: Project,
) -> None:
    doctor = project.invoke("doctor", "--target", "sandbox")
    assert doctor.code == 0, doctor.err
    said = " ".join(doctor.out.split())
    tool = pgtools.find_tool("pg_dump", server_major=18, tls=False)
    holes = releases.missing_fixes(tool.version)
    assert ("no fix is known that" in said) == (not holes)
    for hole in holes:
        assert hole in said
        assert f"{tool.label} at " in said
        assert f"{releases.first_fixed(18)} has them" in said

    released = project.release()
    assert released.code == 0, released.err
    records = [path.read_text() for path in (project.root / ".shipway").rglob("release.*")]
    assert len(records) >= 3
    for text in (released.out, released.err, *records):
        assert "CVE-" not in text


def test_doctor_tells_where_servers_were_found_and_which_do_not_run(
    project: Project, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    for name in ("postgres", "initdb"):
        (broken / name).write_text("#!/bin/sh\necho 'no libssl.so' >&2; exit 127\n")
        (broken / name).chmod(0o755)
    path = f"{broken}:{os.environ['PATH']}"
    doctor = project.invoke("doctor", "--target", "sandbox", PATH=path)
    assert doctor.code == 0, doctor.err
    said = " ".join(doctor.out.split())
    for install in installs():
        assert f"PostgreSQL {install.version}" in said
    assert f"Passed over: {broken}" in said or f"at {broken} does not run" in said

    migrated = project.invoke("db.migrate", "--target", "sandbox", "--yes", PATH=path)
    assert migrated.code == 0, migrated.err
    assert str(broken) not in migrated.out + migrated.err
