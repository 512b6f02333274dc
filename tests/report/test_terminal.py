"""What a person sees: plain at 80 columns, on the right stream, without secrets."""

from __future__ import annotations

import io
import json
import os
import re
import termios
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import psycopg
import pytest

from shipway.errors import Refused
from shipway.report.hide import Hide
from shipway.report.terminal.live import Line
from shipway.report.terminal.terminal import Terminal
from shipway.report.words import show
from shipway.values.basics import Secret
from shipway.values.migrations import AppliedMigration, MigrationPlan

if TYPE_CHECKING:
    from collections.abc import Callable

URL = Secret("postgresql://postgres:p%40ss%2Fword@db.example.test:5432/postgres")


def screen(*, as_json: bool = False) -> tuple[Terminal, io.StringIO, io.StringIO]:
    stdout, stderr = io.StringIO(), io.StringIO()
    return Terminal(as_json=as_json, secrets=[URL], stdout=stdout, stderr=stderr), stdout, stderr


def test_a_password_is_hidden_encoded_decoded_and_within_its_url() -> None:
    hide = Hide([URL])
    text = f"{URL.reveal()} and p%40ss%2Fword and p@ss/word"
    assert hide(text) == "(hidden) and (hidden) and (hidden)"


def test_a_password_in_a_url_that_cannot_be_taken_apart_is_hidden_too() -> None:
    hide = Hide([Secret("postgresql://postgres:hunter2222@[::1/db")])
    assert "hunter2222" not in hide("missing '=' after 'hunter2222' in connection info")


def test_a_local_password_that_equals_the_user_does_not_garble_the_output() -> None:
    hide = Hide([Secret("postgresql://postgres:postgres@localhost/app")])
    assert hide("role postgres owns schema public") == "role postgres owns schema public"


def test_with_json_stdout_holds_the_document_and_nothing_else() -> None:
    terminal, stdout, stderr = screen(as_json=True)
    terminal.note("001_first applied")
    terminal.document({"password": "p@ss/word", "count": 1})
    assert json.loads(stdout.getvalue()) == {"password": "(hidden)", "count": 1}
    assert stderr.getvalue() == "001_first applied\n"


def test_an_error_says_what_happened_what_is_unchanged_and_what_to_do() -> None:
    terminal, stdout, stderr = screen()
    error = Refused("The host p@ss/word.", unchanged="Nothing.", next_step="Look.")
    error.add("the lock could not be freed")
    terminal.error(error)
    assert stdout.getvalue() == ""
    assert stderr.getvalue().splitlines() == [
        "error: The host (hidden).",
        "also: the lock could not be freed",
        "unchanged: Nothing.",
        "next: Look.",
    ]


def test_an_unexpected_error_is_shown_without_its_secrets() -> None:
    terminal, _, stderr = screen()
    try:
        raise ValueError(f"cannot parse {URL.reveal()}")
    except ValueError as error:
        terminal.crash(error)
    assert "p%40ss" not in stderr.getvalue()
    assert "ValueError: cannot parse (hidden)" in stderr.getvalue()


def test_square_brackets_and_long_paths_come_out_as_they_are() -> None:
    terminal, stdout, _ = screen()
    path = "migrations/" + "very_long_name_" * 8 + ".sql:12:5 [text]"
    terminal.note(path)
    assert stdout.getvalue() == path + "\n"


def test_what_is_said_inside_a_part_is_indented() -> None:
    terminal, stdout, _ = screen()
    with terminal.part("backup"):
        terminal.note("one\ntwo")
    terminal.note("three")
    assert stdout.getvalue() == "backup\n  one\n  two\nthree\n"


def test_in_a_log_work_under_way_is_its_result_alone() -> None:
    terminal, stdout, _ = screen()
    with terminal.part("migrate"), terminal.progress("012_big") as line:
        line.at("3 of 9 MB")
        line.done("applied 012_big in 4.0 s")
    assert stdout.getvalue() == "migrate\n  applied 012_big in 4.0 s\n"


def test_a_log_that_asks_for_it_gets_a_line_every_few_seconds_without_the_details() -> None:
    terminal, stdout, _ = screen()
    with terminal.part("logs"), terminal.progress("watching dpl_1", log_every_s=0.0) as line:
        line.at("9 s left: 3 requests", "requests  3", "errors    0")
    with terminal.progress("watching dpl_1", log_every_s=60.0) as line:
        line.at("8 s left: 4 requests")
    assert stdout.getvalue() == "logs\n  9 s left: 3 requests\n"


