"""The extensions that a file creates for certain are found, and no others."""

from __future__ import annotations

import pytest

from shipway.migrations.sql.created_extensions import created_extensions


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("create extension pg_trgm;", {"pg_trgm": 1}),
        ('\nCREATE EXTENSION IF NOT EXISTS "uuid-ossp" WITH SCHEMA x;', {"uuid-ossp": 2}),
        ("create /* a */ extension -- b\n PostGIS version '3' cascade", {"postgis": 1}),
        ("do $$ begin\n create extension if not exists vector; end $$;", {}),
        ("create extension a; select 'unended", {"a": 1}),
        ("-- create extension a;\n/* create extension b; */ select 'create extension c';", {}),
        ("comment on extension a is 'x'; drop extension b; alter extension c update;", {}),
        ("create function f() returns void language sql as 'create extension a';", {}),
        ("select 'unended", {}),
        ("", {}),
    ],
)
def test_what_a_file_creates(text: str, expected: dict[str, int]) -> None:
    assert created_extensions(text.encode()) == expected
