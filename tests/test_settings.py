"""Settings: where each comes from, and what is said about a wrong one."""

from __future__ import annotations

from pathlib import Path

import pytest

from shipway.environment import load, project_root, target_files
from shipway.errors import Misconfigured
from shipway.settings import describe
from shipway.values.basics import Secret


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / ".env").write_text("DATABASE_URL=postgresql://plain\nVERCEL_TOKEN=from-plain\n")
    (tmp_path / ".env.staging").write_text("DATABASE_URL=postgresql://staging\n")
    return tmp_path


def refusal(root: Path, target: str = "", **environ: str) -> Misconfigured:
    with pytest.raises(Misconfigured) as stopped:
        load(target, root=root, environ=environ)
    return stopped.value


def test_the_process_wins_over_the_targets_file_which_wins_over_env(root: Path) -> None:
    plain = load("", root=root, environ={})
    staging = load("staging", root=root, environ={})
    process = load("staging", root=root, environ={"DATABASE_URL": "postgresql://process"})
    assert plain.database_url == Secret("postgresql://plain")
    assert staging.database_url == Secret("postgresql://staging")
    assert staging.vercel_token == Secret("from-plain")
    assert process.database_url == Secret("postgresql://process")
    assert [one.target for one in (plain, staging)] == ["default", "staging"]
    assert staging.sources == {"DATABASE_URL": ".env.staging", "VERCEL_TOKEN": ".env"}
    assert process.sources["DATABASE_URL"] == "environment"


def test_the_target_can_come_from_the_environment(root: Path) -> None:
    assert load("", root=root, environ={"SHIPWAY_TARGET": "staging"}).target == "staging"


def test_a_ci_systems_environment_is_a_target_without_a_file(root: Path) -> None:
    told = {"SHIPWAY_TARGET": "production", "DATABASE_URL": "postgresql://process"}
    settings = load("", root=root, environ=told)
    assert settings.target == load("production", root=root, environ=told).target == "production"
    assert settings.database_url == Secret("postgresql://process")
    # Somebody's left-over DATABASE_URL is no target, and neither is a name without a database.
    assert "no target" in refusal(root, "prod", DATABASE_URL="postgresql://process").what
    assert "no target" in refusal(root, SHIPWAY_TARGET="production", DATABASE_URL="").what


def test_a_command_without_a_target_does_not_mind_a_target_that_is_missing(root: Path) -> None:
    assert load(None, root=root, environ={"SHIPWAY_TARGET": "sandbox"}).target == "default"


def test_a_variable_that_is_set_but_empty_counts_as_not_given(root: Path) -> None:
    settings = load("", root=root, environ={"VERCEL_TOKEN": "", "VERCEL_ORG_ID": "  "})
    assert settings.vercel_org_id is None


def test_an_empty_variable_of_the_process_hides_the_one_of_the_file(root: Path) -> None:
    assert load("", root=root, environ={"VERCEL_TOKEN": ""}).vercel_token is None


def test_a_policy_comes_from_pyproject_and_its_override_from_the_environment(root: Path) -> None:
    (root / "pyproject.toml").write_text(
        '[tool.shipway]\nmigrations_dir = "db"\nexposed_schemas = ["public", "api"]\n'
        "lock_timeout_s = 2\n"
    )
    settings = load("", root=root, environ={"SHIPWAY_MIGRATIONS_DIR": "other"})
    assert settings.migrations_dir == Path("other")
    assert settings.under_root(settings.migrations_dir) == root / "other"
    assert settings.exposed_schemas == ("public", "api")
    assert settings.lock_timeout_s == 2.0
    assert settings.sources["lock_timeout_s"] == "pyproject.toml"
    listed = load("", root=root, environ={"SHIPWAY_EXPOSED_SCHEMAS": "public, api,"})
    assert listed.exposed_schemas == ("public", "api")


def test_shipway_toml_serves_a_project_without_pyproject(root: Path) -> None:
    (root / "shipway.toml").write_text('checks_dir = "expectations"\n')
    assert load("", root=root, environ={}).checks_dir == Path("expectations")


def test_two_places_for_settings_are_refused(root: Path) -> None:
    (root / "shipway.toml").write_text("")
    (root / "pyproject.toml").write_text("[tool.shipway]\n")
    assert "two places" in refusal(root).what


def test_a_target_without_a_file_names_those_that_there_are(root: Path) -> None:
    error = refusal(root, "production")
    assert ".env.production does not exist" in error.what
    assert error.next_step.startswith("Use one of: staging")
    assert error.exit_code == 2


def test_a_targets_name_cannot_climb_out_of_the_project(root: Path) -> None:
    assert "not a target's name" in refusal(root, "../staging").what


