-- What Supabase's library supautils lets the role postgres do though it is no superuser, on a
-- server that lacks the library: policies on the platform's tables and DROP TRIGGER there,
-- extensions of its list, publications of what is another's. Settings: supautils_settings.sql.
--
-- Event triggers make it a superuser as such a statement begins, and no longer as it ends; what it
-- did meanwhile is looked at then. No other session, and no look at the catalog before or after,
-- ever sees the right, and a statement that fails takes it back with all the rest. No code of a
-- user runs in these statements. The functions lie in pg_catalog: no dump and no check looks there.
--
-- Run by a superuser in the database, once.

create function pg_catalog.supautils_extensions() returns text[]
    language sql immutable
    as $$
        select array[
            'address_standardizer', 'address_standardizer_data_us', 'autoinc', 'bloom', 'btree_gin',
            'btree_gist', 'citext', 'cube', 'dblink', 'dict_int', 'dict_xsyn', 'earthdistance',
            'fuzzystrmatch', 'hstore', 'http', 'hypopg', 'index_advisor', 'insert_username',
            'intarray', 'isn', 'ltree', 'moddatetime', 'pg_cron', 'pg_graphql', 'pg_hashids',
            'pg_jsonschema', 'pg_net', 'pg_partman', 'pg_prewarm', 'pg_repack', 'pg_stat_monitor',
            'pg_stat_statements', 'pg_tle', 'pg_trgm', 'pg_walinspect', 'pgaudit', 'pgcrypto',
            'pgjwt', 'pgmq', 'pgroonga', 'pgroonga_database', 'pgrouting', 'pgrowlocks', 'pgsodium',
            'pgstattuple', 'pgtap', 'plpgsql', 'plpgsql_check', 'plv8', 'postgis',
            'postgis_raster', 'postgis_sfcgal', 'postgis_tiger_geocoder', 'postgis_topology',
            'postgres_fdw', 'refint', 'rum', 'seg', 'sslinfo', 'supabase_vault', 'tablefunc', 'tcn',
            'timescaledb', 'tsm_system_rows', 'tsm_system_time', 'unaccent', 'uuid-ossp', 'vector',
            'wrappers'
        ]
    $$;

-- Whether postgres may make policies on the tables of an owner and drop triggers there.
create function pg_catalog.supautils_shares(owner oid) returns boolean
    language sql stable set search_path = pg_catalog, pg_temp
    as $$
        select pg_has_role('postgres', owner, 'usage') or exists (
            select from pg_namespace
            where nspname in ('auth', 'storage', 'realtime') and nspowner = owner)
    $$;

-- Who asks: what lends is its owner.
create function pg_catalog.supautils_ask() returns event_trigger
    language plpgsql
    as $$
    begin
        perform pg_catalog.set_config('supautils.asks', current_user, true);
    end
    $$;

create function pg_catalog.supautils_lend() returns event_trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
    as $$
    declare
        named text[];
    begin
        if current_setting('supautils.asks') <> 'postgres'
            or (select rolsuper from pg_roles where rolname = 'postgres') then
            return;
        end if;
        if tg_tag = 'CREATE EXTENSION' then
            -- Whoever may create in the database may make a trusted one, which then belongs to the
            -- superuser as it should. The text is the client's whole message, maybe a file, and
            -- names none where the statement is put together: then the right is lent.
            named := array(
                select lower(hit[1])
                from regexp_matches(
                    current_query(),
                    '\yextension\s+(?:if\s+not\s+exists\s+)?"?([\w-]+)', 'gi') as of (hit));
            if exists (select from pg_available_extensions where name = any (named))
                and not exists (
                    select from pg_available_extension_versions
                    where name = any (named) and superuser and not trusted) then
                return;
            end if;
        end if;
        -- Two who borrow at once would change one row of the catalog.
        lock table pg_catalog.pg_authid in share row exclusive mode;
        alter role postgres superuser;
        perform set_config('supautils.lent', tg_tag, true);
    end
    $$;

create function pg_catalog.supautils_take_back() returns event_trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
    as $$
    declare
        anothers text;
    begin
        if tg_tag = 'CREATE EXTENSION' then
            -- As its owner postgres may comment on it and drop it, whoever made it.
            update pg_extension set extowner = 'postgres'::regrole;
        end if;
        -- The statements of an extension's script end before the one that borrowed.
        if current_setting('supautils.lent', true) is distinct from tg_tag then
            return;
        end if;
        alter role postgres nosuperuser;
        perform set_config('supautils.lent', '', true);

        if tg_event = 'sql_drop' then
            select format('%I.%I', address_names[1], address_names[2]) into anothers
            from pg_event_trigger_dropped_objects()
            join pg_class as c
                on c.oid = to_regclass(format('%I.%I', address_names[1], address_names[2]))
            where object_type in ('policy', 'trigger') and not supautils_shares(c.relowner);
        elsif tg_tag ~ 'POLICY$' then
            select c.oid::regclass into anothers
            from pg_event_trigger_ddl_commands() as d
            join pg_policy as p on p.oid = d.objid
            join pg_class as c on c.oid = p.polrelid
            where d.classid = 'pg_policy'::regclass and not supautils_shares(c.relowner);
        elsif tg_tag = 'CREATE EXTENSION' then
            select d.object_identity into anothers
            from pg_event_trigger_ddl_commands() as d
            join pg_extension as e on e.oid = d.objid
            join pg_available_extension_versions as v on v.name = e.extname and v.version = e.extversion
            where d.classid = 'pg_extension'::regclass and v.superuser and not v.trusted
                and e.extname <> all (supautils_extensions());
            if anothers is not null then
                raise insufficient_privilege
                    using message = format('permission denied to create extension %s', anothers);
            end if;
        end if;
        if anothers is not null then
            raise insufficient_privilege
                using message = format('must be owner of table %s', anothers);
        end if;
    end
    $$;

do $$
declare
    tags constant text := $tags$
        'CREATE POLICY', 'ALTER POLICY', 'DROP POLICY', 'DROP TRIGGER', 'CREATE EXTENSION',
        'ALTER EXTENSION', 'CREATE PUBLICATION', 'ALTER PUBLICATION' $tags$;
    told text;
begin
    -- They fire in the order of their names, and also for a session that plays the replica.
    foreach told in array array[
        'supautils_1_ask on ddl_command_start supautils_ask',
        'supautils_2_lend on ddl_command_start supautils_lend',
        'supautils_3_take_back on sql_drop supautils_take_back',
        'supautils_4_take_back on ddl_command_end supautils_take_back'
    ]
    loop
        execute format('create event trigger %s on %s when tag in (%s)
            execute function pg_catalog.%s()',
            split_part(told, ' ', 1), split_part(told, ' ', 3), tags, split_part(told, ' ', 4));
        execute format('alter event trigger %s enable always', split_part(told, ' ', 1));
        -- A member of the extension that is everywhere is in no dump.
        execute format('alter extension plpgsql add event trigger %s', split_part(told, ' ', 1));
    end loop;
    update pg_extension set extowner = 'postgres'::regrole;
end
$$;
