"""Writes a shipway.toml in which every setting stands with its meaning and its default."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from shipway.settings import policies

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["settings_file"]

_HEAD = """\
# Shipway's settings. A line behind `#` shows a default: take the `#` away to change it.
# Each can be overridden by the environment: lock_timeout_s by SHIPWAY_LOCK_TIMEOUT_S.
# Secrets and ids are not set here: they come from .env.<target>; see .env.example.
"""


def settings_file(given: Mapping[str, Path | bool]) -> str:
    """Return the file's text.

    Args:
        given: settings that are set, by name; one that has its default stays a comment.
    """
    parts = [_HEAD]
    for name, default, explanation in policies():
        value = given.get(name, default)
        mark = "# " if value == default else ""
        parts.append(f"# {explanation}\n{mark}{name} = {_as_toml(value)}\n")
    return "\n".join(parts)


def _as_toml(value: object) -> str:
    if value is None:
        return '"..."'  # It has no default: the dots are to be replaced.
    if isinstance(value, Path):
        return json.dumps(value.as_posix())
    # Numbers, texts and lists of texts are written in TOML as they are in JSON.
    return json.dumps(value)
