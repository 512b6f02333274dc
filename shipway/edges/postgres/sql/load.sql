-- What the database is busy with, and how near it is to its limits; one row.
-- pg_stat_activity hides other roles' transactions from a role without pg_read_all_stats.
with others as (
  select pid, coalesce(usename, '') as role, coalesce(application_name, '') as application,
         xact_start, backend_type, coalesce(query, '') as query,
         query = '<insufficient privilege>' as hidden
    from pg_catalog.pg_stat_activity
   where datname = current_database() and pid <> pg_catalog.pg_backend_pid()
), busy as (
  select pid, role, application, 'a transaction' as doing,
         extract(epoch from clock_timestamp() - xact_start)::float8 as age_s
    from others
   where backend_type = 'client backend' and xact_start is not null
     and pid not in (select pid from pg_catalog.pg_stat_progress_vacuum)
  union all
  -- An ordinary autovacuum gives way to a lock request; these two kinds do not.
  select v.pid, o.role, o.application, 'VACUUM of ' || coalesce(v.relid::regclass::text, '?'),
         extract(epoch from clock_timestamp() - o.xact_start)::float8
    from pg_catalog.pg_stat_progress_vacuum as v
    join others as o using (pid)
   where o.backend_type = 'client backend' or o.query like '%to prevent wraparound%'
  union all
  select 0, owner::text, gid, 'a prepared transaction',
         extract(epoch from clock_timestamp() - prepared)::float8
    from pg_catalog.pg_prepared_xacts where database = current_database()
)
select coalesce((select json_agg(b order by age_s desc) from busy as b), '[]'),
       (select count(*) from others where hidden and backend_type is distinct from
               'autovacuum worker')::int,
       pg_catalog.age(d.datfrozenxid), pg_catalog.mxid_age(d.datminmxid),
       current_setting('vacuum_failsafe_age')::bigint,
       current_setting('vacuum_multixact_failsafe_age')::bigint,
       case least_limit.which
         when 'role' then (select count(*) from pg_catalog.pg_stat_activity
                            where usename = session_user and backend_type = 'client backend')
         when 'database' then (select count(*) from pg_catalog.pg_stat_activity
                                where datname = current_database()
                                  and backend_type = 'client backend')
         else (select count(*) from pg_catalog.pg_stat_activity
                where backend_type is null or backend_type = 'client backend')
       end::int,
       least_limit.allowed::int,
       pg_catalog.pg_database_size(d.oid)
  from pg_catalog.pg_database as d,
       lateral (
         select which, allowed from (values
           ('server', current_setting('max_connections')::int
                      - current_setting('superuser_reserved_connections')::int
                      - coalesce(current_setting('reserved_connections', true)::int, 0)),
           ('database', d.datconnlimit),
           ('role', (select rolconnlimit from pg_catalog.pg_roles where rolname = session_user))
         ) as limits (which, allowed)
         where allowed >= 0 order by allowed limit 1
       ) as least_limit
 where d.datname = current_database()
