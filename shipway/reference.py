"""Makes the reference pages of docs/ from the code: `python -m shipway.reference docs`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from shipway.settings import describe, where_to_get
from shipway.tasks import namespace

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["main", "settings_page", "tasks_page"]

_SETTINGS = """\
# Settings

The process environment wins over `.env.<target>`, which wins over `.env`. A variable that is set
but empty counts as not set.

Settings in capitals live in the environment or an `.env` file only. The others stand in
`[tool.shipway]` of pyproject.toml, or in a file shipway.toml, and each can be overridden as
`SHIPWAY_<NAME>` (`lock_timeout_s` as `SHIPWAY_LOCK_TIMEOUT_S`). `SHIPWAY_TARGET` names the target
where `--target` is not given. An unknown name is an error.

| setting | default | meaning |
|---|---|---|
"""

_PLACES = """\
## Where to get them

What is missing `invoke doctor` says too, with the same words.
"""

_TASKS = """\
# Tasks

Every task is called `invoke NAME`. `invoke --dry NAME` shows what it would do and changes nothing.
How each ends: [exit codes](exit-codes.md).
"""


def settings_page() -> str:
    """Return the page of settings, Markdown."""
    rows = [
        f"| `{name}` | {f'`{default}`' if default else ''} | {explanation} |"
        for name, default, explanation in describe()
    ]
    places = [f"- `{name}`: {where}." for name, _, _ in describe() if (where := where_to_get(name))]
    return "\n".join([_SETTINGS + "\n".join(rows), "", _PLACES, *places]) + "\n"


def tasks_page() -> str:
    """Return the page of tasks, Markdown."""
    return _TASKS + "".join(f"\n{line}" for line in _tasks()) + "\n"


def _tasks() -> Iterator[str]:
    # A default task is called by its collection's name alone.
    names = {
        aliases[0] if aliases else name: name for name, aliases in namespace.task_names.items()
    }
    for called, name in sorted(names.items()):
        task = namespace[name]
        arguments = task.get_arguments()
        positional = " ".join(one.name.upper() for one in arguments if one.positional)
        yield f"## {called} {positional}".rstrip()
        yield ""
        yield " ".join((task.__doc__ or "").split())
        yield ""
        for one in arguments:
            flag = (
                one.name.upper() if one.positional else f"--{one.name.strip('_').replace('_', '-')}"
            )
            yield f"- `{flag}`: {one.help}"
        yield ""


def main(folder: Path) -> None:
    """Write all pages into a folder."""
    for name, text in (("settings.md", settings_page()), ("tasks.md", tasks_page())):
        (folder / name).write_text(text.rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
