-- What files of public Supabase projects do, the most frequent first: `feature (projects of 67)`.
-- {t} is a name of the file's own. See generated.py.

-- policy_by_uid (66)
create table public.{t} (id uuid primary key default gen_random_uuid(), owner uuid);
alter table public.{t} enable row level security;
create policy own on public.{t} for all using (auth.uid() = owner);

-- function (66)
create or replace function public.{t}(a int) returns int language sql stable set search_path = '' as
    $$ select a + 1 $$;

-- indexed_table (65)
create table public.{t} (id uuid primary key default gen_random_uuid(), owner uuid);
alter table public.{t} enable row level security;
create index {t}_owner on public.{t} (owner);

-- definer_function (62)
create function public.{t}() returns uuid language plpgsql security definer set search_path = public
    as $$ begin return auth.uid(); end $$;

-- touch_trigger (60)
create table public.{t} (id int primary key, updated_at timestamptz);
create function public.{t}_touch() returns trigger language plpgsql set search_path = '' as $$ begin
    new.updated_at := now(); return new; end $$;
create trigger touch before update on public.{t} for each row execute function public.{t}_touch();

-- rows (55)
create table public.{t} (id int primary key, name text not null);
insert into public.{t} values (1, 'a'), (2, 'b') on conflict do nothing;

-- grants (55)
create table public.{t} (id uuid primary key default gen_random_uuid(), owner uuid);
grant select, insert on public.{t} to authenticated;
grant all on public.{t} to service_role;
revoke all on public.{t} from anon, public;

-- foreign_key_to_users (52)
create table public.{t} (id uuid primary key references auth.users (id) on delete cascade, email
    text);
drop policy if exists mine on public.{t};

-- policy_to_authenticated (51)
create table public.{t} (id uuid primary key default gen_random_uuid(), owner uuid);
alter table public.{t} enable row level security;
create policy own on public.{t} for select to authenticated using ((select auth.uid()) = owner);
comment on table public.{t} is 'Of one owner';

-- do_block (50)
create table public.{t} (id uuid primary key default gen_random_uuid(), owner uuid);
do $$ begin alter table public.{t} add column a int; exception when duplicate_column then null; end
    $$;

-- users_read (46)
create view public.{t} with (security_invoker = true) as select id, email, raw_user_meta_data ->>
    'name' as name, created_at, email_confirmed_at, role, raw_app_meta_data, phone, banned_until,
    is_anonymous from auth.users;

-- storage_policy (39)
create policy "{t} own" on storage.objects for select to authenticated using (bucket_id = '{t}' and
    (storage.foldername(name))[1] = auth.uid()::text);
drop policy if exists "{t} own" on storage.objects;
create policy "{t} own" on storage.objects for insert to authenticated with check (bucket_id = '{t}'
    and storage.extension(name) = 'png');

-- view (38)
create table public.{t} (id uuid primary key default gen_random_uuid(), owner uuid);
create view public.{t}_v with (security_invoker = true) as select id, count(*) as many from
    public.{t} group by id;

-- storage_bucket (36)
insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types) values ('{t}',
    '{t}', true, 1000, array['image/png']) on conflict (id) do nothing;
update storage.buckets set public = false where id = '{t}';

-- trigger_on_users (35)
create function public.{t}() returns trigger language plpgsql security definer set search_path = ''
    as $$ begin return new; end $$;
create trigger {t}_created after insert on auth.users for each row execute function public.{t}();

-- auth_role_and_jwt (32)
create table public.{t} (id uuid primary key default gen_random_uuid(), owner uuid);
alter table public.{t} enable row level security;
create policy p on public.{t} for select using (auth.role() = 'service_role' or auth.jwt() ->>
    'email' = auth.email());

-- enum (30)
create type public.{t}_state as enum ('open', 'done');
create table public.{t} (id int primary key, state public.{t}_state default 'open');

-- column_dropped (30)
create table public.{t} (id uuid primary key default gen_random_uuid(), owner uuid);
alter table public.{t} add column a int not null default 1;
alter table public.{t} drop column a;
alter table public.{t} rename owner to keeper;

-- cron (25)
create extension if not exists pg_cron;
select cron.schedule('{t}', '0 3 * * *', 'delete from public.nothing');
select cron.unschedule(jobid) from cron.job where jobname = '{t}';
select cron.schedule('{t}', '*/5 * * * *', $$select 1$$);

-- guards (25)
create extension if not exists pg_cron;
do $$ begin perform cron.unschedule(jobid) from cron.job where jobname = '{t}'; end $$;
drop policy if exists "{t}" on storage.objects;

-- schema (24)
create schema {t};
create table {t}.a (id int primary key);
grant usage on schema {t} to authenticated;

-- net (23)
create extension if not exists pg_net with schema extensions;
create function public.{t}() returns bigint language plpgsql security definer set search_path = ''
    as $$ begin return net.http_post(url := 'https://x.invalid', body := '{}'::jsonb, headers :=
    '{}'::jsonb); end $$;

-- realtime (21)
create table public.{t} (id int primary key);
alter publication supabase_realtime add table public.{t};
alter table public.{t} replica identity full;

-- users_trigger_dropped (20)
create function public.{t}() returns trigger language plpgsql security definer set search_path = ''
    as $$ begin return new; end $$;
create trigger {t}_created after insert on auth.users for each row execute function public.{t}();
drop trigger if exists {t}_created on auth.users;
create trigger {t}_created after insert or update on auth.users for each row execute function
    public.{t}();

-- uuid_bare (20)
create extension if not exists "uuid-ossp";
create table public.{t} (id uuid primary key default uuid_generate_v4());

