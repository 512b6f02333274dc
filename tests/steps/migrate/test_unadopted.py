"""No history runs twice: what another tool has applied is taken over before anything is run."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import psycopg
import pytest

from shipway.edges.ledger.ledger import Ledger
from shipway.errors import Refused
from shipway.migrations.files import read_folder
from shipway.migrations.plan import plan_migrations
from tests.fixtures.in_process import run_here
from tests.fixtures.migrating import ask, carry_out, exists, labels, run, write
from tests.fixtures.other_tools import FILES, TOOLS, prepare

if TYPE_CHECKING:
    from pathlib import Path

    from shipway.values.basics import Secret
    from shipway.values.migrations import MigrationPlan
    from tests.conftest import DatabaseServer

NEXT = "invoke --dry db.adopt --target t"
TABLES = {
    "Supabase CLI": "supabase_migrations.schema_migrations",
    "dbmate": "public.schema_migrations",
    "Prisma": "public._prisma_migrations",
    "node-pg-migrate": "public.pgmigrations",
    "Flyway": "public.flyway_schema_history",
    "sqitch": "sqitch.changes",
    "golang-migrate": "public.schema_migrations",
}


class Team:
    """A project with a target `t`, seen through its commands."""

    def __init__(self, root: Path, url: Secret) -> None:
        self.root = root
        self.url = url
        (root / ".env.t").write_text(f"DATABASE_URL={url.reveal()}\n")
        (root / "shipway.toml").write_text('protected_targets = ["elsewhere"]\n')
        self.folder = write(root / "migrations", FILES)

    def invoke(self, *arguments: str) -> tuple[int, str]:
        environ = {"PATH": os.environ["PATH"]}
        code, out, err = run_here(self.root, environ, *arguments, "--target", "t")
        return code, out + err

    def refused(self, *arguments: str) -> str:
        code, said = self.invoke(*arguments)
        assert code == 3, said
        assert "next: " in said
        return said

    def plan(self) -> MigrationPlan:
        with Ledger(self.url, connect_timeout_s=5) as ledger:
            return plan_migrations(read_folder(self.folder), ledger.look(), target="t")


@pytest.fixture
def team(tmp_path: Path, database_url: Secret) -> Team:
    return Team(tmp_path, database_url)


@pytest.mark.parametrize("tool", TOOLS)
def test_the_history_of_each_tool_is_taken_over_before_anything_is_run(
    team: Team, tool: str
) -> None:
    prepare(team.url, TOOLS[tool])
    for command in (["db.status"], ["db.migrate", "--yes"], ["db.rehearse"], ["release.approve"]):
        said = team.refused(*command)
        assert f"{tool} has recorded in {TABLES[tool]}" in said
        assert "20260101000000_first, 20260102000000_second. " in said
        assert NEXT in said
    said = team.invoke("doctor")[1]
    assert "FAILED      history" in said
    assert NEXT in said
    assert not exists(team.url, "shipway.migrations")
    assert not exists(team.url, "first")

    assert team.invoke("--dry", "db.adopt")[0] == 0
    assert team.invoke("db.adopt", "--yes")[0] == 0
    assert "2 applied, 1 pending" in team.invoke("db.status")[1]
    assert team.invoke("db.migrate", "--yes")[0] == 0
    assert exists(team.url, "third")
    assert not exists(team.url, "first")
    assert team.invoke("db.status")[0] == 0


@pytest.mark.parametrize("tool", TOOLS)
def test_a_history_in_which_nothing_is_recorded_refuses_nothing(team: Team, tool: str) -> None:
    prepare(team.url, TOOLS[tool])
    prepare(team.url, f"DELETE FROM {TABLES[tool]}")
    assert team.invoke("db.migrate", "--yes")[0] == 0
    assert len(labels(team.url)) == 3


@pytest.mark.parametrize(
    "tool", ["dbmate", "golang-migrate", "Prisma", "node-pg-migrate", "Flyway"]
)
def test_a_history_is_found_in_whatever_schema_it_is_kept(team: Team, tool: str) -> None:
    prepare(team.url, 'CREATE SCHEMA "The app"')
    prepare(team.url, TOOLS[tool].replace("public.", '"The app".'))
    table = TABLES[tool].replace("public.", '"The app".')
    assert f"{tool} has recorded in {table}" in team.refused("db.status")
    assert team.invoke("db.adopt", "--yes")[0] == 0
    assert team.invoke("db.migrate", "--yes")[0] == 0


def test_a_registry_of_sqitch_under_another_name_is_found(team: Team) -> None:
    prepare(
        team.url,
        TOOLS["sqitch"].replace("sqitch.", "meta.").replace("SCHEMA sqitch", "SCHEMA meta"),
    )
    prepare(team.url, "CREATE TABLE public.changes (id int, change text)")
    assert "sqitch has recorded in meta.changes" in team.refused("db.status")


def test_histories_of_the_platforms_own_services_are_none_of_ours(
    team: Team, admin_url: Secret
) -> None:
    prepare(
        admin_url,
        "CREATE TABLE IF NOT EXISTS auth.schema_migrations (version varchar PRIMARY KEY);"
        "INSERT INTO auth.schema_migrations VALUES ('20260101000000')",
    )
    assert team.invoke("db.status")[0] == 0
    assert "No history" in team.refused("--dry", "db.adopt")


def test_what_both_have_recorded_is_no_reason_and_what_one_alone_has_is_named(team: Team) -> None:
    prepare(team.url, TOOLS["Supabase CLI"])
    assert team.invoke("db.adopt", "--yes")[0] == 0
    assert team.invoke("db.status")[0] == 0
    prepare(
        team.url,
        "INSERT INTO supabase_migrations.schema_migrations (version, name)"
        " VALUES ('20260103000000', 'other')",
    )
    said = team.refused("db.migrate", "--yes")
    assert "does not hold: 20260103000000_third. " in said
    assert "20260101000000" not in said
    assert team.invoke("db.adopt", "--yes")[0] == 0
    assert "3 applied, 0 pending" in team.invoke("db.status")[1]


def test_what_shipway_tells_the_supabase_cli_of_is_no_reason_either(team: Team) -> None:
    prepare(team.url, TOOLS["Supabase CLI"])
    prepare(team.url, "DELETE FROM supabase_migrations.schema_migrations")
    run(team.url, team.folder)
    assert ask(team.url, "SELECT count(*) FROM supabase_migrations.schema_migrations") == [(3,)]
    assert team.invoke("db.status")[0] == 0
    write(team.folder, {"20260104000000_fourth.sql": "CREATE TABLE fourth ();"})
    assert team.invoke("db.migrate", "--yes")[0] == 0


def test_a_migration_that_waits_for_the_contract_phase_is_not_run_twice_either(team: Team) -> None:
    write(
        team.folder, {"20260102000000_second.sql": "-- shipway: phase=contract\nDROP TABLE first;"}
    )
    prepare(team.url, TOOLS["Prisma"])
    prepare(team.url, "DELETE FROM _prisma_migrations WHERE migration_name LIKE '%first'")
    assert "20260102000000_second" in team.refused("db.status")


def test_a_down_script_that_the_supabase_cli_took_for_the_migration_is_no_migration(
    team: Team,
) -> None:
    prepare(team.url, TOOLS["Supabase CLI"])
    prepare(
        team.url,
        "UPDATE supabase_migrations.schema_migrations SET name = 'second.down'"
        " WHERE name = 'second'",
    )
    said = team.refused("db.adopt", "--yes")
    assert "20260102000000 is recorded as second.down: a down script ran" in said
    repair = "supabase migration repair --status reverted 20260102000000"
    assert repair in said
    assert repair in team.refused("db.status")
    prepare(
        team.url, "DELETE FROM supabase_migrations.schema_migrations WHERE name = 'second.down'"
    )
    assert team.invoke("db.adopt", "--yes")[0] == 0
    assert "1 applied, 2 pending" in team.invoke("db.status")[1]


def test_a_history_of_an_early_supabase_cli_has_versions_alone(team: Team) -> None:
    prepare(team.url, TOOLS["Supabase CLI"])
    prepare(team.url, "ALTER TABLE supabase_migrations.schema_migrations DROP name")
    team.refused("db.status")
    assert team.invoke("db.adopt", "--yes")[0] == 0
    assert team.invoke("db.migrate", "--yes")[0] == 0


def test_a_long_history_is_told_in_short(team: Team) -> None:
    write(team.folder, {f"2025{n:010}_a.sql": "SELECT 1;" for n in range(1, 60)})
    prepare(team.url, TOOLS["Supabase CLI"])
    prepare(
        team.url,
        "INSERT INTO supabase_migrations.schema_migrations (version)"
        " SELECT '2025' || lpad(n::text, 10, '0') FROM generate_series(1, 59) AS n",
    )
    said = team.refused("db.status")
    assert "61 migrations, 20250000000001_a to 20260102000000_second. " in said


FAULTS = {
    "Prisma": (
        "UPDATE public._prisma_migrations SET rolled_back_at = NULL",
        "20260103000000_third has failed and was not resolved",
        "prisma migrate resolve",
    ),
    "golang-migrate": (
        "UPDATE public.schema_migrations SET dirty = true",
        "version 20260102000000 is marked dirty",
        "Resolve that with golang-migrate",
    ),
    "Flyway": (
        "UPDATE public.flyway_schema_history SET success = false WHERE installed_rank = 2",
        "V2__second.sql has failed",
        "flyway repair",
    ),
    "dbmate": (
        "INSERT INTO public.schema_migrations VALUES ('20251231000000')",
        "not in the folder: 20251231000000",
        "invoke --dry db.adopt --up-to 20260102000000 --target t",
    ),
    "node-pg-migrate": (
        "DELETE FROM public.pgmigrations WHERE id = 1",
        "20260101000000_first.sql would be left behind",
        "invoke --dry db.adopt --up-to 20260102000000 --target t",
    ),
}


@pytest.mark.parametrize("tool", FAULTS)
def test_what_keeps_a_history_from_being_taken_over_is_said_at_once(team: Team, tool: str) -> None:
    prepare(team.url, TOOLS[tool])
    change, what, cure = FAULTS[tool]
    prepare(team.url, change)
    said = team.refused("db.status")
    assert what in said
    assert cure in said
    assert team.invoke("db.adopt", "--up-to", "20260102000000", "--yes")[0] == 0
    if tool != "Prisma":
        assert team.invoke("db.status")[0] == 0


def test_a_failed_migration_alone_is_not_run_over(team: Team) -> None:
    prepare(team.url, TOOLS["Prisma"])
    prepare(team.url, "DELETE FROM _prisma_migrations WHERE finished_at IS NOT NULL")
    assert team.invoke("db.status")[0] == 0, "it was rolled back: it is pending"
    prepare(team.url, "UPDATE public._prisma_migrations SET rolled_back_at = NULL")
    assert "20260103000000_third has failed" in team.refused("db.migrate", "--yes")


def test_what_flyway_has_undone_is_pending_and_what_lies_below_its_baseline_is_not(
    team: Team,
) -> None:
    prepare(team.url, TOOLS["Flyway"])
    prepare(
        team.url,
        "UPDATE public.flyway_schema_history SET type = 'BASELINE', script = '<< Baseline >>'"
        " WHERE installed_rank = 1;"
        "INSERT INTO public.flyway_schema_history VALUES (4, '20260102000000', 'second',"
        " 'UNDO_SQL', 'U2__second.sql', 1, 'me', now(), 1, true)",
    )
    assert "does not hold: 20260101000000_first. " in team.refused("db.status")
    assert team.invoke("db.adopt", "--yes")[0] == 0
    assert "1 applied, 2 pending" in team.invoke("db.status")[1]


def test_the_newest_version_of_another_projects_history_says_nothing_of_ours(team: Team) -> None:
    prepare(team.url, TOOLS["golang-migrate"])
    prepare(team.url, "UPDATE public.schema_migrations SET version = 20990101000000")
    assert team.invoke("db.migrate", "--yes")[0] == 0


def test_of_several_histories_the_one_that_names_the_files_is_meant(team: Team) -> None:
    prepare(team.url, TOOLS["Supabase CLI"])
    prepare(
        team.url,
        "CREATE TABLE public.schema_migrations (version varchar PRIMARY KEY);"
        "INSERT INTO public.schema_migrations VALUES ('20190101000000')",
    )
    assert NEXT in team.refused("db.status")
    assert "from Supabase CLI" in team.invoke("--dry", "db.adopt")[1]
    assert team.invoke("db.adopt", "--yes")[0] == 0


def test_of_two_histories_that_name_the_files_one_is_to_be_named(team: Team) -> None:
    prepare(team.url, TOOLS["dbmate"])
    prepare(team.url, 'CREATE SCHEMA "b"; ' + TOOLS["dbmate"].replace("public.", "b."))
    said = team.refused("db.status")
    command = "invoke --dry db.adopt --source 'b.schema_migrations' --target t"
    assert command in said
    assert team.invoke("db.adopt", "--source", "b.schema_migrations", "--yes")[0] == 0
    assert team.invoke("db.status")[0] == 0


def test_a_history_that_is_written_while_a_plan_waits_is_noticed(team: Team) -> None:
    plan = team.plan()
    prepare(team.url, TOOLS["Supabase CLI"])
    with (
        Ledger(team.url, connect_timeout_s=5) as ledger,
        pytest.raises(Refused, match="Supabase CLI has recorded") as caught,
    ):
        carry_out(plan, ledger)
    assert "Running it would do it a second time" in caught.value.what
    assert not exists(team.url, "first")


def test_what_the_schema_should_be_is_not_told_by_half_a_history(team: Team) -> None:
    run(team.url, team.folder)
    prepare(team.url, TOOLS["Supabase CLI"])
    prepare(
        team.url,
        "DELETE FROM shipway.migrations WHERE version = 20260102000000;"
        "CREATE TABLE IF NOT EXISTS second ()",
    )
    said = team.refused("db.diff")
    assert "what the schema should be is not known: Supabase CLI has recorded" in said
    assert "invoke db.status" in said
    said = team.invoke("db.verify", "--only", "schema")[1]
    assert "1 not checked" in said
    assert "20260102000000_second" in said


@pytest.fixture
def migrator(server: DatabaseServer, database: str, admin_url: Secret) -> Secret:
    """Return the URL of a role of the team's own that may do nothing but make schemas."""
    role = f"migrator_{database}"
    with psycopg.connect(admin_url.reveal(), autocommit=True) as connection:
        password = server.password.reveal()
        connection.execute(
            f"CREATE ROLE {role} LOGIN PASSWORD '{password}';"
            f"GRANT CREATE ON DATABASE {database} TO {role};"
            f"GRANT CREATE ON SCHEMA public TO {role}".encode()
        )
    return server.url(database, role)


