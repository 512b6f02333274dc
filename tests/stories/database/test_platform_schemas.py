"""What real projects do with the platform's schemas goes all the way from sandbox to verify."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shipway.sandbox.database.dress import dress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import DatabaseServer
    from tests.stories.conftest import Project

FIRST = """
insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types)
values ('pics', 'pics', true, 1000, array['image/png']) on conflict (id) do nothing;
create policy "own pics" on storage.objects for select to authenticated
    using (bucket_id = 'pics' and (storage.foldername(name))[1] = auth.uid()::text);
create policy room on realtime.messages for select to authenticated
    using (realtime.topic() = 'room:1');
create schema app;
create table app.invite (
    id uuid primary key default uuid_generate_v4(), at timestamptz default now());
create table app.profile (id uuid primary key references auth.users on delete cascade, mail text);
create function app.on_new() returns trigger language plpgsql security definer
    set search_path = '' as $$ begin
    insert into app.profile (id, mail) values (new.id, new.email); return new; end $$;
create trigger on_auth_user_created after insert on auth.users
    for each row execute function app.on_new();
create view app.who as
    select u.id, u.email, u.phone_confirmed_at, u.banned_until, i.provider
    from auth.users as u left join auth.identities as i on i.user_id = u.id;
create function app.gone(who uuid) returns void language sql security definer set search_path = ''
    as $$ delete from auth.sessions where user_id = who $$;
create trigger hook after insert on app.invite for each row execute function
    supabase_functions.http_request('http://x.invalid', 'POST', '{}', '{}', '1000');
alter publication supabase_realtime add table app.invite;
insert into auth.users (id, email) values ('11111111-1111-4111-8111-111111111111', 'a@b.c');
insert into auth.identities (provider_id, user_id, identity_data, provider)
values ('1', '11111111-1111-4111-8111-111111111111', '{"email": "a@b.c"}', 'email');
insert into storage.objects (bucket_id, name) values ('pics', 'me/a.png');
"""
SECOND = """
drop policy if exists "own pics" on storage.objects;
create policy "own pics" on storage.objects using ((select auth.uid())::text = owner_id);
alter policy room on realtime.messages using (realtime.topic() like 'room:%');
drop trigger if exists on_auth_user_created on auth.users;
create trigger on_auth_user_created after insert on auth.users
    for each row execute function app.on_new();
set session_replication_role = replica;
set session_replication_role = origin;
alter role authenticator set pgrst.db_aggregates_enabled = 'true';
notify pgrst, 'reload config';
drop publication if exists supabase_realtime;
create publication supabase_realtime;
alter publication supabase_realtime add table only auth.users;
update storage.buckets set public = false where id = 'pics';
"""


@pytest.fixture(params=["a newer project", "an older one"])
def plain(
    request: pytest.FixtureRequest, project: Project, server: DatabaseServer
) -> Iterator[Project]:
    """A project without checks of its own, whose history is that of a test."""
    for folder in ("migrations", "checks"):
        for path in (project.root / folder).iterdir():
            path.unlink()
    if request.param == "a newer project":
        yield project
        return
    name = server.empty_database()
    dress(server.admin_url(name), password=server.password, older=True)
    path = project.root / ".env.sandbox"
    text = path.read_text(encoding="utf-8")
    older = text.replace(project.env("DATABASE_URL"), server.url(name).reveal())
    path.write_text(older, encoding="utf-8")
    yield project
    server.drop(name)


def write(project: Project, name: str, text: str) -> None:
    (project.root / "migrations" / f"{name}.sql").write_text(text, encoding="utf-8")


def test_the_platforms_own_objects_are_no_finding_of_any_check(plain: Project) -> None:
    write(plain, "001_app", "create schema app;")
    assert plain.invoke("db.migrate", "--target", "sandbox", "--yes").code == 0

    for command in ("db.diff", "db.verify", "doctor"):
        ended = plain.invoke(command, "--target", "sandbox")
        assert ended.code == 0, ended.err
        for schema in ("auth.", "storage.", "realtime.", "supabase_functions.", "supautils"):
            assert schema not in ended.out + ended.err, command


def test_a_history_of_policies_triggers_and_seeds_is_rehearsed_with_its_result_and_verified(
    plain: Project,
) -> None:
    write(plain, "001_first", FIRST)
    first = plain.invoke("db.migrate", "--target", "sandbox", "--yes")
    assert first.code == 0, first.err
    assert plain.rows("select mail from app.profile") == [("a@b.c",)]
    write(plain, "002_second", SECOND)
    assert plain.invoke("backup", "--target", "sandbox").code == 0

    rehearsed = plain.invoke("db.rehearse", "--target", "sandbox", "--format", "json")

    assert rehearsed.code == 0, rehearsed.err
    assert rehearsed.document["result"]["comparable"], rehearsed.err
    assert "supautils" not in rehearsed.err
    migrated = plain.invoke("db.migrate", "--target", "sandbox", "--yes")
    assert migrated.code == 0, migrated.err
    for command in ("db.diff", "db.verify"):
        ended = plain.invoke(command, "--target", "sandbox")
        assert ended.code == 0, ended.err


def test_what_the_platform_refuses_fails_in_the_rehearsal_with_the_platforms_reason(
    plain: Project,
) -> None:
    write(plain, "001_app", "create schema app;")
    assert plain.invoke("db.migrate", "--target", "sandbox", "--yes").code == 0
    write(plain, "002_mine", "alter table storage.objects add column mine int;")
    assert plain.invoke("backup", "--target", "sandbox").code == 0

    rehearsed = plain.invoke("db.rehearse", "--target", "sandbox")

    assert rehearsed.code == 4
    assert "must be owner of table objects" in rehearsed.err
    assert "Supabase keeps the schemas auth, storage and realtime for itself" in rehearsed.err
