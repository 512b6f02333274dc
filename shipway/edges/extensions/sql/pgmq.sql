--! default_version = '1.5.1'
--! versions = '1.3.3 1.4.2 1.4.4 1.5.0'
--! schema = 'pgmq'
-- Queues as tables. They are no members of the extension: so the platform leaves them, for its
-- backups to hold them.

create table pgmq.meta (
    queue_name varchar unique not null,
    is_partitioned boolean not null,
    is_unlogged boolean not null,
    created_at timestamptz not null default now()
);
select pg_extension_config_dump('pgmq.meta', '');
create type pgmq.message_record as (
    msg_id bigint, read_ct integer, enqueued_at timestamptz, vt timestamptz, message jsonb,
    headers jsonb);
create type pgmq.queue_record as (
    queue_name varchar, is_partitioned boolean, is_unlogged boolean, created_at timestamptz);
create type pgmq.metrics_result as (
    queue_name text, queue_length bigint, newest_msg_age_sec int, oldest_msg_age_sec int,
    total_messages bigint, scrape_time timestamptz, queue_visible_length bigint);

create function pgmq.acquire_queue_lock(queue_name text) returns void
    language sql as 'select pg_advisory_xact_lock(hashtext(''pgmq.queue_'' || queue_name))';
create function pgmq.format_table_name(queue_name text, prefix text) returns text
    language plpgsql
    as $$
begin
    if queue_name ~ '\$|;|--|''' then
        raise exception 'queue name contains invalid characters: $, ;, --, or \''';
    end if;
    return lower(prefix || '_' || queue_name);
end
$$;
create function pgmq.validate_queue_name(queue_name text) returns void
    language plpgsql
    as $$
begin
    if length(queue_name) > 47 then
        raise exception 'queue name is too long, maximum length is 47 characters';
    end if;
end
$$;

-- Queues --------------------------------------------------------------------------------------

create function pgmq.make_queue(queue_name text, unlogged boolean) returns void
    language plpgsql
    as $$
declare
    queue constant text := pgmq.format_table_name(queue_name, 'q');
    archive constant text := pgmq.format_table_name(queue_name, 'a');
begin
    perform pgmq.validate_queue_name(queue_name);
    perform pgmq.acquire_queue_lock(queue_name);
    execute format(
        'create %s table if not exists pgmq.%I ('
        'msg_id bigint primary key generated always as identity, '
        'read_ct int not null default 0, enqueued_at timestamptz not null default now(), '
        'vt timestamptz not null, message jsonb, headers jsonb)',
        case when unlogged then 'unlogged' end, queue);
    execute format(
        'create table if not exists pgmq.%I (msg_id bigint primary key, '
        'read_ct int not null default 0, enqueued_at timestamptz not null default now(), '
        'archived_at timestamptz not null default now(), '
        'vt timestamptz not null, message jsonb, headers jsonb)', archive);
    execute format('create index if not exists %I on pgmq.%I (vt)', queue || '_vt_idx', queue);
    execute format(
        'create index if not exists %I on pgmq.%I (archived_at)',
        'archived_at_idx_' || queue_name, archive);
    insert into pgmq.meta (queue_name, is_partitioned, is_unlogged)
    values (make_queue.queue_name, false, unlogged) on conflict do nothing;
end
$$;
create function pgmq.create_non_partitioned(queue_name text) returns void
    language sql as 'select pgmq.make_queue(queue_name, false)';
create function pgmq.create_unlogged(queue_name text) returns void
    language sql as 'select pgmq.make_queue(queue_name, true)';
create function pgmq.create(queue_name text) returns void
    language sql as 'select pgmq.make_queue(queue_name, false)';
create function pgmq.create_partitioned(
    queue_name text, partition_interval text default '10000',
    retention_interval text default '100000') returns void
    language plpgsql
    as $$
begin
    raise exception 'pg_partman is required for partitioned queues';
end
$$;
create function pgmq.drop_queue(queue_name text) returns boolean
    language plpgsql
    as $$
begin
    perform pgmq.acquire_queue_lock(queue_name);
    execute format('drop table if exists pgmq.%I', pgmq.format_table_name(queue_name, 'q'));
    execute format('drop table if exists pgmq.%I', pgmq.format_table_name(queue_name, 'a'));
    delete from pgmq.meta where meta.queue_name = drop_queue.queue_name;
    return true;
