-- The platform's roles. They belong to the whole cluster and may be there already.

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
alter role supabase_replication_admin replication;
alter role dashboard_user createdb createrole replication;
alter role authenticator noinherit;

alter role anon set statement_timeout = '3s';
alter role authenticated set statement_timeout = '8s';
alter role authenticator set statement_timeout = '8s';
alter role authenticator set lock_timeout = '8s';
-- The owner finds extensions without a schema's name in every database; sql/schemas.sql says the
-- same for whoever else works in this one.
alter role postgres set search_path = "$user", public, extensions;

grant anon, authenticated, service_role to authenticator, supabase_storage_admin;
grant anon, authenticated, service_role to postgres with admin option;
grant pg_read_all_data to supabase_read_only_user;
grant pg_monitor, pg_read_all_data, pg_signal_backend to postgres;

do $$
begin
    if current_setting('server_version_num')::int >= 160000 then
        grant pg_create_subscription to postgres with admin option;
    end if;
end
$$;
