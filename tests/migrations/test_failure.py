"""What is said of a right that was refused fits what was refused, in every server's language."""

from __future__ import annotations

import pytest

from shipway.migrations.failure import cure_of
from shipway.values.exchange import SqlError

PLATFORM = "Supabase keeps the schemas auth, storage and realtime for itself"


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("alter table auth.users add column mine int", PLATFORM),
        ('CREATE TABLE "storage"."mine" (id int)', PLATFORM),
        ("do $$ begin alter table realtime.messages disable row level security; end $$", PLATFORM),
        ("create extension vector with schema extensions", "the extension vector"),
        ('create extension if not exists "uuid-ossp"', "the extension uuid-ossp"),
        ("drop extension if exists pg_net", "the extension pg_net"),
        ("alter role authenticator set pgrst.x = 'true'", "The role authenticator"),
        ("create event trigger e on ddl_command_end execute function f()", "Event triggers"),
        ("set session_replication_role = replica", "The setting"),
        ("alter table public.anothers add column mine int", "owns the object"),
        ("drop table author", "owns the object"),
        ("create policy p on anothers using (owner = auth.uid())", "owns the object"),
        ("", "owns the object"),
    ],
)
def test_the_advice_about_a_refused_right_names_what_was_refused(statement: str, said: str) -> None:
    error = SqlError(sqlstate="42501", message="keine Berechtigung")

    cure = cure_of(error, "invoke db.migrate", statement.encode())

    assert said in cure
    assert cure.endswith(" Then run: invoke db.migrate")
    assert (PLATFORM in cure) == (said == PLATFORM)