end
$$;
create function pgmq.drop_queue(queue_name text, partitioned boolean) returns boolean
    language sql as 'select pgmq.drop_queue(queue_name)';
create function pgmq.detach_archive(queue_name text) returns void language sql as '';
create function pgmq.list_queues() returns setof pgmq.queue_record
    language sql
    as 'select queue_name, is_partitioned, is_unlogged, created_at from pgmq.meta';
create function pgmq.purge_queue(queue_name text) returns bigint
    language plpgsql
    as $$
declare
    queue constant text := pgmq.format_table_name(queue_name, 'q');
    purged bigint;
begin
    execute format('select count(*) from pgmq.%I', queue) into purged;
    execute format('truncate table pgmq.%I', queue);
    return purged;
end
$$;
create function pgmq.metrics(queue_name text) returns pgmq.metrics_result
    language plpgsql
    as $$
declare
    queue constant text := pgmq.format_table_name(queue_name, 'q');
    found pgmq.metrics_result;
begin
    execute format(
        'select %L, count(*), extract(epoch from now() - max(enqueued_at))::int, '
        'extract(epoch from now() - min(enqueued_at))::int, '
        '(select case when is_called then last_value else 0 end from pgmq.%I), now(), '
        'count(*) filter (where vt <= now()) from pgmq.%I',
        queue_name, queue || '_msg_id_seq', queue) into found;
    return found;
end
$$;
create function pgmq.metrics_all() returns setof pgmq.metrics_result
    language sql as 'select (pgmq.metrics(queue_name)).* from pgmq.meta';

-- Messages ------------------------------------------------------------------------------------

create function pgmq.send_batch(
    queue_name text, msgs jsonb[], headers jsonb[], delay timestamptz) returns setof bigint
    language plpgsql
    as $$
begin
    return query execute format(
        'insert into pgmq.%I (vt, message, headers) '
        'select $2, unnest($1), unnest(coalesce($3, array[]::jsonb[])) returning msg_id',
        pgmq.format_table_name(queue_name, 'q'))
        using msgs, delay, headers;
end
$$;
create function pgmq.send_batch(queue_name text, msgs jsonb[]) returns setof bigint
    language sql
    as 'select * from pgmq.send_batch(queue_name, msgs, null, clock_timestamp())';
create function pgmq.send_batch(queue_name text, msgs jsonb[], headers jsonb[]) returns setof bigint
    language sql
    as 'select * from pgmq.send_batch(queue_name, msgs, headers, clock_timestamp())';
create function pgmq.send_batch(queue_name text, msgs jsonb[], delay integer) returns setof bigint
    language sql
    as $$select * from pgmq.send_batch(
        queue_name, msgs, null, clock_timestamp() + make_interval(secs => delay))$$;
create function pgmq.send_batch(queue_name text, msgs jsonb[], delay timestamptz)
    returns setof bigint
    language sql as 'select * from pgmq.send_batch(queue_name, msgs, null, delay)';
create function pgmq.send_batch(queue_name text, msgs jsonb[], headers jsonb[], delay integer)
    returns setof bigint
    language sql
    as $$select * from pgmq.send_batch(
        queue_name, msgs, headers, clock_timestamp() + make_interval(secs => delay))$$;

create function pgmq.send(queue_name text, msg jsonb, headers jsonb, delay timestamptz)
    returns setof bigint
    language sql
    as 'select * from pgmq.send_batch(queue_name, array[msg], array[headers], delay)';
create function pgmq.send(queue_name text, msg jsonb) returns setof bigint
    language sql as 'select * from pgmq.send(queue_name, msg, null, clock_timestamp())';
create function pgmq.send(queue_name text, msg jsonb, headers jsonb) returns setof bigint
    language sql as 'select * from pgmq.send(queue_name, msg, headers, clock_timestamp())';
create function pgmq.send(queue_name text, msg jsonb, delay integer) returns setof bigint
    language sql
    as $$select * from pgmq.send(
        queue_name, msg, null, clock_timestamp() + make_interval(secs => delay))$$;
create function pgmq.send(queue_name text, msg jsonb, delay timestamptz) returns setof bigint
    language sql as 'select * from pgmq.send(queue_name, msg, null, delay)';
create function pgmq.send(queue_name text, msg jsonb, headers jsonb, delay integer)
    returns setof bigint
    language sql
    as $$select * from pgmq.send(
        queue_name, msg, headers, clock_timestamp() + make_interval(secs => delay))$$;

