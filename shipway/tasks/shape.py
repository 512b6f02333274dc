"""The one shape of a task: what Invoke needs, around the few words in which commands differ.

A command is declared as a function of its own flags that returns the work to do. The flags that
every command knows (`--target`, `--format`, `--yes`) are added here, and so is the way it ends.
Only Invoke and the standard library are imported at the top: `invoke --list` stays fast.
"""

from __future__ import annotations

from copy import copy
from inspect import Parameter, signature
from typing import TYPE_CHECKING, Any

from invoke.collection import Collection
from invoke.exceptions import Exit
from invoke.parser.argument import Argument
from invoke.tasks import Task

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from invoke.context import Context

    from shipway.commands.asked import Answer
    from shipway.commands.session import Session

    Work: TypeAlias = Callable[[Session], Answer]

__all__ = ["Commands", "takers"]

_HELP = {
    "target": "environment to work on: reads .env.NAME (else SHIPWAY_TARGET, else the plain .env)",
    "format_": "text, or json: one JSON document on stdout and everything else on stderr",
    "yes": "ask no questions",
    "quiet": "of the work, write warnings and the result of each step only",
    "verbose": "write long lists whole, and every line on a terminal, too, as a log gets it",
    "without_rehearsal": "why the migrations are not tried on a copy first; kept in the record",
    "phase": "expand (before the new code is live), or contract (after the old code is gone)",
}


_TAKERS: set[str] = set()


def takers() -> frozenset[str]:
    """Return the names of the commands that know `--target`."""
    return frozenset(_TAKERS)


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
        if target:
            _TAKERS.update((called, f"{group}.{name}".lstrip(".")))

        def declare(work: Callable[..., Work]) -> Callable[..., Work]:
            own = {one.name: one.default for one in signature(work).parameters.values()}

            def body(c: Context, *words: str, **flags: Any) -> None:
                # Other tasks, which call this one, leave out what they do not mean to change.
                shared = {one: flags.pop(one, left_out) for one, left_out in common.items()}
                if not target:
                    shared["target"] = None
                _run(c, called, work(*words, **flags), here=here, **shared)

            known = {**_HELP, **helps}
            body.__doc__ = work.__doc__
            flags = [
                _Flag.declared(one, value, known[one]) for one, value in {**own, **common}.items()
            ]
            # Invoke tells its tasks apart by name and code, and all of ours have this code: so the
            # name is the whole one.
            made = _Command(body, called, default=default, flags=flags)
            self.collection.add_task(made, name=name, default=default)
            return work

        return declare


class _Flag(Argument):
    """A flag of a command, or a word that it wants.

    Invoke copies all flags of all tasks to read one command line, down to the letters of their
    help: half of what it did. Of these only the value is ever set, and it is never changed.
    """

    @classmethod
    def declared(cls, name: str, default: object, help_: str) -> _Flag:
        """Return what Invoke makes of a parameter, but never a short flag.

        Those would move whenever a parameter is added.
        """
        dashed = name.rstrip("_").replace("_", "-")
        wanted = default is Parameter.empty
        several = isinstance(default, tuple)
        return cls(
            dashed,
            attr_name=None if dashed == name else name,
            kind=list if several else str if wanted else type(default),
            default=None if wanted else [] if several else default,
            help=help_,
            positional=wanted,
        )

    def __deepcopy__(self, _: dict[int, Any]) -> _Flag:
        return copy(self)


class _Command(Task[Any]):
    """A task that says itself which flags it has, where Invoke would read them off its body."""

    def __init__(
        self, body: Callable[..., None], name: str, *, default: bool, flags: list[_Flag]
    ) -> None:
        super().__init__(body, name=name, default=default, positional=())
        self.flags = flags

    def get_arguments(self, ignore_unknown_help: bool | None = None) -> list[Argument]:  # noqa: ARG002 - Invoke's
        return [*self.flags]  # Invoke copies them before it sets a value.

    def __deepcopy__(self, _: dict[int, Any]) -> _Command:
        return self  # Nothing of it changes, and Invoke copies all tasks whenever it begins.


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
    from shipway.commands.asked import Asked
    from shipway.commands.session import run

    asked = Asked(
        command=command,
        target=target,
        format=format_,
        dry=bool(c.config.run.dry),
        yes=yes,
        quiet=quiet,
        verbose=verbose,
        here=here,
        takers=takers(),
    )
    code = run(asked, work)
    if code:
        raise Exit(code=code)
