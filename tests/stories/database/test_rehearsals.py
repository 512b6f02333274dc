"""Rehearsals as an operator meets them: by command, in a release, and before db.migrate."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.stories.conftest import Project

PROTECTED = {"SHIPWAY_PROTECTED_TARGETS": "sandbox"}


def add(project: Project, name: str, up: str, down: str = "") -> None:
    folder = project.root / "migrations"
    (folder / f"{name}.sql").write_text(up + "\n", encoding="utf-8")
    if down:
        (folder / f"{name}.down.sql").write_text(down + "\n", encoding="utf-8")


def test_what_only_the_data_can_refuse_is_found_before_production_is_touched(
    project: Project,
) -> None:
    first = project.release()
    assert first.code == 0, first.err
    live, ledger, tables = project.production(), project.ledger(), project.tables()
    add(project, "008_unique", "alter table public.api_audit_log add unique (path);")

    ended = project.release()

    assert ended.code == 4
    assert "The rehearsal failed" in ended.err
    assert "23505" in ended.err
    assert "The target was not touched" in ended.err
    assert (project.ledger(), project.tables()) == (ledger, tables)
    assert project.production() == live
    record = json.loads((project.records()[-1] / "release.json").read_text(encoding="utf-8"))
    assert [step["name"] for step in record["steps"]][-1] == "rehearse"
    listed = project.invoke("backup.list", "--target", "sandbox")
    assert "L6 rehearsed" in listed.out
    assert "L4 equal" in listed.out


def test_what_the_serving_code_still_needs_is_not_taken_from_it(project: Project) -> None:
    first = project.release()
    assert first.code == 0, first.err
    live, ledger = project.production(), project.ledger()
    add(project, "008_leaner", 'alter table public.verification drop column "expiresAt";')
    schema = project.root / "checks" / "schema.toml"
    promised = schema.read_text(encoding="utf-8")
    schema.write_text(promised.replace('"value", "expiresAt"', '"value"'), encoding="utf-8")

    ended = project.release()

    assert ended.code == 5
    assert "The code that serves now would not work" in ended.err
    assert "verification.expiresAt" in ended.err
    assert "phase=contract" in ended.err
    assert (project.production(), project.ledger()) == (live, ledger)

    project.vercel.reset()  # as after sandbox.reset: the records stay, production is empty

    again = project.invoke("db.rehearse", "--target", "sandbox", "--format", "json")

    assert again.code == 0, again.err
    assert again.document["result"]["serving_unasked"] == "no code serves production yet"


def test_a_rewrite_of_a_large_table_and_a_lost_policy_are_told_with_their_figures(
    project: Project,
) -> None:
    project.execute(
        "create schema shop; create table shop.visits (id int primary key, note text); "
        "insert into shop.visits select n, 'visit ' || n from generate_series(1, 20000) n; "
        "create policy own on shop.visits using (true)"
    )
    folder = project.root / "migrations"
    for path in folder.glob("00[2-7]*"):
        path.unlink()
    for path in (project.root / "checks").iterdir():
        if path.suffix == ".sql" or path.name in {"schema.toml", "access.toml"}:
            path.unlink()
    add(project, "002_wide", "alter table shop.visits alter id type bigint;")
    add(project, "003_policy", "drop policy own on shop.visits;")

    ended = project.invoke("db.rehearse", "--target", "sandbox", "--format", "json")

    assert ended.code == 0, ended.err
    seal = ended.document["result"]
    (wide,) = [one for one in seal["statements"] if one["migration"] == "002_wide"]
    assert "AccessExclusiveLock on shop.visits" in wide["locks"]
    assert wide["rewritten"] == ["shop.visits"]
    rewrite, policy = (
        next(one for one in seal["findings"] if text in one["what"])
        for text in ("writes shop.visits", "The policy shop.visits.own is gone.")
    )
    assert rewrite["severity"] in {"warning", "serious"}
    assert "(20 000 rows) and keeps readers and writers out for" in rewrite["what"]
    assert f"for {wide['held_ms']:.0f} ms on this machine" in rewrite["what"]
    assert policy["severity"] == "serious"
    weighed = {one["rule"]: one["weighed"] for one in seal["lint"]["findings"]}
    assert weighed["shipway/policy-dropped"] == "confirmed"
    assert "squawk/changing-column-type" in weighed


def test_a_protected_target_is_migrated_only_as_it_was_rehearsed(project: Project) -> None:
    def migrate(*flags: str) -> tuple[int, str]:
        ended = project.invoke("db.migrate", "--target", "sandbox", "--yes", *flags, **PROTECTED)
        return ended.code, ended.err

    code, said = migrate()
    assert code == 3
    assert "invoke db.rehearse --target sandbox" in said
    assert project.ledger() == []

    rehearsed = project.invoke("db.rehearse", "--target", "sandbox", "--format", "json")
    assert rehearsed.code == 0, rehearsed.err
    seal = rehearsed.document["result"]
    assert len(seal["migrations"]) == 7
    assert {one["reversal"] for one in seal["migrations"]} == {"reversible"}

    project.execute("create table public.by_hand (n int)")
    code, said = migrate()
    assert code == 3
    assert "table public.by_hand: unexpected now" in said
    assert project.ledger() == []

    project.execute("drop table public.by_hand")
    code, said = migrate()
    assert code == 0, said
    assert len(project.ledger()) == 7

    add(project, "008_later", "comment on table public.user is 'people';")
    assert migrate()[0] == 3, "the seal is for other files"
    assert migrate("--without-rehearsal", "a comment only")[0] == 0
    assert len(project.ledger()) == 8
    journal = (project.root / ".shipway" / "migrations.jsonl").read_text(encoding="utf-8")
    assert "a comment only" in journal


def test_pruning_shows_its_plan_and_keeps_what_is_marked(project: Project) -> None:
    folder = project.root / ".shipway" / "backups"
    for _ in range(3):
        assert project.invoke("backup", "--target", "sandbox").code == 0
    oldest, middle, newest = sorted(path.name for path in folder.iterdir())
    few = {f"SHIPWAY_BACKUP_KEEP_{rule}": "0" for rule in ("LAST", "DAILY", "WEEKLY", "MONTHLY")}

    kept = project.invoke("backup.keep", "--backup", oldest, "--target", "sandbox")
    shown = project.invoke("--dry", "backup.prune", "--target", "sandbox", **few)
    unasked = project.invoke("backup.prune", "--target", "sandbox", **few)

    assert kept.code == shown.code == 0
    assert unasked.code == 3, "nobody said yes"
    assert len(list(folder.iterdir())) == 3
    assert project.invoke("backup.prune", "--target", "sandbox", "--yes", **few).code == 0
    assert sorted(path.name for path in folder.iterdir()) == [oldest, newest]
    assert middle in shown.out + shown.err
