"""Encrypted backups: the machine that takes them rehearses on them, and then cannot read them."""

from __future__ import annotations

import io
import subprocess
from typing import TYPE_CHECKING

import psycopg
import pyrage
import pytest

from shipway.edges.machine.clock import SystemClock
from shipway.edges.storage.age import Age
from shipway.errors import Misconfigured, Refused
from shipway.steps.backup.store import ENCRYPTED, verify_backup
from shipway.steps.restore.restore import restore
from shipway.values.backup import Backup, Grade
from tests.fixtures.backing_up import archives, back_up, room
from tests.fixtures.migrating import Heard

if TYPE_CHECKING:
    from pathlib import Path

    from shipway.values.basics import Secret


@pytest.fixture
def filled_url(database_url: Secret) -> Secret:
    with psycopg.connect(database_url.reveal(), autocommit=True) as connection:
        connection.execute("create table public.pets (name text)")
        connection.execute(
            "insert into public.pets select 'pet ' || n from generate_series(1, 9) n"
        )
    return database_url


def restored(backup: Backup, folder: Path, age: Age) -> Grade:
    done = restore(
        backup.directory,
        place="there",
        open_copy=room(folder, age).copy_of,
        lister=archives(folder, age),
        clock=SystemClock(),
        say=Heard(),
    )
    return done.backup.grade


def test_the_process_that_took_it_rehearses_and_afterwards_only_the_recipient_reads_it(
    filled_url: Secret, tmp_path: Path
) -> None:
    private = pyrage.x25519.Identity.generate()
    identity_file = tmp_path / "key.txt"
    identity_file.write_text(f"# public key: {private.to_public()}\n{private}\n")
    runner, heard = Age(), Heard()

    recipients = (str(private.to_public()),)
    backup = back_up(filled_url, tmp_path, recipients=recipients, age=runner, say=heard)

    assert backup.manifest.archive == ENCRYPTED
    assert backup.manifest.encrypted_for == recipients
    assert backup.grade is Grade.LISTS
    assert any("1 key can read it" in note for note in heard.notes)
    # The same process restores the very archive that it keeps.
    assert restored(backup, tmp_path, runner) is Grade.EQUAL
    plain = [path for path in tmp_path.rglob("*") if path.is_file() and b"PGDMP" in first(path)]
    assert plain == []
    # Another process has no key: it finds damage, and reads nothing.
    (backup.directory / "proof.json").unlink()
    later = archives(tmp_path, Age())
    kept = verify_backup(backup.directory, lister=later, clock=SystemClock())
    assert kept.grade is Grade.DIGESTS
    with pytest.raises(Refused, match="encrypted and cannot be read here") as stopped:
        restored(backup, tmp_path, Age())
    assert "BACKUP_IDENTITY_FILE" in stopped.value.next_step
    assert list((tmp_path / "plain").iterdir()) == []
    # Who has the private key reads all of it.
    assert restored(backup, tmp_path, Age(identity_file)) is Grade.EQUAL


def first(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(5)


def test_a_dump_that_is_encrypted_for_an_ssh_key_is_read_with_it_and_with_no_other(
    filled_url: Secret, tmp_path: Path
) -> None:
    for name in ("right", "wrong"):
        argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / name)]
        subprocess.run(argv, check=True)
    recipient = (tmp_path / "right.pub").read_text().rsplit(" ", 1)[0]

    backup = back_up(filled_url, tmp_path, recipients=(recipient,))

    assert archives(tmp_path, Age(tmp_path / "right")).contents(backup.archive)
    assert archives(tmp_path, Age(tmp_path / "wrong")).contents(backup.archive) is None
    backup.archive.write_bytes(backup.archive.read_bytes()[:-20])
    reader = archives(tmp_path, Age(tmp_path / "right"))
    with pytest.raises(Refused, match="cannot be read here"), reader.plain(backup.archive):
        raise AssertionError

    assert list((tmp_path / "plain").iterdir()) == []


@pytest.mark.parametrize("text", ["age1nonsense", "ssh-ed25519 nonsense", "AGE-SECRET-KEY-1XYZ"])
def test_a_wrong_recipient_is_refused_before_anything_is_done(text: str) -> None:
    with pytest.raises(Misconfigured, match="is no recipient of age") as stopped:
        Age().check([text])

    assert "never the private one" in stopped.value.next_step


def test_an_identity_file_that_holds_no_key_is_named_and_not_shown(tmp_path: Path) -> None:
    path = tmp_path / "key.txt"
    path.write_text("AGE-SECRET-KEY-1WRONG\n")
    encrypted = tmp_path / "dump.pgc.age"
    key = pyrage.x25519.Identity.generate().to_public()
    encrypted.write_bytes(pyrage.encrypt(b"PGDMP", [key]))

    with pytest.raises(Misconfigured, match="holds no key of age") as stopped:
        Age(path).opens(encrypted)

    assert "WRONG" not in stopped.value.what


class Source:
    """Bytes without end, until someone interrupts."""

    def __init__(self, error: BaseException) -> None:
        self.error = error
        self.reads = 0

    def read(self, size: int) -> bytes:
        self.reads += 1
        if self.reads > 20:
            raise self.error
        return bytes(size)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_what_ends_the_encryption_comes_out_as_it_is(error: BaseException) -> None:
    key = str(pyrage.x25519.Identity.generate().to_public())

    with pytest.raises(type(error)) as ended:
        Age().encrypt(Source(error), io.BytesIO(), [key])

    assert ended.value is error
