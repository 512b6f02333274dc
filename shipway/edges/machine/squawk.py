"""Squawk, a linter for migrations: asked about all files in one call, as a program."""

from __future__ import annotations

import importlib.metadata
import json
import tempfile
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from shipway.edges.machine import process
from shipway.errors import Failed
from shipway.values.basics import Unproven
from shipway.values.lint import LintFinding, Severity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Squawk", "find_squawk"]

_PACKAGE: Final = "squawk-cli"
_DEADLINE_S: Final = 60.0
_FOUND_NOTHING, _FOUND_SOMETHING = 0, 1


class Squawk:
    """The program.

    Args:
        path: of the program.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @cached_property
    def label(self) -> str:
        """Name and version, as it says them: `squawk 2.70.0`."""
        said = process.run([self._path, "--version"], deadline_s=_DEADLINE_S)
        return said.stdout.decode("utf-8", "replace").strip()

    def read(
        self,
        files: Mapping[str, bytes],
        *,
        include: Sequence[str],
        exclude: Sequence[str],
        server_major: int,
    ) -> tuple[LintFinding, ...]:
        """Return what it finds.

        Args:
            files: label of a migration to its text.
            include: opt-in rules that are asked too.
            exclude: rules that are not asked.
            server_major: the PostgreSQL that the files are for.

        Raises:
            Failed: it did not answer as it should.
        """
        with tempfile.TemporaryDirectory() as folder:
            here = Path(folder)
            # An empty file of settings: one in a parent folder would switch rules off unseen.
            (here / "squawk.toml").touch()
            names = {f"{number}.sql": label for number, label in enumerate(files)}
            for name, label in names.items():
                (here / name).write_bytes(files[label])
            said = process.run(
                [
                    self._path,
                    *("--config", here / "squawk.toml"),
                    *("--reporter", "json"),
                    *("--pg-version", f"{server_major}.0"),
                    *("--include", ",".join(include)),
                    *("--exclude", ",".join(exclude)),
                    "--assume-in-transaction",
                    *names,
                ],
                cwd=here,
                deadline_s=_DEADLINE_S,
            )
        if said.returncode not in {_FOUND_NOTHING, _FOUND_SOMETHING}:
            raise self._failed(said.stderr)
        try:
            told: list[dict[str, Any]] = json.loads(said.stdout or b"[]")
            return tuple(
                LintFinding(
                    rule=f"squawk/{one['rule_name']}",
                    severity=Severity.WARNING,
                    migration=names[Path(one["file"]).name],
                    line=int(one["line"]) + 1,  # it counts from 0
                    what=str(one["message"]),
                    cure=str(one["help"] or ""),
                )
                for one in told
            )
        except (ValueError, KeyError, TypeError):
            raise self._failed(said.stderr or "its answer is not what it was") from None

    def _failed(self, why: str) -> Failed:
        return Failed(
            f"{self.label} could not be asked: {' '.join(why.split())}",
            unchanged="Nothing was changed.",
            next_step="Install the version that shipway is made for: pip install 'shipway[lint]'",
        )


def find_squawk() -> Squawk | Unproven:
    """Return the program that the package squawk-cli has installed, by its own list of files."""
    try:
        listed = importlib.metadata.files(_PACKAGE) or []
    except importlib.metadata.PackageNotFoundError:
        listed = []
    for one in listed:
        path = Path(str(one.locate()))
        if path.stem == "squawk" and path.parent.name.lower() in {"bin", "scripts"}:
            return Squawk(path.resolve())
    return Unproven(
        missing="squawk is not installed: only shipway's own rules were asked",
        command="pip install 'shipway[lint]'",
    )
