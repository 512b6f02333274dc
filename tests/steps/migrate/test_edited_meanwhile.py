"""What runs is what was planned, whatever becomes of a file between the plan and its last byte."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shipway.edges.ledger.ledger import Ledger
from shipway.errors import MigrationFailed, Refused
from shipway.migrations.files import read_folder
from shipway.migrations.plan import plan_migrations
from shipway.migrations.sql.opened import open_script
from shipway.migrations.undo import plan_undo
from shipway.steps.migrate.powers import MigratePowers
from shipway.steps.migrate.rollback import undo
from tests.fixtures.migrating import (
    LIMITS,
    NO_BACKUP,
    Heard,
    RealClock,
    ask,
    carry_out,
    exists,
    labels,
    run,
    write,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from shipway.values.basics import Secret

FILES = {
    "001_a.sql": "CREATE TABLE a (id int);",
    # Alone, so that the files after it are opened when it is through.
    "002_b.sql": "CREATE INDEX CONCURRENTLY a_id ON a (id);",
    "003_c.sql": "CREATE TABLE c (id int);",
}
LARGE_BYTES = 66 << 20


def edit(path: Path) -> None:
    path.write_text("CREATE TABLE c (id bigint);", encoding="utf-8")


def delete(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (edit, "003_c.sql was edited after it was planned."),
        (delete, "003_c.sql cannot be read any more: No such file or directory."),
    ],
)
def test_a_file_that_is_another_than_the_planned_one_stops_all_of_them(
    database_url: Secret,
    tmp_path: Path,
    change: Callable[[Path], None],
    said: str,
    *,
    together: bool,
) -> None:
    files = FILES | ({"002_b.sql": "CREATE INDEX a_id ON a (id);"} if together else {})
    with Ledger(database_url, connect_timeout_s=5) as ledger:
        plan = plan_migrations(read_folder(write(tmp_path, files)), ledger.look())
        change(tmp_path / "003_c.sql")
        with pytest.raises(Refused) as caught:
            carry_out(plan, ledger, together=together)
    assert caught.value.what == said
    assert labels(database_url) == []
    assert not exists(database_url, "a")


def test_a_file_that_is_edited_while_the_ones_before_it_run_is_not_run(
    database_url: Secret, tmp_path: Path
) -> None:
    class Editing(Heard):
        def note(self, text: str) -> None:
            super().note(text)
            if "002_b" in text:
                edit(tmp_path / "003_c.sql")

    write(tmp_path, FILES)
    with pytest.raises(MigrationFailed, match=r"003_c\.sql was edited after it was") as caught:
        run(database_url, tmp_path, say=Editing())
    assert "what the lines above report stands" in caught.value.unchanged
    assert labels(database_url) == ["001_a", "002_b"]
    assert not exists(database_url, "c")

    run(database_url, tmp_path)  # as the command does that it tells to run again

    assert labels(database_url) == ["001_a", "002_b", "003_c"]
    assert ask(
        database_url,
        "SELECT atttypid::regtype::text FROM pg_attribute WHERE attname = 'id' "
        "AND attrelid = 'c'::regclass",
    ) == [("bigint",)]


def test_a_down_script_is_run_as_its_losses_were_told(database_url: Secret, tmp_path: Path) -> None:
    down = {"003_c.down.sql": "DROP TABLE c;"}
    run(database_url, write(tmp_path, FILES | down))
    with Ledger(database_url, connect_timeout_s=5) as ledger:
        plan = plan_undo(read_folder(tmp_path), ledger.look(), steps=1, to=None)
        write(tmp_path, {"003_c.down.sql": "DROP TABLE c; DROP TABLE a;"})
        with pytest.raises(Refused, match="was edited after it was planned"):
            undo(
                plan,
                NO_BACKUP,
                MigratePowers(database=ledger, limits=LIMITS, clock=RealClock(), say=Heard()),
            )
    assert exists(database_url, "a")
    assert exists(database_url, "c")


@pytest.mark.parametrize("size_bytes", [0, LARGE_BYTES])
def test_a_script_that_is_open_stays_what_it_was(tmp_path: Path, size_bytes: int) -> None:
    path = tmp_path / "001_a.sql"
    text = b"select 1;\nselect 2;\n-- " + b"x" * size_bytes
    path.write_bytes(text)
    (migration,) = read_folder(tmp_path)
    with open_script(migration) as script:
        with path.open("r+b") as stream:  # as an editor does that writes into the same file
            stream.write(b"drop  a;\ndrop  b;")
            stream.truncate()
        assert [script.sql(index) for index in range(len(script))] == [b"select 1", b"select 2"]
