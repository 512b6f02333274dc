"""The stand-ins, written down as PostgreSQL reads extensions: control files and scripts.

Each lies in `sql/` as one file. Its head says what its control file says, and which further
versions may be asked for; what two of them need is a part, which both take in.
"""

from __future__ import annotations

import re
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from importlib.resources.abc import Traversable
    from pathlib import Path

__all__ = ["COMMENT", "scripts", "stand_ins", "write_stand_ins"]

COMMENT: Final = "stands in, without its library, for"
"""How the comment of a stand-in's control file begins, which tells it from the real one."""

_HEAD: Final = re.compile(r"^--! (\w+) = '?(.*?)'?$", re.MULTILINE)
_PART: Final = re.compile(r"^--\+ (.+)$", re.MULTILINE)
_PI_WORDS: Final = 18 + 4 * 256
"""So many words of 32 bits of the number's fraction Blowfish begins with."""


def stand_ins() -> frozenset[str]:
    """Return the names of the extensions that have a stand-in."""
    return frozenset(scripts())


@lru_cache(maxsize=1)
def scripts() -> dict[str, str]:
    """Return extension to what its file says, heads included and parts taken in."""
    folder = files(__package__) / "sql"
    return {
        one.name.removesuffix(".sql"): _complete(one.name.removesuffix(".sql"), folder)
        for one in sorted(folder.iterdir(), key=lambda one: one.name)
        if one.name.endswith(".sql")
    }


def write_stand_ins(folder: Path, names: Collection[str]) -> None:
    """Write control files and scripts of stand-ins into a folder that is there.

    Whoever may create in a database may create them: each is marked as trusted.

    Args:
        folder: the place of control files, which PostgreSQL calls `extension`.
        names: the extensions; those without a stand-in are passed over.
    """
    for name, script in scripts().items():
        if name in names:
            for file, content in _files(name, script):
                (folder / file).write_text(content, encoding="utf-8")


def _files(name: str, script: str) -> Iterator[tuple[str, str]]:
    head = dict(_HEAD.findall(script))
    version = head["default_version"]
    control = [f"comment = '{COMMENT} {name}'", f"default_version = '{version}'", "trusted = true"]
    control += [f"{key} = '{head[key]}'" for key in ("schema", "requires") if key in head]
    control.append(f"relocatable = {head.get('relocatable', 'false')}")
    yield f"{name}.control", "\n".join(control) + "\n"
    yield f"{name}--{version}.sql", script
    # Every version is the same one here: a way leads from each to each by way of the default.
    for other in head.get("versions", "").split():
        yield f"{name}--{other}--{version}.sql", ""
        yield f"{name}--{version}--{other}.sql", ""


def _complete(name: str, folder: Traversable) -> str:
    script = (folder / f"{name}.sql").read_text(encoding="utf-8")
    script = _PART.sub(lambda found: (folder / found[1]).read_text(encoding="utf-8"), script)
    script = script.replace("@name@", name.replace("-", "_"))
    return script.replace("@pi@", _pi()) if "@pi@" in script else script


@lru_cache(maxsize=1)
def _pi() -> str:
    """Return the fraction of pi in hexadecimal digits, by Machin's formula."""
    bits, guard = 32 * _PI_WORDS, 64
    one = 1 << (bits + guard)

    def _arctan(inverse: int) -> int:
        term = total = one // inverse
        divisor = 3
        while term:
            term //= -inverse * inverse
            total += term // divisor
            divisor += 2
        return total

    pi = 4 * (4 * _arctan(5) - _arctan(239))
    return f"{(pi - 3 * one) >> guard:0{bits // 4}x}"
