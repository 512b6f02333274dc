"""What a person sees: plain at 80 columns, on the right stream, without secrets."""

from __future__ import annotations

import io
import json
import os

from shipway.errors import Refused
from shipway.report.hide import Hide
from shipway.report.terminal import Terminal
from shipway.values import Secret

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
