"""With build = "before-migrate" a failed build is found before the database is touched."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.stories.conftest import Project


def test_a_build_before_the_migrations_is_the_one_that_goes_live(project: Project) -> None:
    assert project.release(SHIPWAY_BUILD="whenever").code == 2

    ended = project.release(SHIPWAY_BUILD="before-migrate")

    assert ended.code == 0, ended.err
    text = (project.records()[-1] / "release.json").read_text(encoding="utf-8")
    steps = {one["name"]: one for one in json.loads(text)["steps"]}
    names = list(steps)
    assert names.index("build") < names.index("migrate") < names.index("deploy")
    assert steps["build"]["proof"]["deployment_id"] == project.production()
    created = [
        one
        for one in project.vercel.requests()
        if (one.method, one.status) == ("POST", 200) and one.path == "/v13/deployments"
    ]
    assert len(created) == 1


def test_a_build_that_fails_first_leaves_the_schema_as_it_was(project: Project) -> None:
    project.vercel.fault("ERROR", on="build", message="npm run build exited with 1")

    ended = project.release(SHIPWAY_BUILD="before-migrate")

    assert ended.code == 6
    assert "npm run build exited with 1" in ended.err
    assert project.ledger() == []
    assert project.tables() == []
    assert project.production() is None
