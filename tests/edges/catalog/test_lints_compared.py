"""Our lints beside Supabase's own advisors, which its command line brings (`pytest -m cli`)."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING

import psycopg
import pytest

from shipway.edges.catalog.lints import lint
from tests.fixtures.lint_cases import CASES

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import DatabaseServer

pytestmark = [pytest.mark.cli, pytest.mark.timeout(600)]

# Ours to theirs. What they have no word for (grant_missing), or split in two by role
# (definer_function), is not compared.
THEIRS = {
    "rls_disabled": "rls_disabled_in_public",
    "rls_without_policy": "rls_enabled_no_policy",
    "policy_without_rls": "policy_exists_rls_disabled",
    "always_true_policy": "rls_policy_always_true",
    "policy_trusts_user_metadata": "rls_references_user_metadata",
    "definer_view": "security_definer_view",
    "auth_users_exposed": "auth_users_exposed",
    "mutable_search_path": "function_search_path_mutable",
    "extension_in_public": "extension_in_public",
    "materialized_view_in_api": "materialized_view_in_api",
    "foreign_table_in_api": "foreign_table_in_api",
    "unindexed_foreign_key": "unindexed_foreign_keys",
    "duplicate_index": "duplicate_index",
    "no_primary_key": "no_primary_key",
    "multiple_permissive_policies": "multiple_permissive_policies",
    "auth_function_per_row": "auth_rls_initplan",
}


def _advisors(supabase: Path, url: str, home: Path) -> set[tuple[str, str]]:
    """Return (lint, object) of all that the advisors find."""
    said = subprocess.run(
        [
            *(str(supabase), "db", "advisors", f"--remote={url}?sslmode=disable"),
            *("--type", "all", "--level", "info", "--output-format", "json"),
        ],
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
        env={"PATH": os.environ["PATH"], "HOME": str(home), "SUPABASE_TELEMETRY_DISABLED": "1"},
    )
    return {(one["name"], one["metadata"]["name"]) for one in json.loads(said.stdout)["results"]}


@pytest.mark.parametrize("name", THEIRS)
def test_the_advisors_find_the_same_guilty_object_and_no_innocent_one(
    server: DatabaseServer, database: str, npm_clients: Path, tmp_path: Path, name: str
) -> None:
    guilty, statements = CASES[name]
    with psycopg.connect(server.admin_url(database).reveal(), autocommit=True) as connection:
        connection.execute(statements.encode())
        if name == "rls_disabled":  # they leave alone what no role of the API can reach
            connection.execute("grant select on guilty to anon")
        if name == "unindexed_foreign_key":  # they take a partial index for one
            connection.execute("drop index inner_room.guilty_a_idx")
        # As the hosted platform tells which schemas its API serves.
        connection.execute(
            "do $$ begin execute format('alter database %I set pgrst.db_schemas = ''public''',"
            " current_database()); end $$"
        )
        ours = {
            one.object.split(".")[1].split("(")[0] if "." in one.object else one.object
            for one in lint(connection, exposed_schemas=["public"])
            if one.lint == name
        }
    supabase = npm_clients / "node_modules" / ".bin" / "supabase"
    found = _advisors(supabase, server.admin_url(database).reveal(), tmp_path)
    theirs = {thing for one, thing in found if one == THEIRS[name]}
    if name == "duplicate_index":  # they name the table
        assert (ours, theirs) == ({"guilty"}, {"t"})
    else:
        assert ours == theirs, guilty
