"""What has to come first in a transaction comes before our own statements too (F1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shipway.errors import MigrationFailed, Misconfigured
from tests.fixtures.migrating import Heard, ask, labels, run, write

if TYPE_CHECKING:
    from pathlib import Path

    from shipway.values.basics import Secret

LEVEL = "insert into seen select current_setting('transaction_isolation');"
FIRST = {"001_a.sql": "create table seen (level text);"}


def seen(url: Secret) -> list[object]:
    return [level for (level,) in ask(url, "select level from seen")]


FORMS = {
    f"begin; set transaction isolation level repeatable read; {LEVEL} commit;": ["repeatable read"],
    f"set transaction isolation level serializable; {LEVEL}": ["serializable"],
    "begin; set transaction isolation level serializable, read write, not deferrable;"
    f"{LEVEL} commit;": ["serializable"],
    f"set local transaction_isolation = 'repeatable read'; {LEVEL}": ["repeatable read"],
    f"set transaction_isolation to 'serializable'; {LEVEL}": ["serializable"],
    f"set search_path = public;\nset transaction isolation level serializable; {LEVEL}": [
        "serializable"
    ],
    "start transaction read write; set transaction isolation level serializable;"
    f"{LEVEL} commit; begin; set transaction isolation level repeatable read; {LEVEL} commit;"
    f"{LEVEL}": ["serializable", "repeatable read", "read committed"],
    f"set transaction isolation level serializable; {LEVEL}\n"
    f"create index concurrently on seen (level); {LEVEL}": ["serializable", "read committed"],
}


@pytest.mark.parametrize(("text", "levels"), FORMS.items())
def test_a_file_runs_in_the_isolation_that_it_asks_for(
    database_url: Secret, tmp_path: Path, text: str, levels: list[str]
) -> None:
    write(tmp_path, {**FIRST, "002_b.sql": text, "003_c.sql": LEVEL})
    say = Heard()
    run(database_url, tmp_path, say=say)
    assert seen(database_url) == [*levels, "read committed"]
    assert not [one for one in say.warnings if "SET TRANSACTION" in one]


def test_one_that_comes_too_late_is_the_files_fault_and_nothing_is_run_without_it(
    database_url: Secret, tmp_path: Path
) -> None:
    text = f"{LEVEL}\nset transaction isolation level serializable;\n{LEVEL}"
    write(tmp_path, {**FIRST, "002_b.sql": text})
    with pytest.raises(MigrationFailed) as caught:
        run(database_url, tmp_path)
    assert "002_b.sql, line 2" in caught.value.what
    assert "must be called before any query" in caught.value.what
    assert "staying: 001_a" in caught.value.unchanged
    assert seen(database_url) == []


def test_what_needs_no_transaction_and_stands_in_one_is_told_with_what_was_done_before(
    database_url: Secret, tmp_path: Path
) -> None:
    text = "begin;\nselect 1;\nalter system set work_mem = '8MB';\ncommit;"
    write(tmp_path, {**FIRST, "002_b.sql": text})
    with pytest.raises(Misconfigured) as caught:
        run(database_url, tmp_path)
    assert "002_b.sql, line 3" in caught.value.what
    assert labels(database_url) == [], "it was looked at before anything ran"


def test_a_commit_at_the_end_of_a_file_that_begins_nothing_is_what_happens_there_anyway(
    database_url: Secret, tmp_path: Path
) -> None:
    write(tmp_path, {**FIRST, "002_b.sql": f"{LEVEL}\ncommit;\n-- done\n"})
    run(database_url, tmp_path)
    assert seen(database_url) == ["read committed"]
    assert labels(database_url) == ["001_a", "002_b"]
