-- The settings that supautils lets the role postgres change, for itself and for roles that serve the
-- API, on a server that lacks the library. They belong to the whole cluster.

do $$
declare
    setting text;
begin
    -- From Postgres 15 on a setting can be granted; before it nothing takes its place.
    if current_setting('server_version_num')::int >= 150000 then
        foreach setting in array array[
            'session_replication_role', 'log_lock_waits', 'log_min_duration_statement',
            'log_min_messages', 'log_statement', 'log_temp_files', 'track_functions',
            'track_io_timing', 'auto_explain.log_min_duration',
            'auto_explain.log_nested_statements', 'pg_net.batch_size', 'pg_net.ttl',
            'pgaudit.log', 'pgaudit.log_catalog', 'pgaudit.log_client', 'pgaudit.log_level',
            'pgaudit.log_parameter', 'pgaudit.log_relation', 'pgaudit.log_rows',
            'pgaudit.log_statement', 'pgaudit.log_statement_once', 'pgaudit.role',
            'plan_filter.statement_cost_limit', 'safeupdate.enabled',
            'pgrst.app_settings', 'pgrst.db_aggregates_enabled', 'pgrst.db_anon_role',
            'pgrst.db_channel', 'pgrst.db_channel_enabled', 'pgrst.db_config',
            'pgrst.db_extra_search_path', 'pgrst.db_hoisted_tx_settings', 'pgrst.db_max_rows',
            'pgrst.db_plan_enabled', 'pgrst.db_pool', 'pgrst.db_pool_acquisition_timeout',
            'pgrst.db_pool_automatic_recovery', 'pgrst.db_pool_max_idletime',
            'pgrst.db_pool_max_lifetime', 'pgrst.db_pre_config', 'pgrst.db_pre_request',
            'pgrst.db_prepared_statements', 'pgrst.db_root_spec', 'pgrst.db_schema',
            'pgrst.db_schemas', 'pgrst.db_timezone_enabled', 'pgrst.db_tx_end',
            'pgrst.db_use_legacy_gucs', 'pgrst.jwt_aud', 'pgrst.jwt_cache_max_entries',
            'pgrst.jwt_cache_max_lifetime', 'pgrst.jwt_role_claim_key', 'pgrst.jwt_secret',
            'pgrst.jwt_secret_is_base64', 'pgrst.log_level', 'pgrst.log_query', 'pgrst.max_rows',
            'pgrst.openapi_mode', 'pgrst.openapi_security_active',
            'pgrst.openapi_server_proxy_uri', 'pgrst.pre_request',
            'pgrst.server_cors_allowed_origins', 'pgrst.server_timing_enabled',
            'pgrst.server_trace_header'
        ]
        loop
            execute format('grant set on parameter %I to postgres', setting);
        end loop;
    end if;
    -- Since Postgres 16 who sets something for a role has to be its administrator.
    if current_setting('server_version_num')::int >= 160000
        and exists (select from pg_roles where rolname = 'authenticator') then
        execute 'grant authenticator to postgres with admin true, inherit false, set false';
    end if;
end
$$;
