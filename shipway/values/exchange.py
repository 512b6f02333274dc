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
    """For all attempts at one file together, after a lock could not be had."""
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
    address: str = ""
    """Of its client: of a pooler, where one is between. Empty for a local socket."""
    state: str = ""
    state_s: float = 0.0
    """How long it has been in that state."""
    started: str = ""
    """When it connected, in UTC, to the microsecond; empty when we may not see it."""

    @property
    def told(self) -> str:
        """Who it is and what it does, in a line."""
        where = f" from {self.address}" if self.address else ""
        state = f", {self.state} for {self.state_s:.0f} s" if self.state else ""
        since = f", since {self.started.partition('.')[0]} UTC" if self.started else ""
        name = self.application or "a session without a name"
        return f"pid {self.pid}, {self.role}, {name}{where}{since}{state}"

    @property
    def way_out(self) -> str:
        """What an operator does when nobody is behind it any more, with the SQL that ends it.

        The statement ends this session and none that has come after it under the same number.
        """
        name = self.application.replace("'", "''")
        same = f"pid = {self.pid} and application_name = '{name}'"
        if self.started:
            same += f" and backend_start = '{self.started}+00'"
        return (
            "If that process is dead, a pooler or a broken network has kept its session. Make "
            f"sure of it on the machine that is named; then end the session with this SQL, as "
            f"the role {self.role} or a superuser:\n"
            f"select pg_terminate_backend(pid) from pg_stat_activity where {same};"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who holds, or held, the lock of a target, as the database has it."""

    owner: str
    host: str = ""
    """Of the process; empty for one that has not signed, as all below it then."""
    process: int = 0
    since: datetime | None = None
    heartbeat: datetime | None = None
    """By the server's clock."""
    silent_s: float = 0.0
    """Since the heartbeat, by the server's clock."""
    step: str = ""
    session: Session | None = None
    """That which holds the lock; None for a record whose session is gone."""

    @property
    def told(self) -> str:
        """Who it is and when it was last heard of, in a line."""
        session = [self.session.told] if self.session is not None else []
        if self.since is None:
            return "".join(session)
        step = f", in step {self.step}" if self.step else ""
        signed = (
            f"shipway {self.owner} on {self.host}, process {self.process}, "
            f"since {self.since:%Y-%m-%d %H:%M:%S} UTC{step}; last sign of life "
            f"{self.silent_s:.0f} s ago"
        )
        return "; its session: ".join([signed, *session])


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
