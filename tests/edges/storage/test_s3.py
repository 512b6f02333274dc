"""The edge of S3 against the stand-in, which holds every request against its signature."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from shipway.edges.storage.s3 import PART_BYTES, S3
from shipway.errors import Failed, Misconfigured, Refused
from shipway.values.basics import Secret

if TYPE_CHECKING:
    from pathlib import Path

    from shipway.sandbox.control import Received
    from tests.fixtures.supabase_fixtures import Platform

PIECE_BYTES = PART_BYTES
NAME = "20261122-120000-000-staging/dump.pgc"


def uploads(platform: Platform) -> list[Received]:
    """What was sent of backups: not the probe that goes before."""
    return [
        one
        for one in platform.control.requests()
        if one.method == "PUT" and "shipway-probe" not in one.path
    ]


def names(platform: Platform) -> list[str]:
    """What lies in the bucket."""
    asked = {"prefix": "", "limit": 1000}
    listed = platform.raw("POST", "object/list-v2/backups", asked).json()
    return [one["name"] for one in listed["objects"]]


def test_small_and_large_files_are_there_as_they_were(
    platform: Platform, small: Path, large: Path
) -> None:
    platform.bucket()

    assert platform.s3().keep(small, "small") == "s3://backups/acme/small"
    assert platform.s3().keep(large, NAME) == f"s3://backups/acme/{NAME}"

    assert platform.stored(f"acme/{NAME}") == large.read_bytes()
    assert [one.body_bytes for one in uploads(platform)] == [
        100_000,
        PIECE_BYTES,
        PIECE_BYTES,
        12_345,
    ]


@pytest.mark.parametrize("what", ["reset_before", "reset_after"])
def test_an_upload_cut_in_the_middle_goes_on_with_the_part_that_was_cut(
    platform: Platform, large: Path, what: str
) -> None:
    platform.bucket()
    platform.control.fault(what, method="PUT", path=NAME, after=1)

    platform.s3().keep(large, NAME)

    assert platform.stored(f"acme/{NAME}") == large.read_bytes()
    sent = [one.query.get("partNumber") for one in uploads(platform)]
    assert sent == ["1", "2", "2", "3"]


def test_a_completion_whose_answer_was_lost_is_found_there(platform: Platform, large: Path) -> None:
    platform.bucket()
    platform.control.fault("reset_after", method="POST", path="storage/v1/s3", after=1)

    platform.s3().keep(large, NAME)

    assert platform.stored(f"acme/{NAME}") == large.read_bytes()


def test_an_upload_that_cannot_go_on_leaves_no_parts_that_are_paid_for(
    platform: Platform, large: Path
) -> None:
    platform.bucket()
    platform.control.fault("status", method="PUT", path=NAME, after=1, times=None, status=403)

    with pytest.raises(Refused, match="AccessDenied"):
        platform.s3().keep(large, NAME)

    assert platform.calls("DELETE", NAME) == 1


def test_what_arrived_wrong_is_found_by_reading_back(platform: Platform, small: Path) -> None:
    platform.bucket()
    platform.control.fault("corrupt", on="store", path=NAME)

    with pytest.raises(Failed, match="does not hold what was uploaded"):
        platform.s3().keep(small, NAME)


def test_a_copy_comes_back_as_it_was_also_when_the_connection_breaks(
    platform: Platform, large: Path, tmp_path: Path
) -> None:
    platform.bucket()
    platform.s3().keep(large, NAME)
    platform.control.fault("truncated", method="GET", path=NAME)

    platform.s3().fetch(NAME, tmp_path / "back")

    assert (tmp_path / "back").read_bytes() == large.read_bytes()
    with pytest.raises(Refused, match="S3 refused"):
        platform.s3().fetch("of another name", tmp_path / "back")


def test_another_file_of_that_name_is_never_overwritten(
    platform: Platform, small: Path, tmp_path: Path
) -> None:
    platform.bucket()
    other = tmp_path / "other"
    other.write_bytes(b"somebody else's")
    platform.s3().keep(other, NAME)

    with pytest.raises(Failed, match="does not hold what was uploaded"):
        platform.s3().keep(small, NAME)

    assert platform.stored(f"acme/{NAME}") == b"somebody else's"


@pytest.mark.parametrize(
    ("bucket", "edge", "told"),
    [
        (None, {}, ("NoSuchBucket", "Make the bucket")),
        ({"public": True}, {}, ("is public", "Make the bucket private")),
        ({}, {"access_key_id": "0" * 32}, ("Invalid Access Key", "AWS_ACCESS_KEY_ID")),
        (
            {},
            {"secret_access_key": Secret("the wrong one")},
            ("SignatureDoesNotMatch", "AWS_SECRET_ACCESS_KEY"),
        ),
        ({"file_size_limit": 5_000}, {}, ("exceeded the maximum", "Raise the endpoint's limit")),
    ],
)
def test_a_refusal_says_what_it_is_and_how_to_mend_it(
    platform: Platform,
    small: Path,
    bucket: dict[str, Any] | None,
    edge: dict[str, Any],
    told: tuple[str, str],
) -> None:
    if bucket is not None:
        platform.bucket(**bucket)

    with pytest.raises(Refused, match=told[0]) as stopped:
        platform.s3(**edge).keep(small, NAME)

    assert told[1] in stopped.value.next_step
    assert "the wrong one" not in stopped.value.what


def test_a_public_bucket_gets_nothing_but_a_probe_that_goes_again(
    platform: Platform, small: Path
) -> None:
    platform.bucket(public=True)

    with pytest.raises(Refused, match="could be read without a key") as stopped:
        platform.s3().keep(small, NAME)

    assert stopped.value.unchanged == "Nothing of the backup was uploaded."
    assert uploads(platform) == []
    assert names(platform) == []


def test_a_bucket_is_asked_once_and_keeps_no_probe(platform: Platform, small: Path) -> None:
    platform.bucket()
    s3 = platform.s3()

    s3.keep(small, "small")
    s3.keep(small, "again")

    assert names(platform) == ["acme/again", "acme/small"]
    assert platform.calls("GET", "object/public/backups/acme/shipway-probe") == 1


def test_the_backup_is_never_sent_in_clear_to_another_machine() -> None:
    with pytest.raises(Misconfigured, match="unencrypted"):
        S3(bucket="backups", endpoint="http://s3.example.invalid")
