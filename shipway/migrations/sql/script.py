"""A migration's SQL, cut into statements and into the units that must be run as one."""

from __future__ import annotations

import hashlib
import re
from array import array
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Final

from shipway.errors import Misconfigured
from shipway.migrations.sql.blank import BadScript
from shipway.migrations.sql.split import pieces
from shipway.migrations.sql.statement_kinds import Kind, Label, kind_of, may_be_special

if TYPE_CHECKING:
    import mmap
    from collections.abc import Iterator

__all__ = ["Script", "Unit"]

_NOTHING_DONE = "Nothing was run and nothing was changed."
_BOM: Final = b"\xef\xbb\xbf"
_PLAIN: Final = Kind(label=Label.PLAIN)
_STRINGS: Final = b"standard_conforming_strings"
_TIMED: Final = re.compile(rb"\bstatement_timestamp\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """Statements `first` to before `after` of a file: one transaction, or one that takes none."""

    first: int
    after: int
    outside: bool
    """It is a single statement that cannot run in a transaction."""
    begin: tuple[bytes, ...] = (b"BEGIN",)
    """How the transaction is begun: in the file's own words, where it has its own, and with what
    has to come before all else in it, our own statements included: SET TRANSACTION."""
    begun_by: frozenset[int] = frozenset()
    """Statements of the file that stand there."""

    @property
    def rest(self) -> Iterator[int]:
        """The statements that are run in it once it is begun, or outside of any."""
        return (at for at in range(self.first, self.after) if at not in self.begun_by)


class Script:
    """The statements of one file. They stay in the file: only their places are kept.

    Attributes:
        name: the file's name, for messages.
        timed: it speaks of statement_timestamp().
    """

    def __init__(self, data: bytes | mmap.mmap, *, name: str, standard_strings: bool) -> None:
        self.name = name
        self._data = data
        self._places = array("Q")  # start, end, copy_start, copy_end of each statement
        self._kinds: dict[int, Kind] = {}
        self._switches: set[int] = set()
        self.timed = _TIMED.search(data) is not None
        begin = len(_BOM) if data[: len(_BOM)] == _BOM else 0
        try:
            for piece in pieces(data, start=begin, standard_strings=standard_strings):
                if may_be_special(data, piece.start):
                    kind = kind_of(data[piece.start : piece.end].decode("utf-8", "replace"))
                    if kind.label is not Label.PLAIN:
                        self._kinds[len(self)] = kind
                        self._note_switch(len(self), data[piece.start : piece.end].lower())
                self._places.extend((piece.start, piece.end, piece.copy_start, piece.copy_end))
        except BadScript as error:
            raise self._refused(error.offset, str(error), error.next_step) from None

    def __len__(self) -> int:
        return len(self._places) // 4

    @property
    def text(self) -> bytes:
        """The file as it was when it was opened, byte for byte."""
        return self._data[:]

    def kind(self, index: int) -> Kind:
        """Return what the statement is."""
        return self._kinds.get(index, _PLAIN)

    def sql(self, index: int) -> bytes:
        """Return the statement as it is sent: with LF line ends, as the digest takes it."""
        start, end = self._places[index * 4 : index * 4 + 2]
        return self._data[start:end].replace(b"\r\n", b"\n")

    def ends_message(self, index: int) -> bool:
        """Tell whether what comes behind a statement has to be a message of its own.

        The server reads strings otherwise from then on; or the file speaks of the time of a
        statement, which the server takes once for each message.
        """
        return self.timed or index in self._switches

    @property
    def switches(self) -> bool:
        """Tell whether any statement does."""
        return bool(self._switches)

    def copy_data(self, index: int) -> bytes | None:
        """Return the inline data of a `COPY … FROM stdin`; None for every other statement."""
        start, end = self._places[index * 4 + 2 : index * 4 + 4]
        return self._data[start:end].replace(b"\r\n", b"\n") if end else None

    def settings_before(self, index: int) -> list[bytes]:
        """Return the statements before `index` that set up the session."""
        return [
            self.sql(at)
            for at, kind in sorted(self._kinds.items())
            if at < index and kind.label is Label.SETTING
        ]

    def prefix_sha256(self, after: int) -> str:
        """Return the digest of the statements before `after`, comments between them left out."""
        digest = hashlib.sha256()
        for index in range(after):
            digest.update(self.sql(index) + b"\n;\n" + (self.copy_data(index) or b""))
        return digest.hexdigest()

    def line_and_column(self, index: int, into: int = 0) -> tuple[int, int]:
        """Return where a byte of the statement, as it is sent, stands in the file; both from 1."""
        if not len(self):
            return 1, 1
        start = self._places[index * 4]
        sent = self.sql(index)[:into]
        line = self._data[:start].count(b"\n") + sent.count(b"\n") + 1
        if b"\n" in sent:
            return line, len(sent.rpartition(b"\n")[2].decode("utf-8", "replace")) + 1
        before = self._data[self._data.rfind(b"\n", 0, start) + 1 : start].removeprefix(_BOM)
        return line, len((before + sent).decode("utf-8", "replace")) + 1

    def lines(self) -> Iterator[int]:
        """Yield the line on which each statement begins, from 1; the file is read once for all."""
        line, at = 1, 0
        for index in range(len(self)):
            start = self._places[4 * index]
            line += self._data[at:start].count(b"\n")
            at = start
            yield line

    def line_text(self, line: int) -> str:
        """Return one line of the file, without its end; lines count from 1."""
        at = 0
        for _ in range(line - 1):
            at = self._data.find(b"\n", at) + 1
        end = self._data.find(b"\n", at)
        text = self._data[at : end if end >= 0 else len(self._data)]
        return text.removeprefix(_BOM).removesuffix(b"\r").decode("utf-8", "replace")

    def units(self, *, alone: frozenset[int] = frozenset(), apart: bool = False) -> list[Unit]:
        """Cut the file into units.

        A file without statements that need to be alone, and without transactions of its own, is
        one unit; so is a file that is wrapped in one BEGIN … COMMIT, and one that does nothing.

        Args:
            alone: statements that the server has shown to need no transaction around them.
            apart: each enum value that is added gets a transaction of its own.

        Raises:
            Misconfigured: the file's own transactions do not pair, or would undo its work.
        """
        units: list[Unit] = []
        opened: int | None = None
        first = 0
        for index in range(len(self)):
            label = self.kind(index).label
            outside = label is Label.OUTSIDE or index in alone
            if label is Label.BEGIN and opened is None:
                units += self._plain(first, index)
                opened = index
            elif label is Label.COMMIT and opened is not None:
                units += self._plain(opened + 1, index, self.sql(opened))
                opened, first = None, index + 1
            elif label is Label.COMMIT and index + 1 == len(self):
                units += self._plain(first, index)  # it says what happens there anyway
                first = index + 1
            elif label in _MISPLACED or (outside and opened is not None):
                raise self._misplaced(index, label)
            elif outside or (apart and opened is None and self._adds_enum_value(index)):
                units += self._plain(first, index)
                units.append(Unit(first=index, after=index + 1, outside=outside))
                first = index + 1
        if opened is not None:
            raise self._refused(
                self._places[opened * 4],
                "a transaction is begun here and never committed",
                "Add COMMIT, or leave BEGIN out: a file runs in one transaction anyway.",
            )
        units += self._plain(first, len(self))
        # What does nothing has its row in the ledger all the same, and a transaction for that.
        return units or [Unit(first=0, after=0, outside=False)]

    def _note_switch(self, index: int, lowered: bytes) -> None:
        if self._kinds[index].label is Label.SETTING and _STRINGS in lowered:
            self._switches.add(index)

    def _plain(self, first: int, after: int, begin: bytes = b"BEGIN") -> list[Unit]:
        """Return statements as one transaction; none as none."""
        if first == after:
            return []
        head = takewhile(
            lambda at: self.kind(at).label in (Label.SETTING, Label.OF_TRANSACTION),
            range(first, after),
        )
        begun_by = [at for at in head if self.kind(at).label is Label.OF_TRANSACTION]
        return [
            Unit(
                first=first,
                after=after,
                outside=False,
                begin=(begin, *map(self.sql, begun_by)),
                begun_by=frozenset(begun_by),
            )
        ]

    def _adds_enum_value(self, index: int) -> bool:
        head = self.sql(index)[:400].lower().split()
        return head[:2] == [b"alter", b"type"] and b"add" in head and b"value" in head

    def _misplaced(self, index: int, label: Label) -> Misconfigured:
        problem, cure = _MISPLACED.get(
            label,
            (
                "this statement cannot run in a transaction, and the file begins one around it",
                "Take it out of the file's BEGIN … COMMIT.",
            ),
        )
        return self._refused(self._places[index * 4], problem, cure)

    def _refused(self, offset: int, problem: str, next_step: str) -> Misconfigured:
        line = self._data[:offset].count(b"\n") + 1
        return Misconfigured(
            f"{self.name}, line {line}: {problem}.", unchanged=_NOTHING_DONE, next_step=next_step
        )


_MISPLACED: Final = {
    Label.BEGIN: (
        "a transaction is begun inside another one",
        "Leave one of the two BEGIN out, with its COMMIT.",
    ),
    Label.COMMIT: (
        "a transaction is committed that was not begun",
        "Leave COMMIT out: a file runs in one transaction anyway.",
    ),
    Label.ROLLBACK: (
        "the file rolls its own work back",
        "Leave ROLLBACK out; when a statement fails, everything of its transaction is undone.",
    ),
    Label.PREPARED: (
        "two-phase commit has no place in a migration",
        "Use plain statements: a file runs in one transaction.",
    ),
}
