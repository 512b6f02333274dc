--! default_version = '1.11'
--! versions = '1.4 1.5 1.6 1.7 1.8 1.9 1.10 1.12'
--! relocatable = true
-- No statement is counted: the view is empty.

create function pg_stat_statements_reset(
    userid oid default 0, dbid oid default 0, queryid bigint default 0,
    minmax_only boolean default false) returns timestamptz
    language sql volatile return now();
create function pg_stat_statements_info(out dealloc bigint, out stats_reset timestamptz)
    returns record
    language sql volatile begin atomic select 0::bigint, pg_postmaster_start_time(); end;
create function pg_stat_statements(
    showtext boolean, out userid oid, out dbid oid, out toplevel bool, out queryid bigint,
    out query text, out plans int8, out total_plan_time float8, out min_plan_time float8,
    out max_plan_time float8, out mean_plan_time float8, out stddev_plan_time float8,
    out calls int8, out total_exec_time float8, out min_exec_time float8,
    out max_exec_time float8, out mean_exec_time float8, out stddev_exec_time float8,
    out rows int8, out shared_blks_hit int8, out shared_blks_read int8,
    out shared_blks_dirtied int8, out shared_blks_written int8, out local_blks_hit int8,
    out local_blks_read int8, out local_blks_dirtied int8, out local_blks_written int8,
    out temp_blks_read int8, out temp_blks_written int8, out shared_blk_read_time float8,
    out shared_blk_write_time float8, out local_blk_read_time float8,
    out local_blk_write_time float8, out temp_blk_read_time float8,
    out temp_blk_write_time float8, out wal_records int8, out wal_fpi int8,
    out wal_bytes numeric, out stats_since timestamptz, out minmax_stats_since timestamptz)
    returns setof record
    language plpgsql as 'begin end';
create view pg_stat_statements as select * from pg_stat_statements(true);
create view pg_stat_statements_info as select * from pg_stat_statements_info();
grant select on pg_stat_statements, pg_stat_statements_info to public;
