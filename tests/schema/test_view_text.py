"""Queries of views are the same whichever server has printed them."""

from __future__ import annotations

import pytest

from shipway.schema.differences import differences
from shipway.values.inspection import Snapshot, Thing

PG_15, PG_16, PG_18 = 150008, 160004, 180004
PRINTED = {
    " SELECT p.id,\n    p.a\n   FROM public.p\n  WHERE (p.a > 1);": (
        " SELECT id,\n    a\n   FROM public.p\n  WHERE (a > 1);"
    ),
    ' SELECT "P".id,\n    public.f("P"."A", \'p.id\'::text) AS f\n   FROM public."P"\n'
    '  GROUP BY "P".id;': (
        ' SELECT id,\n    public.f("A", \'p.id\'::text) AS f\n   FROM public."P"\n  GROUP BY id;'
    ),
    " SELECT DISTINCT ON (o.a) (o.m)::public.mood AS m,\n    (o.c).x AS x\n   FROM app.orders o": (
        " SELECT DISTINCT ON (a) (m)::public.mood AS m,\n    (c).x AS x\n   FROM app.orders o"
    ),
}
UNLIKE = [
    (" SELECT p.id FROM public.p;", " SELECT a FROM public.p;"),
    (" SELECT p.id FROM public.p;", " SELECT id FROM other.p;"),
    (" SELECT public.f(p.id) FROM public.p;", " SELECT other.f(id) FROM public.p;"),
    (" SELECT (p.id)::a.t FROM public.p;", " SELECT (id)::b.t FROM public.p;"),
    (
        " SELECT p.id FROM public.p WHERE (p.t = 'a.b');",
        " SELECT id FROM public.p WHERE (t = 'b');",
    ),
    (" SELECT a.id FROM public.a JOIN public.b ON a;", " SELECT id FROM public.a JOIN app.b ON a;"),
]


def _schema(version: int, kind: str, text: str) -> Snapshot:
    facts = (("options", "security_invoker=true"), ("definition", text))
    return Snapshot(server_version=version, things=(Thing(kind, "public", "v", facts),))


@pytest.mark.parametrize("kind", ["view", "materialized view"])
@pytest.mark.parametrize(("older", "newer"), PRINTED.items())
def test_what_two_servers_print_of_one_view_is_no_difference(
    kind: str, older: str, newer: str
) -> None:
    for late in (PG_16, PG_18):
        assert differences(_schema(PG_15, kind, older), _schema(late, kind, newer)) == ()
        assert differences(_schema(late, kind, newer), _schema(PG_15, kind, older)) == ()
        assert len(differences(_schema(late, kind, older), _schema(late, kind, newer))) == 1


@pytest.mark.parametrize(("older", "newer"), UNLIKE)
def test_another_view_stays_another_view(older: str, newer: str) -> None:
    assert len(differences(_schema(PG_15, "view", older), _schema(PG_18, "view", newer))) == 1
