"""The tool `scripts/histories` on projects small enough for the suite: what it tells of whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.histories.judging import HISTORY, PRODUCT, STAND_IN, owner
from tests.histories.server import SqlError
from tests.histories.stages import STAGES, Project, Run, run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.histories.server import Sandbox

_TABLE = """
create table public.note (id int primary key, owner uuid not null);
alter table public.note enable row level security;
create policy own on public.note for select to authenticated using (owner = (select auth.uid()));
grant select on public.note to authenticated;
"""


def project(folder: Path, **files: str) -> Project:
    """Write a project in which each file is one statement or more."""
    migrations = folder / "app" / "supabase" / "migrations"
    migrations.mkdir(parents=True)
    for name, text in files.items():
        (migrations / f"{name.removeprefix('v')}.sql").write_text(text)
    return Project.at(folder / "app")


def test_an_ordinary_history_comes_through_every_stage(sandbox: Sandbox, tmp_path: Path) -> None:
    given = project(
        tmp_path,
        v20260101000000_note=_TABLE,
        v20260102000000_body="alter table public.note add column body text;",
    )
    done = run(given, tmp_path / "run", sandbox, timeout_s=100)
    assert done.faults == {}
    assert tuple(done.green) == STAGES
    assert (done.grade, done.compared) == (6, True)


def test_what_psql_cannot_run_either_is_the_historys_own_and_the_rest_is_asked_all_the_same(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    given = project(
        tmp_path,
        v20260101000000_note="alter table public.from_the_dashboard add column a int;" + _TABLE,
        v20260102000000_body="alter table public.note add column body text;",
    )
    done = run(given, tmp_path / "run", sandbox, timeout_s=100)
    assert owner(done, "sandbox") == HISTORY
    assert [(one.file, one.line) for one in done.psql_errors] == [("20260101000000_note.sql", 1)]
    assert {"adopt", "backup", "migrate"} <= {*done.green}


@pytest.mark.parametrize(
    ("errors", "stage", "whose"),
    [
        ([], "sandbox", PRODUCT),
        ([], "rehearse", PRODUCT),
        (['relation "cron.job" does not exist'], "sandbox", STAND_IN),
        (['extension "postgis" is not available'], "psql", STAND_IN),
        (['relation "public.made_by_hand" does not exist'], "psql", HISTORY),
        (['relation "public.made_by_hand" does not exist'], "backup", PRODUCT),
    ],
)
def test_a_fault_is_told_of_whose_it_is(errors: list[str], stage: str, whose: str) -> None:
    done = Run(name="app", files=2, faults={stage: "it failed"})
    done.psql_errors = [SqlError(file="1_a.sql", line=1, what=one) for one in errors]
    assert owner(done, stage) == whose