def test_a_history_that_may_not_be_read_is_said_and_stops_nothing(
    tmp_path: Path, migrator: Secret, database_url: Secret, database: str
) -> None:
    prepare(database_url, TOOLS["Supabase CLI"])
    team = Team(tmp_path, migrator)
    for command in (["db.status"], ["db.migrate", "--yes"], ["db.status"]):
        code, said = team.invoke(*command)
        assert code == 0, said
        assert "Traceback" not in said
        assert "may not be read: what it has applied is not known" in said
    said = team.refused("db.adopt")
    assert "this role may not read it" in said
    grant = f"grant usage on schema supabase_migrations to migrator_{database}; grant select"
    assert grant in said
    doctor = team.invoke("doctor")[1]
    assert "warning     history" in doctor
    assert grant in doctor


def test_a_history_that_may_be_read_and_not_written_is_refused_and_not_kept_up(
    tmp_path: Path, migrator: Secret, database_url: Secret, database: str
) -> None:
    prepare(database_url, TOOLS["Supabase CLI"])
    role = f"migrator_{database}"
    prepare(
        database_url,
        f"GRANT USAGE ON SCHEMA supabase_migrations TO {role};"
        f"GRANT SELECT ON supabase_migrations.schema_migrations TO {role}",
    )
    team = Team(tmp_path, migrator)
    team.refused("db.migrate", "--yes")
    assert team.invoke("db.adopt", "--yes")[0] == 0
    code, said = team.invoke("db.migrate", "--yes")
    assert code == 0, said
    assert "may not be written: what is applied is not told it" in said
    assert exists(database_url, "third")


