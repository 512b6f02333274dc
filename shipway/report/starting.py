"""How `init` is told: what it would write, and what a person does next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.formats.figures import count
from shipway.report.words import show
from shipway.values.starting import FoundProject, Started, StarterPlan

if TYPE_CHECKING:
    from shipway.report.terminal.terminal import Terminal

__all__: list[str] = []


@show.register(StarterPlan)
def _(value: StarterPlan, terminal: Terminal) -> None:
    terminal.title(f"shipway in {value.found.root}")
    for line in _findings(value.found):
        terminal.note(line)
    terminal.note("")
    rows = [(one.fate.value, one.path, one.purpose) for one in value.files]
    rows += [("new", path, "from the database, as it is now") for path in value.derived]
    terminal.table(("", "file", "what it is for"), rows)
    terminal.note("")


def _findings(found: FoundProject) -> list[str]:
    if found.empty:
        return ["The folder is empty: it gets a first migration and a first page to try it with."]
    lines = []
    for one in found.histories[:1]:
        whose = f", as {one.tool} keeps them" if one.tool else ""
        lines.append(f"found {count(one.count, 'migration')} in {one.folder}/{whose}")
    if len(found.histories) > 1:
        others = ", ".join(f"{one.folder}/" for one in found.histories[1:])
        lines.append(f"not taken: {others} (migrations_dir in the settings says which)")
    if not found.histories:
        lines.append("found no migrations; the first one is made by: invoke db.new NAME")
    return lines


@show.register(Started)
def _(value: Started, terminal: Terminal) -> None:
    if not value.written:
        terminal.note("Nothing was to be written.")
    terminal.note("")
    terminal.title("next")
    for number, step in enumerate(value.next_steps, 1):
        first, *rest = step.split("\n")
        terminal.note(f"{number:>3}. {first}")
        for line in rest:
            terminal.note(f"     {line}")
