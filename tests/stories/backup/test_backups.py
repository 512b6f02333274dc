"""Backups as an operator meets them: encrypted ones, damaged ones, and a disk that is full."""

from __future__ import annotations

import resource
import subprocess
import sys
from typing import TYPE_CHECKING

import httpx
import pyrage

from tests.stories.conftest import DEADLINE_S, clean_environment

if TYPE_CHECKING:
    from pathlib import Path

    from tests.stories.conftest import Project


def shelf(project: Project) -> list[Path]:
    return sorted((project.root / ".shipway" / "backups").iterdir())


def test_a_release_rehearses_on_an_encrypted_backup_that_its_machine_cannot_read_later(
    project: Project,
) -> None:
    key = pyrage.x25519.Identity.generate()
    identity = project.root / "key.txt"
    identity.write_text(str(key))

    released = project.release(SHIPWAY_BACKUP_RECIPIENTS=str(key.to_public()))

    assert released.code == 0, released.err
    assert "encrypted: 1 key can read it, none here" in released.out
    assert "L6" in released.out
    (backup,) = shelf(project)
    assert {one.name for one in backup.iterdir()} >= {"dump.pgc.age", "seal.json"}
    plain = [one for one in (project.root / ".shipway").rglob("*") if one.suffix == ".pgc"]
    assert plain == []
    restore = ("db.restore", backup.name, "--target", "sandbox")
    without = project.invoke(*restore)
    assert without.code == 3
    assert "BACKUP_IDENTITY_FILE" in without.err
    assert project.invoke("backup.verify", "--target", "sandbox").code == 0
    with_key = project.invoke(*restore, BACKUP_IDENTITY_FILE=str(identity))
    assert with_key.code == 0, with_key.err
    assert "came back in" in with_key.out


def test_damaged_cut_and_swapped_archives_are_refused_and_nothing_is_restored(
    project: Project,
) -> None:
    project.execute("create table public.pets as select n from generate_series(1, 999) n")
    assert project.invoke("backup", "--target", "sandbox").code == 0
    project.execute("insert into public.pets values (0)")
    assert project.invoke("backup", "--target", "sandbox").code == 0
    first, second = (one / "dump.pgc" for one in shelf(project))
    whole, other = second.read_bytes(), first.read_bytes()
    middle = len(whole) // 2
    flipped = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]

    for wrong in (flipped, whole[:middle], other.ljust(len(whole), b"\0")[: len(whole)]):
        second.write_bytes(wrong)
        ended = project.invoke(
            "db.restore", second.parent.name, "--into", "sandbox", "--target", "sandbox", "--yes"
        )
        assert ended.code == 1
        assert "cannot be trusted" in ended.err
        assert project.rows("select count(*) from public.pets") == [(1000,)]
    assert len(shelf(project)) == 2


def test_a_disk_that_is_full_during_the_dump_leaves_no_backup(project: Project) -> None:
    project.execute(
        "create table public.big as select md5(n::text) from generate_series(1, 9999) n"
    )

    ended = subprocess.run(
        [sys.executable, "-m", "invoke", "backup", "--target", "sandbox"],
        cwd=project.root,
        env=clean_environment() | project.environ,
        # The largest file that this process may write: what is more fails as on a full disk.
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000)),
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )

    assert ended.returncode == 1
    assert "could not be written" in ended.stderr
    assert "Make room there" in ended.stderr
    assert shelf(project) == []


def s3_of(project: Project) -> dict[str, str]:
    """The settings that keep copies at the S3 endpoint of the project's own Storage."""
    return {
        "SHIPWAY_BACKUP_S3_BUCKET": "copies",
        "SHIPWAY_BACKUP_S3_ENDPOINT": project.standins["s3_endpoint"],
        "AWS_ACCESS_KEY_ID": project.standins["s3_access_key_id"],
        "AWS_SECRET_ACCESS_KEY": project.standins["s3_secret_access_key"],
    }


def make_bucket(project: Project, *, public: bool) -> None:
    key = project.standins["supabase_secret_key"]
    httpx.post(
        f"{project.standins['supabase_url']}/storage/v1/bucket",
        json={"id": "copies", "name": "copies", "public": public},
        headers={"apikey": key, "authorization": f"Bearer {key}"},
        trust_env=False,
    ).raise_for_status()


def test_a_public_bucket_gets_no_backup_over_the_projects_own_s3_endpoint(
    project: Project,
) -> None:
    make_bucket(project, public=True)

    ended = project.invoke("backup", "--target", "sandbox", **s3_of(project))

    assert ended.code == 3
    assert "The bucket copies is public" in ended.err
    (backup,) = shelf(project)
    at = f"/storage/v1/object/public/copies/{backup.name}/dump.pgc"
    there = httpx.get(project.standins["supabase_url"] + at, trust_env=False)
    assert there.status_code == 400


def test_a_copy_at_the_projects_own_s3_endpoint_is_said_to_die_with_the_project(
    project: Project,
) -> None:
    make_bucket(project, public=False)

    ended = project.invoke("backup", "--target", "sandbox", **s3_of(project))

    assert ended.code == 0, ended.err
    assert "dies with it" in ended.out + ended.err
    looked = project.invoke("doctor", "--target", "sandbox", **s3_of(project))
    assert "which dies with the project" in " ".join(looked.out.split())