def test_a_history_hidden_by_row_security_counts_as_unread(
    tmp_path: Path, migrator: Secret, database_url: Secret, database: str
) -> None:
    prepare(database_url, TOOLS["dbmate"])
    prepare(
        database_url,
        "ALTER TABLE public.schema_migrations ENABLE ROW LEVEL SECURITY;"
        f"GRANT SELECT ON public.schema_migrations TO migrator_{database}",
    )
    assert "may not be read" in Team(tmp_path, migrator).invoke("db.status")[1]


def test_a_folder_of_the_supabase_cli_is_recorded_for_it_where_it_has_never_run(
    tmp_path: Path, database_url: Secret
) -> None:
    """So what was applied before that became known: else its next push would run all again."""
    folder = tmp_path / "supabase" / "migrations"
    folder.mkdir(parents=True)
    once = "CREATE INDEX CONCURRENTLY ON first (id);"
    write(folder, {"20260101000000_first.sql": "CREATE TABLE first (id int);"})
    run(database_url, folder)
    prepare(database_url, "DROP TABLE supabase_migrations.schema_migrations")
    write(folder, {"20260102000000_second.sql": once, "20260103000000_third.sql": ""})
    run(database_url, folder)
    told = ask(
        database_url, "SELECT version, name FROM supabase_migrations.schema_migrations ORDER BY 1"
    )
    assert told == [
        ("20260101000000", "first"),
        ("20260102000000", "second"),
        ("20260103000000", "third"),
    ]


