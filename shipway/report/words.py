"""How each value is told to a person: in full by `show`, in one line by `summary`."""

from __future__ import annotations

from functools import singledispatch
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from shipway.formats.figures import duration, moment
from shipway.values.migrations import Migrated, MigrationPlan, NewMigration

if TYPE_CHECKING:
    from collections.abc import Callable

    from shipway.report.terminal.terminal import Terminal

__all__ = ["show", "summary"]

_MORE = (
    "proofs",
    "checks",
    "tables",
    "platform",
    "rehearsals",
    "records",
    "history",
    "preconditions",
    "production",
    "starting",
    "releases",
    "plans",
)
"""Those that bring in the least come first."""
_WHOLE_UP_TO: Final = 20
_NEWEST: Final = 10
"""Of more applied migrations than that, so many: who looks wants to know what comes next."""


@singledispatch
def summary(proof: object) -> str:
    """Return what a step has proven, in one line."""
    handler = _load_words_for(summary, type(proof))
    return str(handler(proof))


@summary.register(Migrated)
def _(proof: Migrated) -> str:
    now = len(proof.applied_now)
    head = f"{now} applied" if now else "nothing was pending"
    if proof.recovery_time is not None:
        head += f" after {moment(proof.recovery_time)}"
    return f"{head}; the ledger holds {proof.ledger_count}, up to {proof.ledger_label or 'nothing'}"


@singledispatch
def show(value: object, terminal: Terminal) -> None:
    """Write a command's result for a person."""
    _load_words_for(show, type(value))(value, terminal)


def _load_words_for(words: Any, kind: type) -> Callable[..., object]:
    """Load the modules that tell the rarer kinds of values until one tells this one.

    They bring in the steps whose values they tell: a command is spared those of others.
    """
    unknown = words.dispatch(object)
    for name in _MORE:
        import_module(f"shipway.report.{name}")
        handler: Callable[..., object] = words.dispatch(kind)
        if handler is not unknown:
            return handler
    raise TypeError(f"no words for {kind.__name__}")


@show.register(MigrationPlan)
def _(value: MigrationPlan, terminal: Terminal) -> None:
    earlier = 0
    if len(value.applied) > _WHOLE_UP_TO and not terminal.verbose:
        earlier = len(value.applied) - _NEWEST
    rows = [("applied", f"{earlier} earlier ones: --verbose lists them", "", "")] if earlier else []
    rows += [
        ("applied", row.label, moment(row.applied_at), duration(row.duration_ms / 1000))
        for row in value.applied[earlier:]
    ]
    rows += [("pending", one.label, "", "") for one in value.pending]
    rows += [("held back", one.label, "contract phase", "") for one in value.held_back]
    terminal.table(("state", "migration", "when", "#took"), rows)
    terminal.note("")
    held = f", {len(value.held_back)} held back" if value.held_back else ""
    terminal.note(f"{len(value.applied)} applied, {len(value.pending)} pending{held}")
    for warning in value.warnings:
        terminal.warn(warning)


@show.register(NewMigration)
def _(value: NewMigration, terminal: Terminal) -> None:
    terminal.note(f"created {value.path}")
    terminal.note(f"created {value.down_path}")


@show.register(Migrated)
def _(value: Migrated, terminal: Terminal) -> None:
    terminal.note(summary(value))