def test_on_a_terminal_details_stand_below_the_name_in_place_of_the_text() -> None:
    line = Line("  watching dpl_1", lambda text: text, lambda _: None, ended=lambda _: None)
    line.at("9 s left: 3 requests", "requests  3", "errors    0")
    assert line.text() == "  watching dpl_1\n    requests  3\n    errors    0"
    line.at("done")
    assert line.text() == "  watching dpl_1 · done"


def test_a_live_line_tells_the_time_that_is_left_while_it_is_known() -> None:
    line = Line("restoring 9 rows", lambda text: text, lambda _: None, ended=lambda _: None)
    line.at("3 of 9 back", left_s=125.0)
    assert line.text() == "restoring 9 rows · 3 of 9 back · about 2 min 05 s left"
    line.at("4 of 9 back", left_s=-0.5)
    assert line.text() == "restoring 9 rows · 4 of 9 back", "it lasts longer than expected"
    line.at("5 of 9 back", left_s=8.0)
    line.at("6 of 9 back")
    assert line.text() == "restoring 9 rows · 6 of 9 back"


def test_on_a_terminal_a_live_line_shows_the_work_until_its_result_stands_there() -> None:
    ours, theirs = os.openpty()
    with open(theirs, "w", encoding="utf-8") as tty, open(ours, "rb", buffering=0) as seen:  # noqa: PTH123 - descriptors
        terminal = Terminal(as_json=False, secrets=[URL], stdout=tty, stderr=tty)
        with terminal.progress("2 pending"), terminal.progress("012_big") as line:
            line.at("3 of 9 MB for p@ss/word")
            shown = b""
            while b"of 9 MB" not in shown:
                shown += seen.read(4096)
            terminal.warn("it waits")
            line.done("applied 012_big in 4.0 s")
        terminal.note("end")
        while b"end" not in shown:
            shown += seen.read(4096)
    text = shown.decode()
    assert "012_big · 3 of 9 MB for (hidden)" in text
    assert "p@ss" not in text
    erased = "\x1b[2K"
    last_live = text.rindex("3 of 9 MB")
    assert text.index("warning: it waits") < text.index("applied 012_big") < text.index("end")
    assert erased in text[last_live:], "nothing of the live line stays"


def test_a_table_keeps_its_columns_apart_and_numbers_to_the_right() -> None:
    terminal, stdout, _ = screen()
    terminal.table(("name", "#rows"), [("public.user", "5"), ("x", "1200")])
    assert [line.rstrip() for line in stdout.getvalue().splitlines()] == [
        "name         rows",
        "public.user     5",
        "x            1200",
    ]


@pytest.mark.parametrize(
    ("applied", "verbose", "lines"),
    [(20, False, 20), (21, False, 11), (1000, False, 11), (1000, True, 1000)],
)
def test_of_a_long_history_the_newest_are_told_and_all_when_asked(
    applied: int, lines: int, *, verbose: bool
) -> None:
    rows = tuple(
        AppliedMigration(
            version=n,
            label=f"{n:04}_t",
            sha256="",
            applied_at=datetime(2026, 11, 28, tzinfo=UTC),
            duration_ms=5,
            applied_by="",
        )
        for n in range(1, applied + 1)
    )
    stdout = io.StringIO()
    terminal = Terminal(as_json=False, verbose=verbose, stdout=stdout, stderr=stdout)
    show(MigrationPlan(applied=rows, pending=()), terminal)
    told = [line for line in stdout.getvalue().splitlines() if line.startswith("applied")]
    assert len(told) == lines
    assert f"{applied:04}_t" in told[-1]
    assert ("earlier" in told[0]) is (lines < applied)
    assert f"{applied} applied, 0 pending" in stdout.getvalue()


def on_a_terminal(work: Callable[[Terminal], None], *, verbose: bool = False) -> str:
    """Return what a person has read at the end, without the live lines that were taken away."""
    return "\n".join(_left_standing(raw_on_a_terminal(work, verbose=verbose)))


def raw_on_a_terminal(work: Callable[[Terminal], None], *, verbose: bool = False) -> str:
    """Return all that was written to a terminal, with its escape sequences."""
    ours, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    with open(theirs, "w", encoding="utf-8") as tty, open(ours, "rb", buffering=0) as seen:  # noqa: PTH123 - descriptors
        terminal = Terminal(as_json=False, verbose=verbose, stdout=tty, stderr=tty)
        work(terminal)
        terminal.note("the end")
        shown = b""
        while b"the end" not in shown:
            shown += seen.read(4096)
    return shown.decode()


def _escapes(written: str) -> list[str]:
    return re.findall(r"\x1b\[[0-9;?]*m", written)