@pytest.mark.parametrize("together", [True, False])
def test_the_first_file_of_all_makes_both_histories(
    tmp_path: Path, database_url: Secret, *, together: bool
) -> None:
    folder = tmp_path / "supabase" / "migrations"
    folder.mkdir(parents=True)
    run(database_url, write(folder, FILES), together=together)
    assert ask(database_url, "SELECT count(*) FROM supabase_migrations.schema_migrations") == [(3,)]
    elsewhere = write(tmp_path / "migrations", FILES)
    prepare(database_url, "DROP TABLE supabase_migrations.schema_migrations")
    prepare(database_url, "TRUNCATE shipway.migrations; DROP TABLE first, second, third")
    run(database_url, elsewhere, together=together)
    assert not exists(database_url, "supabase_migrations.schema_migrations"), "no folder of its"


def test_a_role_that_may_not_make_that_history_goes_without(
    server: DatabaseServer, database: str, tmp_path: Path, migrator: Secret
) -> None:
    prepare(server.admin_url(database), f"CREATE SCHEMA shipway AUTHORIZATION migrator_{database}")
    folder = tmp_path / "supabase" / "migrations"
    folder.mkdir(parents=True)
    run(migrator, write(folder, FILES))
    assert len(labels(server.url(database))) == 3


@pytest.mark.parametrize("tool", [name for name in TOOLS if name != "Supabase CLI"])
def test_what_would_count_as_applied_elsewhere_is_not_rolled_back(team: Team, tool: str) -> None:
    prepare(team.url, TOOLS[tool])
    prepare(team.url, "CREATE TABLE first (); CREATE TABLE second ()")
    assert team.invoke("db.adopt", "--yes")[0] == 0
    run(team.url, team.folder)
    downs = ("first", "second", "third")
    for number, name in enumerate(downs, 1):
        write(team.folder, {f"2026010{number}000000_{name}.down.sql": f"DROP TABLE {name};"})
    assert team.invoke("db.rollback", "--yes")[0] == 0, "what shipway alone has applied"
    said = team.refused("db.rollback", "--yes")
    assert f"{tool} has recorded 20260102000000_second in {TABLES[tool]}" in said
    assert exists(team.url, "second")


def test_what_the_supabase_cli_has_applied_can_be_rolled_back_and_applied_again(team: Team) -> None:
    prepare(team.url, TOOLS["Supabase CLI"])
    prepare(team.url, "CREATE TABLE first (); CREATE TABLE second ()")
    assert team.invoke("db.adopt", "--yes")[0] == 0
    write(team.folder, {"20260102000000_second.down.sql": "DROP TABLE second;"})
    assert team.invoke("db.rollback", "--yes")[0] == 0
    assert "1 applied, 2 pending" in team.invoke("db.status")[1]
    assert team.invoke("db.migrate", "--yes")[0] == 0
