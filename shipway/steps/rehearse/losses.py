"""What the pending files take away, as the copy has shown it: each by name, with its rows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shipway.formats.figures import count, number
from shipway.migrations.files import losing_tables
from shipway.migrations.sql.opened import open_script
from shipway.schema.access import API_ROLES
from shipway.schema.vanished import FUNCTIONS, MEMBER, RELATIONS, Vanished, places, vanished_objects
from shipway.steps.rehearse.loss_words import cure_of, is_named_in, sql_name, tell_loss
from shipway.values.lint import Severity
from shipway.values.migrations import Phase
from shipway.values.rehearsal import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from shipway.steps.rehearse.rollback_proof import Stage
    from shipway.values.inspection import Thing
    from shipway.values.migrations import Migration
    from shipway.values.rehearsal import RehearsedStatement, TableContent

__all__ = ["Losses"]

_QUIET: Final = ("index", "schema", "sequence", "type")
"""Kinds whose loss nobody's rows and nobody's rights hang on."""
_COMMANDS: Final = frozenset(("select", "insert", "update", "delete", "execute"))
_TAKES: Final = re.compile(r"\b(?:drop|cascade|truncate|do|call|execute|select)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """What the pending files say of themselves."""

    loses: frozenset[str]
    """Tables and columns that their heads give up."""
    texts: Mapping[str, str]
    """Label of a contract migration to its text: what it names is what it is for."""
    all_texts: str
    """Of all the files, one behind the other."""


class Losses:
    """What is gone between the first of the pending files and the last one.

    Args:
        pending: the files.
        stages: the copy before the first and after each.
        statements: as they were measured.
        row_counts: of the backup: what a table held, also where the copy is a sample.
        sampled: the copy holds only some rows: what is missing there says nothing.
        asked: schemas of which the API's roles are asked beside this: their rights are told there.

    Attributes:
        findings: what is to be said, the gravest first.
        kinds: of all that is gone; `rows` and `values` among them.
        held_nothing: migration and line of the statements that took only what was empty.
        may_lose: tables, and columns, that the files' heads give up.
        places: what relations and functions of before are called now.
    """

    def __init__(  # noqa: PLR0913 - what was run, what was seen, and what may be said of it
        self,
        pending: Sequence[Migration],
        stages: Sequence[Stage],
        statements: Sequence[RehearsedStatement],
        *,
        row_counts: Mapping[str, int],
        sampled: bool,
        asked: Sequence[str] = (),
    ) -> None:
        self._stages = stages
        self._statements = statements
        self._rows = {
            **{name: one.rows for name, one in stages[0].contents.items()},
            **row_counts,
        }
        self._labels = [one.label for one in pending]
        self._said = _statement_of(pending)
        self.places = places(stages[0].identities, stages[-1].identities)
        gone = list(vanished_objects(stages[0], stages[-1]))
        shrunk = {} if sampled else self._fewer_rows()
        emptied = [] if sampled else list(self._emptied())
        self.kinds = frozenset(
            [one.part or one.thing.kind for one in gone]
            + ["rows"] * bool(shrunk)
            + ["values"] * bool(emptied)
        )
        order = (Severity.SERIOUS, Severity.WARNING, Severity.NOTE)
        self._gone_after = (
            [{*vanished_objects(stages[0], one)} for one in stages[1:]] if gone else []
        )
        here = [one for one in gone if not _is_in_matrix(one, asked)]
        found = [*(self._finding(one) for one in here), *emptied]
        self.findings = tuple(sorted(found, key=lambda one: order.index(one.severity)))
        self.may_lose = self._said.loses
        self.held_nothing = {(one.migration, one.line) for one in found} - {
            (one.migration, one.line) for one in found if one.severity is not Severity.NOTE
        }

    def rows_then_and_now(self) -> tuple[Mapping[str, int], Mapping[str, int]]:
        """Return what the tables that are still there held on the copy, and what they hold."""
        then, last = self._stages[0].contents, self._stages[-1]
        # The platform's own tables have no identity here; nobody renames them.
        now = {name: _rows_in(self.places.get(name, name), last) for name in then}
        kept = {name: rows for name, rows in now.items() if rows is not None}
        return {name: then[name].rows for name in kept}, kept

    def _fewer_rows(self) -> Mapping[str, int]:
        then, now = self.rows_then_and_now()
        return {name: now[name] for name, rows in then.items() if now[name] < rows}

    def _finding(self, gone: Vanished) -> Finding:
        label, line = self._where(gone)
        what, severity = tell_loss(gone, self._content(gone)), self._severity(gone)
        excuse = "" if severity is Severity.NOTE else self._excuse(gone, label)
        empty = severity is Severity.NOTE and gone.thing.kind in {"table", "column"}
        name = gone.thing.full_name
        if moved := self._moved(gone):
            what = f"The table {name} is gone; its rows are all in {moved}."
            severity = Severity.WARNING
        elif whole := self._elsewhere(gone):
            what = f"The partition {name} is gone; {whole} holds no fewer rows than before."
            severity, empty = Severity.NOTE, True
        return Finding(
            severity=Severity.NOTE if excuse else severity,
            migration=label,
            line=line,
            what=f"{what} {excuse}".strip(),
            cure="" if excuse or empty else cure_of(gone, self._stages[0].schema),
        )

    def _content(self, gone: Vanished) -> tuple[int, int]:
        """Return the rows of its table and how many values were in it."""
        thing = gone.thing
        if thing.kind == "table":
            return self._rows.get(thing.full_name, 0), 0
        content = self._stages[0].contents.get(thing.parent)
        if thing.kind != "column" or content is None:
            return 0, 0
        return self._rows.get(thing.parent, content.rows), content.values.get(thing.name, 0)

    def _severity(self, gone: Vanished) -> Severity:
        rows, values = self._content(gone)
        kind = gone.thing.kind
        if gone.part:
            return Severity.WARNING
        if kind == "table":
            return Severity.SERIOUS if rows else Severity.NOTE
        if kind == "column":
            return Severity.WARNING if values else Severity.NOTE
        if kind in _QUIET:
            return Severity.NOTE
        return Severity.WARNING if self._is_named(gone) else Severity.SERIOUS

    def _is_named(self, gone: Vanished) -> bool:
        """Tell whether a file speaks of what it takes; else CASCADE took it along unseen.

        A table that was put in an old one's place is another one: its file speaks of it.
        """
        was, now = (one.identities.get("table", {}) for one in (self._stages[0], self._stages[-1]))
        anew = was.get(gone.thing.parent) != now.get(gone.thing.parent)
        return anew or is_named_in(self._said.all_texts, gone.thing.name)

    def _excuse(self, gone: Vanished, label: str) -> str:
        """Return why it is meant, in words; empty when no file says so."""
        names = {gone.thing.full_name}
        names |= {gone.thing.parent} if gone.thing.kind == "column" else set()
        if not gone.part and names & self._said.loses:
            return "The file's head says so."
        text = self._said.texts.get(label, "")
        named = is_named_in(text, gone.thing.name)
        return "That is what its contract phase is for." if named else ""

    def _elsewhere(self, gone: Vanished) -> str:
        """Return what a partition was a part of, where that has as many rows as before."""
        whole = gone.thing.fact("partition of").partition(" ")[0]
        if not whole or gone.part:
            return ""
        then, now = (_rows_in(whole, stage) for stage in (self._stages[0], self._stages[-1]))
        return whole if then is not None and now is not None and now >= then else ""

    def _moved(self, gone: Vanished) -> str:
        """Return the new table that holds the very rows of one that is gone."""
        was = self._stages[0].contents.get(gone.thing.full_name)
        if gone.thing.kind != "table" or gone.part or was is None or not (was.rows and was.digest):
            return ""
        return next(
            (
                name
                for name, now in self._stages[-1].contents.items()
                if name not in self._stages[0].contents and now.digest == was.digest
            ),
            "",
        )

    def _emptied(self) -> Iterator[Finding]:
        """Find columns that hold fewer values, beyond those of the rows that are gone."""
        columns = self._stages[-1].identities.get("column", {})
        names = {number: name for name, number in columns.items()}
        for table, was in self._stages[0].contents.items():
            now = self._stages[-1].contents.get(self.places.get(table, ""))
            for column, values in was.values.items() if now is not None else ():
                full = f"{table}.{column}"
                itself = names.get(self._stages[0].identities.get("column", {}).get(full, ""), "")
                left = now.values.get(itself.rpartition(".")[2] or column) if now else None
                if left is None or now is None:
                    continue  # the column itself is gone
                lost = values - left - max(was.rows - now.rows, 0)
                if lost > 0 and not {table, full} & self._said.loses:
                    label, line = self._emptier(table, column)
                    yield Finding(
                        severity=Severity.WARNING,
                        migration=label,
                        line=line,
                        what=f"{full} holds {number(left)} values and held {number(values)}: "
                        f"{count(lost, 'value vanishes', 'values vanish')}.",
                        cure="Copy them elsewhere first, unless nobody wants them any more.",
                    )

    def _emptier(self, table: str, column: str) -> tuple[str, int | None]:
        held = [self._values(stage, table, column) for stage in self._stages]
        at = next((at for at in range(1, len(held)) if held[at] < held[0]), len(held) - 1)
        label = self._labels[at - 1]
        mine = [one for one in self._statements if one.migration == label]
        bare = table.rpartition(".")[2]
        some = [one for one in mine if bare in one.text and (one.rows_changed or one.rewritten)]
        return label, (some or mine)[-1].line if len(some) == 1 or len(mine) == 1 else None

    @staticmethod
    def _values(stage: Stage, table: str, column: str) -> int:
        content: TableContent | None = stage.contents.get(table)
        return content.values.get(column, 0) if content else 0

    def _where(self, gone: Vanished) -> tuple[str, int | None]:
        """Return the migration after which it is gone, and the line of the statement."""
        after = (at for at, some in enumerate(self._gone_after, start=1) if gone in some)
        at = next(after, len(self._labels))
        label = self._labels[at - 1]
        return label, _line([x for x in self._statements if x.migration == label], gone.thing)


def _rows_in(table: str, stage: Stage) -> int | None:
    """Return how many rows a table holds, in its partitions too; None when it is not there."""
    content = stage.contents.get(table)
    if content is not None:
        return content.rows
    if table not in stage.identities.get("table", {}):
        return None
    parts = (
        one.full_name
        for one in stage.schema.things
        if one.kind == "table" and one.fact("partition of").startswith(f"{sql_name(table)} ")
    )
    return sum(_rows_in(part, stage) or 0 for part in parts)


def _is_in_matrix(gone: Vanished, asked: Sequence[str]) -> bool:
    kind, _, name = gone.thing.parent.partition(" ")
    return (
        gone.part == "privileges"
        and gone.thing.name in API_ROLES
        and kind in {"table", "column", "function"}
        and name.partition(".")[0] in asked
        and {*gone.was.split(", ")} <= _COMMANDS
    )


def _line(statements: Sequence[RehearsedStatement], thing: Thing) -> int | None:
    """Return the line of the statement that took it; None where that cannot be told."""
    whole = thing.kind in (*RELATIONS, *FUNCTIONS, "schema", "type", "extension")
    name = thing.name.partition("(")[0]
    relation = thing.full_name if whole else thing.parent.rpartition(" ")[2]
    if thing.kind == MEMBER:
        name = relation.rpartition(".")[2]
    named = [one for one in statements if name in one.text and _TAKES.search(one.text)]
    lock = f"AccessExclusiveLock on {relation}"
    locking = [one for one in statements if lock in one.locks]
    taking = [one for one in locking if _TAKES.search(one.text)]
    for some in (named, taking, locking):
        if some:
            return some[-1].line
    if len(statements) == 1:
        return statements[0].line
    able = [one for one in statements if _TAKES.search(one.text)]
    return able[0].line if len(able) == 1 else None


def _statement_of(pending: Sequence[Migration]) -> _Said:
    texts = {}
    for one in pending:
        with open_script(one) as script:
            texts[one.label] = script.text.decode("utf-8", "replace")
    return _Said(
        loses=frozenset(name for one in pending for name in losing_tables(one)),
        texts={one.label: texts[one.label] for one in pending if one.phase is Phase.CONTRACT},
        all_texts="\n".join(texts.values()),
    )
