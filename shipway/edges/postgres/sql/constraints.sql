-- Constraints and indexes. The NOT NULL constraints that Postgres 18 lists (contype n) are told by
-- their columns; an index that a constraint made is told by the constraint.
select
    'constraint', n.nspname || '.' || c.relname, k.conname,
    array['definition', pg_get_constraintdef(k.oid)]
from pg_constraint as k
join pg_class as c on c.oid = k.conrelid
join ours as n on n.oid = c.relnamespace
where k.contype in ('c', 'f', 'p', 'u', 'x')
    and not exists (select from brought where classid = 'pg_class'::regclass and objid = c.oid)
union all
select
    'index', n.nspname || '.' || c.relname, ic.relname,
    array['definition', pg_get_indexdef(i.indexrelid),
        'valid', case when not (i.indisvalid and i.indisready) then 'no' end]
from pg_index as i
join pg_class as c on c.oid = i.indrelid
join pg_class as ic on ic.oid = i.indexrelid
join ours as n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'm')
    and not exists (select from brought where classid = 'pg_class'::regclass and objid = c.oid)
    and not exists (
        select from pg_constraint
        where conindid = i.indexrelid and conrelid = i.indrelid and contype in ('p', 'u', 'x'))
