"""The one shape of a task: what Invoke needs, around the few words in which commands differ.

A command is declared as a function of its own flags that returns the work to do. The flags that
every command knows (`--target`, `--format`, `--yes`) are added here, and so is the way it ends.
Only Invoke and the standard library are imported at the top: `invoke --list` stays fast.
"""

from __future__ import annotations

from inspect import Parameter, signature
from typing import TYPE_CHECKING, Any

from invoke.collection import Collection
from invoke.exceptions import Exit
from invoke.tasks import Task

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from invoke.context import Context

    from shipway.commands.session import Answer, Session

    Work: TypeAlias = Callable[[Session], Answer]

__all__ = ["Commands"]

_HELP = {
    "target": "environment to work on: reads .env.NAME (else SHIPWAY_TARGET, else the plain .env)",
    "format_": "text, or json: one JSON document on stdout and everything else on stderr",
    "yes": "ask no questions",
    "quiet": "of the work, write warnings and the result of each step only",
    "verbose": "write every line on a terminal, too, as a log gets it",
    "without_rehearsal": "why the migrations are not tried on a copy first; kept in the record",
    "phase": "expand (before the new code is live), or contract (after the old code is gone)",
}


class Commands:
    """The tasks of one collection, in the order of their declaration."""

    def __init__(self, name: str = "") -> None:
        self.collection = Collection(name) if name else Collection()

    def command(  # noqa: PLR0913 - each says in what a command differs from the others
        self,
        name: str,
        /,
        *,
        default: bool = False,
        target: bool = True,
        format_: bool = True,
        yes: bool = False,
        here: bool = False,
        **helps: str,
    ) -> Callable[[Callable[..., Work]], Callable[..., Work]]:
        """Declare a task of this collection.

        Args:
            name: how it is called, without the name of its collection.
            default: the collection's name alone calls it.
            target: it works on an environment, which `--target` names.
            format_: it can answer as JSON.
            yes: it may ask, and `--yes` answers beforehand.
            here: it works in the current folder, whatever project lies around it.
            helps: what each of its own flags means.
        """
        common: dict[str, str | bool] = {}
        if target:
            common["target"] = ""
        if format_:
            common["format_"] = "text"
        if yes:
            common["yes"] = False
        common |= {"quiet": False, "verbose": False}
        group = self.collection.name or ""
        called = group if default else f"{group}.{name}".lstrip(".")

        def declare(work: Callable[..., Work]) -> Callable[..., Work]:
            own = list(signature(work).parameters)

            def body(c: Context, **flags: Any) -> None:
                shared = {one: flags.pop(one) for one in common}
                if not target:
                    shared["target"] = None
                _run(c, called, work(**flags), here=here, **shared)

            known = {**_HELP, **helps}
            # Invoke reads a command line off the signature of its task. Its tasks are told apart
            # by name and code, and all of ours have this code: so the name is the whole one.
            body.__signature__ = _with_common(work, common)  # type: ignore[attr-defined]
            body.__doc__ = work.__doc__
            made: Task[Any] = Task(
                body,
                name=called,
                # Short flags would move whenever a parameter is added, so there are none.
                auto_shortflags=False,
                # What may be given again comes as a list.
                iterable=[
                    name
                    for name, one in signature(work).parameters.items()
                    if isinstance(one.default, tuple)
                ],
                help={one: known[one] for one in [*own, *common]},
            )
            self.collection.add_task(made, name=name, default=default)
            return work

        return declare


def _with_common(work: Callable[..., Work], common: dict[str, str | bool]) -> Any:
    """Return the signature of `work`, between Invoke's context and the common flags."""
    kind = Parameter.POSITIONAL_OR_KEYWORD
    own = signature(work)
    return own.replace(
        parameters=[
            Parameter("c", kind),
            # Invoke takes a default for the kind of what comes as a list: it gives [] without one.
            *(
                one.replace(default=None) if isinstance(one.default, tuple) else one
                for one in own.parameters.values()
            ),
            *(Parameter(name, kind, default=value) for name, value in common.items()),
        ]
    )


def _run(  # noqa: PLR0913 - the flags that every command knows
    c: Context,
    command: str,
    work: Work,
    *,
    target: str | None = None,
    format_: str = "text",
    yes: bool = False,
    quiet: bool = False,
    verbose: bool = False,
    here: bool = False,
) -> None:
    """Run a command and end the process with its exit code."""
    from shipway.commands.session import Asked, run

    asked = Asked(
        command=command,
        target=target,
        format=format_,
        dry=bool(c.config.run.dry),
        yes=yes,
        quiet=quiet,
        verbose=verbose,
        here=here,
    )
    code = run(asked, work)
    if code:
        raise Exit(code=code)