@pytest.mark.parametrize(
    ("table", "environ", "near"),
    [
        ('migration_dir = "x"', {}, "migrations_dir"),
        ("", {"SHIPWAY_MIGRATIONDIR": "x"}, "SHIPWAY_MIGRATIONS_DIR"),
        ("", {"SHIPWAY_TARGETT": "x"}, "SHIPWAY_TARGET"),
    ],
)
def test_an_unknown_setting_is_named_with_the_nearest_known_one(
    root: Path, table: str, environ: dict[str, str], near: str
) -> None:
    (root / "pyproject.toml").write_text(f"[tool.shipway]\n{table}\n")
    error = refusal(root, **environ)
    assert "Unknown setting" in error.what
    assert f"Did you mean {near}?" in error.next_step


def test_a_secret_in_pyproject_is_refused_without_showing_it(root: Path) -> None:
    (root / "pyproject.toml").write_text(
        '[tool.shipway]\ndatabase_url = "postgresql://u:hunter2"\n'
    )
    error = refusal(root)
    assert "does not belong in pyproject.toml" in error.what
    assert "set DATABASE_URL" in error.next_step
    assert "hunter2" not in error.what + error.next_step


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("SHIPWAY_LOCK_TIMEOUT_S", "soon", "is not a number"),
        ("SHIPWAY_LOCK_TIMEOUT_S", "-1", "is not zero or more"),
        ("SHIPWAY_LOCK_TIMEOUT_S", "inf", "is not zero or more"),
        ("SHIPWAY_LOCK_TIMEOUT_S", "nan", "is not zero or more"),
        ("SHIPWAY_WATCH_MIN_REQUESTS", "2.5", "is not a whole number"),
        ("SUPABASE_PROJECT_REF", "MyProject", "is not a project ref"),
    ],
)
def test_an_ill_formed_value_is_named_with_its_place(
    root: Path, name: str, text: str, problem: str
) -> None:
    error = refusal(root, **{name: text})
    assert error.what == f"{name} (environment) {problem}" + (
        ": 20 lower-case letters." if name == "SUPABASE_PROJECT_REF" else "."
    )


@pytest.mark.parametrize("value", ["true", "[1]", '"x"'])
def test_a_value_of_the_wrong_type_in_toml_is_refused(root: Path, value: str) -> None:
    (root / "pyproject.toml").write_text(f"[tool.shipway]\nwatch_min_requests = {value}\n")
    assert "watch_min_requests (pyproject.toml) is not a" in refusal(root).what


def test_a_broken_line_of_an_env_file_is_named_and_not_shown(root: Path) -> None:
    (root / ".env.staging").write_text("A=1\nhunter2 without an equals sign\n")
    error = refusal(root, "staging")
    assert error.what == ".env.staging, line 2: not of the form NAME=value."
    assert "hunter2" not in error.next_step


def test_an_env_file_that_is_not_utf8_and_toml_that_is_none_are_named(root: Path) -> None:
    (root / ".env.staging").write_bytes(b"A=\xff\n")
    assert "it is not UTF-8" in refusal(root, "staging").what
    (root / "pyproject.toml").write_text("[tool.shipway\n")
    assert "pyproject.toml is not valid TOML" in refusal(root).what


def test_no_secret_shows_in_the_settings_own_text(root: Path) -> None:
    settings = load("", root=root, environ={"VERCEL_TOKEN": "hunter2"})
    assert "hunter2" not in repr(settings)
    assert "postgresql://plain" not in repr(settings)
    assert {one.reveal() for one in settings.secrets()} == {"hunter2", "postgresql://plain"}


def test_the_root_is_the_nearest_folder_with_a_tasks_file(tmp_path: Path) -> None:
    (tmp_path / "tasks.py").touch()
    deep = tmp_path / "app" / "deep"
    deep.mkdir(parents=True)
    assert project_root(deep) == tmp_path


def test_the_example_is_no_target(root: Path) -> None:
    (root / ".env.example").touch()
    assert target_files(root) == ["staging"]


def test_every_setting_explains_itself() -> None:
    rows = describe()
    assert len(rows) == len({name for name, _, _ in rows}) > 20
    assert all(len(explanation) > 10 for _, _, explanation in rows)


def test_where_copies_are_made_is_a_word_in_the_settings_file_and_a_url_in_the_environment(
    root: Path,
) -> None:
    url = "postgresql://postgres:postgres-pw@127.0.0.1:54322/postgres"
    (root / "shipway.toml").write_text('rehearse_on = "embedded"\n')
    assert load("", root=root, environ={}).rehearse_on is None
    (root / ".env.staging").write_text(f"SHIPWAY_REHEARSE_ON={url}\n")
    assert load("staging", root=root, environ={}).rehearse_on == Secret(url)
    told = {"SHIPWAY_REHEARSE_ON": "embedded"}
    assert load("staging", root=root, environ=told).rehearse_on is None
    (root / "shipway.toml").write_text(f'rehearse_on = "{url}"\n')
    refused = refusal(root)
    assert "SHIPWAY_REHEARSE_ON" in refused.next_step
    assert "postgres-pw" not in refused.what + refused.next_step
