"""Verify as an operator runs it: it passes; it fails in each group, by object and cure; --write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from shipway.values.basics import Secret
    from tests.stories.conftest import Project

# What is done by hand to the migrated database, and for each group the check that then fails.
DAMAGE = """
alter table public."user" add column nickname text;
create view public.leak as select * from public.session;
grant select on public.leak to authenticated;
delete from public.user_metas where user_id = 'usr_ada';
create table public.counted (id serial primary key);
select setval('public.counted_id_seq', 2000000000);
"""
FAILURES = {
    "schema": ("public.user.nickname", "no migration makes this column (text)", "made by hand"),
    "access": ("public.leak", "rights of its owner", "set (security_invoker = true);"),
    "queries": ("Every person has a row of metas", "found 1 row", "checks/everyone_has_metas.sql"),
    "data": ("public.counted.id", "6.9% are left", "bigint"),
    "platform": ("auth", "UNHEALTHY: it does not answer", "status.supabase.com"),
}


@pytest.fixture
def migrated(project: Project) -> Project:
    """Return a project whose database holds the sample app."""
    project.environ["SHIPWAY_TARGET"] = "sandbox"
    ended = project.invoke("db.migrate", "--yes")
    assert ended.code == 0, ended.err
    return project


def _results(document: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = document["result"]["results"]
    return found


def test_the_sample_app_passes_every_group_and_has_no_drift(migrated: Project) -> None:
    ended = migrated.invoke("db.verify", "--format", "json")
    assert ended.code == 0, ended.err
    results = _results(ended.document)
    assert {one["group"] for one in results} == {*FAILURES}
    assert {one["outcome"] for one in results} == {"passed"}
    diff = migrated.invoke("db.diff")
    assert diff.code == 0, diff.err
    assert "The schema is the same as recorded in the target after 007_" in diff.out


def test_every_group_fails_by_object_and_cure_in_words_and_in_json(migrated: Project) -> None:
    migrated.execute(DAMAGE)
    migrated.supabase.settings(unhealthy={"auth": "it does not answer"})
    ended = migrated.invoke("db.verify", "--format", "json")
    assert ended.code == 5, ended.err
    failed = [one for one in _results(ended.document) if one["outcome"] == "failed"]
    for group, (name, detail, cure) in FAILURES.items():
        of_it = [one for one in failed if (one["group"], one["name"]) == (group, name)]
        (found,) = [one for one in of_it if detail in one["detail"]]
        assert cure in found["cure"]
        assert f"{name}: {found['detail']}" in ended.err
        assert found["cure"] in ended.err


def test_the_access_file_is_written_for_review_and_then_holds(migrated: Project) -> None:
    path = migrated.root / "checks" / "access.toml"
    path.unlink(missing_ok=True)
    assert migrated.invoke("--dry", "db.verify", "--write").code == 0
    assert not path.exists()
    assert migrated.invoke("db.verify", "--write").code == 0
    assert 'anon = "nothing"' in path.read_text(encoding="utf-8")
    migrated.execute("grant select on public.api_audit_log to anon")
    ended = migrated.invoke("db.verify", "--only", "access")
    assert ended.code == 5
    assert "anon can select no row of public.api_audit_log, expected nothing" in ended.err


def test_an_unknown_group_is_a_usage_error(bare_project: Project, database_url: Secret) -> None:
    url = database_url.reveal()
    ended = bare_project.invoke("db.verify", "--only", "schemes", DATABASE_URL=url)
    assert ended.code == 2
    assert "schema, access, queries, data, platform" in ended.err


@pytest.mark.parametrize(
    "by_hand",
    [
        'alter table public."user" add column nickname text',
        'create index by_hand on public."user" (id, name)',
        'grant truncate on public."user" to authenticated',
    ],
)
def test_what_was_made_by_hand_stops_a_release_before_the_target_is_touched(
    migrated: Project, by_hand: str
) -> None:
    migrated.execute(by_hand)
    (migrated.root / "migrations" / "008_note.sql").write_text(
        'alter table public."user" add column note text;\n'
    )
    ended = migrated.release()
    assert ended.code == 5, ended.err
    assert "The migrated copy is not what its schema should be" in ended.err
    assert "unchanged: The target was not touched" in ended.err
    assert "008_note" not in migrated.ledger()
