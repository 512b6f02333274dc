"""What a person does after `init`, in order, as lines that can be copied."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shipway.values.starting import FoundProject

__all__ = ["next_steps"]


def next_steps(  # noqa: PLR0913 - what the steps depend on
    found: FoundProject,
    *,
    asked: str,
    targets: Sequence[str],
    installed: bool,
    history: str,
    derived: bool,
) -> tuple[str, ...]:
    """Return the steps.

    Args:
        found: the project.
        asked: the target whose database was looked at.
        targets: that have an .env file, without the sandbox.
        installed: whether a program `invoke` is there to be called.
        history: of another tool, as the database holds it; empty when it does not, or nobody asked.
        derived: whether checks/ tells of the database already.
    """
    target = "production" if "production" in targets or not targets else targets[0]
    steps = [] if installed else [_install()]
    if found.tasks_to_add:
        steps.append(found.tasks_to_add)
    steps.append(_sandbox(found))
    if not targets:
        steps.append(_env_file(found, target))
    steps.append(
        f"invoke doctor --target {target}\n"
        "until it has nothing to say: it tells what is missing, and where to get it"
    )
    if history or (found.histories and not found.settings_in):
        steps.append(_adopt(found, asked if history else target, history))
    if not derived:
        steps.append(
            f"invoke init --target {target}\nderives checks/ from the database, for your review"
        )
    steps.append(
        f"invoke --dry release --target {target}\nshows the plan; without --dry it releases"
    )
    return tuple(steps)


def _install() -> str:
    series = ".".join(__version__.split(".")[:2])
    return (
        f'pip install "shipway[sandbox]~={series}.0"\n'
        "into this project's environment; `invoke NAME` and `shipway NAME` are the same"
    )


def _sandbox(found: FoundProject) -> str:
    if found.next_js:
        return (
            "invoke sandbox.up\ninvoke db.migrate --target sandbox\n"
            "all migrations on this machine, without any account (the sandbox serves files and "
            "does not run Next.js: a release to it wants a page in public/)"
        )
    return (
        "invoke sandbox.up\ninvoke release --target sandbox\n"
        "a whole release on this machine, without any account"
    )


def _env_file(found: FoundProject, target: str) -> str:
    text = f"cp .env.example .env.{target} && chmod 600 .env.{target}\nand fill it in"
    if found.next_js:
        text += (
            f". Next.js reads .env.{target} too when it builds on this machine: "
            "where you do not want that, name it .env.live, and the target `live`"
        )
    return text


def _adopt(found: FoundProject, target: str, history: str) -> str:
    if history:
        whose = f"the history that is in the database ({history})"
    else:
        first = found.histories[0]
        whose = f"the history of {first.folder}" + (f" ({first.tool})" if first.tool else "")
    flag = "" if target == "default" else f" --target {target}"
    return (
        f"invoke --dry db.adopt{flag}\n"
        f"takes over {whose}: no migration is run; without --dry it is written"
    )
