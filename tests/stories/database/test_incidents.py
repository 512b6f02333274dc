"""Whole releases of guilty changes: they end before production is touched, and say why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fixtures.incidents import BASE
from tests.stories.database.test_rehearsals import PROTECTED, add

if TYPE_CHECKING:
    from tests.stories.conftest import Project

PRICES = (
    '-- shipway: name="The shop shows its prices" expect=rows role=service_role\n'
    "select code from public.price_list limit 1\n"
)
STATE = """
select (select count(*) from public.invoices), (select count(*) from public.contracts),
    has_function_privilege('anon', 'public.turnover(text)', 'execute')
"""


@pytest.fixture
def shop(project: Project) -> Project:
    """Return a project without checks of its own but one, whose base is released."""
    for folder in ("migrations", "checks"):
        for path in (project.root / folder).iterdir():
            path.unlink()
    add(project, "001_base", BASE)
    (project.root / "checks" / "prices.sql").write_text(PRICES, encoding="utf-8")
    first = project.quick_release()
    assert first.code == 0, first.err
    return project


def test_what_the_copy_has_seen_vanish_or_open_never_reaches_the_target(shop: Project) -> None:
    as_it_was, live = shop.rows(STATE), shop.production()
    add(
        shop,
        "002_change",
        "delete from public.invoices where state = 'open';\n"
        "drop function public.turnover(text);\n"
        "create function public.turnover(of_state text) returns numeric language sql "
        "set search_path = '' as $$ select 1.0 $$;",
    )

    for ended in (
        shop.release(**PROTECTED),
        shop.invoke("db.rehearse", "--target", "sandbox", **PROTECTED),
    ):
        assert ended.code == 5, ended.out
        assert "- public.invoices: 6 666 rows, 20 000 in the backup" in ended.err
        assert "anon can execute all of it of public.turnover(of_state text)" in ended.err
        assert "The target was not touched" in ended.err
        assert (shop.rows(STATE), shop.ledger()) == (as_it_was, ["001_base"])
    assert shop.production() == live


def test_a_loss_that_a_file_or_a_waiver_means_is_released_and_told(shop: Project) -> None:
    add(shop, "002_change", "drop table public.contracts;")
    ended = shop.release(**PROTECTED)
    assert ended.code == 3
    assert "The table public.contracts is gone: 300 rows vanish." in ended.err

    waived = shop.release("--waive", "review=nobody reads them", **PROTECTED)
    assert waived.code == 0, waived.err
    assert "public.contracts: the table is gone, with 300 rows in the backup" in waived.out

    add(
        shop,
        "003_open",
        "-- shipway: loses=public.invoices\ndelete from public.invoices where state = 'open';\n"
        "create function public.close_all() returns void language sql security definer "
        "set search_path = '' as $$ update public.invoices set state = 'paid' $$;",
    )
    meant = shop.release(**PROTECTED)
    assert meant.code == 0, meant.err
    assert "on the copy: public.close_all(): anon and authenticated can call it" in meant.out


def test_what_only_production_shows_is_told_with_what_is_applied_and_the_ways_back(
    shop: Project,
) -> None:
    (port,) = shop.rows("select inet_server_port()")[0]
    (shop.root / "checks" / "here.sql").write_text(
        f'-- shipway: name="Only here" expect=empty\nselect 1 where inet_server_port() = {port}\n'
    )
    add(shop, "002_nick", "alter table public.customers add column nick text;")

    ended = shop.release(**PROTECTED)

    assert ended.code == 5
    assert "Only here" in ended.err
    assert "unchanged: Applied before that, and still so: 002_nick. No code was put live." in (
        ended.err
    )
    assert "Verify only looks" not in ended.err
    for way in (
        "invoke db.rollback --target sandbox --steps 1",
        "invoke db.restore ",
        "invoke release.status",
    ):
        assert way in ended.err
    assert shop.ledger() == ["001_base", "002_nick"]

    # What goes on is held against what was before its first file, as long as that can be read.
    (shop.root / "checks" / "here.sql").unlink()
    widened = "authenticated can select every row of public.customers; "
    shop.execute("alter role authenticated bypassrls")
    try:
        resumed = shop.release("--resume", **PROTECTED)
        assert resumed.code == 5, resumed.out
        assert f"{widened}before these migrations: select rows by policy" in resumed.err
        assert "role authenticated: authenticated can pass by row level security" in resumed.err
        for kept in (shop.root / ".shipway" / "backups").glob("*/before.json"):
            kept.unlink()
        without = shop.release("--resume", **PROTECTED)
        assert "before this release's first file is not known on this machine" in without.out
        assert f"{widened}at the last release: select rows by policy" in without.err
    finally:
        shop.execute("alter role authenticated nobypassrls")
    again = shop.release("--resume", **PROTECTED)
    assert again.code == 0, again.err
