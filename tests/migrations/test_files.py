"""The migrations folder: what is read from it and what is refused, by the file's name."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from shipway.errors import Misconfigured
from shipway.migrations.files import read_folder, read_migration, set_aside
from shipway.values.migrations import Phase

if TYPE_CHECKING:
    from pathlib import Path


def write(folder: Path, *names: str, text: str = "SELECT 1;\n") -> None:
    for name in names:
        (folder / name).write_text(text, encoding="utf-8")


def refusal(folder: Path) -> Misconfigured:
    with pytest.raises(Misconfigured) as caught:
        read_folder(folder)
    assert caught.value.unchanged
    assert caught.value.next_step
    return caught.value


def test_versions_are_compared_as_numbers(tmp_path: Path) -> None:
    write(tmp_path, "9_nine.sql", "00010_ten.sql", "11_eleven.sql", "20260101120000_late.sql")
    found = read_folder(tmp_path)
    assert [one.version for one in found] == [9, 10, 11, 20260101120000]
    assert found[1].label == "00010_ten"


def test_a_down_file_belongs_to_its_migration(tmp_path: Path) -> None:
    write(tmp_path, "001_a.sql", "001_a.down.sql", "002_b.up.sql", "002_b.down.sql", "README.md")
    first, second = read_folder(tmp_path)
    assert first.down_path == tmp_path / "001_a.down.sql"
    assert second.down_path == tmp_path / "002_b.down.sql"
    assert second.label == "002_b"


def test_the_digest_is_the_same_with_and_without_bom_and_with_either_line_end(
    tmp_path: Path,
) -> None:
    text = "-- one\nSELECT 'ä';\n"
    for number, data in enumerate(
        [text.encode(), text.encode("utf-8-sig"), text.replace("\n", "\r\n").encode()]
    ):
        (tmp_path / f"00{number}_same.sql").write_bytes(data)
    digests = {one.sha256 for one in read_folder(tmp_path)}
    assert digests == {hashlib.sha256(text.encode()).hexdigest()}


@pytest.mark.parametrize("at", [(1 << 20) - 1, (1 << 20) - 2, 1 << 20])
def test_a_line_end_or_a_character_on_the_edge_of_a_chunk_is_read_whole(
    tmp_path: Path, at: int
) -> None:
    head = b"SELECT 1; -- "
    filler = head + b"x" * (at - len(head))
    (tmp_path / "1_crlf.sql").write_bytes(filler + b"\r\n" + "ä".encode())
    (tmp_path / "2_lf.sql").write_bytes(filler + b"\n" + "ä".encode())
    (tmp_path / "3_wide.sql").write_bytes(filler + "ä".encode())
    crlf, lf, _ = read_folder(tmp_path)
    assert crlf.sha256 == lf.sha256


def test_the_head_says_phase_and_limits(tmp_path: Path) -> None:
    head = "-- shipway: phase=contract statement_timeout=30min\n-- shipway: lock_timeout=500ms\n"
    write(tmp_path, "1_drop.sql", text=head + "SELECT 1;")
    (migration,) = read_folder(tmp_path)
    assert migration.phase is Phase.CONTRACT
    assert migration.statement_timeout_s == 1800
    assert migration.lock_timeout_s == 0.5


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    assert "There is no migrations folder" in refusal(tmp_path / "nowhere").what


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "README.md")
    assert "holds no .sql file" in refusal(tmp_path).what


@pytest.mark.parametrize("name", ["0002b_x.sql", "x.sql", "1.sql", "001_a.SQL", "a_001.sql"])
def test_a_file_that_is_no_migration_is_named(tmp_path: Path, name: str) -> None:
    write(tmp_path, "001_good.sql", name)
    assert f"{name} is no migration" in refusal(tmp_path).what


def test_two_files_with_one_version_are_both_named(tmp_path: Path) -> None:
    write(tmp_path, "7_a.sql", "007_b.sql")
    what = refusal(tmp_path).what
    assert "version 7" in what
    assert "7_a.sql" in what
    assert "007_b.sql" in what


def test_a_down_file_without_its_migration_is_named(tmp_path: Path) -> None:
    write(tmp_path, "001_a.sql", "002_b.down.sql")
    assert "002_b.down.sql undoes a migration that is not there" in refusal(tmp_path).what


BLANK = ["", "\n \n", "-- nothing\n/* here /* or */ here */\n", ";;\n", "\ufeff", "\ufeff-- x\r\n"]


@pytest.mark.parametrize("text", [*BLANK, "-- shipway: statement_timeout=1s\n", "\\restrict x\n"])
def test_a_file_without_a_statement_is_a_migration_that_does_nothing(
    tmp_path: Path, text: str
) -> None:
    write(tmp_path, "001_a.sql", text=text)
    write(tmp_path, "002_b.sql", text=f"{text}\nSELECT 1;" if text[:1] != "\\" else "SELECT 1;")
    first, second = read_folder(tmp_path)
    assert (first.blank, second.blank) == (True, False)
    assert first.undone_by == first.path
    assert second.undone_by is None


def test_a_large_file_of_comments_is_blank_and_a_statement_behind_them_is_found(
    tmp_path: Path,
) -> None:
    comments = "-- why\n" * (1 << 18)
    write(tmp_path, "001_a.sql", text=comments)
    write(tmp_path, "002_b.sql", text=comments + "SELECT 1;")
    assert [one.blank for one in read_folder(tmp_path)] == [True, False]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"SELECT 1;\nSELECT '\xe9';", "line 2: byte 0xE9 at offset 18 is not UTF-8"),
        (b"SELECT 1; -- \xc3", "line 1: byte 0xC3 at offset 13 is not UTF-8"),
        (b"SELECT 1;\n\0", "line 2: byte 0x00 at offset 10 is a NUL byte"),
        ("SELECT 1;".encode("utf-16"), "byte 0xFF at offset 0 is not UTF-8"),
        (b"-- " + b"x" * (1 << 20) + b"\n\xff", "line 2: byte 0xFF at offset 1048580"),
    ],
)
def test_a_byte_that_is_not_utf8_is_named(tmp_path: Path, data: bytes, said: str) -> None:
    (tmp_path / "001_a.sql").write_bytes(data)
    assert said in refusal(tmp_path).what


@pytest.mark.parametrize(
    "mark",
    [
        "-- migrate:down",
        "-- +goose Down",
        "-- +migrate Down",
        "-- Down Migration",
        "--- down migration",
    ],
)
def test_a_file_that_goes_both_ways_is_refused(tmp_path: Path, mark: str) -> None:
    write(tmp_path, "001_a.sql", text=f"CREATE TABLE a ();\n{mark}\nDROP TABLE a;\n")
    assert "both ways" in refusal(tmp_path).what
    write(tmp_path, "001_a.sql", text=f"CREATE TABLE a ();\n{mark}\n-- nothing undoes it\n")
    assert not read_folder(tmp_path)[0].blank
    write(tmp_path, "001_a.sql", text=f"SELECT 1;\n{mark}\n" + "--\n" * 30_000 + "DROP TABLE a;")
    assert "both ways" in refusal(tmp_path).what


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ("-- shipway: phase=later\n", "phase=later is not a phase"),
        ("-- shipway: pase=contract\n", "'pase' is not a directive"),
        ("-- shipway: statement_timeout=long\n", "is not a duration"),
        ("-- shipway: contract\n", "'contract' is not of the form key=value"),
        ("SELECT 1;\n-- shipway: phase=contract\n", "line 2: a directive stands after"),
    ],
)
def test_a_directive_that_would_not_work_is_refused(tmp_path: Path, head: str, said: str) -> None:
    write(tmp_path, "001_a.sql", text=head + "SELECT 1;")
    assert said in refusal(tmp_path).what


def test_a_folder_with_a_migration_in_it_is_one_named_by_the_folder(tmp_path: Path) -> None:
    for name in ("20240501120000_init", "20240502120000_notes"):
        (tmp_path / name).mkdir()
        write(tmp_path / name, "migration.sql")
    write(tmp_path / "20240502120000_notes", "down.sql")
    (tmp_path / "migration_lock.toml").write_text('provider = "postgresql"\n')
    first, second = read_folder(tmp_path)
    assert (first.label, first.down_path) == ("20240501120000_init", None)
    assert second.down_path == tmp_path / "20240502120000_notes" / "down.sql"
    assert read_migration(second.down_path, None).label == "20240502120000_notes"


def test_a_fault_in_such_a_folder_is_told_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "20240501120000_init").mkdir()
    write(tmp_path / "20240501120000_init", "migration.sql", text="-- shipway: phase=later\n")
    assert "20240501120000_init/migration.sql: phase=later" in refusal(tmp_path).what
    (tmp_path / "20240501120000_init").rename(tmp_path / "init")
    assert refusal(tmp_path).what.startswith("init is no migration")


def test_a_down_script_lies_beside_its_migration_or_in_the_folder_for_them(tmp_path: Path) -> None:
    folder, outside = tmp_path / "supabase" / "migrations", tmp_path / "supabase" / "rollbacks"
    for one in (folder, outside):
        one.mkdir(parents=True)
    write(folder, "1_a.sql", "1_a.down.sql", "2_b.sql", "3_c.up.sql", "4_d.sql")
    write(outside, "2_b.down.sql", "3_c.down.sql", "9_of_an_earlier_life.down.sql", "README.md")
    found = read_folder(folder)
    assert [one.down_path for one in found] == [
        folder / "1_a.down.sql",
        outside / "2_b.down.sql",
        outside / "3_c.down.sql",
        None,
    ]
    write(outside, "1_a.down.sql")
    stopped = refusal(folder)
    assert "Two files undo 1_a.sql" in stopped.what
    assert str(outside / "1_a.down.sql") in stopped.next_step


def test_a_folder_of_the_supabase_cli_is_read_in_the_order_of_its_names(tmp_path: Path) -> None:
    folder = tmp_path / "supabase" / "migrations"
    folder.mkdir(parents=True)
    write(folder, "20251005_first.sql", "20250115000000_begin.sql", "20251005093000_then.sql")
    write(folder, "001_base.sql", "999_last.sql", "20240101000000.sql", "README_fix.sql")
    assert [one.label for one in read_folder(folder)] == [
        "001_base",
        "20240101000000",
        "20250115000000_begin",
        "20251005093000_then",
        "20251005_first",
        "999_last",
    ]
    assert set_aside(folder) == ("README_fix.sql",)


def test_any_folder_that_is_numbered_by_dates_alone_is_read_so(tmp_path: Path) -> None:
    write(tmp_path, "20251005_first.sql", "20250115000000_begin.sql", "notes.sql")
    assert [one.name for one in read_folder(tmp_path)] == ["begin", "first"]
    assert set_aside(tmp_path) == ("notes.sql",)


def test_a_file_of_a_day_keeps_its_version_whatever_comes_beside_it(tmp_path: Path) -> None:
    write(tmp_path, "20240222_0900_a.sql", "20240222_1000_b.sql", "20240223_c.sql")
    first, second, third = read_folder(tmp_path)
    assert (first.version, third.version) == (20240222, 20240223)
    assert str(second.version).startswith("20240222")
    write(tmp_path, "20240222_0930_between.sql")
    kept = {one.name: one.version for one in read_folder(tmp_path)}
    assert kept["1000_b"] == second.version
    assert len({*kept.values()}) == 4


def test_where_a_number_is_no_date_two_files_of_one_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "20240222_a.sql", "7_b.sql", "007_c.sql")
    assert "Two migrations have version 7" in refusal(tmp_path).what
    assert set_aside(tmp_path) == ()


def test_however_many_files_a_day_has_each_has_a_version_of_its_own(tmp_path: Path) -> None:
    write(tmp_path, *(f"20240222_{number:03}_a.sql" for number in range(300)))
    versions = {one.version for one in read_folder(tmp_path)}
    assert len(versions) == 300
    assert all(str(version).startswith("20240222") for version in versions)
