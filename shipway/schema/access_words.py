"""The access matrix in words: how checks/access.toml is written and how it is read.

[public.notes]
anon = "nothing"
authenticated = "select rows by policy; update (title, body) rows by policy"
service_role = "select, insert, update, delete every row"
"""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from typing import TYPE_CHECKING, Final, NamedTuple

from shipway.errors import Misconfigured
from shipway.values.checks import CheckResult
from shipway.values.inspection import Access, Reach, Tried

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from shipway.values.checks import Outcome

__all__ = [
    "ACCESS_FILE",
    "NOTHING",
    "ExpectedRight",
    "Right",
    "access_result",
    "access_sections",
    "can",
    "listing",
    "load_access",
    "rights",
    "sections_kept",
    "sentence",
    "wider",
    "words",
    "write_access",
]

ACCESS_FILE: Final = "checks/access.toml"

_COMMANDS: Final = ("select", "insert", "update", "delete", "execute")
_COMMAND: Final = re.compile(r"([a-z]+)(?: \(([^)]*)\))?\Z")
_REACHES: Final = (Reach.EVERY_ROW, Reach.BY_POLICY, Reach.NO_ROW)
_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+\Z")
_HEAD: Final = """\
# Who may do what through the Data API. `invoke db.verify` fails when the database says otherwise.
# Each line reads: role = "commands, (columns) if only some, and how far they reach".
# Written by: invoke db.verify --write. Review it like code: it is the door to your data.
"""


class Right(NamedTuple):
    """What is expected of one role, one object and one command."""

    reach: Reach
    columns: str
    """The only ones it reaches; empty for all."""


NOTHING: Final = Right(Reach.NOTHING, "")


class ExpectedRight(NamedTuple):
    """One right that access.toml tells of."""

    object: str
    role: str
    command: str
    """Empty in the line that only names object and role."""
    right: Right


def write_access(matrix: Iterable[Access]) -> str:
    """Return the text of an access.toml that expects exactly this matrix."""
    return "\n".join([_HEAD, *(f"{text}\n" for text in access_sections(matrix).values())])


def access_sections(matrix: Iterable[Access]) -> Mapping[str, str]:
    """Return object to the lines of access.toml that expect what the matrix says of it."""
    by_object: dict[str, dict[str, list[Access]]] = defaultdict(lambda: defaultdict(list))
    for access in matrix:
        by_object[access.name][access.role].append(access)
    sections = {}
    for name, roles in by_object.items():
        schema, _, rest = name.partition(".")
        lines = [f"[{_toml_key(schema)}.{_toml_key(rest)}]"]
        lines += [f'{_toml_key(role)} = "{sentence(rights)}"' for role, rights in roles.items()]
        sections[name] = "\n".join(lines)
    return sections


def sections_kept(path: Path, matrix: Iterable[Access]) -> Mapping[str, str]:
    """Return object to the lines of an access.toml that tell of what is not in the database."""
    there = {one.name for one in matrix}
    expected = load_access(path) or ()
    absent = dict.fromkeys(one.object for one in expected if one.object not in there)
    rights_told = [
        Access(
            "",
            one.object,
            one.role,
            one.command or "select",
            one.right.columns,
            one.right.reach,
            Tried.NOT_TRIED,
        )
        for one in expected
        if one.object in absent
    ]
    return access_sections(rights_told)


def listing(section: str) -> str:
    """Return how an object's rights come to stand in access.toml, its lines at the end.

    The database can be asked only for what it has; what a file is still to bring is not there yet.
    """
    return (
        f"what is in the database now is written into {ACCESS_FILE} by: invoke db.verify --write. "
        "What a migration is still to bring goes there by hand, in the place of lines of that "
        f"name:\n{section}"
    )


