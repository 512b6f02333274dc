-- The database's owner and search path, and the platform's schemas with who may enter them.

do $$
begin
    execute format('alter database %I owner to postgres', current_database());
    execute format(
        'alter database %I set search_path = "$user", public, extensions', current_database());
end
$$;

create schema extensions;
create schema auth authorization supabase_auth_admin;
create schema storage authorization supabase_storage_admin;
create schema realtime authorization supabase_realtime_admin;
create schema supabase_functions authorization supabase_functions_admin;
create schema vault;
create schema graphql;
create schema graphql_public;
create schema supabase_migrations authorization postgres;

grant usage on schema public, extensions, auth, storage, realtime, supabase_functions, graphql_public
    to postgres, anon, authenticated, service_role;
grant usage on schema graphql, vault to postgres, service_role;
grant usage on schema auth, storage, extensions, realtime to dashboard_user;
grant create on schema public, extensions to postgres;

-- Stands in for the extension uuid-ossp, on servers that lack it.
create function extensions.uuid_generate_v4() returns uuid
    language sql volatile
    as $$ select pg_catalog.gen_random_uuid() $$;

-- What a server of the platform makes in its schema, the owner and the dashboard may use.
alter default privileges for role supabase_auth_admin in schema auth
    grant all on tables to postgres, dashboard_user;
alter default privileges for role supabase_auth_admin in schema auth
    grant all on sequences to postgres, dashboard_user;
alter default privileges for role supabase_auth_admin in schema auth
    grant all on functions to postgres, dashboard_user;
alter default privileges for role supabase_storage_admin in schema storage
    grant all on tables to postgres, anon, authenticated, service_role;

create publication supabase_realtime;
alter publication supabase_realtime owner to postgres;
