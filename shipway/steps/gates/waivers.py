"""Waivers: a person's word that a release may pass a gate that is shut, read and checked."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from shipway.errors import Misconfigured
from shipway.values.gates import Waiver

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["BY_FLAG", "WAIVABLE", "read_waivers", "way_past_of"]

WAIVABLE = (
    "approval",
    "git",
    "ci",
    "activity",
    "disk",
    "wraparound",
    "connections",
    "review",
    "rollback",
)
"""Gates that `--waive` opens. The others are what a release is: without a proven backup, or on
another project than the one that is meant, it could only do harm."""

BY_FLAG = {"window": "--now", "rehearsed": "--without-rehearsal"}
"""Gates that have a flag of their own."""

_UNCHANGED = "Nothing was contacted and nothing was changed."


def way_past_of(gate: str) -> str:
    """Return what a person adds to the command to pass a gate that is shut; empty for none."""
    if gate in BY_FLAG:
        return f"{BY_FLAG[gate]} REASON"
    return f"--waive {gate}=REASON" if gate in WAIVABLE else ""


def read_waivers(
    given: Sequence[str], *, now: str, without_rehearsal: str, person: Callable[[], str]
) -> tuple[Waiver, ...]:
    """Return what was waived on the command line.

    Args:
        given: each `GATE=REASON`.
        now: why the release does not wait for its window; empty when it does.
        without_rehearsal: why there is no rehearsal; empty when there is one.
        person: who waives; asked only when something is waived.

    Raises:
        Misconfigured: no such gate, one that nobody may waive, or no reason.
    """
    reasons = dict(_read(one) for one in given)
    reasons |= {
        gate: reason.strip()
        for gate, reason in (("window", now), ("rehearsed", without_rehearsal))
        if reason.strip()
    }
    if not reasons:
        return ()
    by = person()
    return tuple(Waiver(gate=gate, reason=reason, by=by) for gate, reason in reasons.items())


def _read(text: str) -> tuple[str, str]:
    gate, _, reason = (part.strip() for part in text.partition("="))
    if gate in BY_FLAG:
        raise Misconfigured(
            f"The gate '{gate}' has a flag of its own.",
            unchanged=_UNCHANGED,
            next_step=f"Say {BY_FLAG[gate]} REASON instead of --waive {gate}=REASON.",
        )
    if gate not in WAIVABLE:
        near = difflib.get_close_matches(gate, WAIVABLE, n=1)
        hint = f"Did you mean {near[0]}? " if near else ""
        raise Misconfigured(
            f"'{gate}' is not a gate that can be waived.",
            unchanged=_UNCHANGED,
            next_step=f"{hint}These can: {', '.join(WAIVABLE)}.",
        )
    if not reason:
        raise Misconfigured(
            f"The gate '{gate}' is to be waived without a reason.",
            unchanged=_UNCHANGED,
            next_step=f"Say why: --waive '{gate}=the reason'. It is kept in the record.",
        )
    return gate, reason
