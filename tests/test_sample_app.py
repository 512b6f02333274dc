"""The sample app's migrations run as the project owner, and each down undoes its up exactly."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from shipway.edges.machine import process
from shipway.edges.servers.cluster import tool

if TYPE_CHECKING:
    from shipway.values.basics import Secret

ROOT = Path(__file__).parents[1]
UPS = sorted(
    path for path in (ROOT / "migrations").glob("*.sql") if not path.name.endswith(".down.sql")
)


def _dump(url: Secret) -> str:
    """Return schema and data as pg_dump writes them, without the parts that differ each time."""
    parts = {name: str(value) for name, value in conninfo_to_dict(url.reveal()).items()}
    password = parts.pop("password")
    argv: list[str | Path] = [tool("pg_dump"), "--restrict-key=same"]
    argv += ["--dbname", make_conninfo(**parts)]
    finished = process.run(argv, env={"PGPASSWORD": password}, deadline_s=60)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.decode()


def test_the_history_has_the_seven_steps_of_a_small_app() -> None:
    assert [path.stem for path in UPS] == [
        "001_better_auth_and_functions",
        "002_auth_tables",
        "003_user_metas",
        "004_users_sample_data",
        "005_api_key",
        "006_api_audit_log",
        "007_api_key_sample_data",
    ]


def test_each_down_undoes_its_up_exactly_and_it_can_be_applied_again(database_url: Secret) -> None:
    with psycopg.connect(database_url.reveal(), autocommit=True) as connection:
        for up in UPS:
            down = up.with_suffix(".down.sql")
            before = _dump(database_url)
            connection.execute(up.read_bytes())
            assert _dump(database_url) != before, up.name
            connection.execute(down.read_bytes())
            assert _dump(database_url) == before, down.name
            connection.execute(up.read_bytes())
            assert _dump(database_url) != before, up.name


def test_every_page_that_the_smoke_test_wants_is_in_the_app() -> None:
    assert "Harbour" in (ROOT / "app" / "index.html").read_text(encoding="utf-8")
    assert "How it is built" in (ROOT / "app" / "about.html").read_text(encoding="utf-8")
    assert '"status": "ok"' in (ROOT / "app" / "health.json").read_text(encoding="utf-8")
