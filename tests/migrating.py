"""Migrations run as a command runs them, for the tests of every part of the engine."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from shipway.edges.ledger import Ledger
from shipway.migrations.files import read_folder
from shipway.migrations.plan import plan_migrations
from shipway.steps.migrate import migrate
from shipway.values import MigrationLimits, Phase, Plainly, Unproven

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shipway.values import Migrated, MigrationPlan, Secret

SAMPLE = Path(__file__).parents[1] / "migrations"
NO_BACKUP = Unproven(missing="a fresh backup", command="invoke backup")
LIMITS = MigrationLimits(
    lock_timeout_s=0.3,
    statement_timeout_s=20,
    run_lock_wait_s=0.5,
    lock_retry_s=0.0,
    lock_backoff_s=0.05,
)


class RealClock:
    """The machine's own."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class Heard(Plainly):
    """Keeps what a person would have read."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.warnings: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def warn(self, text: str) -> None:
        self.warnings.append(text)


def run(  # noqa: PLR0913 - each is a way in which a command can be called
    url: Secret,
    folder: Path,
    *,
    limits: MigrationLimits = LIMITS,
    say: Heard | None = None,
    project_ref: str | None = None,
    phase: Phase = Phase.EXPAND,
    together: bool = False,
) -> Migrated:
    """Plan and migrate, as `invoke db.migrate` does."""
    with Ledger(url, connect_timeout_s=5) as ledger:
        plan = plan_migrations(
            read_folder(folder), ledger.look(), phase=phase, project_ref=project_ref
        )
        return carry_out(plan, ledger, limits=limits, say=say, together=together)


def carry_out(
    plan: MigrationPlan,
    ledger: Ledger,
    *,
    limits: MigrationLimits = LIMITS,
    say: Heard | None = None,
    together: bool = False,
) -> Migrated:
    """Run a plan that may have been made long before."""
    return migrate(
        plan,
        NO_BACKUP,
        database=ledger,
        limits=limits,
        clock=RealClock(),
        say=say or Heard(),
        together=together,
    )


def write(folder: Path, files: Mapping[str, str]) -> Path:
    """Write files into a folder and return it."""
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def ask(url: Secret, query: str) -> list[tuple[object, ...]]:
    """Return the rows of a query."""
    with psycopg.connect(url.reveal(), autocommit=True) as connection:
        return connection.execute(query.encode()).fetchall()


def execute(url: Secret, statements: str) -> None:
    """Run statements, by hand as it were."""
    with psycopg.connect(url.reveal(), autocommit=True) as connection:
        connection.execute(statements.encode())


def exists(url: Secret, name: str) -> bool:
    """Tell whether there is a relation of that name."""
    return ask(url, f"SELECT to_regclass('{name}') IS NOT NULL") == [(True,)]


def labels(url: Secret) -> list[str]:
    """Return what the ledger holds, in order."""
    if not exists(url, "shipway.migrations"):
        return []
    return [
        str(label) for (label,) in ask(url, "SELECT label FROM shipway.migrations ORDER BY version")
    ]
