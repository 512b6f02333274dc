"""The Management API's edge against the stand-in, a real server in its own process."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import httpx
import pytest

from shipway.errors import Refused
from shipway.steps.backup.restore_points import judge
from shipway.values.backup import RestorePoint

if TYPE_CHECKING:
    from tests.fixtures.supabase_fixtures import Platform


def test_a_healthy_project_shows_itself(platform: Platform) -> None:
    project = platform.supabase().project()

    assert project.ref == platform.facts["project_ref"]
    assert project.status == "ACTIVE_HEALTHY"
    assert project.server_version.startswith("17.")


def test_daily_backups_are_counted_and_the_newest_one_is_found(platform: Platform) -> None:
    platform.control.settings(backups=7, newest_backup_failed=True)

    found = platform.supabase().backups()

    assert not found.pitr_enabled
    assert found.backups_count == 6
    assert found.newest_at is not None
    assert found.newest_at < datetime.now(UTC) - timedelta(hours=20)
    assert abs((datetime.now(UTC) - found.recovery_time).total_seconds()) < 10


def test_a_recovery_window_is_told_with_its_ends(platform: Platform) -> None:
    platform.control.settings(pitr_enabled=True, pitr_days=7)

    found = platform.supabase().backups()

    assert found.pitr_enabled
    assert found.recoverable_from is not None
    assert found.recoverable_to is not None
    assert found.recoverable_to - found.recoverable_from > timedelta(days=6)


def test_every_backup_is_listed_with_its_state_and_a_restore_point_where_there_is_one(
    platform: Platform,
) -> None:
    platform.control.settings(backups=3, newest_backup_failed=True)
    before = platform.supabase().backups()
    api = platform.facts["supabase_api_url"], platform.facts["project_ref"]
    httpx.post(
        "{}/v1/projects/{}/database/backups/restore-point".format(*api),
        json={"name": "before-008"},
        headers={"authorization": f"Bearer {platform.facts['supabase_access_token']}"},
        trust_env=False,
    ).raise_for_status()

    found = platform.supabase().backups()

    assert [one.status for one in found.backups] == ["FAILED", "COMPLETED", "COMPLETED"]
    assert all(one.physical and one.at for one in found.backups)
    assert before.restore_point is None
    assert found.restore_point == RestorePoint(name="before-008", status="AVAILABLE")
    said = [one.text for one in judge(found, datetime.now(UTC)) if one.warns]
    assert "Supabase's newest backup FAILED." in said


def test_a_window_whose_end_lags_behind_is_warned_of(platform: Platform) -> None:
    platform.control.settings(pitr_enabled=True)
    found = platform.supabase().backups()

    fresh = judge(found, datetime.now(UTC))
    late = judge(found, datetime.now(UTC) + timedelta(hours=1))

    assert not any(one.warns for one in fresh)
    assert any("not shipped" in one.text for one in late if one.warns)


def test_storages_limit_is_the_projects_own(platform: Platform) -> None:
    platform.control.settings(file_size_limit=50_000_000)

    assert platform.supabase().upload_limit_bytes() == 50_000_000


def test_a_project_without_backups_has_no_newest_one(platform: Platform) -> None:
    platform.control.settings(backups=0)

    found = platform.supabase().backups()

    assert (found.backups_count, found.newest_at) == (0, None)


def test_health_and_readonly_are_what_the_platform_says(platform: Platform) -> None:
    platform.control.settings(unhealthy={"db": "connection refused"}, readonly=True)

    health = {one.name: one for one in platform.supabase().health()}

    assert health["db"].status == "UNHEALTHY"
    assert health["db"].error == "connection refused"
    assert health["auth"].status == "ACTIVE_HEALTHY"
    assert platform.supabase().readonly() is True


def test_a_wrong_token_is_refused_and_never_shown(platform: Platform) -> None:
    token = "sbp_" + "0" * 40

    with pytest.raises(Refused, match="401") as stopped:
        platform.supabase(token=token).project()

    assert "SUPABASE_ACCESS_TOKEN" in stopped.value.next_step
    assert token not in f"{stopped.value.what} {stopped.value.next_step}"


def test_a_foreign_project_is_refused_with_the_missing_permission(platform: Platform) -> None:
    with pytest.raises(Refused, match="403") as stopped:
        platform.supabase(ref="z" * 20).backups()

    assert "backups_read" in stopped.value.next_step
    assert "SUPABASE_PROJECT_REF" in stopped.value.next_step


@pytest.mark.parametrize(
    ("status", "cure"),
    [
        (402, "plan"),
        (404, "SUPABASE_PROJECT_REF"),
        (418, "SUPABASE_API_URL"),
        (500, "status.supabase.com"),
    ],
)
def test_each_refusal_says_what_to_do(platform: Platform, status: int, cure: str) -> None:
    platform.control.fault("status", path="backups", times=None, status=status)

    with pytest.raises(Refused, match=str(status)) as stopped:
        platform.supabase().backups()

    assert cure in stopped.value.next_step
    assert "Nothing was changed" in stopped.value.unchanged


def test_a_busy_api_is_asked_again_when_it_says_so(platform: Platform) -> None:
    platform.control.fault("status", path="backups", status=429, headers={"Retry-After": "0.01"})

    assert platform.supabase().backups().backups_count == 7
    asked = platform.calls("GET", "backups") - platform.calls("GET", "restore-point")
    assert asked == 2


@pytest.mark.parametrize("what", ["invalid_json", "truncated"])
def test_an_answer_that_cannot_be_read_is_no_answer(platform: Platform, what: str) -> None:
    platform.control.fault(what, path="backups", times=None)

    with pytest.raises(Refused, match="answer about the platform's backups"):
        platform.supabase().backups()


def test_an_api_that_is_down_is_refused_with_its_address(platform: Platform) -> None:
    platform.control.fault("reset_before", path="backups", times=None)

    with pytest.raises(Refused, match="gave no answer") as stopped:
        platform.supabase().backups()

    assert "status.supabase.com" in stopped.value.next_step