def _left_standing(written: str) -> list[str]:
    """Return the lines of a screen after lines were erased and written over."""
    lines, row = [""], 0
    for part in re.split(r"(\x1b\[[0-9;?]*[a-zA-Z]|[\r\n])", written):
        if part == "\n":
            row += 1
            lines += [""] * (row - len(lines) + 1)
        elif part.endswith("A") and part.startswith("\x1b"):
            row -= int(part[2:-1] or 1)
        elif part == "\x1b[2K":
            lines[row] = ""
        elif part != "\r" and not part.startswith("\x1b"):
            lines[row] += part
    return [line.rstrip(" ") for line in lines]


def two_steps(terminal: Terminal) -> None:
    with terminal.step("backup") as close:
        terminal.note("dumped")
        close("48.2 MB, 31 tables", 12.8)
    with terminal.step("verify") as close:
        terminal.note("schema: 9 passed")
        terminal.warn("data: 1 warned")
        close("9 passed, 1 with a warning", 0.4)


def test_on_a_terminal_a_step_is_one_line_and_opens_for_a_warning() -> None:
    assert on_a_terminal(two_steps).splitlines()[:4] == [
        "backup     48.2 MB, 31 tables (12.8\N{NO-BREAK SPACE}s)",
        "verify",
        "  warning: data: 1 warned",
        "  = 9 passed, 1 with a warning (400\N{NO-BREAK SPACE}ms)",
    ]


def test_with_no_color_a_terminal_gets_no_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    def coloured() -> bool:
        return any(
            re.search(r"[;\[]3\d[;m]", part) for part in _escapes(raw_on_a_terminal(two_steps))
        )

    monkeypatch.setenv("TERM", "xterm-256color")
    assert coloured(), "the warning is yellow"
    monkeypatch.setenv("NO_COLOR", "1")
    assert not coloured()


def test_a_log_and_a_verbose_terminal_get_every_line() -> None:
    lines = [
        "backup",
        "  dumped",
        "  = 48.2 MB, 31 tables (12.8 s)",
        "verify",
        "  schema: 9 passed",
        "  warning: data: 1 warned",
        "  = 9 passed, 1 with a warning (400 ms)",
    ]
    terminal, stdout, _ = screen()
    two_steps(terminal)
    assert stdout.getvalue().splitlines() == lines
    assert on_a_terminal(two_steps, verbose=True).splitlines()[:7] == lines


def test_quiet_leaves_results_and_warnings() -> None:
    stdout = io.StringIO()
    terminal = Terminal(as_json=False, quiet=True, stdout=stdout, stderr=io.StringIO())
    terminal.title("release to production")
    terminal.note("one of many lines")
    two_steps(terminal)
    terminal.answers()
    terminal.note("live at https://harbour.example")
    assert stdout.getvalue().splitlines() == [
        "backup     48.2 MB, 31 tables (12.8 s)",
        "verify",
        "  warning: data: 1 warned",
        "  = 9 passed, 1 with a warning (400 ms)",
        "live at https://harbour.example",
    ]


def test_a_step_that_fails_says_so_in_its_line() -> None:
    def fails(terminal: Terminal) -> None:
        with pytest.raises(ValueError, match="no"), terminal.step("migrate"):
            raise ValueError("no")

    assert on_a_terminal(fails).splitlines()[0].startswith("migrate    FAILED after")


def test_a_stream_of_an_older_windows_gets_what_it_can_hold() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="cp1252", write_through=True)
    terminal = Terminal(as_json=False, stdout=stream, stderr=stream)
    terminal.note("naïve … → 日本")
    terminal.table(("name",), [("日本",)])
    Terminal(as_json=True, stdout=stream, stderr=stream).document({"name": "日本"})
    text = raw.getvalue().decode("cp1252")
    assert text.startswith("naïve … ? ??\n")
    assert json.loads(text[text.index("{") :]) == {"name": "日本"}


def test_an_unforeseen_error_of_postgres_is_shown_without_its_rows(database_url: Secret) -> None:
    err = io.StringIO()
    with psycopg.connect(database_url.reveal()) as connection:
        connection.execute("create table a (mail text primary key)")
        connection.execute("insert into a values ('ada@canary.example')")
        try:
            try:
                connection.execute("insert into a values ('ada@canary.example')")
            except psycopg.Error as error:
                raise ValueError("it went on") from error
        except ValueError as error:
            Terminal(as_json=False, stderr=err).crash(error)

    assert 'duplicate key value violates unique constraint "a_pkey"' in err.getvalue()
    assert "ValueError: it went on" in err.getvalue()
    assert "canary" not in err.getvalue().replace("values ('ada@canary.example')", "")
