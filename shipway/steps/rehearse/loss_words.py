"""What is gone, in words, and the statement that makes it again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from shipway.formats.figures import count
from shipway.schema.vanished import FUNCTIONS, MEMBER

if TYPE_CHECKING:
    from shipway.schema.vanished import Vanished
    from shipway.values.inspection import Snapshot, Thing

__all__ = ["cure_of", "is_named_in", "sql_name", "tell_loss"]

_PLAIN: Final = re.compile(r"[a-z_][a-z0-9_$]*\Z")
_LATER: Final = (
    "Keep it, and take it away in a contract migration of a later release (a line "
    "`-- shipway: phase=contract` at the file's head). When it is meant: loses={full} in the head "
    "of the migration."
)
_ANEW: Final = "Make the column anew as it was, where code leaves it out of its INSERTs."
_ADVICE: Final = {
    "table": _LATER,
    "column": _LATER,
    "constraint": "Where it is still needed: alter table {table} add constraint {name} "
    "{definition};",
    "trigger": "Where it is still needed: {definition};",
    "index": "Where it is still needed: {definition};",
    MEMBER: "Where it is still heard: alter publication {name} add table {table};",
    "privileges": "Where it is still needed: grant {was} on {on} to {name};",
    "default": "Where it is still needed: alter table {table} alter column {name} set default "
    "{was};",
    "generated": _ANEW,
    "identity": _ANEW,
    "partition of": "Attach it again, or say that its rows are no longer the table's.",
    "definition": "Make sure that it still keeps out what the old one kept out.",
}
"""What to do about what is gone, by the part or the kind of it."""


def tell_loss(gone: Vanished, content: tuple[int, int]) -> str:
    """Return what is gone, with what it held.

    Args:
        gone: the object, or the part of one.
        content: the rows of its table and the values of the column.
    """
    thing = gone.thing
    if gone.part:
        return _part(gone)
    if thing.kind == MEMBER:
        return (
            f"{thing.parent} is no longer in the publication {thing.name}: who listens to it hears "
            "nothing any more."
        )
    rows, values = content
    if thing.kind == "table":
        held = f"{count(rows, 'row')} vanish{'es' if rows == 1 else ''}" if rows else "it was empty"
        return f"The table {thing.full_name} is gone: {held}."
    if thing.kind == "column":
        held = (
            f"{count(values, 'value')} of {count(rows, 'row')} "
            f"vanish{'es' if values == 1 else ''}, and the code that serves now may still read it"
            if values
            else "it held no value"
        )
        return f"The column {thing.full_name} is gone: {held}."
    if thing.kind in {"constraint", "trigger"}:
        what = "foreign key" if thing.fact("definition").startswith("FOREIGN KEY") else thing.kind
        return f"{thing.parent}: its {what} {thing.name} is gone."
    return f"The {thing.kind} {thing.full_name} is gone."


def _part(gone: Vanished) -> str:
    thing = gone.thing
    if gone.part == "privileges":
        return f"{thing.name} loses {gone.was} on {thing.parent}."
    if gone.part == "partition of":
        return f"{thing.full_name} is no partition of {gone.was.partition(' FOR VALUES')[0]} now."
    if gone.part == "definition":
        return f"{thing.parent}: its {thing.kind} {thing.name} is another one now, not {gone.was}."
    return f"{thing.full_name}: its {gone.part} is gone ({gone.was})."


def cure_of(gone: Vanished, before: Snapshot) -> str:
    """Return what is to be done about it: mostly the statement that makes it again."""
    thing = gone.thing
    advice = _ADVICE.get(gone.part or thing.kind)
    if advice is None:
        return f"Make it again in the same file where code still needs it{_grants(thing, before)}."
    return advice.format(
        table=sql_name(thing.parent),
        name=_quote(thing.name),
        full=thing.full_name,
        on=thing.parent,
        definition=thing.fact("definition"),
        was=gone.was,
    )


def _grants(thing: Thing, before: Snapshot) -> str:
    kind = "function" if thing.kind in FUNCTIONS else "table"
    given = [
        f"grant {one.fact('privileges')} on {'' if kind == 'table' else 'function '}"
        f"{sql_name(thing.full_name)} to {one.name};"
        for one in before.things
        if one.kind == "grant"
        and one.parent == f"{kind} {thing.full_name}"
        # Everyone may call what is made anew, without being told so.
        and (kind, one.name) != ("function", "public")
    ]
    return f", with its grants: {' '.join(given)}"[:-1] if given else ""


def sql_name(full_name: str) -> str:
    """Return a name as SQL has it; the arguments of a function stay as they are."""
    head, bracket, arguments = full_name.partition("(")
    parts = [_quote(part) for part in head.split(".", 1)]
    return ".".join(parts) + bracket + arguments


def _quote(name: str) -> str:
    return name if _PLAIN.match(name) else '"' + name.replace('"', '""') + '"'


def is_named_in(text: str, name: str) -> bool:
    """Tell whether a text speaks of an object; of a function, whatever its arguments."""
    bare = re.escape(name.partition("(")[0])
    return re.search(rf"(?<!\w){bare}(?!\w)", text, re.IGNORECASE) is not None
