"""How releases that were are told: their state now, their list, their journal, its audit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.formats.figures import count
from shipway.report.words import show
from shipway.steps.journal.entries import Past
from shipway.values.releases import Audited, Releases, ReleaseState

if TYPE_CHECKING:
    from shipway.report.terminal.terminal import Terminal
    from shipway.steps.journal.journal import Entry

__all__: list[str] = []

_HEAD = 12


@show.register(ReleaseState)
def _(value: ReleaseState, terminal: Terminal) -> None:
    began = f"began {_moment(value.began_at)} on {value.host}"
    if value.standing == "over":
        head = f"{value.kind} {value.release_id} is over: {value.end}; it {began}"
    elif value.standing == "failed":
        head = f"{value.kind} {value.release_id} failed in step {value.last_step}; it {began}"
    else:
        head = f"{value.kind} {value.release_id} is UNFINISHED; it {began}"
    with terminal.part(head):
        if value.standing != "over":
            about = f", about to {value.last_effect}" if value.last_effect else ""
            terminal.note(f"stopped     in step {value.last_step}{about}")
            terminal.note(f"            last line written {_moment(value.last_at)}")
        if value.holder is not None:
            terminal.note(f"at work     {value.holder.told}")
            if value.holder.session is not None:
                for line in value.holder.session.way_out.splitlines():
                    terminal.note(f"            {line}")
        total = len(value.applied) + len(value.pending)
        left = f"; not applied: {', '.join(value.pending)}" if value.pending else ""
        terminal.note(f"migrations  {len(value.applied)} of its {total} are applied{left}")
        terminal.note(f"backup      {value.backup}")
        if value.deployment:
            terminal.note(f"deployment  {value.deployment}")
            terminal.note(f"production  {value.production}")


@show.register(Releases)
def _(value: Releases, terminal: Terminal) -> None:
    if not value.releases and not value.unreadable:
        terminal.note("There was no release to this target yet: invoke release")
        return
    rows = [
        (
            one.release_id,
            one.kind,
            _moment(one.began_at),
            one.end or one.standing,
            one.last_step,
            one.host,
            str(one.lines),
        )
        for one in value.releases
    ]
    terminal.table(("release", "kind", "began", "end", "last step", "host", "#lines"), rows)
    for what in value.unreadable:
        terminal.warn(what)


@show.register(Past)
def _(value: Past, terminal: Terminal) -> None:
    end = value.end or value.standing.value
    terminal.title(f"{value.begun.kind} {value.release_id} to {value.begun.target}: {end}")
    for entry in value.entries:
        terminal.note(
            f"{entry.number:>4}  {_moment(entry.at)}  {entry.event:<8} {entry.step:<10} "
            f"{_short(entry)}".rstrip()
        )


def _short(entry: Entry) -> str:
    """Return what a line says, in short; all of it is in the JSON form."""
    data = entry.data
    if not isinstance(data, dict):
        return ""
    for name in ("effect", "what", "end", "host", "backup_id", "verdict"):
        if isinstance(said := data.get(name), str) and said:
            return " ".join(said.split())[:120]
    return ""


@show.register(tuple)
def _(value: tuple[Audited, ...], terminal: Terminal) -> None:
    if not value:
        terminal.note("There is no journal yet: there was no release to this target.")
    for one in value:
        lines = count(one.lines, "line")
        if one.faults:
            terminal.note(f"NOT INTACT  {one.release_id}  {lines} can be trusted")
        else:
            where = " and ".join(one.places)
            terminal.note(
                f"intact      {one.release_id}  {lines}, in {where}; ends {one.head[:_HEAD]}"
            )
        for text in (*one.faults, *one.notes):
            terminal.note(f"            {text}")


def _moment(text: str) -> str:
    """Return an ISO time as people read it, to the second."""
    return text[:19].replace("T", " ") + " UTC"
