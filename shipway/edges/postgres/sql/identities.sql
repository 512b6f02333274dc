-- What each part of a schema is by its number, which a new name does not change. Kinds, parents and
-- names are those of a snapshot; a publication's members, which a snapshot does not have, are told
-- as parts of their tables.
, relations as (
    select c.oid, c.relkind, n.nspname, c.relname from pg_class as c
    join ours as n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
        and not exists (select from brought where classid = 'pg_class'::regclass and objid = c.oid)
)
select
    case relkind
        when 'v' then 'view' when 'm' then 'materialized view' when 'f' then 'foreign table'
        when 'S' then 'sequence' else 'table'
    end,
    nspname, relname, oid::text
from relations
union all
select 'schema', '', nspname, oid::text from ours
union all
select 'column', t.nspname || '.' || t.relname, a.attname, t.oid || '.' || a.attnum
from pg_attribute as a join relations as t on t.oid = a.attrelid
where t.relkind <> 'S' and a.attnum > 0 and not a.attisdropped
union all
select 'constraint', t.nspname || '.' || t.relname, k.conname, k.oid::text
from pg_constraint as k join relations as t on t.oid = k.conrelid
union all
select 'index', t.nspname || '.' || t.relname, c.relname, c.oid::text
from pg_index as i
join relations as t on t.oid = i.indrelid
join pg_class as c on c.oid = i.indexrelid
union all
select 'policy', t.nspname || '.' || t.relname, p.polname, p.oid::text
from pg_policy as p join relations as t on t.oid = p.polrelid
union all
select 'trigger', n.nspname || '.' || c.relname, g.tgname, g.oid::text
from pg_trigger as g
join pg_class as c on c.oid = g.tgrelid
join pg_namespace as n on n.oid = c.relnamespace
where not g.tgisinternal
union all
select case p.prokind when 'p' then 'procedure' when 'a' then 'aggregate' else 'function' end,
    n.nspname, p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')', p.oid::text
from pg_proc as p join ours as n on n.oid = p.pronamespace
where not exists (select from brought where classid = 'pg_proc'::regclass and objid = p.oid)
union all
select 'type', n.nspname, y.typname, y.oid::text
from pg_type as y join ours as n on n.oid = y.typnamespace
where y.typtype in ('c', 'd', 'e')
union all
select 'member of a publication', t.nspname || '.' || t.relname, m.pubname, m.pubname || '.' || t.oid
from pg_publication_tables as m
join relations as t on (t.nspname, t.relname) = (m.schemaname, m.tablename)
