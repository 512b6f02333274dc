"""Reads archives of pg_dump: what they hold, and the plain form of encrypted ones."""

from __future__ import annotations

import os
import re
import secrets
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from shipway.cleanup import afterwards
from shipway.edges.client_tools import messages as tool_messages
from shipway.edges.client_tools import programs as pgtools
from shipway.edges.machine import process
from shipway.edges.storage.age import is_encrypted
from shipway.errors import Failed, Misconfigured

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from shipway.edges.storage.age import Age

__all__ = ["Archives"]

_LIST_S = 300.0


class Archives:
    """The way from an archive to what pg_restore can read.

    Args:
        age: the keys that are here.
        folder: where plain copies lie for as long as they are read; pg_restore reads with
            several connections and wants a file. Those that a killed process left are deleted.
    """

    def __init__(self, *, age: Age, folder: Path) -> None:
        self._age = age
        self._folder = folder

    def readable(self, archive: Path) -> bool:
        """Return whether it is plain, or encrypted for a key that is here."""
        return self._age.opens(archive)

    def contents(self, archive: Path) -> tuple[str, ...] | None:
        """Return the entries of an archive, as `TABLE DATA public users`, in its order.

        None when it is encrypted and no key that reads it is here.

        Raises:
            Failed: it is no archive, or cut off within its table of contents.
            Misconfigured: it is of a form that every pg_restore here is too old for.
        """
        if not self.readable(archive):
            return None
        tool = pgtools.newest("pg_restore")
        with self.plain(archive) as plain:
            said = process.run([tool.path, "--list", plain], env=tool.env, deadline_s=_LIST_S)
        if "unsupported version (" in said.stderr:
            raise Misconfigured(
                f"{tool.label} is the newest pg_restore on this machine, and does not read "
                f"{archive.name}: a newer pg_dump wrote it.",
                unchanged="Nothing was changed.",
                next_step="Install the newest postgresql-client (apt.postgresql.org, Homebrew), "
                "or: pip install 'shipway[sandbox]'",
            )
        if said.returncode:
            raise Failed(
                f"{archive.name} cannot be listed: {tool_messages.complaints_of(said.stderr)}",
                unchanged="Nothing was changed.",
                next_step="Use another backup; this archive is damaged.",
            )
        lines = said.stdout.decode("utf-8", "replace").split("\n")
        # `215; 1259 16386 TABLE public users postgres`: dump id; catalog, oid, what it is.
        found = (re.match(r"\d+; \d+ \d+ (.+)", line) for line in lines)
        return tuple(match[1] for match in found if match)

    @contextmanager
    def plain(self, archive: Path) -> Iterator[Path]:
        """Hand out the archive as pg_restore reads it; a decrypted copy is gone afterwards.

        Raises:
            Refused: it is encrypted and no key that reads it is here.
            Failed: there is no room for the copy.
        """
        if not is_encrypted(archive):
            yield archive
            return
        self._sweep()
        directory = self._folder / f"{os.getpid()}-{secrets.token_hex(3)}"
        with afterwards(lambda: shutil.rmtree(directory, ignore_errors=True)):
            yield self._decrypted(archive, directory)

    def _decrypted(self, archive: Path, directory: Path) -> Path:
        try:
            directory.mkdir(parents=True, mode=0o700)
            copy = directory / archive.stem
            with os.fdopen(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
                self._age.decrypt(archive, out)
        except OSError as error:
            raise Failed(
                f"{archive.name} could not be decrypted into {self._folder}: {error.strerror}.",
                unchanged="Nothing was restored or changed; no plain copy was kept.",
                next_step=f"Make room there for {archive.stat().st_size} bytes.",
            ) from None
        return copy

    def _sweep(self) -> None:
        """Delete the plain copies of processes that were killed."""
        for left in self._folder.glob("*-*"):
            pid = left.name.partition("-")[0]
            if pid.isdigit() and not process.alive(int(pid)):
                shutil.rmtree(left, ignore_errors=True)
