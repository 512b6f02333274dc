"""The rest of the stand-ins: they can be created everywhere, and say what they cannot do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import psycopg
import pytest

from shipway.edges.extensions.library import COMMENT, stand_ins

if TYPE_CHECKING:
    from tests.edges.extensions.conftest import Ask

OWN_SCHEMA = {"pgmq", "pg_graphql", "pgsodium", "pg_tle", "plv8", "supabase_vault"}


@pytest.fixture(scope="module", autouse=True)
def _created(ask: Ask) -> None:
    for name in sorted(stand_ins()):
        schema = "" if name in OWN_SCHEMA else "with schema extensions"
        ask(f'create extension if not exists "{name}" {schema} cascade')


def test_each_is_known_by_the_comment_of_its_control_file(ask: Ask) -> None:
    found = ask(
        "select name from pg_available_extensions where comment like %s order by 1", f"{COMMENT}%"
    )
    assert {name for (name,) in found} == stand_ins()


def test_each_takes_the_versions_that_were_ever_asked_for(ask: Ask) -> None:
    ask("alter extension pg_net update to '0.7.1'; alter extension pg_net update")
    versions = ask("select count(*) from pg_available_extension_versions where name = 'pg_cron'")
    assert versions > [(5,)]


def _fits(ask: Ask, schema: object, instance: object) -> bool:
    ((fits,),) = ask(
        "select json_matches_schema(%s::json, %s::json)", json.dumps(schema), json.dumps(instance)
    )
    return bool(fits)


CASES = [
    ({"type": "integer"}, [1, 2.0], [1.5, "1", None]),
    ({"type": ["string", "null"]}, ["a", None], [1]),
    ({"enum": [1, "a", None]}, [1, "a", None], [2, "b"]),
    ({"const": {"a": 1}}, [{"a": 1.0}], [{"a": 2}]),
    ({"minimum": 1, "exclusiveMaximum": 3}, [1, 2.9, "x"], [0, 3]),
    ({"multipleOf": 0.5}, [1.5, 2], [1.2]),
    ({"minLength": 2, "maxLength": 3, "pattern": "^a"}, ["ab", 5], ["a", "abcd", "bb"]),
    ({"required": ["a"], "properties": {"a": {"type": "string"}}}, [{"a": "x"}, 1], [{}, {"a": 1}]),
    ({"properties": {"a": {}}, "additionalProperties": False}, [{"a": 1}], [{"b": 1}]),
    ({"patternProperties": {"^x": {"type": "number"}}}, [{"x1": 1, "y": "s"}], [{"x1": "s"}]),
    ({"propertyNames": {"maxLength": 1}, "minProperties": 1}, [{"a": 1}], [{}, {"ab": 1}]),
    ({"items": {"type": "number"}, "minItems": 1}, [[1, 2]], [[], ["a"]]),
    ({"uniqueItems": True}, [[1, 2]], [[1, 1]]),
    ({"prefixItems": [{"const": 1}], "items": False}, [[1], []], [[2], [1, 2]]),
    ({"contains": {"const": 1}}, [[0, 1]], [[0]]),
    ({"anyOf": [{"type": "string"}, {"minimum": 5}]}, ["a", 5], [4]),
    ({"oneOf": [{"minimum": 1}, {"minimum": 5}]}, [2], [0, 6]),
    ({"allOf": [{"minimum": 1}, {"maximum": 2}]}, [1], [3]),
    ({"not": {"type": "null"}}, [1], [None]),
    ({"if": {"minimum": 5}, "then": {"const": 7}, "else": {"const": 1}}, [7, 1], [6, 2]),
    ({"$ref": "#/$defs/x", "$defs": {"x": {"type": "string"}}}, ["a"], [1]),
    ({"properties": {"next": {"$ref": "#"}}, "required": ["v"]}, [{"v": 1, "next": {"v": 2}}],
     [{"v": 1, "next": {}}]),
    ({"dependentRequired": {"a": ["b"]}}, [{"a": 1, "b": 1}, {}], [{"a": 1}]),
    (True, [1], []),
    (False, [], [1]),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "good", "bad"), CASES)
def test_schemas_are_checked_truly(
    ask: Ask, schema: object, good: list[object], bad: list[object]
) -> None:
    assert [one for one in good if not _fits(ask, schema, one)] == []
    assert [one for one in bad if _fits(ask, schema, one)] == []


def test_a_schema_that_is_none_is_told_and_an_unknown_keyword_is_refused(ask: Ask) -> None:
    for schema, valid in (
        ({"type": "strin"}, False),
        ({"type": ["string", "null"], "minLength": 1}, True),
        ({"properties": {"a": {"minLength": -1}}}, False),
        ([], False),
    ):
        assert ask("select jsonschema_is_valid(%s::json)", json.dumps(schema)) == [(valid,)]
    with pytest.raises(psycopg.errors.FeatureNotSupported, match="unevaluatedProperties"):
        _fits(ask, {"unevaluatedProperties": False}, {})


@pytest.mark.parametrize(
    "query",
    [
        "select * from hypopg_create_index('create index on pg_class (oid)')",
        "select plpgsql_check_function('cron.unschedule(bigint)')",
        "create function pg_temp.f() returns int language plv8 as 'return 1'; select pg_temp.f()",
    ],
)
def test_what_takes_a_library_is_refused(ask: Ask, query: str) -> None:
    with pytest.raises(psycopg.errors.FeatureNotSupported):
        ask(query)


def test_answers_that_can_carry_an_error_carry_it(ask: Ask) -> None:
    ((resolved,),) = ask("select graphql.resolve('{ a }')")
    assert "stand-in" in resolved["errors"][0]["message"]
    ((errors,),) = ask("select errors from index_advisor('select 1')")
    assert "stand-in" in errors[0]
    assert ask("select * from pgtle.available_extensions()") == []


def test_a_parent_of_partitions_is_noted_and_takes_rows(ask: Ask) -> None:
    ask("create table public.log (at timestamptz not null) partition by range (at)")
    ask(
        "select create_parent(p_parent_table := 'public.log', p_control := 'at',"
        " p_interval := '1 day')"
    )
    ask("insert into public.log values (now())")
    ask("update part_config set retention = '7 days' where parent_table = 'public.log'")
    assert ask("select count(*) from public.log_default") == [(1,)]
