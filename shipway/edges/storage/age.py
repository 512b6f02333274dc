"""Encrypts archives with age, so that who takes backups need hold no key that reads them."""

from __future__ import annotations

from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from shipway.errors import Misconfigured, Refused

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

__all__ = ["Age", "Sink", "Source", "is_encrypted"]

_HEAD = b"age-encryption.org/v1"
_UNCHANGED = "Nothing was contacted and nothing was changed."


class Source(Protocol):
    """What is read to be encrypted."""

    def read(self, size: int, /) -> bytes:
        """Return some bytes, none at the end."""


class Sink(Protocol):
    """What takes the encrypted, or the plain, bytes."""

    def write(self, piece: bytes, /) -> int:
        """Take all of the bytes and return their number."""

    def flush(self) -> None:
        """Do nothing: what is written is flushed by its owner."""


class Age:
    """The keys of one process. Both ways stream: what passes through is never whole in memory.

    What it encrypts it can read itself for as long as the process lives, by a key of its own that
    is never written down: so a release rehearses on the very archive that it keeps, and afterwards
    the machine holds nothing that reads it.

    Args:
        identity_file: of those who may read: made by age-keygen, or an OpenSSH private key.
    """

    def __init__(self, identity_file: Path | None = None) -> None:
        self._identity_file = identity_file

    def check(self, recipients: Sequence[str]) -> None:
        """Return when backups can be encrypted for all of them.

        Raises:
            Misconfigured: pyrage is not installed, or one is no recipient.
        """
        for one in recipients:
            _recipient(one)

    def encrypt(self, source: Source, sink: Sink, recipients: Sequence[str]) -> None:
        """Encrypt all of the source into the sink.

        Args:
            source: the plain bytes.
            sink: takes the encrypted ones.
            recipients: `age1…`, or the public key of an SSH key.
        """
        keys = [_recipient(one) for one in recipients]
        told = _Told(source, sink)
        try:
            _pyrage().encrypt_io(told, told, [*keys, self._own.to_public()])
        except Exception:
            # Its own error keeps no more than the words of what ended the reading or writing.
            if told.error is not None:
                raise told.error from None
            raise
        if told.error is not None:
            raise told.error

    def decrypt(self, archive: Path, sink: Sink) -> None:
        """Decrypt an archive into the sink.

        Raises:
            Refused: no key that reads it is here, or it was damaged.
        """
        pyrage = _pyrage()
        with archive.open("rb") as file:
            told = _Told(file, sink)
            try:
                pyrage.decrypt_io(told, told, self._identities)
            except (pyrage.DecryptError, OSError) as error:
                if told.error is not None:
                    raise told.error from None
                raise self._unreadable(archive, error) from None

    def opens(self, archive: Path) -> bool:
        """Return whether a key that reads the archive is here."""
        if not is_encrypted(archive):
            return True
        try:
            self.decrypt(archive, _Enough())
        except _EnoughError:
            return True
        except Refused:
            return False
        return True

    @cached_property
    def _own(self) -> Any:
        return _pyrage().x25519.Identity.generate()

    @cached_property
    def _identities(self) -> list[Any]:
        own = [self._own]
        return own if self._identity_file is None else own + _read(self._identity_file)

    def _unreadable(self, archive: Path, error: Exception) -> Refused:
        here = self._identity_file
        return Refused(
            f"{archive.name} is encrypted and cannot be read here: {error}.",
            unchanged="Nothing was restored or changed.",
            next_step=f"The keys in {here} do not open it: use another recipient's, or another "
            "backup."
            if here
            else "Set BACKUP_IDENTITY_FILE to the private key of one of its recipients.",
        )


def is_encrypted(archive: Path) -> bool:
    """Return whether a file begins as age files do."""
    with archive.open("rb") as file:
        return file.read(len(_HEAD)) == _HEAD


class _Told:
    """Passes bytes on and remembers the error that ended it, which pyrage gives back as text."""

    def __init__(self, source: Source | BinaryIO, sink: Sink) -> None:
        self._source = source
        self._sink = sink
        self.error: BaseException | None = None

    def read(self, size: int) -> bytes:
        with self._remembered():
            return self._source.read(size)

    def write(self, piece: bytes) -> int:
        with self._remembered():
            return self._sink.write(piece)

    def flush(self) -> None:
        with self._remembered():
            self._sink.flush()

    @contextmanager
    def _remembered(self) -> Iterator[None]:
        try:
            yield
        except BaseException as error:
            self.error = self.error or error
            raise


class _EnoughError(Exception):
    """The first bytes came out: a key fits."""


class _Enough:
    """A sink that wants no more than to know that bytes come."""

    def write(self, piece: bytes) -> int:
        raise _EnoughError(len(piece))

    def flush(self) -> None:
        pass


def _pyrage() -> Any:
    try:
        import pyrage  # noqa: PLC0415 - an extra: those who do not encrypt need not have it
    except ImportError:
        raise Misconfigured(
            "age is not installed, and backups are encrypted with it.",
            unchanged=_UNCHANGED,
            next_step="Install it with: pip install 'shipway[age]'",
        ) from None
    return pyrage


def _recipient(text: str) -> Any:
    pyrage = _pyrage()
    kind = pyrage.ssh if text.startswith("ssh-") else pyrage.x25519
    try:
        return kind.Recipient.from_str(text)
    except pyrage.RecipientError as error:
        raise Misconfigured(
            f"'{text[:20]}…' of backup_recipients is no recipient of age: {error}.",
            unchanged=_UNCHANGED,
            next_step="Name public keys: age1… as age-keygen shows it, or ssh-ed25519 …; never "
            "the private one.",
        ) from None


def _read(path: Path) -> list[Any]:
    """Return the keys of an identity file."""
    pyrage = _pyrage()
    try:
        content = path.read_bytes()
        if content.startswith(b"-----BEGIN"):
            return [pyrage.ssh.Identity.from_buffer(content)]
        lines = [line.strip() for line in content.decode().splitlines()]
        keys = [line for line in lines if line and not line.startswith("#")]
        found = [pyrage.x25519.Identity.from_str(key) for key in keys]
    except (OSError, UnicodeDecodeError, pyrage.IdentityError) as error:
        # The error's own words may hold the key's: only those of the system are shown.
        reason = error.strerror if isinstance(error, OSError) else "it holds no key of age"
        raise Misconfigured(
            f"BACKUP_IDENTITY_FILE ({path}) cannot be used: {reason}.",
            unchanged=_UNCHANGED,
            next_step="Name the file that age-keygen wrote, or an OpenSSH private key without a "
            "passphrase.",
        ) from None
    return found
