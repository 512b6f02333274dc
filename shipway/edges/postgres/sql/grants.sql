-- Grants, but those to the owner. MAINTAIN came with Postgres 17; it lets no one see a row, and
-- `grant all` means a different set before it.
, given as (
    select 'schema ' || nspname as on_what, nspowner as owner, nspacl as acl
    from pg_namespace where oid in (select oid from ours)
    union all
    select case c.relkind when 'S' then 'sequence ' else 'table ' end
        || n.nspname || '.' || c.relname, c.relowner, c.relacl
    from pg_class as c join ours as n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
        and not exists (select from brought where classid = 'pg_class'::regclass and objid = c.oid)
    union all
    select 'column ' || n.nspname || '.' || c.relname || '.' || a.attname, c.relowner, a.attacl
    from pg_attribute as a
    join pg_class as c on c.oid = a.attrelid
    join ours as n on n.oid = c.relnamespace
    where a.attacl is not null and a.attnum > 0 and not a.attisdropped
        and not exists (select from brought where classid = 'pg_class'::regclass and objid = c.oid)
    union all
    select 'function ' || n.nspname || '.' || p.proname
        || '(' || pg_get_function_identity_arguments(p.oid) || ')', p.proowner,
        coalesce(p.proacl, acldefault('f', p.proowner))
    from pg_proc as p join ours as n on n.oid = p.pronamespace
    where not exists (select from brought where classid = 'pg_proc'::regclass and objid = p.oid)
    union all
    select 'type ' || n.nspname || '.' || t.typname, t.typowner, t.typacl
    from pg_type as t join ours as n on n.oid = t.typnamespace
    where t.typacl is not null
        and not exists (select from brought where classid = 'pg_type'::regclass and objid = t.oid)
)
select
    'grant', g.on_what, coalesce(r.rolname, 'public'),
    array['privileges', string_agg(
        lower(a.privilege_type) || case when a.is_grantable then ' with grant option' else '' end,
        ', ' order by a.privilege_type)]
from given as g
cross join lateral aclexplode(g.acl) as a
left join pg_roles as r on r.oid = a.grantee
where a.grantee <> g.owner and a.privilege_type <> 'MAINTAIN'
group by g.on_what, r.rolname
