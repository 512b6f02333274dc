-- supabase_functions: what the dashboard's database webhooks call.

create table supabase_functions.migrations (
    version text primary key,
    inserted_at timestamptz not null default now()
);
create table supabase_functions.hooks (
    id bigserial primary key,
    hook_table_id integer not null,
    hook_name text not null,
    created_at timestamptz not null default now(),
    request_id bigint
);
create index supabase_functions_hooks_request_id_idx on supabase_functions.hooks (request_id);
create index supabase_functions_hooks_h_table_id_h_name_idx
    on supabase_functions.hooks (hook_table_id, hook_name);

-- Arguments: url, method, headers, parameters, timeout in milliseconds. The request is queued by
-- pg_net, where that is; the call is noted in any case.
create function supabase_functions.http_request() returns trigger
    language plpgsql security definer set search_path = supabase_functions
    as $$
    declare
        url constant text := nullif(tg_argv[0], 'null');
        method constant text := upper(nullif(tg_argv[1], 'null'));
        headers constant jsonb := coalesce(
            nullif(tg_argv[2], 'null'), '{"Content-Type": "application/json"}');
        params constant jsonb := coalesce(nullif(tg_argv[3], 'null'), '{}');
        timeout_ms constant integer := coalesce(nullif(tg_argv[4], 'null'), '1000');
        request_id bigint;
    begin
        if url is null then
            raise exception 'url argument is missing';
        elsif method is null or method not in ('GET', 'POST') then
            raise exception 'method argument % is invalid', method;
        end if;
        if to_regnamespace('net') is not null then
            if method = 'GET' then
                execute 'select net.http_get($1, $2, $3, $4)'
                    into request_id using url, params, headers, timeout_ms;
            else
                execute 'select net.http_post($1, $2, $3, $4, $5)'
                    into request_id using url, jsonb_build_object(
                        'type', tg_op, 'table', tg_table_name, 'schema', tg_table_schema,
                        'record', to_jsonb(new), 'old_record', to_jsonb(old)),
                    params, headers, timeout_ms;
            end if;
        end if;
        insert into hooks (hook_table_id, hook_name, request_id)
        values (tg_relid, tg_name, request_id);
        return new;
    end
    $$;

alter table supabase_functions.migrations owner to supabase_functions_admin;
alter table supabase_functions.hooks owner to supabase_functions_admin;
alter function supabase_functions.http_request() owner to supabase_functions_admin;
revoke all on function supabase_functions.http_request() from public;
grant execute on function supabase_functions.http_request()
    to postgres, anon, authenticated, service_role;
grant all on all tables in schema supabase_functions to postgres, anon, authenticated, service_role;
grant all on all sequences in schema supabase_functions
    to postgres, anon, authenticated, service_role;
