-- What a new Supabase project holds before its owner's first migration, as far as migrations
-- and policies can see it. Run by a superuser other than postgres. Roles belong to the whole
-- cluster and may be there already; the rest belongs to one database and is made once.

-- Roles ---------------------------------------------------------------------------------------

do $$
declare
    wanted text;
begin
    foreach wanted in array array[
        'anon', 'authenticated', 'service_role', 'authenticator', 'dashboard_user', 'pgbouncer',
        'supabase_admin', 'supabase_auth_admin', 'supabase_storage_admin',
        'supabase_realtime_admin', 'supabase_functions_admin', 'supabase_read_only_user',
        'supabase_replication_admin', 'postgres'
    ]
    loop
        if not exists (select from pg_roles where rolname = wanted) then
            execute format('create role %I nologin', wanted);
        end if;
    end loop;
end
$$;

alter role postgres nosuperuser createdb createrole login replication bypassrls;
alter role service_role bypassrls;
alter role supabase_read_only_user bypassrls;
alter role authenticator noinherit;

alter role anon set statement_timeout = '3s';
alter role authenticated set statement_timeout = '8s';
alter role authenticator set statement_timeout = '8s';
alter role authenticator set lock_timeout = '8s';

grant anon, authenticated, service_role to authenticator;
grant anon, authenticated, service_role to postgres with admin option;
grant pg_read_all_data to supabase_read_only_user;
grant pg_monitor, pg_read_all_data, pg_signal_backend to postgres;

-- The database ----------------------------------------------------------------------------------

do $$
begin
    execute format('alter database %I owner to postgres', current_database());
end
$$;

create schema extensions;
create schema realtime authorization supabase_realtime_admin;
create schema vault;
create schema graphql_public;
create schema auth authorization supabase_auth_admin;
create schema storage authorization supabase_storage_admin;
create schema supabase_migrations authorization postgres;

grant usage on schema public, extensions, auth, storage
    to postgres, anon, authenticated, service_role;
grant create on schema public to postgres;
grant create on schema extensions to postgres;

-- Since 30 October 2026 a new table in public is granted to nobody, so there are no default
-- privileges here: a migration says who may use what it makes.

-- Stands in for the extension uuid-ossp, which the embedded build lacks.
create function extensions.uuid_generate_v4() returns uuid
    language sql volatile
    as $$ select pg_catalog.gen_random_uuid() $$;

-- Auth ------------------------------------------------------------------------------------------

create table auth.users (
    instance_id uuid,
    id uuid not null primary key default gen_random_uuid(),
    aud varchar(255),
    role varchar(255),
    email varchar(255),
    encrypted_password varchar(255),
    phone text,
    raw_app_meta_data jsonb,
    raw_user_meta_data jsonb,
    is_super_admin boolean,
    is_anonymous boolean not null default false,
    created_at timestamptz default now(),
    updated_at timestamptz,
    deleted_at timestamptz,
    confirmed_at timestamptz,
    email_confirmed_at timestamptz,
    last_sign_in_at timestamptz
);

-- The API puts the caller's token into these settings; older ones name each claim by itself.
create function auth.uid() returns uuid
    language sql stable
    as $$
        select coalesce(
            nullif(current_setting('request.jwt.claim.sub', true), ''),
            nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub'
        )::uuid
    $$;

create function auth.role() returns text
    language sql stable
    as $$
        select coalesce(
            nullif(current_setting('request.jwt.claim.role', true), ''),
            nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'role'
        )
    $$;

create function auth.email() returns text
    language sql stable
    as $$
        select coalesce(
            nullif(current_setting('request.jwt.claim.email', true), ''),
            nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'email'
        )
    $$;

create function auth.jwt() returns jsonb
    language sql stable
    as $$
        select coalesce(
            nullif(current_setting('request.jwt.claim', true), ''),
            nullif(current_setting('request.jwt.claims', true), '')
        )::jsonb
    $$;

alter table auth.users owner to supabase_auth_admin;
alter function auth.uid() owner to supabase_auth_admin;
alter function auth.role() owner to supabase_auth_admin;
alter function auth.email() owner to supabase_auth_admin;
alter function auth.jwt() owner to supabase_auth_admin;
grant select, insert, update, delete, references, trigger on auth.users to postgres;

-- Realtime --------------------------------------------------------------------------------------

create publication supabase_realtime;
alter publication supabase_realtime owner to postgres;
