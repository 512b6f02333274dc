"""An archive's table of contents: what each entry is, what it is about and what it needs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shipway.edges.client_tools import messages as tool_messages
from shipway.edges.machine import process
from shipway.errors import Failed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from shipway.edges.client_tools.programs import Tool
    from shipway.values.backup import Role

__all__ = ["NO_SCHEMA", "Entry", "describe", "entries_of", "unquote"]

NO_SCHEMA: Final = "-"
_DEADLINE_S: Final = 300.0
_LINE: Final = re.compile(r"(\d+); (\d+) \d+ (.+)")
_NEEDS: Final = ";\tdepends on:"
_SCHEMA: Final = re.compile(r"\d+; 2615 \d+ SCHEMA - (.+)")
"""2615 is the number of pg_namespace, in every version."""
# A schema may be called DATA, and a table ATTACH: what a kind is cannot be told by its letters.
_KINDS: Final = frozenset(
    (
        *("ACCESS METHOD", "ACL", "AGGREGATE", "BLOB", "BLOB METADATA", "BLOBS", "CAST"),
        *("CHECK CONSTRAINT", "COLLATION", "COMMENT", "CONSTRAINT", "CONVERSION", "DATABASE"),
        *("DATABASE PROPERTIES", "DEFAULT", "DEFAULT ACL", "DOMAIN", "ENCODING", "EVENT TRIGGER"),
        *("EXTENSION", "FK CONSTRAINT", "FOREIGN DATA WRAPPER", "FOREIGN TABLE", "FUNCTION"),
        *("INDEX", "INDEX ATTACH", "MATERIALIZED VIEW", "MATERIALIZED VIEW DATA", "OPERATOR"),
        *("OPERATOR CLASS", "OPERATOR FAMILY", "POLICY", "PROCEDURAL LANGUAGE", "PROCEDURE"),
        *("PUBLICATION", "PUBLICATION TABLE", "PUBLICATION TABLES IN SCHEMA", "ROW SECURITY"),
        *("RULE", "SCHEMA", "SEARCHPATH", "SECURITY LABEL", "SEQUENCE", "SEQUENCE OWNED BY"),
        *("SEQUENCE SET", "SERVER", "SHELL TYPE", "STATISTICS", "STATISTICS DATA", "STDSTRINGS"),
        *("SUBSCRIPTION", "SUBSCRIPTION TABLE", "TABLE", "TABLE ATTACH", "TABLE DATA"),
        *("TEXT SEARCH CONFIGURATION", "TEXT SEARCH DICTIONARY", "TEXT SEARCH PARSER"),
        *("TEXT SEARCH TEMPLATE", "TRANSFORM", "TRIGGER", "TYPE", "USER MAPPING", "VIEW"),
    )
)
_IN_CATALOG: Final = frozenset(("TABLE", "SEQUENCE", "MATERIALIZED VIEW", "INDEX", "STATISTICS"))
"""Their lines have a catalog's number, those of `TABLE DATA` and the like have none."""
_MOST_WORDS: Final = max(kind.count(" ") for kind in _KINDS) + 1
_ABOUT: Final = ("ACL", "COMMENT", "SECURITY LABEL")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of an archive's table of contents."""

    line: str
    """As pg_restore takes it back."""
    number: int
    """Its name in what pg_restore says."""
    kind: str
    """TABLE, TABLE DATA, TRIGGER, …"""
    schema: str
    """`-` for what lies in none."""
    name: str
    """As it is called, without quotes; of grants, comments and labels what they are about."""
    owner: str
    """Empty for what has none, such as an extension."""
    needs: frozenset[int]
    """The numbers of what has to be there before; the archive need not hold all of them."""

    @property
    def is_about(self) -> bool:
        """Whether it is a grant, a comment or a label: it goes with what it is about."""
        return self.kind in _ABOUT

    @property
    def subject(self) -> tuple[str, str]:
        """Kind and name of what a grant, a comment or a label is about; else its own."""
        if not self.is_about:
            return self.kind, self.name
        # PostgreSQL quotes what begins with a capital letter, so that words end where a name does.
        found = re.match(r"([A-Z]+(?: [A-Z]+)*) (.+)", self.name)
        return (found[1], unquote(found[2])) if found else ("", self.name)


