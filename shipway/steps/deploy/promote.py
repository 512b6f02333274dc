"""Letting a deployment be production, or an earlier one again, and proving that it is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

from shipway.errors import DeploymentFailed, OutcomeUnknown, Stopped
from shipway.values.hosting import Reply

if TYPE_CHECKING:
    from shipway.steps.deploy.powers import ProductionPowers
    from shipway.values.hosting import Asked, Hosting

__all__ = ["Move", "command", "move_production"]

_MOST_REQUESTS = 3
_LOOKS_BEFORE_ASKING_AGAIN = 4
_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 2.0
_WHO_ELSE = (
    "Find out who else deploys (a push to a connected repository?), then run the command again."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """What production is to become."""

    kind: str
    """promote or rollback."""
    deployment_id: str
    instead_of: str | None
    """What production has to be when it is moved; None for a project without production."""
    timeout_s: float
    target: str
    """For the command that tells what became of it, should the answer be lost."""
    why: str = ""

    @property
    def name(self) -> str:
        """The noun for a person."""
        return "promotion" if self.kind == "promote" else "rollback"

    @property
    def effect(self) -> str:
        """What is announced before it is asked for."""
        if self.kind == "promote":
            return f"promote {self.deployment_id}"
        return f"roll production back to {self.deployment_id}"


def command(task: str, target: str) -> str:
    """Return how an operator types a task for this target."""
    return f"invoke {task}" + (f" --target {target}" if target != "default" else "")


class _Seen(Enum):
    DONE = auto()
    FAILED = auto()
    WAITING = auto()
    TAKEN = auto()
    """Production has become a third deployment meanwhile."""


def move_production(move: Move, powers: ProductionPowers) -> Hosting:
    """Move production and return the project once Vercel shows that it has moved.

    It is announced only once production has been seen to be what the plan was made for: a move
    that is refused before was never under way.

    Proof: the job of this move (same deployment, same kind, another one than before the request)
    has succeeded, the project's production target is the deployment, and no production domain
    points elsewhere. A server that goes on showing an older job counts as done only when the
    domains themselves say so.

    Raises:
        DeploymentFailed: Vercel refused it or says that it failed.
        OutcomeUnknown: it may still happen.
    """
    before = powers.vercel.hosting()
    if before.production_id == move.deployment_id:
        powers.say.note(f"{move.deployment_id} is production already, as Vercel says")
        return before
    if before.production_id != move.instead_of:
        raise DeploymentFailed(
            f"Production became {before.production_id or 'empty'} meanwhile; this {move.name} was "
            f"planned when it was {move.instead_of or 'empty'}.",
            unchanged=f"Production is still {before.production_id or 'empty'}, as Vercel says.",
            next_step=_WHO_ELSE,
        )
    with powers.piece(move.effect):
        return _Attempt(move, before, powers).run()


class _Attempt:
    """One move from its first request to its end."""

    def __init__(self, move: Move, before: Hosting, powers: ProductionPowers) -> None:
        self._move = move
        self._before = before
        self._vercel = powers.vercel
        self._clock = powers.clock
        self._say = powers.say
        self._last_seen = before
        self._requests = 0
        self._looks = 0

    def run(self) -> Hosting:
        until = self._clock.monotonic() + self._move.timeout_s
        pause_s = _FIRST_PAUSE_S
        asked = self._ask()
        while True:
            seen = self._look()
            if seen is _Seen.DONE:
                return self._last_seen
            self._stop_if_over(seen, asked)
            if self._clock.monotonic() >= until:
                raise self._unknown(asked)
            if self._may_ask_again(asked):
                asked = self._ask()
            self._clock.sleep(pause_s)
            pause_s = min(1.5 * pause_s, _LONGEST_PAUSE_S)

    def _ask(self) -> Asked:
        self._requests += 1
        self._looks = 0
        if self._move.kind == "promote":
            asked = self._vercel.promote(self._move.deployment_id)
        else:
            asked = self._vercel.roll_back(self._move.deployment_id, why=self._move.why)
        if asked.reply is Reply.QUEUED:
            self._say.warn(f"Vercel has queued the {self._move.name}: waiting for it.")
        return asked

    def _look(self) -> _Seen:
        """Ask Vercel how far it is; that it cannot answer just now means waiting."""
        self._looks += 1
        try:
            now = self._vercel.hosting()
        except Stopped:
            return _Seen.WAITING
        self._last_seen = now
        job = now.last_job
        earlier = self._before.last_job
        ours = (
            job is not None
            and job.to_id == self._move.deployment_id
            and job.kind == self._move.kind
            # A job from before the request stays that, whatever becomes of it.
            and (earlier is None or job.requested_at_ms != earlier.requested_at_ms)
        )
        if ours and job is not None and job.status in {"failed", "skipped"}:
            return _Seen.FAILED
        if now.production_id == self._move.deployment_id:
            if ours and job is not None and job.under_way:
                return _Seen.WAITING
            return self._domains(now, must_confirm=not ours)
        return _Seen.WAITING if now.production_id == self._before.production_id else _Seen.TAKEN

    def _domains(self, now: Hosting, *, must_confirm: bool) -> _Seen:
        """Judge by what is behind the public domains."""
        behind = {self._vercel.serves(url) for url in now.production_urls}
        if behind - {self._move.deployment_id, None}:
            return _Seen.WAITING
        confirmed = self._move.deployment_id in behind
        return _Seen.DONE if confirmed or not must_confirm else _Seen.WAITING

    def _may_ask_again(self, asked: Asked) -> bool:
        """Tell whether the request should be sent again: it sets a state, so twice is once."""
        job = self._last_seen.last_job
        under_way = job is not None and job.under_way
        return (
            asked.reply in {Reply.LOST, Reply.CONFLICT}
            and not under_way
            and self._last_seen.production_id == self._before.production_id
            and self._requests < _MOST_REQUESTS
            and self._looks >= _LOOKS_BEFORE_ASKING_AGAIN
        )

    def _stop_if_over(self, seen: _Seen, asked: Asked) -> None:
        name = self._move.name
        if seen is _Seen.FAILED:
            domains = ", ".join(self._vercel.failed_aliases())
            job = self._last_seen.last_job
            status = job.status if job is not None else "failed"
            raise self._failed(
                f"Vercel says that the {name} of {self._move.deployment_id} {_end_of(status)}"
                + (f"; not moved: {domains}." if domains else "."),
                "Look at the project's domains on Vercel, then run the command again.",
            )
        if seen is _Seen.TAKEN:
            raise self._failed(
                f"While the {name} was waited for, production became "
                f"{self._last_seen.production_id}, which is neither the old nor the new one.",
                _WHO_ELSE,
            )
        if asked.reply in {Reply.REJECTED, Reply.NOT_SENT}:
            raise self._failed(
                f"The {name} of {self._move.deployment_id} was not done: {asked.message}",
                "Mend what the message names, then run the command again.",
            )
        exhausted = self._requests >= _MOST_REQUESTS and self._looks > _LOOKS_BEFORE_ASKING_AGAIN
        job = self._last_seen.last_job
        if asked.reply is Reply.CONFLICT and exhausted and not (job is not None and job.under_way):
            raise self._failed(
                f"Vercel goes on refusing the {name}: {asked.message}",
                "Look at the project's deployments on Vercel, then run the command again.",
            )

    def _failed(self, what: str, next_step: str) -> DeploymentFailed:
        now = self._last_seen.production_id
        if now == self._before.production_id:
            unchanged = f"Production is still {now or 'empty'}, as Vercel says."
        else:
            unchanged = f"Vercel says that production is {now} now."
        return DeploymentFailed(what, unchanged=unchanged, next_step=next_step)

    def _unknown(self, asked: Asked) -> OutcomeUnknown:
        now = self._last_seen
        job = now.last_job
        shown = f"its last job is {job.kind} to {job.to_id}: {job.status}" if job else "no job"
        return OutcomeUnknown(
            f"The {self._move.name} of {self._move.deployment_id} was asked for "
            f"(answer: {asked.message}) and not proven within {self._move.timeout_s:g} s; "
            f"Vercel shows {shown}.",
            unchanged=(
                f"When Vercel was last asked, production was {now.production_id or 'empty'}; "
                f"it may still become {self._move.deployment_id}."
            ),
            next_step=f"See what became of it: {command('deploy.status', self._move.target)}",
        )


def _end_of(status: str) -> str:
    return "was skipped" if status == "skipped" else status
