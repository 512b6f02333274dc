"""What a release changed in the schema and in the access to it is told with before and after."""

from __future__ import annotations

from shipway.schema.changes import access_changes, schema_changes
from shipway.values.inspection import Access, Reach, Snapshot, Thing, Tried


def table(name: str, security: str = "on") -> Thing:
    return Thing("table", "public", name, (("row level security", security),))


def column(owner: str, name: str, kind: str = "text") -> Thing:
    return Thing("column", f"public.{owner}", name, (("type", kind),))


def schema(*things: Thing) -> Snapshot:
    return Snapshot(server_version=170011, things=things)


def right(role: str, reach: Reach, columns: str = "", name: str = "public.people") -> Access:
    return Access("table", name, role, "select", columns, reach, Tried.NOT_TRIED)


def told(before: Snapshot, after: Snapshot) -> list[tuple[str, str, str, str, str]]:
    return [
        (one.change.value, f"{one.kind} {one.name}", one.fact, one.before, one.after)
        for one in schema_changes(before, after)
    ]


def test_a_new_table_is_one_change_with_a_count_of_its_parts() -> None:
    before = schema(table("people"))
    after = schema(table("people"), table("notes"), column("notes", "id"), column("notes", "text"))
    whole = "2 columns, row level security on"
    assert told(before, after) == [("added", "table public.notes", "", "", whole)]
    assert told(after, before) == [("removed", "table public.notes", "", whole, "")]


def test_a_changed_fact_is_told_with_what_it_was_and_is() -> None:
    before = schema(table("people"), column("people", "age", "integer"))
    after = schema(table("people", "off"), column("people", "age", "bigint"))
    assert told(before, after) == [
        ("changed", "table public.people", "row level security", "on", "off"),
        ("changed", "column public.people.age", "type", "integer", "bigint"),
    ]


def test_a_grant_is_told_by_what_was_granted_to_whom() -> None:
    grant = Thing("grant", "table public.people", "anon", (("privileges", "select"),))
    after = schema(table("people"), grant)
    (one,) = told(schema(table("people")), after)
    assert one == ("added", "grant table public.people to anon", "", "", "select")


def test_rights_that_widen_and_rights_that_narrow_are_told_apart() -> None:
    before = [right("anon", Reach.NOTHING), right("authenticated", Reach.EVERY_ROW)]
    after = [right("anon", Reach.EVERY_ROW, "name"), right("authenticated", Reach.BY_POLICY)]
    anon, signed_in = access_changes(before, after) or ()
    assert (anon.before, anon.after, anon.wider) == ("nothing", "every row (name)", True)
    assert (signed_in.after, signed_in.wider) == ("rows by policy", False)
    (fewer,) = access_changes([right("anon", Reach.EVERY_ROW)], after[:1]) or ()
    assert not fewer.wider


def test_without_a_memory_only_rights_to_what_is_new_can_be_told() -> None:
    after = [right("anon", Reach.EVERY_ROW), right("anon", Reach.EVERY_ROW, name="public.notes")]
    assert access_changes(None, after) is None
    (one,) = access_changes(None, after, schema_before=schema(table("people"))) or ()
    assert (one.object, one.before) == ("public.notes", "nothing")