def sentence(rights: Sequence[Access]) -> str:
    """Return what a role may do with one object, as it is written."""
    by_reach: dict[Reach, list[str]] = defaultdict(list)
    for access in sorted(rights, key=lambda one: _COMMANDS.index(one.command)):
        if access.reach is not Reach.NOTHING:
            columns = f" ({access.columns})" if access.columns else ""
            by_reach[access.reach].append(f"{access.command}{columns}")
    clauses = [
        ", ".join(commands) + ("" if reach is Reach.ALL else f" {reach}")
        for reach, commands in by_reach.items()
    ]
    return "; ".join(clauses) or "nothing"


def load_access(path: Path) -> tuple[ExpectedRight, ...] | None:
    """Return what access.toml expects; None when there is no file.

    Raises:
        Misconfigured: a line that does not read as a sentence.
    """
    if not path.is_file():
        return None
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise _bad(path.name, f"is not valid TOML: {error}") from None
    expected: list[ExpectedRight] = []
    for schema, objects in told.items():
        for name, roles in _table(objects, path.name, schema).items():
            where = f"{schema}.{name}"
            for role, words in _table(roles, path.name, where).items():
                if not isinstance(words, str):
                    raise _bad(path.name, f"'{where}': what {role} may do is not a sentence")
                rights = list(_rights(words))
                if not rights and words.strip() != "nothing":
                    raise _bad(path.name, f"'{where}': '{words}' cannot be read")
                # Named, so that the role is asked about even when it may do nothing.
                expected.append(ExpectedRight(where, role, "", Right(Reach.NOTHING, "")))
                expected += [ExpectedRight(where, role, *told) for told in rights]
    return tuple(expected)


def _rights(words: str) -> Iterator[tuple[str, Right]]:
    """Yield command and right of each clause; nothing at all when one cannot be read."""
    found: list[tuple[str, Right]] = []
    for clause in words.split(";"):
        text = clause.strip()
        reach = next((one for one in _REACHES if text.endswith(f" {one}")), Reach.ALL)
        commands = text.removesuffix(f" {reach}")
        for one in re.split(r",\s*(?![^()]*\))", commands):
            match = _COMMAND.match(one.strip())
            known = match is not None and match[1] in _COMMANDS
            if match is None or not known or (match[1] == "execute") != (reach is Reach.ALL):
                return
            found.append((match[1], Right(reach, match[2] or "")))
    yield from found


def _table(value: object, source: str, where: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise _bad(source, f"'{where}' is not a table")
    return value


def _toml_key(name: str) -> str:
    if _BARE_KEY.match(name):
        return name
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _bad(source: str, problem: str) -> Misconfigured:
    return Misconfigured(
        f"{source}: {problem}.",
        unchanged="Nothing was run and nothing was changed.",
        next_step='Write it as: [public.notes], then: anon = "nothing" or authenticated = '
        '"select, update (title) rows by policy". A fresh one: invoke db.verify --write',
    )


def rights(matrix: Sequence[Access]) -> Mapping[tuple[str, str, str], Right]:
    """Return object, role and command to the right."""
    return {(one.name, one.role, one.command): Right(one.reach, one.columns) for one in matrix}


def wider(there: Right, than: Right) -> bool:
    """Tell whether a right reaches more rows or columns than another."""
    if there.reach.width != than.reach.width:
        return there.reach.width > than.reach.width
    if not than.columns or there.reach is Reach.NOTHING:
        return False
    return not there.columns or not set(there.columns.split(", ")) <= set(than.columns.split(", "))


def can(access: Access) -> str:
    """Say what a role can do."""
    right = Right(access.reach, access.columns)
    if access.reach is Reach.NOTHING:
        return f"{access.role} cannot {access.command} {access.name}"
    return f"{access.role} can {words(access.command, right)} of {access.name}"


def words(command: str, right: Right) -> str:
    """Say what a right is."""
    if right.reach is Reach.NOTHING:
        return "nothing"
    columns = f" ({right.columns})" if right.columns else ""
    return f"{command}{columns} {right.reach}"


def access_result(name: str, outcome: Outcome, detail: str, cure: str = "") -> CheckResult:
    """Return a result of the group `access`."""
    return CheckResult(group="access", name=name, outcome=outcome, detail=detail, cure=cure)
