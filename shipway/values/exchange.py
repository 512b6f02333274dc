"""What is said between a run of migrations and the database, and who stands in the way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationLimits:
    """How long a run of migrations may wait, in seconds; 0 is no limit for the first two."""

    lock_timeout_s: float
    statement_timeout_s: float
    run_lock_wait_s: float
    """For another runner to end."""
    lock_retry_s: float
    """For all attempts at one file together, after a lock was not to be had."""
    lock_backoff_s: float
    """The first pause between two attempts; it doubles, with jitter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Another session of the database that stands in the way."""

    pid: int
    role: str
    application: str
    age_s: float
    """Since its transaction began, or else since it connected."""
    query: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who holds, or held, the lock of a target, as the database has it."""

    owner: str
    host: str
    process: int
    since: datetime
    heartbeat: datetime
    """By the server's clock."""
    silent_s: float
    """Since the heartbeat, by the server's clock."""
    step: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlError:
    """What Postgres reported about a statement."""

    sqlstate: str
    """Five characters; empty when the connection was lost."""
    message: str
    detail: str = ""
    hint: str = ""
    context: str = ""
    rows: tuple[str, ...] = ()
    """What the report quoted of rows: message, detail and context as they were, if they did."""
    position: int | None = None
    """Where in the message that was sent, in characters from 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back for one message of one or more statements."""

    completed: int
    """How many statements of the message were executed."""
    tags: tuple[str, ...]
    """The command tags of the last few of them: `CREATE TABLE`, `COMMIT`."""
    rows: tuple[tuple[str | None, ...], ...]
    """Of the last statement that returned any."""
    notices: tuple[str, ...]
    """`WARNING: …`, as the server sent them."""
    error: SqlError | None = None
    lost: bool = False
    """The connection broke: whether the message took effect is not known."""
    interrupted: bool = False
    """The operator stopped it; the server was asked to cancel."""
