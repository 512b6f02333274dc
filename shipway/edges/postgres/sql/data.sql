-- What may be wrong with the data and the server beneath a good schema. One row for each finding,
-- shaped as those of lints.sql.
with brought as (
    select classid, objid from pg_depend where deptype = 'e'
), schemas as (
    select oid, nspname, quote_ident(nspname) as written from pg_namespace
    where nspname !~ '^pg_' and nspname <> 'information_schema' and nspname <> all (%(platform)s)
), tables as (
    select c.oid, s.nspname || '.' || c.relname as name,
        s.written || '.' || quote_ident(c.relname) as written
    from pg_class as c join schemas as s on s.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'm') and not exists (
        select from brought where classid = 'pg_class'::regclass and objid = c.oid)
), sequences as (
    select c.oid, s.nspname || '.' || c.relname as name,
        s.written || '.' || quote_ident(c.relname) as written,
        case when c.relkind = 'S' then coalesce(pg_sequence_last_value(c.oid), q.seqstart) end as at,
        -- The column that it fills may end before the sequence itself does.
        least(q.seqmax, case a.atttypid when 'int2'::regtype then 32767
            when 'int4'::regtype then 2147483647 else q.seqmax end) as most,
        t.name || '.' || a.attname as column_name, t.written as table_written,
        quote_ident(a.attname) as column_written
    from pg_sequence as q
    join pg_class as c on c.oid = q.seqrelid
    join schemas as s on s.oid = c.relnamespace
    left join pg_depend as d on d.classid = 'pg_class'::regclass and d.objid = c.oid
        and d.refclassid = 'pg_class'::regclass and d.deptype in ('a', 'i')
    left join pg_attribute as a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
    left join tables as t on t.oid = d.refobjid
    where q.seqincrement > 0 and not q.seqcycle and case when c.relkind = 'S' then has_sequence_privilege(c.oid, 'select') end
), widths (type, bits) as (
    values ('int2'::regtype, 16), ('int4'::regtype, 32), ('int8'::regtype, 64)
)
select 'data', 'constraint_not_valid', 'warn', t.name || '.' || k.conname,
    'it was made NOT VALID: rows from before it were never checked',
    format('alter table %%s validate constraint %%I;', t.written, k.conname)
from pg_constraint as k join tables as t on t.oid = k.conrelid
where k.contype in ('c', 'f') and not k.convalidated
union all
select 'data', 'invalid_index', 'error', t.name || '.' || c.relname,
    'the index is invalid: no query uses it, and every write still pays for it',
    format('drop index concurrently %%s; then create it again.', i.indexrelid::regclass)
from pg_index as i
join tables as t on t.oid = i.indrelid
join pg_class as c on c.oid = i.indexrelid
where not (i.indisvalid and i.indisready) and c.relkind = 'i'
    and not exists (select from pg_stat_progress_create_index where index_relid = i.indexrelid)
union all
select 'data', 'sequence_near_its_end', 'error', coalesce(column_name, name),
    format('%%s of %%s numbers are used: %%s%%%% are left', at, most,
        round(100 - 100.0 * at / most, 1)),
    case when column_name is null then format('alter sequence %%s as bigint no maxvalue;', written)
        else format('Make the column a bigint before it is full: alter table %%s alter %%s type '
            'bigint; (it rewrites the table: rehearse it)', table_written, column_written) end
from sequences where at > 0.8 * most
union all
select 'data', 'narrow_foreign_key', 'error', t.name || '.' || k.conname,
    format('%%s is %%s and refers to %%s: it is full before its key is', a.attname,
        format_type(a.atttypid, null), format_type(b.atttypid, null)),
    format('alter table %%s alter %%I type %%s; (it rewrites the table: rehearse it)', t.written,
        a.attname, format_type(b.atttypid, null))
from pg_constraint as k
join tables as t on t.oid = k.conrelid
cross join lateral unnest(k.conkey, k.confkey) as pair (here, there)
join pg_attribute as a on a.attrelid = k.conrelid and a.attnum = pair.here
join pg_attribute as b on b.attrelid = k.confrelid and b.attnum = pair.there
join widths as wa on wa.type = a.atttypid
join widths as wb on wb.type = b.atttypid
where k.contype = 'f' and wa.bits < wb.bits
union all
select 'data', 'replication_slot_idle', 'warn', slot_name,
    format('nobody reads the replication slot, and it keeps %%s of log',
        pg_size_pretty(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn))),
    format('Start its reader, or drop it: select pg_drop_replication_slot(%%L);', slot_name)
from pg_replication_slots
where not active and restart_lsn is not null and not pg_is_in_recovery()
union all
select 'data', 'wraparound_near', case when used > 0.75 then 'error' else 'warn' end, datname,
    format('%%s%%%% of the transaction numbers are used: at 100%%%% the database stops taking '
        'writes', round(100 * used, 0)),
    'Let autovacuum finish: end old transactions and prepared ones, then: vacuum (freeze);'
from (
    select datname,
        greatest(age(datfrozenxid), mxid_age(datminmxid)) / 2147483647.0 as used
    from pg_database where datname = current_database()
) as ages
where used > 0.35
order by 2, 4
