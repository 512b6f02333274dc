-- What is unwise in a schema, whoever wrote it. One row for each finding: group, lint, level,
-- object, what was found, cure. Plain PostgreSQL 14 to 18; roles of Supabase may be absent.
with brought as (
    select classid, objid from pg_depend where deptype = 'e'
), schemas as (
    select oid, nspname, quote_ident(nspname) as written, nspname = any (%(exposed)s) as exposed
    from pg_namespace
    where nspname !~ '^pg_' and nspname <> 'information_schema' and nspname <> all (%(platform)s)
), callers as (
    select oid, rolname from pg_roles where rolname in ('anon', 'authenticated')
), relations as (
    select c.oid, c.relkind, c.relrowsecurity, c.reloptions, s.exposed,
        s.nspname || '.' || c.relname as name, s.written || '.' || quote_ident(c.relname) as written,
        (select string_agg(rolname, ' and ' order by rolname) from callers
            where has_schema_privilege(oid, s.oid, 'usage')
                and has_any_column_privilege(oid, c.oid, 'select')) as readers,
        exists (select from callers where has_schema_privilege(oid, s.oid, 'usage')
            and (has_any_column_privilege(oid, c.oid, 'select, insert, update')
                or has_table_privilege(oid, c.oid, 'delete, truncate'))) as reached
    from pg_class as c
    join schemas as s on s.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'm', 'f') and not exists (
        select from brought where classid = 'pg_class'::regclass and objid = c.oid)
), tables as (
    select * from relations where relkind in ('r', 'p')
), policies as (
    select p.polrelid, p.polname, p.polcmd, p.polpermissive, t.name, t.written, t.relrowsecurity,
        t.exposed, quote_ident(p.polname) as written_name,
        pg_get_expr(p.polqual, p.polrelid) as using_text,
        pg_get_expr(p.polwithcheck, p.polrelid) as check_text,
        case p.polcmd when 'r' then '{select}' when 'a' then '{insert}' when 'w' then '{update}'
            when 'd' then '{delete}' else '{select,insert,update,delete}' end::text[] as commands,
        array(select rolname::text from pg_roles where oid = any (p.polroles)
            union all select 'public' where 0 = any (p.polroles)) as roles
    from pg_policy as p join tables as t on t.oid = p.polrelid
), functions as (
    select f.oid, f.prosecdef, f.proconfig, f.prorettype, s.exposed,
        s.nspname || '.' || f.proname || '(' || pg_get_function_identity_arguments(f.oid) || ')'
            as name,
        f.oid::regprocedure::text as written,
        case f.prokind when 'p' then 'procedure' else 'function' end as kind
    from pg_proc as f join schemas as s on s.oid = f.pronamespace
    where f.prokind in ('f', 'p') and not exists (
        select from brought where classid = 'pg_proc'::regclass and objid = f.oid)
), indexes as (
    select i.indexrelid, i.indrelid, t.name as on_table, c.relname,
        s.written || '.' || quote_ident(c.relname) as written, s.nspname || '.' || c.relname as name,
        exists (select from pg_constraint where conindid = i.indexrelid) as has_constraint,
        row (i.indrelid, c.relam, i.indkey::text, i.indclass::text, i.indcollation::text,
            i.indoption::text, i.indisunique, coalesce(pg_get_expr(i.indpred, i.indrelid), ''),
            coalesce(pg_get_expr(i.indexprs, i.indrelid), ''))::text as shape
    from pg_index as i
    join tables as t on t.oid = i.indrelid
    join pg_class as c on c.oid = i.indexrelid
    join schemas as s on s.oid = c.relnamespace
    where i.indisvalid
), foreign_keys as (
    select k.conname, k.conrelid, k.conkey, t.name, t.written, array(
        select quote_ident(attname) from unnest(k.conkey) with ordinality as key (num, place)
        join pg_attribute on attrelid = k.conrelid and attnum = num order by place) as columns
    from pg_constraint as k join tables as t on t.oid = k.conrelid
    where k.contype = 'f'
)
-- Access ----------------------------------------------------------------------------------------
select 'access', 'rls_disabled', 'error', name,
    'row level security is off: whoever holds a grant reads every row',
    format('alter table %%s enable row level security; then create its policies.', written)
