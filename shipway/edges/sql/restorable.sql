-- What a project has in its schemas: the statements that drop it, in an order that needs no thought.
-- %(schemas)s are the project's. Members of extensions stay: they come with their extension.
with ours as (
    select oid, nspname, quote_ident(nspname) as name from pg_namespace where nspname = any (%(schemas)s)
),
-- A schema that holds an extension, and public, are emptied; others go as a whole.
emptied as (
    select * from ours where nspname = 'public'
        or oid in (select extnamespace from pg_extension)
),
of_extension as (
    select classid, objid from pg_depend where deptype = 'e'
)
select 'drop schema ' || name || ' cascade' from ours where oid not in (select oid from emptied)
union all
select 'drop ' || case c.relkind when 'v' then 'view' when 'm' then 'materialized view'
        when 'f' then 'foreign table' when 'S' then 'sequence' when 'c' then 'type' else 'table' end
    || ' if exists ' || s.name || '.' || quote_ident(c.relname) || ' cascade'
from pg_class c join emptied s on s.oid = c.relnamespace
where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S', 'c')
    and ('pg_class'::regclass, c.oid) not in (select classid, objid from of_extension)
union all
select 'drop routine if exists ' || s.name || '.' || quote_ident(p.proname)
    || '(' || pg_get_function_identity_arguments(p.oid) || ') cascade'
from pg_proc p join emptied s on s.oid = p.pronamespace
where ('pg_proc'::regclass, p.oid) not in (select classid, objid from of_extension)
union all
select 'drop type if exists ' || s.name || '.' || quote_ident(t.typname) || ' cascade'
from pg_type t join emptied s on s.oid = t.typnamespace
where t.typtype in ('e', 'd', 'r')
    and ('pg_type'::regclass, t.oid) not in (select classid, objid from of_extension)
