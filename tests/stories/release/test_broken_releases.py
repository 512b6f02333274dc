"""Releases that fail, each at another step: what came before stands, nothing after it began."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.stories.conftest import Ended, Project


def steps_of(project: Project) -> list[tuple[str, str]]:
    record = json.loads((project.records()[-1] / "release.json").read_text(encoding="utf-8"))
    return [(step["name"], step["end"]) for step in record["steps"]]


def assert_three_sentences(ended: Ended) -> None:
    for word in ("error: ", "unchanged: ", "next: "):
        assert word in ended.err


def created_deployments(project: Project) -> int:
    calls = project.vercel.requests()
    return sum(1 for one in calls if one.method == "POST" and "deployments" in one.path)


def test_a_broken_third_migration_leaves_tables_ledger_and_deployment_as_they_were(
    project: Project,
) -> None:
    first = project.release()
    assert first.code == 0, first.err
    live_before, tables_before = project.production(), project.tables()
    ledger_before = project.ledger()
    folder = project.root / "migrations"
    (folder / "008_invoices.sql").write_text("create table invoices (id bigint primary key);\n")
    (folder / "009_totals.sql").write_text("alter table invoices add column total numeric;\n")
    (folder / "010_broken.sql").write_text(
        "create table payments (id bigint);\n\n"
        "alter table invoices\n  add column nonsense wrongtype;\n"
    )
    (folder / "011_after.sql").write_text("create table after_all (id bigint);\n")
    project.vercel.forget_requests()

    ended = project.release()

    # The rehearsal finds it on the copy: of the two good ones before it nothing is there either.
    assert ended.code == 4
    assert "010_broken.sql" in ended.err
    assert project.ledger() == ledger_before
    assert project.tables() == tables_before
    assert steps_of(project)[-1] == ("rehearse", "failed")

    ended = project.release("--without-rehearsal", "to see what happens then")

    assert ended.code == 4
    assert_three_sentences(ended)
    assert "010_broken.sql" in ended.err
    assert "line 4" in ended.err or ":4:" in ended.err
    assert "42704" in ended.err
    assert "wrongtype" in ended.err
    # The two good ones before it stay, the broken one left nothing, the one after never ran.
    assert project.ledger() == [*ledger_before, "008_invoices", "009_totals"]
    assert project.tables() == sorted([*tables_before, "invoices"])
    assert created_deployments(project) == 0
    assert project.production() == live_before
    assert steps_of(project)[-1] == ("migrate", "failed")


def test_when_the_verification_fails_nothing_is_deployed(project: Project) -> None:
    (project.root / "checks" / "impossible.sql").write_text(
        "-- shipway: name='Nobody is a user' expect=empty\nselect 1 from public.user limit 1;\n"
    )

    ended = project.release()

    assert ended.code == 5
    assert "Nobody is a user" in ended.err
    assert project.ledger() == []
    assert steps_of(project)[-1] == ("rehearse", "failed")

    ended = project.release("--without-rehearsal", "to see what happens then")

    assert ended.code == 5
    assert_three_sentences(ended)
    assert "Nobody is a user" in ended.err
    assert len(project.ledger()) == 7
    assert created_deployments(project) == 0
    assert project.production() is None
    assert project.live().status_code >= 400
    assert steps_of(project)[-1] == ("verify", "failed")


def test_a_failed_build_leaves_production_on_the_old_deployment(project: Project) -> None:
    project.quick_release()
    before, page = project.production(), project.live().text
    project.vercel.fault("ERROR", on="build")

    ended = project.quick_release()

    assert ended.code == 6
    assert_three_sentences(ended)
    assert f"Production is still {before}" in ended.err
    assert project.production() == before
    assert project.live().text == page
    assert steps_of(project)[-1] == ("deploy", "failed")


def test_a_build_that_never_ends_is_given_up_at_the_deadline(project: Project) -> None:
    project.vercel.fault("never", on="build")

    ended = project.quick_release(SHIPWAY_DEPLOY_TIMEOUT_S="1")

    assert ended.code == 6
    assert project.production() is None


def test_a_failed_smoke_test_is_never_promoted(project: Project) -> None:
    project.quick_release()
    before = project.production()
    project.vercel.fault("serves_errors", on="build", status=500)
    project.vercel.forget_requests()

    ended = project.quick_release()

    assert ended.code == 6
    assert "smoke test failed" in ended.err
    assert project.production() == before
    assert not [one for one in project.vercel.requests() if "/promote/" in one.path]


def test_a_failed_promotion_says_what_production_is(project: Project) -> None:
    project.quick_release()
    before, page = project.production(), project.live().text
    project.vercel.fault("failed", on="alias")

    ended = project.quick_release()

    assert ended.code == 6
    assert_three_sentences(ended)
    assert before is not None
    assert before in ended.err
    assert project.production() == before
    assert project.live().text == page


def test_a_quiet_window_is_not_called_good(project: Project) -> None:
    ended = project.quick_release(SHIPWAY_WATCH_MIN_REQUESTS="100000")

    assert ended.code == 0
    assert "warning: The logs of" in ended.out
    assert "NOT ENOUGH EVIDENCE" in ended.out
    live = project.production()
    assert live is not None

    wanted = {"SHIPWAY_WATCH_NOT_ENOUGH": "fail", "SHIPWAY_WATCH_MIN_REQUESTS": "100000"}
    ended = project.invoke("logs", "--target", "sandbox", **wanted)

    assert ended.code == 8
    assert "it was not rolled back" in ended.err
    assert project.production() == live
    wrong = {"SHIPWAY_WATCH_NOT_ENOUGH": "perhaps"}
    assert project.invoke("logs", "--target", "sandbox", **wrong).code == 2


def test_an_edited_migration_stops_the_release_before_the_backup(project: Project) -> None:
    project.quick_release()
    (project.root / "migrations" / "003_user_metas.sql").write_text("select 1;\n")
    before = project.production()

    ended = project.quick_release()

    assert ended.code == 3
    assert "003_user_metas" in ended.err
    assert project.production() == before
    assert len(project.records()) == 1
    assert len(list((project.root / ".shipway" / "backups").iterdir())) == 1
