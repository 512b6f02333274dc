"""How the platform's own backups are told to a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.formats.figures import count, moment
from shipway.report.words import show
from shipway.values.backup import PlatformState

if TYPE_CHECKING:
    from shipway.report.terminal.terminal import Terminal

__all__: list[str] = []

_WELL = "ACTIVE_HEALTHY"


@show.register(PlatformState)
def _(value: PlatformState, terminal: Terminal) -> None:
    rows = [
        (
            moment(one.at) if one.at else "?",
            one.status,
            "physical" if one.physical else "logical",
        )
        for one in value.window.backups
    ]
    if rows:
        terminal.table(("Supabase's backup", "state", "kind"), rows)
        terminal.note("")
    for one in value.said:
        (terminal.warn if one.warns else terminal.note)(one.text)
    if value.readonly:
        terminal.warn("the database takes no writes: its disk is nearly full")
    ill = [one for one in value.services if one.status != _WELL]
    for service in ill:
        terminal.warn(f"{service.name} is {service.status} {service.error or ''}".rstrip())
    well = count(len(value.services) - len(ill), "service")
    terminal.note(f"project {value.project.ref} is {value.project.status}, {well} well")
