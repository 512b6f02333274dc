"""`db.status` for people, for programs, and as a check that ends a build."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from tests.fixtures.in_process import run_here
from tests.fixtures.migrating import exists, run, write

if TYPE_CHECKING:
    from pathlib import Path

    from shipway.values.basics import Secret

FILES = {f"00{n}_t{n}.sql": f"CREATE TABLE t{n} ();" for n in (1, 2)}


def status(url: Secret, root: Path, *arguments: str) -> tuple[int, str, str]:
    environ = {"PATH": os.environ["PATH"], "DATABASE_URL": url.reveal()}
    return run_here(root, environ, "db.status", *arguments)


def test_the_check_ends_with_3_as_long_as_something_is_pending(
    database_url: Secret, tmp_path: Path
) -> None:
    folder = write(tmp_path / "migrations", FILES)
    code, out, err = status(database_url, tmp_path, "--check")
    assert code == 3
    assert "pending  001_t1" in out
    assert "error: 2 pending, from 001_t1 on." in err
    assert status(database_url, tmp_path)[0] == 0, "without the check it is news, not an error"
    assert not exists(database_url, "shipway.migrations"), "looking writes nothing"

    run(database_url, folder)
    code, out, err = status(database_url, tmp_path, "--check")
    assert (code, err) == (0, "")
    assert "2 applied, 0 pending" in out

    late = write(folder, {"003_later.sql": "-- shipway: phase=contract\nDROP TABLE t1;"})
    assert status(database_url, tmp_path, "--check")[0] == 0, "it waits for its phase"
    write(late, {"004_half.sql": "CREATE TABLE half ();"})
    code, out, _ = status(database_url, tmp_path, "--check", "--format", "json")
    shown = json.loads(out)
    assert (code, shown["exit_code"]) == (3, 3)
    assert [one["name"] for one in shown["result"]["pending"]] == ["half"]
    assert shown["error"]["what"] == "1 pending, from 004_half on."


def test_the_check_ends_with_3_for_a_wrong_history_and_with_2_for_a_file_that_is_none(
    database_url: Secret, tmp_path: Path
) -> None:
    folder = write(tmp_path / "migrations", FILES)
    run(database_url, folder)
    wrong = {
        "002_t2.sql": ("CREATE TABLE edited ();", "002_t2", 3),
        "002_renamed.sql": (FILES["002_t2.sql"], "002_t2", 3),
        "0001b_x.sql": ("CREATE TABLE x ();", "0001b_x.sql", 2),
    }
    for name, (text, named, wanted) in wrong.items():
        for path in folder.iterdir():
            path.unlink()
        write(folder, {**FILES, name: text})
        if "renamed" in name:
            (folder / "002_t2.sql").unlink()
        code, out, err = status(database_url, tmp_path, "--check")
        assert code == wanted, f"{name}: {out}{err}"
        assert named in err
        assert "next: " in err
