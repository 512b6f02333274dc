--! default_version = '5.2.4'
--! versions = '4.7.3 5.0.1 5.1.0 5.3.1'
-- A parent is noted and gets its default partition; nothing makes further ones by the clock.

create table @extschema@.part_config (
    parent_table text primary key,
    control text not null,
    partition_interval text not null,
    partition_type text not null default 'range',
    premake integer not null default 4,
    automatic_maintenance text not null default 'on',
    template_table text,
    retention text,
    retention_schema text,
    retention_keep_table boolean not null default true,
    retention_keep_index boolean not null default true,
    infinite_time_partitions boolean not null default false,
    datetime_string text,
    epoch text not null default 'none',
    jobmon boolean not null default true,
    inherit_privileges boolean default false,
    constraint_cols text[],
    ignore_default_data boolean not null default true
);
select pg_extension_config_dump('@extschema@.part_config', '');

create function @extschema@.create_parent(
    p_parent_table text, p_control text, p_interval text, p_type text default 'range',
    p_epoch text default 'none', p_premake int default 4, p_start_partition text default null,
    p_default_table boolean default true, p_automatic_maintenance text default 'on',
    p_constraint_cols text[] default null, p_template_table text default null,
    p_jobmon boolean default true, p_date_trunc_interval text default null) returns boolean
    language plpgsql
    as $$
declare
    parent constant regclass := p_parent_table::regclass;
begin
    if not exists (select from pg_partitioned_table where partrelid = parent) then
        raise exception 'Unable to find given parent table in system catalogs, or it is not '
            'partitioned: %', p_parent_table;
    end if;
    insert into @extschema@.part_config (
        parent_table, control, partition_interval, partition_type, premake, epoch,
        automatic_maintenance, template_table, constraint_cols, jobmon)
    values (
        p_parent_table, p_control, p_interval, p_type, p_premake, p_epoch,
        p_automatic_maintenance, p_template_table, p_constraint_cols, p_jobmon);
    if p_default_table then
        execute format(
            'create table if not exists %s partition of %s default',
            regexp_replace(p_parent_table, '("?)$', '_default\1'), parent);
    end if;
    return true;
end
$$;
create function @extschema@.run_maintenance(
    p_parent_table text default null, p_analyze boolean default false,
    p_jobmon boolean default true) returns void language sql as '';
create procedure @extschema@.run_maintenance_proc(
    p_wait int default 0, p_analyze boolean default null, p_jobmon boolean default true)
    language plpgsql as 'begin end';
create function @extschema@.undo_partition(p_parent_table text) returns void
    language sql
    as 'delete from @extschema@.part_config where parent_table = p_parent_table';

grant all on @extschema@.part_config to @extowner@;