-- enum_value (19)
create type public.{t} as enum ('a');
alter type public.{t} add value if not exists 'b';

-- default_privileges (19)
alter default privileges in schema public grant select on tables to service_role;

-- pgcrypto (19)
create extension if not exists pgcrypto with schema extensions;
create table public.{t} (token text default encode(gen_random_bytes(16), 'hex'), hash text default
    encode(extensions.digest('x', 'sha256'), 'hex'));

-- own_transaction (17)
begin;
create table public.{t} (id int primary key);
commit;
begin;
alter table public.{t} add column a int;
commit;

-- full_text (17)
create table public.{t} (id int primary key, body text, found tsvector generated always as
    (to_tsvector('simple', coalesce(body, ''))) stored);
create index on public.{t} using gin (found);

-- look (16)
select count(*) from pg_policies where schemaname = 'public';

-- settings (14)
set check_function_bodies = off;
set lock_timeout = '2s';
create function public.{t}() returns int language sql as 'select 1';
reset all;

-- vector (14)
create extension if not exists vector;
create table public.{t} (id int primary key, e vector(3));
create index on public.{t} using hnsw (e vector_cosine_ops);

-- vault (13)
create function public.{t}() returns text language sql security definer set search_path = '' as $$
    select decrypted_secret from vault.decrypted_secrets where name = 'x' $$;

-- trigram (12)
create extension if not exists pg_trgm;
create table public.{t} (a text);
create index on public.{t} using gin (a gin_trgm_ops);

-- temporary_table (9)
create temporary table {t} on commit drop as select 1 as a;
create table public.{t}_kept as select * from {t};

-- materialized_view (9)
create table public.{t} (id uuid primary key default gen_random_uuid(), owner uuid);
create materialized view public.{t}_m as select count(*) as many from public.{t};
refresh materialized view public.{t}_m;

-- citext (8)
create extension if not exists citext with schema extensions;
create table public.{t} (mail extensions.citext unique);

-- supabase_vault (8)
create extension if not exists supabase_vault with schema vault;
select vault.create_secret('s3cret', '{t}');

-- statistics (8)
create extension if not exists pg_stat_statements with schema extensions;

-- realtime_messages (8)
create policy "{t}" on realtime.messages for select to authenticated using (realtime.topic() =
    'room:{t}');

-- http (7)
create extension if not exists http with schema extensions;

-- queue (7)
create extension if not exists pgmq;
select pgmq.create('{t}');
select pgmq.send('{t}', '{}'::jsonb);

-- reload (7)
notify pgrst, 'reload schema';

-- dump_head (7)
set statement_timeout = 0;
set client_encoding = 'UTF8';
set standard_conforming_strings = on;
select pg_catalog.set_config('search_path', '', false);
set xmloption = content;
set row_security = off;
set default_tablespace = '';
create table public.{t} (id integer not null);
alter table only public.{t} add constraint {t}_pkey primary key (id);
alter table public.{t} owner to postgres;

-- concurrently (6)
create table public.{t} (a int);
create index concurrently if not exists {t}_a on public.{t} (a);
comment on index public.{t}_a is 'made alone';

-- replication_role (6)
set session_replication_role = replica;
create table public.{t} (a int);
set session_replication_role = origin;

-- token_hook (6)
create function public.{t}(event jsonb) returns jsonb language sql stable set search_path = '' as $$
    select event $$;
grant usage on schema public to supabase_auth_admin;
grant execute on function public.{t} to supabase_auth_admin;
revoke execute on function public.{t} from authenticated, anon, public;

-- sessions (6)
create function public.{t}(who uuid) returns void language sql security definer set search_path = ''
    as $$ delete from auth.sessions where user_id = who $$;

-- identities (5)
create function public.{t}(who uuid) returns setof text language sql security definer set
    search_path = '' as $$ select provider from auth.identities where user_id = who $$;

-- jwt (5)
create extension if not exists pgjwt with schema extensions cascade;

-- user_row (4)
insert into auth.users (instance_id, id, aud, role, email) values
    ('00000000-0000-0000-0000-000000000000', gen_random_uuid(), 'authenticated', 'authenticated',
    '{t}@example.org');

-- publication_again (4)
begin;
drop publication if exists supabase_realtime;
create publication supabase_realtime;
commit;

-- trigger_on_objects (4)
create function public.{t}() returns trigger language plpgsql security definer set search_path = ''
    as $$ begin return new; end $$;
create trigger {t} after insert on storage.objects for each row execute function public.{t}();

-- unaccent (4)
create extension if not exists unaccent with schema extensions;
select extensions.unaccent('Ä');

-- moved_extension (3)
create extension if not exists btree_gist;
alter extension btree_gist set schema extensions;

-- pgrst_setting (2)
alter role authenticator set pgrst.db_aggregates_enabled = 'true';
notify pgrst, 'reload config';

-- moddatetime (2)
create extension if not exists moddatetime with schema extensions;
create table public.{t} (id int primary key, updated_at timestamptz);
create trigger moved before update on public.{t} for each row execute function
    extensions.moddatetime(updated_at);

-- rule_domain_lock (2)
create domain public.{t}_name as text check (value <> '');
create table public.{t} (a public.{t}_name);
lock table public.{t};
create rule told as on insert to public.{t} do also notify {t};

-- isolation (2)
begin;
set transaction isolation level repeatable read;
create table public.{t} (a int);
commit;

-- webhook (1)
create table public.{t} (id int primary key);
create trigger hook after insert on public.{t} for each row
    execute function supabase_functions.http_request('http://x.invalid', 'POST', '{}', '{}', '1000');

-- users_published (1)
alter publication supabase_realtime add table only auth.users;

-- publication_for_all (2)
create publication {t} for all tables;