def entries_of(tool: Tool, archive: Path, roles: Iterable[Role]) -> list[Entry]:
    """Return an archive's table of contents.

    Args:
        tool: pg_restore.
        archive: the plain one.
        roles: those of its manifest: an owner's name may hold spaces.

    Raises:
        Failed: it cannot be read.
    """
    # --verbose adds what each entry needs, as a line of its own.
    argv: list[str | Path] = [tool.path, "--list", "--verbose", archive]
    said = process.run(argv, env=tool.env, deadline_s=_DEADLINE_S)
    if said.returncode:
        raise Failed(
            f"{archive.name} cannot be listed: {tool_messages.complaints_of(said.stderr)}",
            unchanged="Nothing was restored.",
            next_step="Use another backup: invoke backup.list",
        )
    lines = said.stdout.decode("utf-8", "replace").split("\n")
    owners = sorted((role.name for role in roles), key=len, reverse=True)
    made = [_split_owner(found[1], owners)[0] for one in lines if (found := _SCHEMA.match(one))]
    schemas = sorted({NO_SCHEMA, "public", "pg_catalog", *made}, key=len, reverse=True)
    return [_entry(line, needs, schemas, owners) for line, needs in _with_needs(lines)]


def describe(entry: Entry) -> str:
    """Return an entry for people, as `table data cron job`."""
    return f"{entry.kind.lower()} {entry.schema} {entry.name}".replace(" - ", " ")


def unquote(name: str) -> str:
    """Return an identifier without its quotes, if it has any."""
    quoted = len(name) > 1 and name[0] == name[-1] == '"'
    return name[1:-1].replace('""', '"') if quoted else name


def _with_needs(lines: Sequence[str]) -> Iterator[tuple[str, frozenset[int]]]:
    """Yield the line of each entry and the numbers on the line below it."""
    for line, below in zip(lines, [*lines[1:], ""], strict=True):
        if line and not line.startswith(";"):
            told = below.removeprefix(_NEEDS) if below.startswith(_NEEDS) else ""
            yield line, frozenset(map(int, told.split()))


def _entry(
    line: str, needs: frozenset[int], schemas: Sequence[str], owners: Sequence[str]
) -> Entry:
    found = _LINE.match(line)
    number, catalog, rest = found.groups() if found else ("0", "0", line)
    kind, schema, name, owner = _split(rest, schemas, owners, no_catalog=catalog == "0")
    return Entry(
        line=line,
        number=int(number),
        kind=kind,
        schema=schema,
        name=name,
        owner=owner,
        needs=needs,
    )


def _split(
    rest: str, schemas: Sequence[str], owners: Sequence[str], *, no_catalog: bool
) -> tuple[str, str, str, str]:
    """Return kind, schema, name and owner of a line, which has nothing but spaces between them."""
    words = rest.split(" ")
    kinds = [" ".join(words[:many]) for many in range(min(_MOST_WORDS, len(words)), 0, -1)]
    known = [kind for kind in kinds if kind in _KINDS and not (no_catalog and kind in _IN_CATALOG)]
    for kind in known:
        after = rest[len(kind) + 1 :]
        for schema in schemas:
            name, owner = _split_owner(after[len(schema) + 1 :], owners)
            if after.startswith(f"{schema} ") and name:
                return kind, schema, name, owner
    # It lies in a schema that the archive does not make: an extension's.
    kind = known[0] if known else words[0]
    schema, _, after = rest[len(kind) + 1 :].partition(" ")
    return kind, schema, *_split_owner(after, owners)


def _split_owner(name_and_owner: str, owners: Sequence[str]) -> tuple[str, str]:
    for owner in owners:
        if name_and_owner.endswith(f" {owner}"):
            return name_and_owner[: -len(owner) - 1], owner
    name, _, owner = name_and_owner.rpartition(" ")
    return name, owner
