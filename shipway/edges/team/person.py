"""Who sits at this machine, as git and the system know them."""

from __future__ import annotations

import os
import platform
import pwd
from typing import TYPE_CHECKING

from shipway.edges.machine.process import DeadlinePassed
from shipway.edges.team.git import git
from shipway.errors import Misconfigured

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["who"]


def who(folder: Path) -> str:
    """Return `Name <address>` as git is configured in the folder, else `login@machine`.

    It is what the person says of themselves: git's name can be set to any.
    """
    name, address = _git(folder, "user.name"), _git(folder, "user.email")
    if name and address:
        return f"{name} <{address}>"
    if name or address:
        return name or address
    try:
        login = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # containers run under numbers that no account has
        login = f"user {os.getuid()}"
    return f"{login}@{platform.node()}"


def _git(folder: Path, key: str) -> str:
    try:
        said = git(folder, "config", "--get", key)
    except (Misconfigured, DeadlinePassed):
        return ""
    # One line of printable text: it stands in records and in messages.
    text = said.stdout.decode("utf-8", "replace") if said.returncode == 0 else ""
    return "".join(one for one in text.strip() if one.isprintable())
