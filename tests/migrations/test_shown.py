"""Reports show a migration's SQL, but neither rows nor passwords."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.migrations.files import read_folder
from shipway.migrations.shown import shown_sql, without_rows

if TYPE_CHECKING:
    from pathlib import Path

FILE = """-- People.
create table people (id int, mail text default 'nobody@example.test');
insert into people values (1, 'ada@example.test'), (2, $$bob@example.test$$);
copy people (id, mail) from stdin;
3\teve@example.test
\\.
alter role worker with password 'hunter2';
create user mapping for worker server billing options (user 'x', password $$hunter3$$);
create server billing foreign data wrapper f options (host 'h', pw 'hunter4');
create subscription s connection 'host=h password=hunter5' publication p;
alter system set primary_conninfo = 'password=hunter6';
alter database d set "app.jwt_secret" to 'hunter7';
select vault.create_secret('hunter8', 'name');
select set_config('app.api_key', 'hunter9', false);
alter role worker set statement_timeout = '8s';
"""


def shown(folder: Path, text: str) -> tuple[str, bool]:
    (folder / "001_people.sql").write_text(text, encoding="utf-8")
    (migration,) = read_folder(folder)
    return shown_sql(migration)


def test_definitions_are_shown_and_rows_and_passwords_are_not(tmp_path: Path) -> None:
    text, cut = shown(tmp_path, FILE)
    assert not cut
    assert "-- People." in text
    assert "default 'nobody@example.test'" in text
    assert "insert into people values (?, ?), (?, ?);" in text
    assert "-- 1 line of data" in text
    assert "set statement_timeout = '8s'" in text
    for secret in ("ada@", "bob@", "eve@", "hunter"):
        assert secret not in text


def test_many_rows_are_not_listed(tmp_path: Path) -> None:
    rows = ", ".join(f"({number}, 'x')" for number in range(1000))
    text, _ = shown(tmp_path, f"insert into people values {rows};")
    assert len(text) < 400
    assert text.endswith("…;")


def test_a_long_file_is_cut_and_says_so(tmp_path: Path) -> None:
    text, cut = shown(tmp_path, "create table a (b int);\n" * 20_000)
    assert cut
    assert len(text) == 40_000


def test_a_statement_that_was_measured_is_told_without_its_values() -> None:
    assert without_rows("update people set mail = 'ada@example.test'") == (
        "update people set mail = ?"
    )