create function pgmq.read(
    queue_name text, vt integer, qty integer, conditional jsonb default '{}')
    returns setof pgmq.message_record
    language plpgsql
    as $$
begin
    return query execute format(
        'with taken as (select msg_id from pgmq.%1$I '
        'where vt <= clock_timestamp() and ($3 = ''{}'' or message @> $3) '
        'order by msg_id limit $1 for update skip locked) '
        'update pgmq.%1$I as m set vt = clock_timestamp() + $2, read_ct = read_ct + 1 '
        'from taken where m.msg_id = taken.msg_id '
        'returning m.msg_id, m.read_ct, m.enqueued_at, m.vt, m.message, m.headers',
        pgmq.format_table_name(queue_name, 'q'))
        using qty, make_interval(secs => vt), conditional;
end
$$;
create function pgmq.read_with_poll(
    queue_name text, vt integer, qty integer, max_poll_seconds integer default 5,
    poll_interval_ms integer default 100, conditional jsonb default '{}')
    returns setof pgmq.message_record
    language plpgsql
    as $$
declare
    ends constant timestamptz := clock_timestamp() + make_interval(secs => max_poll_seconds);
begin
    while clock_timestamp() < ends loop
        return query select * from pgmq.read(queue_name, vt, qty, conditional);
        if found then
            return;
        end if;
        perform pg_sleep(poll_interval_ms / 1000.0);
    end loop;
end
$$;
create function pgmq.pop(queue_name text) returns setof pgmq.message_record
    language plpgsql
    as $$
begin
    return query execute format(
        'delete from pgmq.%1$I where msg_id = (select msg_id from pgmq.%1$I '
        'where vt <= clock_timestamp() order by msg_id limit 1 for update skip locked) '
        'returning msg_id, read_ct, enqueued_at, vt, message, headers',
        pgmq.format_table_name(queue_name, 'q'));
end
$$;
create function pgmq.set_vt(queue_name text, msg_id bigint, vt integer)
    returns setof pgmq.message_record
    language plpgsql
    as $$
begin
    return query execute format(
        'update pgmq.%I set vt = clock_timestamp() + $2 where msg_id = $1 '
        'returning msg_id, read_ct, enqueued_at, vt, message, headers',
        pgmq.format_table_name(queue_name, 'q'))
        using msg_id, make_interval(secs => vt);
end
$$;
create function pgmq.delete(queue_name text, msg_ids bigint[]) returns setof bigint
    language plpgsql
    as $$
begin
    return query execute format(
        'delete from pgmq.%I where msg_id = any ($1) returning msg_id',
        pgmq.format_table_name(queue_name, 'q'))
        using msg_ids;
end
$$;
create function pgmq.delete(queue_name text, msg_id bigint) returns boolean
    language sql
    as 'select exists (select from pgmq.delete(queue_name, array[msg_id]))';
create function pgmq.archive(queue_name text, msg_ids bigint[]) returns setof bigint
    language plpgsql
    as $$
begin
    return query execute format(
        'with gone as (delete from pgmq.%I where msg_id = any ($1) returning *) '
        'insert into pgmq.%I (msg_id, vt, read_ct, enqueued_at, message, headers) '
        'select msg_id, vt, read_ct, enqueued_at, message, headers from gone returning msg_id',
        pgmq.format_table_name(queue_name, 'q'), pgmq.format_table_name(queue_name, 'a'))
        using msg_ids;
end
$$;
create function pgmq.archive(queue_name text, msg_id bigint) returns boolean
    language sql
    as 'select exists (select from pgmq.archive(queue_name, array[msg_id]))';

-- Everything belongs to who created it, and on the platform to postgres whoever restores it.
do $$
declare
    owner constant text := coalesce(
        (select 'postgres' from pg_roles where rolname = 'postgres'), '@extowner@');
    command text;
begin
    for command in
        select format('alter function %s owner to %s', oid::regprocedure, owner)
        from pg_proc where pronamespace = 'pgmq'::regnamespace
        union all
        select format('alter type pgmq.%I owner to %s', relname, owner)
        from pg_class where relnamespace = 'pgmq'::regnamespace and relkind = 'c'
        union all values
            (format('alter table pgmq.meta owner to %s', owner)),
            (format('grant all on schema pgmq to %s', owner))
    loop
        execute command;
    end loop;
end
$$;
grant usage on schema pgmq to pg_monitor;
grant select on pgmq.meta to pg_monitor;
