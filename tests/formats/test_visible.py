"""Nothing in a foreign text steers a terminal, a CI log, Markdown or a page."""

from __future__ import annotations

import io
import os
import re
import unicodedata
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shipway.errors import Failed
from shipway.formats.visible import no_command, visible
from shipway.report.github.annotations import of_error
from shipway.report.hide import Hide
from shipway.report.terminal.terminal import Terminal
from shipway.values.basics import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

HARMLESS = {"\n", "\t"}
FEW = settings(max_examples=200, derandomize=True, database=None, deadline=None)
HOSTILE = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from("\x1b\x07\x08\r\x7f\x9b\u202e\u2066\u200b\u2028\ufeff\U000e0041:#[]"),
        st.just("\N{ZERO WIDTH JOINER}"),
    )
)


def steers(text: str) -> set[str]:
    """The characters of a text that no reader should get raw."""
    return {
        one
        for one in text
        if unicodedata.category(one) in {"Cc", "Cf", "Zl", "Zp", "Cs"} and one not in HARMLESS
    }


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("\x1b[2J\x1b[H\x1b[31mTypeError", r"\x1b[2J\x1b[H\x1b[31mTypeError"),
        ("a\x9bmb\x7f", r"a\x9bmb\x7f"),
        ("before\rafter", r"before\x0dafter"),
        ("one\r\ntwo\tthree", "one\ntwo\tthree"),
        ("a\u202ecod.exe", r"a\u202ecod.exe"),
        ("pay\u200bpal", r"pay\u200bpal"),
        ("tag\U000e0041", r"tag\U000e0041"),
        ("one\u2028two\u0085three", r"one\u2028two\x85three"),
        ("Größe 日本 «ß» שלום", "Größe 日本 «ß» שלום"),
        ("👩\u200d💻 and a\u200db", "👩\u200d💻 and a\\u200db"),
    ],
)
def test_what_steers_is_shown_as_it_is_written_and_all_else_stays(text: str, seen: str) -> None:
    assert visible(text) == seen


@FEW
@given(HOSTILE)
def test_nothing_that_steers_is_left(text: str) -> None:
    shown = visible(text)
    assert steers(shown) <= {"\N{ZERO WIDTH JOINER}"}
    assert visible(shown) == shown


@pytest.mark.parametrize(
    ("line", "seen"),
    [
        ("::error::x", r"\x3a:error::x"),
        ("   ::set-output name=a::b", r"   \x3a:set-output name=a::b"),
        ("##[group]x", r"\x23#[group]x"),
        ("12:00 ##[add-mask]x", r"12:00 \x23#[add-mask]x"),
        ("a::b", "a::b"),
        ("## [x]", "## [x]"),
    ],
)
def test_a_log_holds_no_command_of_github_actions(line: str, seen: str) -> None:
    assert no_command(line) == seen


def all_ways(terminal: Terminal, text: str) -> None:
    terminal.note(text)
    terminal.warn(text)
    terminal.title(text)
    terminal.row(text, text)
    terminal.table((text, "#n"), [(text, "1")])
    with terminal.progress(text) as line:
        line.at(text)
    with terminal.step(text) as close:
        close(text, 1.0)
    error = Failed(text, unchanged=text, next_step=text, rows=(text,))
    error.add(text)
    terminal.error(error)
    terminal.crash(ValueError(text))


@FEW
@given(HOSTILE)
def test_every_way_to_a_log_makes_it_visible(text: str) -> None:
    out, err = io.StringIO(), io.StringIO()
    terminal = Terminal(as_json=False, stdout=out, stderr=err)
    terminal.knows([], shows_rows=True)

    all_ways(terminal, text)

    written = out.getvalue() + err.getvalue()
    assert steers(written) <= {"\N{ZERO WIDTH JOINER}"}
    assert [one for one in written.split("\n") if one.lstrip().startswith("::")] == []


def test_a_terminal_gets_no_sequences_but_our_own() -> None:
    """Those of rich are colours and the lines that it erases; the text clears the screen."""
    text = "\x1b[2J\x1b]0;title\x07\x1b[6n\u202e\x9b2J"
    for work in (lambda one: all_ways(one, text), lambda one: one.note(f"{text}::x")):
        written = on_a_tty(work)
        own = re.sub(r"\x1b\[[0-9;?]*[mKAhl]|[\r\n]", "", written)
        assert steers(own) == set(), own


def test_an_annotation_is_one_line_and_holds_nothing_raw() -> None:
    line = of_error(Failed("a\x1b[2Jb\n::error::c\u202e", unchanged="", next_step=""), None)
    assert line == r"::error title=Failed::a\x1b[2Jb%0A\x3a:error::c\u202e"


def test_secrets_are_hidden_before_characters_are_made_visible() -> None:
    hide = Hide([Secret("pass\x1bword")])
    assert hide.shown("the pass\x1bword") == "the (hidden)"


def on_a_tty(work: Callable[[Terminal], None]) -> str:
    ours, theirs = os.openpty()
    with open(theirs, "w", encoding="utf-8") as tty, open(ours, "rb", buffering=0) as seen:  # noqa: PTH123 - descriptors
        terminal = Terminal(as_json=False, stdout=tty, stderr=tty)
        work(terminal)
        terminal.note("the end")
        shown = b""
        while b"the end" not in shown:
            shown += seen.read(4096)
    return shown.decode()
