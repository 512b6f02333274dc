-- Who may do what with every relation and function of the exposed schemas, as grants and policies
-- say it. Roles that the cluster does not have are left out.
with roles as (
    select oid, rolname, rolbypassrls or rolsuper as sees_all from pg_roles
    where rolname = any (%(roles)s)
), brought as (
    select classid, objid from pg_depend where deptype = 'e'
), relations as (
    select c.oid, n.oid as schema_oid, n.nspname::text, c.relname::text, c.relkind, c.relowner,
        c.relrowsecurity, c.relforcerowsecurity,
        -- A view with the caller's rights guards its rows as its tables do.
        c.relkind = 'v' and coalesce(
            (select option_value::boolean from pg_options_to_table(c.reloptions)
                where option_name = 'security_invoker'), false) as asks_tables
    from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
    where n.nspname = any (%(exposed)s) and c.relkind in ('r', 'p', 'v', 'm', 'f')
        and not exists (select from brought where classid = 'pg_class'::regclass and objid = c.oid)
), commands (command, letter) as (
    values ('select', 'r'), ('insert', 'a'), ('update', 'w'), ('delete', 'd')
), policies as (
    select p.polrelid, r.rolname, c.command,
        bool_or(p.polpermissive and written <> 'false'
            and (r.rolname <> 'anon' or written <> all (%(closed)s))) as some,
        bool_or(p.polpermissive and written = 'true') as all_of_them,
        bool_or(not p.polpermissive) as restricted
    from pg_policy as p
    cross join roles as r
    join commands as c on p.polcmd in (c.letter::"char", '*'::"char")
    cross join lateral (
        select coalesce(pg_get_expr(
            case when c.command = 'insert' then coalesce(p.polwithcheck, p.polqual)
                else p.polqual end, p.polrelid), 'true')
    ) as said (written)
    where 0 = any (p.polroles) or exists (
        select from unnest(p.polroles) as named where named <> 0
            and pg_has_role(r.oid, named, 'usage'))
    group by p.polrelid, r.rolname, c.command
), reach as (
    select t.*, r.rolname, c.command,
        has_schema_privilege(r.oid, t.schema_oid, 'usage')
            and has_table_privilege(r.oid, t.oid, c.command) as whole,
        case when c.command <> 'delete' and has_schema_privilege(r.oid, t.schema_oid, 'usage')
                and not has_table_privilege(r.oid, t.oid, c.command)
                and has_any_column_privilege(r.oid, t.oid, c.command)
            then (select string_agg(attname, ', ' order by attnum) from pg_attribute
                where attrelid = t.oid and attnum > 0 and not attisdropped
                    and has_column_privilege(r.oid, t.oid, attnum, c.command)) end as part,
        r.sees_all or not (t.relrowsecurity or t.asks_tables)
            or (not t.relforcerowsecurity and pg_has_role(r.oid, t.relowner, 'usage')) as unguarded
    from relations as t cross join roles as r cross join commands as c
    -- What a view can never take, as one of a join or an aggregate, is nobody's right.
    where c.command = 'select' or t.relkind in ('r', 'p', 'f') or t.relkind = 'v'
        and 0 <> pg_relation_is_updatable(t.oid, true)
            & case c.command when 'update' then 4 when 'insert' then 8 else 16 end
)
select
    case relkind when 'v' then 'view' when 'm' then 'view' else 'table' end,
    nspname, relname, w.rolname, w.command, coalesce(part, ''),
    case
        when not whole and part is null then 'nothing'
        when unguarded then 'every row'
        when asks_tables then 'rows by policy'
        when not coalesce(p.some, false) then 'no row'
        when p.all_of_them and not p.restricted then 'every row'
        else 'rows by policy'
    end,
    case w.command
        when 'select' then format('select 1 from %%I.%%I limit 1', nspname, relname)
        when 'insert' then format('explain insert into %%I.%%I default values', nspname, relname)
        when 'delete' then format('explain delete from %%I.%%I where false', nspname, relname)
        -- A table may have lost all its columns: then there is nothing to try.
        else (select format(
                'explain update %%I.%%I set %%I = default where false', nspname, relname, attname)
            from pg_attribute
            where attrelid = w.oid and attnum > 0 and not attisdropped
            order by not has_column_privilege(w.rolname, w.oid, attnum, 'update'), attnum limit 1)
    end
from reach as w
left join policies as p
    on p.polrelid = w.oid and p.rolname = w.rolname and p.command = w.command
union all
select
    'function', n.nspname, f.proname || '(' || pg_get_function_identity_arguments(f.oid) || ')',
    r.rolname, 'execute', '',
    case when has_schema_privilege(r.oid, n.oid, 'usage')
            and has_function_privilege(r.oid, f.oid, 'execute')
        then 'all of it' else 'nothing' end,
    -- The sub-select with its offset keeps the planner from calling an immutable function.
    case when f.prokind = 'f' and f.provariadic = 0 then format(
        'explain select %%I.%%I(%%s) from (select %%s offset 0) as given', n.nspname, f.proname,
        (select string_agg('given.a' || place, ', ' order by place)
            from generate_series(1, f.pronargs) as place),
        coalesce((select string_agg(format('null::%%s as a%%s', type::regtype, place), ', ')
            from unnest(f.proargtypes::oid[]) with ordinality as a (type, place)), '1')) end
from pg_proc as f
join pg_namespace as n on n.oid = f.pronamespace
cross join roles as r
where n.nspname = any (%(exposed)s) and f.prokind in ('f', 'p')
    and f.prorettype not in ('trigger'::regtype, 'event_trigger'::regtype)
    and not exists (select from brought where classid = 'pg_proc'::regclass and objid = f.oid)
