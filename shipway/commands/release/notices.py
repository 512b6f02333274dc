"""What the team is told of a release: that it begins, and how it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.formats.figures import count
from shipway.steps.release.notices import demand_delivery, tell_team
from shipway.steps.release.record import ReleaseEnd
from shipway.values.gates import Event, Notice

if TYPE_CHECKING:
    from shipway.commands.session import Session
    from shipway.steps.release.database_half import DatabasePlan
    from shipway.steps.release.record import ReleaseRecord
    from shipway.values.gates import Delivery

__all__ = ["tell_begin", "tell_end"]

_FAILED = (ReleaseEnd.FAILED, ReleaseEnd.INTERRUPTED, ReleaseEnd.BAD, ReleaseEnd.ROLLED_BACK)


def tell_begin(session: Session, plan: DatabasePlan) -> tuple[Delivery, ...]:
    """Tell the team that the release begins, and return how each notice fared.

    Raises:
        Refused: one was lost, and the settings demand that they arrive.
    """
    pending = count(len(plan.migrations.pending), "pending migration")
    deliveries = _tell(session, plan.release_id, Event.BEGINS, f"begins: {pending}, then the app")
    if session.wiring.gates.asked and session.settings.notify_required:
        demand_delivery(deliveries)
    return deliveries


def tell_end(session: Session, record: ReleaseRecord) -> None:
    """Tell the team how the release ended. A notice that is lost by then changes nothing."""
    failed = record.end in _FAILED
    step = next((one.name for one in record.steps if one.error is not None), "")
    text = f"ended: {record.end}"
    if failed and step:
        text += f", in the step {step} (exit code {record.exit_code})"
    _tell(
        session,
        record.release_id,
        Event.FAILED if failed else Event.ENDED,
        text,
        url=record.live_url,
    )


def _tell(
    session: Session, release_id: str, event: Event, text: str, *, url: str | None = None
) -> tuple[Delivery, ...]:
    gates, target = session.wiring.gates, session.settings.target
    if not gates.channels:
        return ()
    line = f"release {release_id} to {target} by {gates.person} {text}" + (f" {url}" if url else "")
    notice = Notice(
        event=event,
        release_id=release_id,
        target=target,
        by=gates.person,
        at=session.wiring.clock.now(),
        text=session.terminal.hide.shown(line),
        url=url,
    )
    return tell_team(gates.channels, notice, say=session.terminal)
