-- Columns of tables and views.
select
    'column', n.nspname || '.' || c.relname, a.attname,
    array[
        'type', format_type(a.atttypid, a.atttypmod),
        'nullable', case when a.attnotnull then 'no' else 'yes' end,
        'default', case when a.attgenerated = '' then pg_get_expr(d.adbin, d.adrelid) end,
        'generated', case when a.attgenerated <> '' then pg_get_expr(d.adbin, d.adrelid) end,
        'identity', case a.attidentity when 'a' then 'always' when 'd' then 'by default' end,
        'collation', case when a.attcollation <> t.typcollation then
            (select collname from pg_collation where oid = a.attcollation) end]
from pg_attribute as a
join pg_class as c on c.oid = a.attrelid
join ours as n on n.oid = c.relnamespace
join pg_type as t on t.oid = a.atttypid
left join pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum
where c.relkind in ('r', 'p', 'v', 'm', 'f') and a.attnum > 0 and not a.attisdropped
    and not exists (select from brought where classid = 'pg_class'::regclass and objid = c.oid)
