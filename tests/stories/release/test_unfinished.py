"""A release that was cut off: what the next one says, how it goes on, how it is given up."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.stories.conftest import Ended, Project


def lean(project: Project) -> None:
    """Leave the project two small migrations and no checks: this is about releases."""
    for name in ("migrations", "checks"):
        shutil.rmtree(project.root / name)
        (project.root / name).mkdir()
    (project.root / "checks" / "smoke.toml").write_text('[[page]]\npath = "/"\nstatus = 200\n')
    for name in ("001_a", "002_b"):
        (project.root / "migrations" / f"{name}.sql").write_text(
            f"create schema if not exists app;\ncreate table app.{name[-1]} (id int);\n"
        )


def invoke(project: Project, task: str, *flags: str) -> Ended:
    return project.invoke(task, "--target", "sandbox", *flags)


def cut_off(project: Project, after: str) -> str:
    """Make of a release that came to its end one that was killed after a step; return its id."""
    ((release_id, number),) = project.rows(
        "select release_id, min(number) from shipway.journal "
        f"where line::json ->> 'event' = 'result' and line::json ->> 'step' = '{after}' "
        "group by release_id order by release_id desc limit 1"
    )
    project.execute(f"delete from shipway.journal where number > {number}")
    path = project.records()[-1] / "journal.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(lines[:number]), encoding="utf-8")
    return str(release_id)


def ends(project: Project) -> list[str]:
    history = invoke(project, "release.history", "--format", "json").document["result"]
    # Whether so short a window shows enough for a verdict is another story's.
    live = {"good", "not enough evidence"}
    told = [one["end"] or one["standing"] for one in history["releases"]]
    return ["live" if one in live else one for one in told]


def test_what_is_unfinished_is_shown_and_either_gone_on_with_or_given_up(
    project: Project,
) -> None:
    lean(project)
    assert project.quick_release().code == 0
    first = cut_off(project, "migrate")
    live = project.production()

    ended = project.quick_release()

    assert ended.code == 3
    assert "--resume" in ended.err
    assert "release.abandon" in ended.err
    assert f"release {first} is UNFINISHED" in ended.out
    assert "2 of its 2 are applied" in ended.out
    assert f"{live}, this release's" in ended.out

    ended = project.quick_release("--resume")

    assert ended.code == 0, ended.out + ended.err
    assert "read again, its digest is right" in ended.out
    assert f"{live} is production already" in ended.out
    assert project.production() == live
    (folder,) = project.records()
    record = json.loads((folder / "release.json").read_text(encoding="utf-8"))
    proofs = {step["name"]: step["proof"] for step in record["steps"]}
    assert [row["label"] for row in proofs["migrate"]["applied_now"]] == ["001_a", "002_b"]
    assert proofs["deploy"]["previous_id"] is None
    assert len(list((project.root / ".shipway" / "backups").iterdir())) == 1
    assert invoke(project, "release.audit").code == 0

    assert project.quick_release("--resume").code == 3  # nothing is unfinished any more
    cut_off(project, "verify")
    assert invoke(project, "release.abandon", "--yes").code == 0
    assert ends(project) == ["abandoned"]
    assert project.quick_release().code == 0
    assert ends(project) == ["live", "abandoned"]
    assert first in invoke(project, "release.show", first).out
    assert first in invoke(project, "release.audit", "--release", first).out


def test_the_contract_phase_waits_for_the_soak_time_and_has_a_backup_of_its_own(
    project: Project,
) -> None:
    lean(project)
    drop = project.root / "migrations" / "003_drop.sql"
    drop.write_text("-- shipway: phase=contract\ndrop table app.a;\n")
    assert project.quick_release().code == 0
    assert project.ledger() == ["001_a", "002_b"]
    live = project.production()

    early = invoke(project, "release.finish", "--yes")

    assert early.code == 3
    assert "soak_s" in early.err
    assert project.ledger() == ["001_a", "002_b"]

    ended = project.invoke("release.finish", "--target", "sandbox", "--yes", SHIPWAY_SOAK_S="0")

    assert ended.code == 0, ended.out + ended.err
    assert project.ledger() == ["001_a", "002_b", "003_drop"]
    assert project.production() == live
    record = json.loads((project.records()[-1] / "release.json").read_text(encoding="utf-8"))
    assert record["end"] == "finished"
    names = [step["name"] for step in record["steps"]]
    assert names == ["preflight", "backup", "rehearse", "gates", "migrate", "verify"]
    assert ends(project) == ["finished", "live"]
    again = project.invoke("release.finish", "--target", "sandbox", "--yes", SHIPWAY_SOAK_S="0")
    assert "no contract migration is pending" in again.out


def test_other_files_than_before_are_not_gone_on_with(project: Project) -> None:
    lean(project)
    project.quick_release()
    cut_off(project, "backup")
    (project.root / "migrations" / "003_c.sql").write_text("select 1;\n")

    ended = project.quick_release("--resume")

    assert ended.code == 3
    assert "003_c" in ended.err
    assert "release.abandon" in ended.err
    assert project.ledger() == ["001_a", "002_b"]


def test_on_another_machine_it_goes_on_from_the_database_alone(project: Project) -> None:
    lean(project)
    project.quick_release()
    release_id = cut_off(project, "verify")
    live = project.production()
    for name in ("releases", "backups", "logs", "verified"):
        shutil.rmtree(project.root / ".shipway" / name, ignore_errors=True)

    ended = project.quick_release("--resume")

    assert ended.code == 0, ended.out + ended.err
    assert "the backup from before is not on this machine" in ended.out
    assert project.production() == live
    assert [folder.name for folder in project.records()] == [release_id]
    assert invoke(project, "release.audit").code == 0


def test_an_audit_finds_a_changed_a_removed_and_an_added_line_in_either_copy(
    project: Project,
) -> None:
    lean(project)
    project.quick_release()
    path = project.records()[-1] / "journal.jsonl"
    whole = path.read_text(encoding="utf-8")
    lines = whole.splitlines(keepends=True)
    assert invoke(project, "release.audit").code == 0
    for damage in (
        [*lines[:2], lines[2].replace('"at":"2', '"at":"1', 1), *lines[3:]],
        [*lines[:2], *lines[3:]],
        [*lines[:3], lines[2], *lines[3:]],
    ):
        path.write_text("".join(damage), encoding="utf-8")
        ended = invoke(project, "release.audit")
        assert ended.code == 1
        assert "NOT INTACT" in ended.out
        assert "its folder here: line" in ended.out
    path.write_text(whole, encoding="utf-8")

    project.execute('update shipway.journal set line = replace(line, \'"at":"2\', \'"at":"1\')')
    changed = invoke(project, "release.audit", "--format", "json")
    assert changed.code == 1
    assert "the target's database: line" in changed.document["result"][0]["faults"][0]
    project.execute("delete from shipway.journal where number > 5")
    removed = invoke(project, "release.audit")
    assert removed.code == 1
    assert "lacks the last" in removed.out


def test_the_api_s_roles_see_nothing_of_the_journal(project: Project) -> None:
    lean(project)
    project.quick_release()
    rows = project.rows(
        "select rolname, has_schema_privilege(rolname, 'shipway', 'usage'), "
        "has_table_privilege(rolname, 'shipway.journal', 'select,insert,update,delete'), "
        "has_table_privilege(rolname, 'shipway.release_lock', 'select,insert,update,delete') "
        "from pg_roles where rolname in ('anon', 'authenticated', 'service_role')"
    )
    assert len(rows) == 3
    assert all(row[1:] == (False, False, False) for row in rows)
    secured = project.rows(
        "select relname, relrowsecurity from pg_class where relnamespace = 'shipway'::regnamespace "
        "and relname in ('journal', 'release_lock')"
    )
    assert sorted(secured) == [("journal", True), ("release_lock", True)]
