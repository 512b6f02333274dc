"""An unfinished release: what is true of it now, and whether it goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.errors import Failed, Refused, Stopped
from shipway.report.words import show
from shipway.steps.journal.entries import Past, Standing
from shipway.values.backup import Backup
from shipway.values.releases import ReleaseState

if TYPE_CHECKING:
    from shipway.commands.session import Session
    from shipway.values.migrations import LedgerState, MigrationPlan
    from shipway.wiring import Wiring

__all__ = ["NOTHING_CHANGED", "refuse_another_plan", "state_of", "to_go_on_with"]

NOTHING_CHANGED = "Nothing was changed by this command."
_CALLED = {"release": "release", "finish": "release.finish"}


def to_go_on_with(session: Session, *, resume: bool, kind: str) -> tuple[Past | None, bool]:
    """Return the release that this command goes on with, and whether it is to be given up.

    (None, False): there is nothing unfinished, a new one begins. A release that failed and said
    what stands is gone on with only when `--resume` asks for it.

    Raises:
        Refused: there is an unfinished one and nobody has decided what becomes of it, or there
            is none to resume.
    """
    past = session.wiring.journals.latest()
    if past is None or past.standing is Standing.OVER:
        if resume:
            raise Refused(
                "There is no release to resume: "
                + (f"the latest, {past.release_id}, is over." if past else "there was none yet."),
                unchanged=NOTHING_CHANGED,
                next_step=f"Begin a new one: {session.asked.again}",
            )
        return None, False
    if resume and past.begun.kind == kind:
        show(state_of(session.wiring, past), session.terminal)
        return past, False
    if past.standing is Standing.FAILED and not resume:
        return None, False
    show(state_of(session.wiring, past), session.terminal)
    if past.begun.kind == kind and session.terminal.can_ask and not session.asked.yes:
        return _ask_what_becomes(session, past)
    flag = f" --target {past.begun.target}" if session.asked.target else ""
    raise Refused(
        f"The {past.begun.kind} {past.release_id} is unfinished: it stopped in step "
        f"{past.last_step}, and it is not decided what becomes of it.",
        unchanged=NOTHING_CHANGED,
        next_step=f"Go on with it: invoke {_CALLED[past.begun.kind]} --resume{flag}; or give it "
        f"up, which undoes nothing: invoke release.abandon{flag}",
    )


def _ask_what_becomes(session: Session, past: Past) -> tuple[Past | None, bool]:
    said = session.terminal.ask("Go on with it, or give it up? [resume/abandon/no]").lower()
    if said == "resume":
        return past, False
    if said == "abandon":
        return past, True
    raise Refused(
        f"Nothing was decided about the unfinished {past.begun.kind} {past.release_id}.",
        unchanged=NOTHING_CHANGED,
        next_step=f"Run it again: {session.asked.again}",
    )


def refuse_another_plan(
    past: Past, migrations: MigrationPlan, state: LedgerState, app: str
) -> bool:
    """Return whether a part is applied already; refuse to go on with other files than before.

    Args:
        past: the release that was cut off.
        migrations: what is pending now.
        state: the ledger, which also knows of files that are applied in part.
        app: what the app is made from now.

    Raises:
        Refused: a migration or the app is another one than when the release began.
    """
    begun = {one.label: one.sha256 for one in past.begun.pending}
    applied = {one.label: one.sha256 for one in migrations.applied}
    left = {one.label: one.sha256 for one in migrations.pending}
    now = {label: applied.get(label) or left.get(label) for label in begun}
    others = [label for label, sha256 in begun.items() if now[label] != sha256]
    others += [label for label in left if label not in begun]
    if past.begun.app != app:
        others.append("the app's files")
    if others:
        raise Refused(
            f"{', '.join(others)}: not what release {past.release_id} set out with.",
            unchanged=NOTHING_CHANGED,
            next_step="Check out what it began with and resume that; or give it up with "
            "invoke release.abandon, which undoes nothing, and release what is here.",
        )
    return any(label in applied for label in begun) or any(
        step.label in begun for step in state.steps
    )


def state_of(wiring: Wiring, past: Past) -> ReleaseState:
    """Ask the world what is true of a release now. What cannot be asked is said to be so."""
    begun = past.begun
    held = {row.label for row in wiring.database.ledger_state().applied}
    labels = [one.label for one in begun.pending]
    deployment, production = ("", "") if begun.kind != "release" else _hosting_state(wiring, past)
    return ReleaseState(
        release_id=past.release_id,
        kind=begun.kind,
        target=begun.target,
        standing=past.standing.value,
        end=past.end,
        began_at=past.began_at,
        last_at=past.last_at,
        last_step=past.last_step,
        last_effect=past.last_effect,
        host=begun.host,
        applied=tuple(label for label in labels if label in held),
        pending=tuple(label for label in labels if label not in held),
        deployment=deployment,
        production=production,
        backup=_backup(wiring, past),
        holder=wiring.journals.book.holder(),
    )


def _hosting_state(wiring: Wiring, past: Past) -> tuple[str, str]:
    try:
        made = wiring.hosting.vercel.find(past.release_id)
        now = wiring.hosting.vercel.hosting().production_id
    except Stopped as error:
        return f"not known: {error.what}", "not known"
    ours = f"{made.deployment_id}, {made.ready_state}" if made else "none of this release"
    if made and now == made.deployment_id:
        return ours, f"{now}, this release's"
    if now == past.previous_id:
        return ours, f"{now or 'empty'}, as before this release"
    return ours, f"{now or 'empty'}, neither this release's nor the one before it"


def _backup(wiring: Wiring, past: Past) -> str:
    taken = past.proof("backup", Backup)
    if taken is None:
        return "none taken yet"
    name = taken.manifest.backup_id
    from shipway.steps.backup.store import open_backup

    try:
        open_backup(wiring.backups.folder / name, key=wiring.settings.backup_signing_key)
    except Refused as error:
        return f"{name}: {error.what}"
    except Failed:
        copy = taken.manifest.uploaded_to
        return f"{name}, not on this machine" + (f"; a copy is at {copy}" if copy else "")
    return f"{name}, on this machine"
