-- Schemas, tables, views, sequences, types and extensions. Sequences of identity columns are told
-- by their columns.
select 'schema', '', nspname, '{}'::text[] from ours
union all
select
    case c.relkind
        when 'v' then 'view' when 'm' then 'materialized view' when 'f' then 'foreign table'
        when 'S' then 'sequence' else 'table'
    end,
    n.nspname, c.relname,
    case c.relkind
        when 'S' then array[
            'type', format_type(s.seqtypid, null), 'start', s.seqstart::text,
            'increment', s.seqincrement::text, 'minimum', s.seqmin::text,
            'maximum', s.seqmax::text, 'cycles', s.seqcycle::text]
        else array[
            'row level security',
                case when c.relkind in ('r', 'p')
                    then case when c.relrowsecurity then 'on' else 'off' end end,
            'row level security for the owner', case when c.relforcerowsecurity then 'on' end,
            'unlogged', case when c.relpersistence = 'u' then 'yes' end,
            'options', array_to_string(c.reloptions, ', '),
            'partitioned by', case when c.relkind = 'p' then pg_get_partkeydef(c.oid) end,
            'partition of', case when c.relispartition then
                (select inhparent::regclass::text from pg_inherits where inhrelid = c.oid limit 1)
                || ' ' || pg_get_expr(c.relpartbound, c.oid) end,
            'definition', case when c.relkind in ('v', 'm') then pg_get_viewdef(c.oid) end]
    end
from pg_class as c
join ours as n on n.oid = c.relnamespace
left join pg_sequence as s on s.seqrelid = c.oid
where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
    and not exists (select from brought where classid = 'pg_class'::regclass and objid = c.oid)
    and not (c.relkind = 'S' and exists (
        select from pg_depend
        where classid = 'pg_class'::regclass and objid = c.oid and deptype = 'i'))
union all
select
    'type', n.nspname, t.typname,
    case t.typtype
        when 'e' then array['values', (
            select string_agg(enumlabel, ', ' order by enumsortorder)
            from pg_enum where enumtypid = t.oid)]
        when 'd' then array[
            'domain over', format_type(t.typbasetype, t.typtypmod),
            'default', t.typdefault, 'nullable', case when t.typnotnull then 'no' end,
            'constraints', (select string_agg(pg_get_constraintdef(oid), ', ' order by conname)
                from pg_constraint where contypid = t.oid and contype = 'c')]
        else array['made of', (
            select string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', '
                order by attnum)
            from pg_attribute where attrelid = t.typrelid and attnum > 0 and not attisdropped)]
    end
from pg_type as t
join ours as n on n.oid = t.typnamespace
left join pg_class as c on c.oid = t.typrelid
where (t.typtype in ('e', 'd') or (t.typtype = 'c' and c.relkind = 'c'))
    and not exists (select from brought where classid = 'pg_type'::regclass and objid = t.oid)
union all
select 'extension', '', e.extname, array['schema', n.nspname]
from pg_extension as e
join pg_namespace as n on n.oid = e.extnamespace
where e.extname <> 'plpgsql'
