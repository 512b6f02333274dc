-- The people of the app, in the form that better-auth expects, and the functions that the
-- tables and policies of the app share.

create schema app;
comment on schema app is 'Functions behind the tables; not served by the Data API.';
grant usage on schema app to anon, authenticated, service_role;

create function app.set_updated_at() returns trigger
    language plpgsql
    set search_path = ''
    as $$
begin
    new.updated_at := now();
    return new;
end
$$;
comment on function app.set_updated_at() is 'Keeps updated_at true, whoever writes the row.';
revoke execute on function app.set_updated_at() from public;

-- better-auth's ids are text, so auth.uid(), which returns a uuid, does not fit them.
create function app.current_user_id() returns text
    language sql stable
    set search_path = ''
    as $$ select auth.jwt() ->> 'sub' $$;
comment on function app.current_user_id() is 'The signed-in person, or null.';
revoke execute on function app.current_user_id() from public;
grant execute on function app.current_user_id() to anon, authenticated, service_role;

create table public."user" (
    "id" text not null primary key,
    "name" text not null,
    "email" text not null,
    "emailVerified" boolean not null default false,
    "image" text,
    "createdAt" timestamptz not null default now(),
    "updatedAt" timestamptz not null default now(),
    constraint user_email_key unique ("email"),
    constraint user_email_is_lower_case check ("email" = lower("email"))
);
comment on table public."user" is 'People who can sign in; written by better-auth.';

alter table public."user" enable row level security;
create policy "people see themselves" on public."user"
    for select to authenticated
    using ("id" = (select app.current_user_id()));

grant select on public."user" to authenticated;
grant select, insert, update, delete on public."user" to service_role;
