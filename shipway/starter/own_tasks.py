"""Tasks of the project's own, in a file that does not know shipway's yet."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["TAKEN", "how_to_add", "tasks_file"]

TAKEN: Final = frozenset({"backup", "db", "deploy", "doctor", "init", "logs", "release", "sandbox"})
"""The names of shipway's tasks and collections: a task beside them needs another."""


def tasks_file(root: Path) -> str:
    """Return the file that `invoke` reads: a package `tasks` goes before a module."""
    package = "tasks/__init__.py"
    return package if (root / package).is_file() else "tasks.py"


def how_to_add(root: Path) -> str:
    """Return the lines that give shipway's tasks to a file that does not know them, with its own.

    Empty where there is no such file.
    """
    name = tasks_file(root)
    file = root / name
    if not file.is_file():
        return ""
    text = file.read_text(encoding="utf-8", errors="replace")
    if "shipway.tasks" in text:
        return ""
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError):
        body = []
    lines = _to_a_collection(body) or _to_single_tasks(body)
    return "\n".join(
        [
            f"add to {name}, at its end:",
            *lines,
            "until then `invoke` knows your tasks alone",
        ]
    )


def _to_a_collection(body: list[ast.stmt]) -> list[str]:
    """Return the lines for a file that makes its own collection; empty for any other."""
    made = {
        target.id
        for one in body
        if isinstance(one, ast.Assign)
        for target in one.targets
        if isinstance(target, ast.Name)
    }
    # The first that is there is the one that Invoke takes.
    for name in ("ns", "namespace"):
        if name in made:
            return [
                "from shipway.tasks import namespace as shipway",
                f'shipway.add_collection({name}, name="own")',
                f"{name} = shipway",
            ]
    return []


def _to_single_tasks(body: list[ast.stmt]) -> list[str]:
    lines = ["from shipway.tasks import namespace"]
    for one in body:
        if isinstance(one, ast.FunctionDef) and any(map(_makes_a_task, one.decorator_list)):
            own = one.name.replace("_", "-")
            renamed = f', name="own-{own}"' if own in TAKEN else ""
            lines.append(f"namespace.add_task({one.name}{renamed})")
    return lines


def _makes_a_task(decorator: ast.expr) -> bool:
    """Whether it is `@task`, `@task(...)` or `@invoke.task`."""
    named = decorator.func if isinstance(decorator, ast.Call) else decorator
    return (isinstance(named, ast.Name) and named.id == "task") or (
        isinstance(named, ast.Attribute) and named.attr == "task"
    )