from tables where exposed and not relrowsecurity and reached
union all
select 'access', 'rls_without_policy', 'info', t.name,
    'row level security is on without a policy: the API''s users see no row',
    'Where they are meant to see some: create its policies.'
from tables as t
where exposed and relrowsecurity and not exists (select from pg_policy where polrelid = t.oid)
union all
select 'access', 'policy_without_rls', 'error', name,
    format('its policy "%%s" does nothing: row level security is off', min(polname)),
    format('alter table %%s enable row level security;', written)
from policies where not relrowsecurity group by name, written
union all
select 'access', 'always_true_policy', 'error', name,
    format('its policy "%%s" lets %%s %%s any row', polname, array_to_string(roles, ' and '),
        array_to_string(array_remove(commands, 'select'), ', ')),
    format('alter policy %%s on %%s: name the rows that it is meant for.', written_name, written)
from policies
where polpermissive and relrowsecurity and exposed and polcmd <> 'r'
    and roles && array['public', 'anon', 'authenticated']
    and case polcmd when 'a' then check_text = 'true' when 'd' then using_text = 'true'
        else using_text = 'true' and coalesce(check_text, 'true') = 'true' end
union all
select 'access', 'policy_trusts_user_metadata', 'error', name,
    format('its policy "%%s" asks user_metadata, which every person can change for themselves',
        polname),
    'Ask app_metadata, or a table of your own.'
from policies
where concat(using_text, check_text) ~ '(user_metadata|raw_user_meta_data)'
union all
select 'access', 'grant_missing', 'error', p.name,
    format('its policy "%%s" is for %%s, who holds no grant to %%s: error 42501', p.polname,
        c.rolname, array_to_string(p.commands, ', ')),
    -- To drop it opens nothing, so it comes first; what the grant opens is said beside it.
    format('Where no file of yours makes that policy, it was made by hand: drop policy %%s on %%s; '
        'or, if %%s (%%s) is meant to %%s %%s: grant %%s on %%s to %%I;', p.written_name, p.written,
        c.rolname, case c.rolname when 'anon' then 'everybody, without an account'
            else 'everybody who signs up' end,
        array_to_string(p.commands, ', '),
        case when concat(p.using_text, p.check_text) in ('true', 'truetrue') then 'every row'
            else 'the rows that it lets through' end,
        array_to_string(p.commands, ', '), p.written, c.rolname)
from policies as p
join callers as c on c.rolname::text = any (p.roles)
where p.exposed and p.polpermissive
    and coalesce(p.using_text, '') <> 'false' and coalesce(p.check_text, '') <> 'false'
    -- A policy for all commands of which one is granted says what is meant: that one.
    and not exists (
        select from unnest(p.commands) as command
        where case command when 'delete' then has_table_privilege(c.oid, p.polrelid, 'delete')
            else has_any_column_privilege(c.oid, p.polrelid, command) end)
union all
select 'access', 'definer_view', 'error', name,
    format('the view shows its rows with the rights of its owner, and %%s can read it', readers),
    case when current_setting('server_version_num')::int >= 150000
        then format('alter view %%s set (security_invoker = true);', written)
        else 'Before PostgreSQL 15 no view asks for its reader''s rights: revoke it from anon and '
            'authenticated, or upgrade.' end
from relations
where relkind = 'v' and exposed and readers is not null and not coalesce(
    (select option_value::boolean from pg_options_to_table(reloptions)
        where option_name = 'security_invoker'), false)
union all
select 'access', 'auth_users_exposed', 'error', r.name,
    format('%%s can read auth.users through it', r.readers),
    format('revoke select on %%s from anon, authenticated; or leave auth.users out of it.',
        r.written)
from relations as r
where r.exposed and r.readers is not null and r.relkind in ('v', 'm') and exists (
    select from pg_rewrite as w join pg_depend as d
        on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid
    where w.ev_class = r.oid and d.refclassid = 'pg_class'::regclass
        -- By the catalog: to_regclass is an error for a role that may not look into the schema.
        and d.refobjid = (select u.oid from pg_class as u join pg_namespace as n
            on n.oid = u.relnamespace where n.nspname = 'auth' and u.relname = 'users'
            -- Row security of the table answers whoever asks by way of an invoker's view.
            and not (u.relrowsecurity and coalesce(
                (select option_value::boolean from pg_options_to_table(r.reloptions)
                    where option_name = 'security_invoker'), false))))
