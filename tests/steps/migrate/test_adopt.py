"""Taking over a database: from each tool's history, by version, and row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shipway.edges.ledger.ledger import Ledger
from shipway.errors import Failed, Misconfigured, Refused
from shipway.migrations.adopt import plan_accept, plan_adopt, plan_forget
from shipway.migrations.files import read_folder
from shipway.steps.migrate.adopt import adopt
from shipway.steps.migrate.powers import MigratePowers
from tests.fixtures.migrating import LIMITS, Heard, RealClock, ask, exists, labels, run, write
from tests.fixtures.other_tools import FILES, TOOLS, prepare

if TYPE_CHECKING:
    from pathlib import Path

    from shipway.values.basics import Secret
    from shipway.values.histories import Adopted, AdoptPlan


def plan_of(url: Secret, folder: Path, *, source: str = "", up_to: int | None = None) -> AdoptPlan:
    with Ledger(url, connect_timeout_s=5) as ledger:
        files = read_folder(folder)
        return plan_adopt(files, ledger.look(), source=source, up_to=up_to)


def carry_out(url: Secret, plan: AdoptPlan) -> Adopted:
    with Ledger(url, connect_timeout_s=5) as ledger:
        return adopt(
            plan, MigratePowers(database=ledger, limits=LIMITS, clock=RealClock(), say=Heard())
        )


@pytest.mark.parametrize("tool", TOOLS)
def test_the_history_of_each_tool_is_taken_over(
    database_url: Secret, tmp_path: Path, tool: str
) -> None:
    write(tmp_path, FILES)
    prepare(database_url, TOOLS[tool])
    plan = plan_of(database_url, tmp_path)
    assert plan.source.startswith(f"{tool} (")
    assert [file.name for file in plan.record] == ["first", "second"]
    assert [file.name for file in plan.pending] == ["third"]
    assert not exists(database_url, "shipway.migrations"), "a plan writes nothing"

    adopted = carry_out(database_url, plan)
    assert adopted.recorded == ("20260101000000_first", "20260102000000_second")
    assert adopted.tables_touched == ("shipway.default_privileges", "shipway.migrations")
    assert not exists(database_url, "first"), "nothing was run"
    run(database_url, tmp_path)
    assert len(labels(database_url)) == 3
    assert exists(database_url, "third")
    assert not exists(database_url, "second")


def test_the_files_up_to_a_version_are_taken_over(database_url: Secret, tmp_path: Path) -> None:
    write(tmp_path, FILES)
    carry_out(database_url, plan_of(database_url, tmp_path, up_to=20260102000000))
    assert labels(database_url) == ["20260101000000_first", "20260102000000_second"]
    ((by,), _) = ask(database_url, "SELECT applied_by FROM shipway.migrations ORDER BY version")
    assert by == "postgres, adopted: --up-to 20260102000000"
    with pytest.raises(Misconfigured, match="no file with version 5"):
        plan_of(database_url, tmp_path, up_to=5)


def test_adopting_again_changes_nothing(database_url: Secret, tmp_path: Path) -> None:
    write(tmp_path, FILES)
    prepare(database_url, TOOLS["dbmate"])
    carry_out(database_url, plan_of(database_url, tmp_path))
    again = plan_of(database_url, tmp_path)
    assert again.record == ()


def test_several_histories_need_a_choice(database_url: Secret, tmp_path: Path) -> None:
    write(tmp_path, FILES)
    prepare(database_url, TOOLS["dbmate"])
    prepare(database_url, TOOLS["sqitch"])
    with pytest.raises(Refused, match="Several tools have left a history: dbmate, sqitch"):
        plan_of(database_url, tmp_path)
    assert plan_of(database_url, tmp_path, source="SQITCH").source == "sqitch (sqitch.changes)"
    with pytest.raises(Misconfigured, match="no history of 'flyway'"):
        plan_of(database_url, tmp_path, source="flyway")


def test_a_database_without_a_history_needs_a_version(database_url: Secret, tmp_path: Path) -> None:
    write(tmp_path, FILES)
    with pytest.raises(Refused, match="No history") as caught:
        plan_of(database_url, tmp_path)
    assert "--up-to" in caught.value.next_step


@pytest.mark.parametrize(
    ("tool", "change", "said"),
    [
        ("golang-migrate", "UPDATE public.schema_migrations SET dirty = true", "marked dirty"),
        (
            "Prisma",
            "UPDATE public._prisma_migrations SET rolled_back_at = NULL",
            "20260103000000_third has failed",
        ),
        (
            "Flyway",
            "UPDATE public.flyway_schema_history SET success = false WHERE installed_rank = 2",
            "V2__second.sql has failed",
        ),
        (
            "dbmate",
            "INSERT INTO public.schema_migrations VALUES ('20251231000000')",
            "not in the folder: 20251231000000",
        ),
        (
            "Flyway",
            "UPDATE public.flyway_schema_history SET version = '1.2' WHERE installed_rank = 2",
            "not in the folder: V2__second.sql",
        ),
        (
            "node-pg-migrate",
            "DELETE FROM public.pgmigrations WHERE id = 1",
            "20260101000000_first.sql would be left behind",
        ),
    ],
)
def test_a_history_that_does_not_fit_is_refused(
    database_url: Secret, tmp_path: Path, tool: str, change: str, said: str
) -> None:
    write(tmp_path, FILES)
    prepare(database_url, TOOLS[tool])
    prepare(database_url, change)
    with pytest.raises(Refused) as caught:
        plan_of(database_url, tmp_path)
    assert said in caught.value.what


def test_nothing_is_adopted_when_something_else_would_change(
    database_url: Secret, tmp_path: Path
) -> None:
    """A trigger on the ledger is the something else."""
    write(tmp_path, FILES)
    run(database_url, write(tmp_path / "one", {"1_a.sql": "CREATE TABLE witness (id int);"}))
    prepare(
        database_url,
        "DELETE FROM shipway.migrations; CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql "
        "AS $$ BEGIN INSERT INTO public.witness VALUES (1); RETURN NEW; END $$;"
        "CREATE TRIGGER t AFTER INSERT ON shipway.migrations FOR EACH ROW EXECUTE FUNCTION tell()",
    )
    plan = plan_of(database_url, tmp_path, up_to=20260101000000)
    with pytest.raises(Failed, match="something else than the ledger would have changed"):
        carry_out(database_url, plan)
    assert labels(database_url) == []
    assert ask(database_url, "SELECT * FROM witness") == []


def test_an_edited_or_renamed_file_is_accepted_and_a_deleted_one_forgotten(
    database_url: Secret, tmp_path: Path
) -> None:
    write(tmp_path, FILES)
    run(database_url, tmp_path)
    write(tmp_path, {"20260101000000_first.sql": "CREATE TABLE first (); -- why"})
    (tmp_path / "20260102000000_second.sql").rename(tmp_path / "20260102000000_better.sql")
    (tmp_path / "20260103000000_third.sql").unlink()
    with pytest.raises(Refused) as caught:
        run(database_url, tmp_path)
    commands = caught.value.next_step
    for wanted in ("--accept 20260101000000", "--accept 20260102000000", "--forget 20260103000000"):
        assert f"invoke db.adopt {wanted}" in commands
    for version in (20260101000000, 20260102000000):
        with Ledger(database_url, connect_timeout_s=5) as ledger:
            plan = plan_accept(read_folder(tmp_path), ledger.look(), version)
        carry_out(database_url, plan)
    with Ledger(database_url, connect_timeout_s=5) as ledger:
        files, state = read_folder(tmp_path), ledger.look()
        with pytest.raises(Refused, match="it would be run again"):
            plan_forget(files, state, 20260101000000)
        plan = plan_forget(files, state, 20260103000000)
    assert carry_out(database_url, plan).forgotten == ("20260103000000_third",)
    assert run(database_url, tmp_path).ledger_count == 2
    assert labels(database_url) == ["20260101000000_first", "20260102000000_better"]
    assert exists(database_url, "third")


def test_a_new_file_under_the_number_of_an_applied_one_runs_after_the_renames(
    database_url: Secret, tmp_path: Path
) -> None:
    write(tmp_path, {"0001_a.sql": "CREATE TABLE a ();", "0002_mine.sql": "CREATE TABLE mine ();"})
    run(database_url, tmp_path)
    (tmp_path / "0002_mine.sql").rename(tmp_path / "0003_mine.sql")
    write(tmp_path, {"0002_theirs.sql": "CREATE TABLE theirs ();"})
    with pytest.raises(Refused) as caught:
        run(database_url, tmp_path)
    for line in caught.value.next_step.splitlines():
        old, new = line.split("git mv ")[1].split()
        (tmp_path / old).rename(tmp_path / new)
    assert run(database_url, tmp_path).ledger_count == 3
    assert exists(database_url, "theirs")
    assert labels(database_url) == ["0001_a", "0002_mine", "0004_theirs"]
