--! default_version = '0.5.4'
--! versions = '0.1.15 0.1.16 0.1.19 0.2.0 0.3.0 0.3.1 0.4.1 0.4.2 0.4.3 0.5.0 0.5.3 0.5.5'
--! relocatable = true
-- Wrappers, servers and foreign tables can be made; reading such a table fails, as the handler
-- is none: it is the function of the server that refuses to read a value of its type.

do $$
declare
    source text;
begin
    foreach source in array array[
        'airtable', 'auth0', 'big_query', 'click_house', 'cognito', 'duckdb', 'firebase',
        'hello_world', 'iceberg', 'logflare', 'mssql', 'redis', 's3', 's3vectors', 'stripe', 'wasm']
    loop
        execute format(
            'create function %I() returns fdw_handler language internal as ''fdw_handler_in''',
            source || '_fdw_handler');
        execute format(
            'create function %I(options text[], catalog oid) returns void language sql as ''''',
            source || '_fdw_validator');
        execute format(
            'create function %I() returns table (name text, version text, author text, website text)'
            ' language sql as ''select null::text, null::text, null::text, null::text where false''',
            source || '_fdw_meta');
    end loop;
end
$$;
create table wrappers_fdw_stats (
    fdw_name text primary key,
    create_times bigint,
    rows_in bigint,
    rows_out bigint,
    bytes_in bigint,
    bytes_out bigint,
    metadata jsonb,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