union all
select 'access', 'definer_function', 'warn', f.name,
    format('%%s can call it, and it runs with the rights of its owner',
        string_agg(c.rolname, ' and ' order by c.rolname)),
    format('revoke execute on %%s %%s from public, anon, authenticated; or move it to a schema '
        'that the API does not serve.', f.kind, f.written)
from functions as f join callers as c on has_function_privilege(c.oid, f.oid, 'execute')
where f.exposed and f.prosecdef and f.prorettype not in ('trigger'::regtype, 'event_trigger'::regtype)
group by f.name, f.kind, f.written
union all
select 'access', 'mutable_search_path', case when prosecdef then 'error' else 'warn' end, name,
    case when prosecdef then 'it runs with the rights of its owner, and its caller chooses the '
        'search_path' else 'its caller chooses the search_path that it runs with' end,
    -- The path that the API's callers have today: the body goes on finding what it names.
    format('alter %%s %%s set search_path = public%%s, pg_temp; or write the schema in front of '
        'every name in its body, and only then: set search_path = ''''', kind, written,
        case when to_regnamespace('extensions') is not null then ', extensions' end)
from functions
where not exists (select from unnest(proconfig) as setting where setting like 'search_path=%%')
union all
select 'access', 'extension_in_public', 'warn', e.extname,
    'the extension''s functions stand in public, which the Data API serves',
    format('alter extension %%I set schema extensions;', e.extname)
from pg_extension as e where e.extnamespace = to_regnamespace('public')
union all
select 'access', 'materialized_view_in_api', 'warn', name,
    format('%%s can read the materialized view, and no policy guards its rows', readers),
    format('revoke select on %%s from anon, authenticated;', written)
from relations where relkind = 'm' and exposed and readers is not null
union all
select 'access', 'foreign_table_in_api', 'warn', name,
    format('%%s can read the foreign table, and no policy guards its rows', readers),
    format('revoke select on %%s from anon, authenticated;', written)
from relations where relkind = 'f' and exposed and readers is not null
-- Data ------------------------------------------------------------------------------------------
union all
select 'data', 'unindexed_foreign_key', 'info', name || '.' || conname,
    'no index begins with its columns: deleting a row that it refers to reads the whole table',
    format('create index concurrently on %%s (%%s);', written, array_to_string(columns, ', '))
from foreign_keys as k
where not exists (
    select from pg_index as i
    where i.indrelid = k.conrelid and i.indisvalid and i.indpred is null
        and (i.indkey::int2[])[0:cardinality(k.conkey) - 1] @> k.conkey
        and k.conkey @> (i.indkey::int2[])[0:cardinality(k.conkey) - 1])
union all
select 'data', 'duplicate_index', 'warn', one.name,
    format('it is the same index as %%s', other.name),
    format('drop index concurrently %%s;', one.written)
from indexes as one
join indexes as other
    on other.shape = one.shape and other.indexrelid <> one.indexrelid
    and (one.has_constraint, one.indexrelid) > (other.has_constraint, other.indexrelid)
where not (one.has_constraint and other.has_constraint)
union all
select 'data', 'no_primary_key', 'info', name, 'it has no primary key',
    format('alter table %%s add primary key (...);', written)
from tables as t
where not exists (select from pg_index where indrelid = t.oid and indisprimary)
union all
select 'data', 'multiple_permissive_policies', 'warn', name,
    format('%%s policies let %%s %%s: each is asked for every row', count(*), role, command),
    format('Write "%%s" as one policy.', string_agg(polname, '" and "' order by polname))
from policies, unnest(roles) as role, unnest(commands) as command
where polpermissive and relrowsecurity group by name, role, command having count(*) > 1
union all
select 'data', 'auth_function_per_row', 'warn', name,
    format('its policy "%%s" calls a function of auth anew for every row', polname),
    'Write it as a sub-select, which is asked once: (select auth.uid())'
from policies
where regexp_replace(concat(using_text, ' ', check_text),
        '\( *SELECT (auth\.(uid|jwt|role|email)\(\)|current_setting\([^()]*\))', '', 'gi')
    ~* '(auth\.(uid|jwt|role|email)\(\)|current_setting\()'
order by 1, 2, 4
