"""The backup step, on a real database and real files."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import psycopg
import pytest

from shipway.edges.dump.dump import PgDump
from shipway.edges.machine.clock import SystemClock
from shipway.errors import Failed, Refused
from shipway.formats.signed_file import read_paper, write_paper
from shipway.schema.fingerprint import fingerprint
from shipway.steps.backup.store import (
    ARCHIVE,
    MANIFEST,
    SCHEMA,
    ProofTerms,
    latest_backup,
    list_backups,
    open_backup,
    verify_backup,
)
from shipway.steps.backup.take import BackupPowers, Dumper, plan_backup, take_backup
from shipway.steps.release.resume import backup_that_holds
from shipway.values.backup import Backup, Dumped, DumpedSoFar, Grade, Manifest, Platform
from shipway.values.basics import Plainly, Secret, Unproven
from shipway.values.inspection import Snapshot
from tests.fixtures.backing_up import archives

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from shipway.steps.backup.offsite import Vault
    from shipway.steps.backup.restore_points import PlatformDesk

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
REF = "abcdefghijklmnopqrst"


@dataclass
class Heard(Plainly):
    """Keeps what a step said."""

    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        self.notes.append(text)

    def warn(self, text: str) -> None:
        self.warnings.append(text)


@dataclass
class Cupboard:
    """A vault that is a folder; it can be told to lose what it is given."""

    folder: Path
    full_after: int = 99
    failing: bool = False
    dies_with_project: bool = True

    def keep(self, path: Path, name: str) -> str:
        if self.full_after == 0:
            raise Failed("The bucket is full.", unchanged="Nothing more.", next_step="Empty it.")
        self.full_after -= 1
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_bytes(path.read_bytes())
        return f"backups/{name}"

    def fetch(self, name: str, path: Path) -> None:
        if self.failing:
            raise Failed("The bucket is away.", unchanged="Nothing.", next_step="Wait.")
        path.write_bytes((self.folder / name).read_bytes())


@dataclass
class Desk:
    """What the platform says."""

    answer: Platform | Refused

    def backups(self) -> Platform:
        if isinstance(self.answer, Refused):
            raise self.answer
        return self.answer


@pytest.fixture
def dumper(database_url: Secret) -> PgDump:
    with psycopg.connect(database_url.reveal(), autocommit=True) as connection:
        connection.execute("create table public.pets (name text)")
        connection.execute("insert into public.pets values ('Rex'), ('Tib')")
    return PgDump(url=database_url, connect_timeout_s=5.0)


def backed_up(  # noqa: PLR0913 - the powers of the step
    folder: Path,
    dumper: Dumper,
    *,
    heard: Heard | None = None,
    vault: Vault | None = None,
    desk: PlatformDesk | None = None,
    required: bool = False,
    key: Secret | None = None,
    now: datetime = NOON,
) -> Backup:
    plan = plan_backup(
        target="staging",
        project_ref=REF,
        folder=folder,
        now=now,
        bucket="backups" if vault else None,
        asks_platform=desk is not None,
        platform_required=required,
    )
    return take_backup(
        plan,
        BackupPowers(
            dumper=dumper,
            lister=archives(folder),
            platform=desk,
            vault=vault,
            clock=SystemClock(),
            say=heard or Heard(),
            key=key,
        ),
    )


def window(newest_at: datetime | None, *, pitr: bool = False) -> Platform:
    return Platform(
        pitr_enabled=pitr,
        backups_count=7 if newest_at else 0,
        newest_at=newest_at,
        recoverable_from=NOON - timedelta(days=7) if pitr else None,
        recoverable_to=datetime.now(UTC).replace(microsecond=0) if pitr else None,
        recovery_time=NOON,
    )


def test_a_backup_is_a_private_folder_with_a_manifest_that_verifies(
    tmp_path: Path, dumper: PgDump
) -> None:
    heard = Heard()

    backup = backed_up(tmp_path / "backups", dumper, heard=heard)

    verified = verify_backup(backup.directory, lister=archives(tmp_path), clock=SystemClock())
    assert backup.grade is verified.grade is Grade.LISTS
    assert verified.manifest == backup.manifest
    schema = read_paper(backup.directory / SCHEMA, "schema", Snapshot)
    assert fingerprint(schema) == backup.manifest.fingerprint
    assert backup.manifest.row_counts["public.pets"] == 2
    assert backup.manifest.project_ref == REF
    assert backup.directory.name == "20261122-120000-000-staging"
    for path, mode in (
        (tmp_path / "backups", 0o700),
        (backup.directory, 0o700),
        (backup.directory / ARCHIVE, 0o600),
        (backup.directory / MANIFEST, 0o600),
    ):
        assert path.stat().st_mode & 0o777 == mode, path
    assert any("2 rows" in note for note in heard.notes)
    assert heard.warnings == []


class Quitter:
    """A dumper that is interrupted when its first bytes are written."""

    def dump(
        self, into: Path, *, recipients: Sequence[str], progress: Callable[[DumpedSoFar], None]
    ) -> Dumped:
        del recipients
        into.write_bytes(b"PGDMP")
        progress(DumpedSoFar(written_bytes=5, tables_begun=1, tables=2))
        raise KeyboardInterrupt


def test_an_interrupted_backup_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        backed_up(tmp_path / "backups", Quitter())

    assert list((tmp_path / "backups").iterdir()) == []


def test_a_folder_that_was_left_by_a_killed_backup_is_no_backup(
    tmp_path: Path, dumper: PgDump
) -> None:
    backup = backed_up(tmp_path, dumper)
    backup.directory.rename(tmp_path / f"{backup.directory.name}.partial")

    shelf = list_backups(tmp_path)

    assert shelf.backups == ()
    assert shelf.unreadable[0].reason == "was interrupted"


def flip_a_byte(backup: Backup) -> None:
    archive = backup.directory / ARCHIVE
    content = bytearray(archive.read_bytes())
    content[len(content) // 2] ^= 0xFF
    archive.write_bytes(content)


def cut_in_half(backup: Backup) -> None:
    archive = backup.directory / ARCHIVE
    archive.write_bytes(archive.read_bytes()[: backup.manifest.archive_bytes // 2])


def delete_the_archive(backup: Backup) -> None:
    (backup.directory / ARCHIVE).unlink()


def edit_the_manifest(backup: Backup) -> None:
    path = backup.directory / MANIFEST
    path.write_text(path.read_text().replace('"public.pets": 2', '"public.pets": 3'))


def cut_the_manifest(backup: Backup) -> None:
    path = backup.directory / MANIFEST
    path.write_text(path.read_text()[:100])


def rename_the_folder(backup: Backup) -> None:
    # The folder's name is taken by the archive of another backup.
    moved = backup.directory.rename(backup.directory.with_name("moved"))
    moved.rename(backup.directory)
    manifest = read_paper(backup.directory / MANIFEST, "manifest", Manifest)
    other = replace(manifest, backup_id="20200101-000000-000-staging")
    write_paper(backup.directory / MANIFEST, "manifest", other)


def claim_another_table(backup: Backup) -> None:
    path = backup.directory / MANIFEST
    manifest = read_paper(path, "manifest", Manifest)
    counts = {**manifest.row_counts, "public.ghosts": 1}
    write_paper(path, "manifest", replace(manifest, row_counts=counts))


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (flip_a_byte, "another than the one written"),
        (cut_in_half, "and was written with"),
        (delete_the_archive, "is missing"),
        (edit_the_manifest, "was changed after it was written"),
        (cut_the_manifest, "is not JSON"),
        (rename_the_folder, "belongs to the backup 20200101-000000-000-staging"),
        (claim_another_table, "holds no rows of public.ghosts"),
    ],
)
def test_damage_is_named_and_the_proof_withdrawn(
    tmp_path: Path, dumper: PgDump, damage: Callable[[Backup], None], named: str
) -> None:
    backup = backed_up(tmp_path, dumper)
    damage(backup)

    with pytest.raises(Failed, match=named):
        verify_backup(backup.directory, lister=archives(tmp_path), clock=SystemClock())

    terms = ProofTerms(target="staging", project_ref=REF, now=NOON, max_age_s=float("inf"))
    proof = latest_backup(tmp_path, terms)
    assert isinstance(proof, Unproven)


def test_the_archive_of_another_backup_is_found_out(tmp_path: Path, dumper: PgDump) -> None:
    first = backed_up(tmp_path, dumper)
    with psycopg.connect(dumper.url.reveal()) as connection:
        connection.execute("update public.pets set name = 'Max' where name = 'Rex'")
    second = backed_up(tmp_path, dumper, now=NOON + timedelta(hours=1))
    (first.directory / ARCHIVE).replace(second.directory / ARCHIVE)

    with pytest.raises(Failed, match="cannot be trusted: its archive"):
        verify_backup(second.directory, lister=archives(tmp_path), clock=SystemClock())


def test_a_signed_manifest_is_refused_with_another_key_and_an_unsigned_one_with_any(
    tmp_path: Path, dumper: PgDump
) -> None:
    key = Secret("the key of the runner")
    backup = backed_up(tmp_path, dumper, key=key)

    assert open_backup(backup.directory, key=key).grade is Grade.LISTS
    with pytest.raises(Failed, match="not signed with the key"):
        open_backup(backup.directory, key=Secret("another"))
    write_paper(backup.directory / MANIFEST, "manifest", backup.manifest)
    with pytest.raises(Failed, match="is not signed"):
        open_backup(backup.directory, key=key)


def test_the_latest_backup_is_proof_only_for_its_target_and_while_it_is_young(
    tmp_path: Path, dumper: PgDump
) -> None:
    backed_up(tmp_path, dumper)
    newest = backed_up(tmp_path, dumper, now=NOON + timedelta(hours=1))
    taken_at = newest.manifest.taken_at

    def proof(target: str = "staging", ref: str = REF, age_s: float = 60.0) -> Backup | Unproven:
        now = taken_at + timedelta(seconds=age_s)
        terms = ProofTerms(target=target, project_ref=ref, now=now, max_age_s=3600.0)
        return latest_backup(tmp_path, terms)

    assert proof() == newest
    for none in (proof(age_s=3601.0), proof("production"), proof(ref="z" * 20)):
        assert isinstance(none, Unproven)
        assert none.command.startswith("invoke backup --target")


def test_the_copy_holds_archive_and_manifest_and_the_warning_that_it_dies_with_the_project(
    tmp_path: Path, dumper: PgDump
) -> None:
    heard = Heard()

    backup = backed_up(tmp_path / "b", dumper, heard=heard, vault=Cupboard(tmp_path / "cloud"))

    copy = tmp_path / "cloud" / backup.directory.name
    assert backup.manifest.uploaded_to == f"backups/{backup.directory.name}/{ARCHIVE}"
    assert open_backup(copy).manifest == open_backup(backup.directory).manifest == backup.manifest
    assert any("dies with it" in text for text in heard.warnings)


def again(
    backup: Backup, dumper: Dumper, elsewhere: Path, vault: Vault | None, heard: Heard
) -> Backup | None:
    """Go on on another machine, with everything applied already."""
    powers = BackupPowers(
        dumper=dumper,
        lister=archives(elsewhere.parent),
        platform=None,
        vault=vault,
        clock=SystemClock(),
        say=heard,
    )
    return backup_that_holds(backup, powers, folder=elsewhere, pending=False, moved=True)


def test_another_machine_that_goes_on_fetches_the_backup_from_its_copy(
    tmp_path: Path, dumper: PgDump
) -> None:
    vault, heard = Cupboard(tmp_path / "cloud"), Heard()
    backup = backed_up(tmp_path / "here", dumper, vault=vault)

    found = again(backup, dumper, tmp_path / "there", vault, heard)

    assert found is not None
    assert found.directory == tmp_path / "there" / backup.directory.name
    assert found.manifest == backup.manifest
    assert found.archive.read_bytes() == backup.archive.read_bytes()
    assert any("was fetched from backups/" in text for text in heard.notes)
    assert heard.warnings == []


@pytest.mark.parametrize("harm", ["another", "gone"])
def test_a_copy_that_is_not_the_backup_is_not_kept_and_the_release_goes_on_with_a_warning(
    tmp_path: Path, dumper: PgDump, harm: str
) -> None:
    vault, heard = Cupboard(tmp_path / "cloud"), Heard()
    backup = backed_up(tmp_path / "here", dumper, vault=vault)
    copy = vault.folder / backup.directory.name / ARCHIVE
    copy.write_bytes(b"x" * copy.stat().st_size)
    if harm == "gone":
        vault.failing = True

    found = again(backup, dumper, tmp_path / "there", vault, heard)

    assert found == backup
    assert list((tmp_path / "there").iterdir()) == []
    assert f"the copy of {backup.directory.name} could not be fetched" in heard.warnings[0]
    assert "is not on this machine" in heard.warnings[1]


@pytest.mark.parametrize("full_after", [0, 1, 2])
def test_a_failed_upload_leaves_the_local_backup_whole_and_never_says_uploaded(
    tmp_path: Path, dumper: PgDump, full_after: int
) -> None:
    heard = Heard()
    vault = Cupboard(tmp_path / "cloud", full_after=full_after)

    with pytest.raises(Failed, match="bucket is full") as stopped:
        backed_up(tmp_path / "b", dumper, heard=heard, vault=vault)

    (directory,) = (tmp_path / "b").iterdir()
    verified = verify_backup(directory, lister=archives(tmp_path), clock=SystemClock())
    assert verified.manifest.uploaded_to is None
    assert "is whole on this machine" in stopped.value.unchanged
    assert not any("uploaded" in text for text in heard.notes)


def test_a_platform_that_cannot_be_asked_is_a_warning_unless_it_is_required(
    tmp_path: Path, dumper: PgDump
) -> None:
    mute = Desk(Refused("It says 403.", unchanged="Nothing.", next_step="Allow backups_read."))
    heard = Heard()

    backup = backed_up(tmp_path, dumper, heard=heard, desk=mute)

    assert backup.manifest.platform is None
    assert "backups_read" in heard.warnings[0]
    with pytest.raises(Refused, match="403"):
        backed_up(tmp_path, dumper, desk=mute, required=True)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (window(None), "no completed backup of its own"),
        (window(datetime(2026, 1, 1, tzinfo=UTC)), "hours old"),
        (window(None, pitr=True), "can bring back any moment from 15 Nov 12:00"),
    ],
)
def test_what_the_platform_could_bring_back_is_said_and_kept(
    tmp_path: Path, dumper: PgDump, answer: Platform, said: str
) -> None:
    heard = Heard()

    backup = backed_up(tmp_path, dumper, heard=heard, desk=Desk(answer))

    assert open_backup(backup.directory).manifest.platform == answer
    assert any(said in text for text in heard.warnings + heard.notes)
    assert bool(heard.warnings) is not answer.pitr_enabled


def test_a_folder_that_cannot_be_made_is_said_with_its_reason(
    tmp_path: Path, dumper: PgDump
) -> None:
    (tmp_path / "backups").write_text("a file stands in the way")

    with pytest.raises(Failed, match="could not be written"):
        backed_up(tmp_path / "backups", dumper)


def test_the_manifest_is_readable_json_for_others(tmp_path: Path, dumper: PgDump) -> None:
    backup = backed_up(tmp_path, dumper)

    paper = json.loads((backup.directory / MANIFEST).read_text())

    assert paper["shipway"] == "manifest"
    assert paper["body"]["archive_sha256"] == backup.manifest.archive_sha256
    assert paper["body"]["row_counts"]["public.pets"] == 2
