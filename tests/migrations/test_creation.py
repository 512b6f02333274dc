"""The next migration: numbered and laid out like those of the folder, unseen by other tools."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from shipway.errors import Misconfigured
from shipway.migrations.creation import create_files, is_untouched, next_files, refuse_untouched
from shipway.migrations.files import read_folder

if TYPE_CHECKING:
    from pathlib import Path

    from shipway.migrations.creation import NextFiles

NOW = datetime(2026, 11, 22, 19, 30, 1, 250_000, tzinfo=UTC)
SUPABASE_CLI = re.compile(r"^([0-9]+)_(.*)\.sql$")


def write(folder: Path, *names: str, text: str = "SELECT 1;\n") -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def new(folder: Path, name: str) -> NextFiles:
    files = next_files(folder, name, now=NOW)
    create_files(files)
    return files


def test_the_next_file_keeps_the_width_of_the_digits(tmp_path: Path) -> None:
    files = new(write(tmp_path, "0009_a.sql"), "Add users' Names")
    assert files.up == tmp_path / "0010_add_users_names.sql"
    assert files.down == tmp_path / "0010_add_users_names.down.sql"
    assert files.up.is_file()
    assert files.down.is_file()


@pytest.mark.parametrize(
    ("there", "wanted"),
    [
        ("20260101120000_a.sql", "20261122193001_b.sql"),
        ("20261122193001_a.sql", "20261122193002_b.sql"),
        ("1700000000000_a.sql", "1795375801250_b.sql"),
        ("20260101120000000_a.sql", "20261122193001250_b.sql"),
        ("20260101_a.sql", "20260102_b.sql"),
    ],
)
def test_a_folder_that_is_numbered_by_the_time_goes_on_so(
    tmp_path: Path, there: str, wanted: str
) -> None:
    assert new(write(tmp_path, there), "b").up.name == wanted


def test_the_first_file_makes_the_folder(tmp_path: Path) -> None:
    assert new(tmp_path / "migrations", "init").up == tmp_path / "migrations" / "001_init.sql"


def test_a_plan_of_the_next_files_writes_nothing(tmp_path: Path) -> None:
    next_files(tmp_path / "supabase" / "migrations", "init", now=NOW)
    assert list(tmp_path.iterdir()) == []


def test_a_name_without_a_letter_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="no name for a migration"):
        next_files(tmp_path, "…", now=NOW)


@pytest.mark.parametrize("end", ["\n\n", "\n", "", "\r\n"])
def test_a_new_file_is_refused_until_something_is_written_into_it(tmp_path: Path, end: str) -> None:
    files = new(tmp_path, "add labels")
    files.up.write_bytes(files.up.read_bytes().rstrip() + end.encode())
    (made,) = read_folder(tmp_path)
    assert is_untouched(made)
    with pytest.raises(
        Misconfigured, match=r"001_add_labels\.sql is as db.new has made it"
    ) as caught:
        refuse_untouched([made])
    removal = caught.value.next_step.partition("again: ")[2].split()
    assert removal == ["rm", str(files.up), str(files.down)], "one alone would be refused too"
    for text in ("-- add labels\n-- not needed after all\n", "", "SELECT 1;"):
        files.up.write_text(text, encoding="utf-8")
        refuse_untouched(read_folder(tmp_path))


@pytest.mark.parametrize("there", [(), ("20240101000000_a.sql", "20240101000000_a.down.sql")])
def test_the_supabase_cli_sees_nothing_but_the_migration(
    tmp_path: Path, there: tuple[str, ...]
) -> None:
    folder = write(tmp_path / "supabase" / "migrations", *there)
    files = new(folder, "labels")
    assert files.up == folder / "20261122193001_labels.sql"
    assert files.down == tmp_path / "supabase" / "rollbacks" / "20261122193001_labels.down.sql"
    seen = {path.name for path in folder.iterdir() if SUPABASE_CLI.match(path.name)} - {*there}
    assert seen == {files.up.name}
    assert read_folder(folder)[-1].down_path == files.down


def test_prismas_folders_go_on_as_folders_and_begin_as_such(tmp_path: Path) -> None:
    folder = write(tmp_path / "db", "20240501120000_init/migration.sql")
    files = new(folder, "add notes")
    assert files.up == folder / "20261122193001_add_notes" / "migration.sql"
    assert files.down == files.up.with_name("down.sql")
    first = new(tmp_path / "prisma" / "migrations", "init")
    assert first.up == tmp_path / "prisma" / "migrations" / "20261122193001_init" / "migration.sql"
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "migration_lock.toml").touch()
    assert new(tmp_path / "own", "init").up.name == "migration.sql"
    assert is_untouched(read_folder(tmp_path / "own")[0])


@pytest.mark.parametrize(
    ("above", "below"),
    [
        ("-- migrate:up", "\n-- migrate:down\n"),
        ("-- +goose Up", ""),
        ("-- +migrate Up", ""),
        ("-- Up Migration", ""),
    ],
)
def test_a_tool_that_takes_every_file_sees_the_migration_in_its_own_words(
    tmp_path: Path, above: str, below: str
) -> None:
    text = f"{above}\nSELECT 1;\n{below}"
    folder = write(tmp_path / "migrations", "20240101000000_a.sql", text=text)
    files = new(folder, "add notes")
    assert files.up.read_text() == f"{above}\n-- add notes\n\n{below}"
    assert files.down.parent == tmp_path / "rollbacks"
    assert [path.name for path in folder.iterdir() if "notes" in path.name] == [files.up.name]
    last = read_folder(folder)[-1]
    assert last.down_path == files.down
    assert is_untouched(last)


def test_node_pg_migrate_is_known_by_its_numbers(tmp_path: Path) -> None:
    files = new(write(tmp_path / "migrations", "1700000000000_a.sql"), "b")
    assert files.down == tmp_path / "rollbacks" / "1795375801250_b.down.sql"


def test_a_folder_of_pairs_goes_on_in_pairs(tmp_path: Path) -> None:
    files = new(write(tmp_path, "000001_a.up.sql", "000001_a.down.sql"), "b")
    assert (files.up.name, files.down.name) == ("000002_b.up.sql", "000002_b.down.sql")
    assert is_untouched(read_folder(tmp_path)[-1])


def test_the_next_file_comes_behind_all_files_of_the_last_day(tmp_path: Path) -> None:
    write(tmp_path, "20251005093000_a.sql", "20251006_0900_b.sql", "20251006_1000_c.sql")
    files = new(tmp_path, "d")
    assert files.up.name == "20251007_d.sql"
    assert [one.name for one in read_folder(tmp_path)] == ["a", "0900_b", "1000_c", "d"]
