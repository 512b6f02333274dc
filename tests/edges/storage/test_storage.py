"""Storage's edge against the stand-in, driven through the real supabase-py."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shipway.edges.storage.tus import CHUNK_BYTES
from shipway.errors import Failed, Misconfigured, Refused

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fixtures.supabase_fixtures import Platform

PIECE_BYTES = CHUNK_BYTES
NAME = "20261122-120000-000-staging/dump.pgc"


def test_a_missing_bucket_is_made_private_and_the_file_is_there_as_it_was(
    platform: Platform, small: Path
) -> None:
    assert platform.storage().keep(small, NAME) == f"backups/{NAME}"

    assert platform.raw("GET", "bucket/backups").json()["public"] is False
    assert platform.stored(NAME) == small.read_bytes()


def test_a_public_bucket_gets_nothing(platform: Platform, small: Path) -> None:
    platform.raw("POST", "bucket", {"id": "backups", "name": "backups", "public": True})

    with pytest.raises(Refused, match="is public"):
        platform.storage().keep(small, NAME)

    assert platform.calls("POST", "object/backups") == 0


def test_a_large_file_goes_in_chunks(platform: Platform, large: Path) -> None:
    platform.storage().keep(large, NAME)

    assert platform.stored(NAME) == large.read_bytes()
    assert platform.calls("PATCH", "upload/resumable") == 3


@pytest.mark.parametrize("what", ["reset_before", "reset_after"])
def test_an_upload_cut_in_the_middle_goes_on_where_it_stood(
    platform: Platform, large: Path, what: str
) -> None:
    platform.control.fault(what, method="PATCH", path="upload/resumable", after=1)

    platform.storage().keep(large, NAME)

    assert platform.stored(NAME) == large.read_bytes()
    assert platform.calls("HEAD", "upload/resumable") == 1
    # The first chunk was never sent again.
    assert platform.calls("POST", "upload/resumable") == 1


def test_an_upload_whose_answer_was_lost_is_found_there(platform: Platform, small: Path) -> None:
    platform.control.fault("reset_after", method="POST", path="object/backups")

    assert platform.storage().keep(small, NAME) == f"backups/{NAME}"
    assert platform.stored(NAME) == small.read_bytes()


def test_another_file_under_that_name_is_found_by_reading_back_and_never_overwritten(
    platform: Platform, small: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"somebody else's")
    platform.storage().keep(other, NAME)

    with pytest.raises(Failed, match="does not hold what was uploaded"):
        platform.storage().keep(small, NAME)

    assert platform.stored(NAME) == b"somebody else's"


def test_a_copy_comes_back_as_it_was_also_when_the_connection_breaks(
    platform: Platform, large: Path, tmp_path: Path
) -> None:
    platform.storage().keep(large, NAME)
    platform.control.fault("truncated", method="GET", path="object/sign")

    platform.storage().fetch(NAME, tmp_path / "back")

    assert (tmp_path / "back").read_bytes() == large.read_bytes()
    with pytest.raises(Refused, match="Storage refused"):
        platform.storage().fetch("of another name", tmp_path / "back")


def test_a_file_above_the_buckets_limit_is_refused_before_it_is_sent(
    platform: Platform, large: Path
) -> None:
    platform.raw(
        "POST",
        "bucket",
        {"id": "backups", "name": "backups", "public": False, "file_size_limit": 1_000_000},
    )

    with pytest.raises(Refused, match="413") as stopped:
        platform.storage().keep(large, NAME)

    assert "upload limit" in stopped.value.next_step
    assert platform.calls("POST", "upload/resumable") == 0


def test_a_file_above_the_plans_limit_is_refused_before_it_is_sent(
    platform: Platform, large: Path
) -> None:
    platform.control.settings(file_size_limit=1_000_000)
    storage = platform.storage(project_limit=platform.supabase().upload_limit_bytes)

    with pytest.raises(Refused, match=r"it has 12\.6 MB, and the project's plan .* take 1\.0 MB"):
        storage.keep(large, NAME)

    assert platform.calls("POST", "upload/resumable") == 0


def test_a_wrong_key_is_refused_and_never_shown(platform: Platform, small: Path) -> None:
    key = "sb_secret_" + "x" * 22 + "_" + "y" * 8

    with pytest.raises(Refused) as stopped:
        platform.storage(key=key).keep(small, NAME)

    assert "SUPABASE_SECRET_KEY" in stopped.value.next_step
    assert key not in f"{stopped.value.what} {stopped.value.next_step}"


def test_storage_that_stays_silent_is_given_up_in_time(platform: Platform, small: Path) -> None:
    platform.control.fault("stall", path="storage/v1", times=None, seconds=30)

    with pytest.raises(Failed, match="did not come through"):
        platform.storage(timeout_s=0.3).keep(small, NAME)


def test_a_fault_of_storage_is_a_failure_with_its_status(platform: Platform, small: Path) -> None:
    body = {"statusCode": "503", "error": "Unavailable", "message": "Try later"}
    platform.control.fault(
        "status", method="POST", path="object/backups", times=None, status=400, body=body
    )

    with pytest.raises(Failed, match="503 Try later"):
        platform.storage().keep(small, NAME)


def test_the_key_is_never_sent_in_clear_to_another_machine(platform: Platform) -> None:
    facts = {**platform.facts, "supabase_url": "http://example.invalid"}

    with pytest.raises(Misconfigured, match="unencrypted"):
        type(platform)(facts=facts, control=platform.control).storage()
