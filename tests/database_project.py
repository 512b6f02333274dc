"""A project without an app: migrations and one database, and commands that are run in it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.in_process import run_here

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from shipway.values import Secret

__all__ = ["DatabaseProject"]

TASKS = "from shipway.tasks import namespace\n\n__all__ = ['namespace']\n"


@dataclass(frozen=True)
class DatabaseProject:
    """A folder with a target `t`."""

    root: Path
    url: Secret
    """Of the target's database, unless a command is given another."""

    def begin(self, files: Mapping[str, str]) -> None:
        """Write the project's files: `migrations/` and what makes it a project."""
        (self.root / "tasks.py").write_text(TASKS, encoding="utf-8")
        (self.root / "migrations").mkdir(exist_ok=True)
        for name, text in files.items():
            (self.root / "migrations" / name).write_text(text, encoding="utf-8")

    def invoke(self, *arguments: str, url: Secret | None = None) -> tuple[int, str]:
        """Run a command on the target; return its exit code and all that it said."""
        (self.root / ".env.t").write_text(
            f"DATABASE_URL={(url or self.url).reveal()}\n", encoding="utf-8"
        )
        environ = {"PATH": os.environ["PATH"], "HOME": str(self.root), "SHIPWAY_TARGET": "t"}
        code, out, err = run_here(self.root, environ, *arguments)
        assert "Traceback" not in out + err, out + err
        return code, out + err
