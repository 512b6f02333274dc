--! default_version = '1.6.4'
--! versions = '1.0 1.1 1.2 1.3 1.4 1.4-1 1.5 1.6 1.6.2'
-- Jobs are kept and never run: there is no worker behind these tables.

create schema cron;
create sequence cron.jobid_seq;
create sequence cron.runid_seq;

create table cron.job (
    jobid bigint primary key default nextval('cron.jobid_seq'),
    schedule text not null,
    command text not null,
    nodename text not null default 'localhost',
    nodeport int not null default inet_server_port(),
    database text not null default current_database(),
    username text not null default current_user,
    active boolean not null default true,
    jobname text,
    constraint jobname_username_uniq unique (jobname, username)
);
create table cron.job_run_details (
    jobid bigint,
    runid bigint primary key default nextval('cron.runid_seq'),
    job_pid integer,
    database text,
    username text,
    command text,
    status text,
    return_message text,
    start_time timestamptz,
    end_time timestamptz
);
alter table cron.job enable row level security;
alter table cron.job_run_details enable row level security;
create policy cron_job_policy on cron.job using (username = current_user);
create policy cron_job_run_details_policy on cron.job_run_details using (username = current_user);
grant select on cron.job to public;
grant select, delete on cron.job_run_details to public;
grant select on sequence cron.jobid_seq, cron.runid_seq to public;

select pg_extension_config_dump('cron.job', '');
select pg_extension_config_dump('cron.jobid_seq', '');
select pg_extension_config_dump('cron.job_run_details', '');
select pg_extension_config_dump('cron.runid_seq', '');

create function cron.job_cache_invalidate() returns trigger
    language plpgsql as 'begin return null; end';
create trigger cron_job_cache_invalidate
    after insert or update or delete or truncate on cron.job
    for statement execute function cron.job_cache_invalidate();

-- One field: `*`, numbers, names and ranges of them, each with a step, with commas between.
create function cron.fits(field text, lowest int, highest int, names text) returns boolean
    language plpgsql immutable strict
    as $$
declare
    part text;
    bounds text[];
    number int[];
begin
    foreach part in array string_to_array(lower(field), ',') loop
        bounds := regexp_match(part, '^(\*|[0-9]+|[a-z]{3})(?:-([0-9]+|[a-z]{3}))?(?:/([0-9]+))?$');
        if bounds is null or bounds[3]::int = 0
            or (bounds[1] = '*' and bounds[2] is not null)
            -- Only what is a range has a step.
            or (bounds[1] <> '*' and bounds[2] is null and bounds[3] is not null) then
            return false;
        end if;
        for i in 1 .. 2 loop
            number[i] := case
                when bounds[i] ~ '^[0-9]{1,4}$' then bounds[i]::int
                when bounds[i] ~ '^[a-z]' then
                    nullif((position(bounds[i] in names) + 3) / 4, 0) + lowest - 1 end;
            if bounds[i] <> '*' and (number[i] is null or number[i] not between lowest and highest) then
                return false;
            end if;
        end loop;
    end loop;
    return field <> '' and field !~ ',$|^,|,,';
end
$$;

create function cron.checked(schedule text) returns text
    language plpgsql immutable strict
    as $$
declare
    field constant text[] := regexp_split_to_array(ltrim(schedule, E' \t'), '[ \t]+');
begin
    if schedule ~ '^[ \t]*@(yearly|annually|monthly|weekly|daily|midnight|hourly|reboot)([ \t]|$)'
        or schedule ~* '^[ \t]*([1-9]|[1-5][0-9])[ \t]+seconds?[ \t]*$'
        or (cardinality(field) >= 5
            and cron.fits(field[1], 0, 59, '')
            and cron.fits(field[2], 0, 23, '')
            and (field[3] = '$' or cron.fits(field[3], 1, 31, ''))
            and cron.fits(field[4], 1, 12, 'jan feb mar apr may jun jul aug sep oct nov dec')
            and cron.fits(field[5], 0, 7, 'sun mon tue wed thu fri sat'))
    then
        return schedule;
    end if;
    raise exception 'invalid schedule: %', schedule
        using errcode = 'invalid_parameter_value',
            hint = 'Use cron format (e.g. 5 4 * * *), or interval format ''[1-59] seconds''';
end
$$;

-- Who calls writes here with the rights of the extension; `who` is told by those who are called.
create function cron.keep(
    job_name text, new_schedule text, new_command text, new_database text, new_username text,
    new_active boolean, who text) returns bigint
    language plpgsql security definer set search_path = pg_catalog
    as $$
declare
    id bigint;
    may_all constant boolean := (select rolsuper from pg_roles where rolname = who);
begin
    if new_schedule is null or new_command is null then
        raise exception '% can not be NULL',
            case when new_schedule is null then 'schedule' else 'command' end
            using errcode = 'internal_error';
    end if;
    if new_username is not null and not may_all and new_username <> who then
        raise exception 'must be superuser to create a job for another role';
    end if;
    insert into cron.job (schedule, command, database, username, active, jobname)
    values (cron.checked(new_schedule), new_command, coalesce(new_database, current_database()),
        coalesce(new_username, who), coalesce(new_active, true), job_name)
    on conflict on constraint jobname_username_uniq do update set
        schedule = excluded.schedule, command = excluded.command, database = excluded.database,
        active = excluded.active
    returning jobid into id;
    return id;
end
$$;
create function cron.schedule(schedule text, command text) returns bigint
    language sql strict
    as 'select cron.keep(null, schedule, command, null, null, true, current_user)';
create function cron.schedule(job_name text, schedule text, command text) returns bigint
    language plpgsql
    as $$
begin
    if job_name is null then
        raise exception 'job_name can not be NULL' using errcode = 'internal_error';
    end if;
    return cron.keep(job_name, schedule, command, null, null, true, current_user);
end
$$;
create function cron.schedule_in_database(
    job_name text, schedule text, command text, database text, username text default null,
    active boolean default true) returns bigint
    language sql
    as 'select cron.keep(job_name, schedule, command, database, username, active, current_user)';

create function cron.forget(id bigint, job_name text, who text) returns boolean
    language plpgsql security definer set search_path = pg_catalog
    as $$
begin
    delete from cron.job
    where case when id is null then jobname = job_name and username = who
        else jobid = id and (username = who or (select rolsuper from pg_roles where rolname = who))
        end;
    if not found then
        raise exception 'could not find valid entry for job %', coalesce(id::text, quote_literal(job_name))
            using errcode = 'internal_error';
    end if;
    return true;
end
$$;
create function cron.unschedule(job_id bigint) returns boolean
    language sql strict as 'select cron.forget(job_id, null, current_user)';
create function cron.unschedule(job_name text) returns boolean
    language sql strict as 'select cron.forget(null, job_name, current_user)';

create function cron.alter(
    id bigint, new_schedule text, new_command text, new_database text, new_username text,
    new_active boolean, who text) returns void
    language plpgsql security definer set search_path = pg_catalog
    as $$
declare
    may_all constant boolean := (select rolsuper from pg_roles where rolname = who);
begin
    if new_username is not null and not may_all and new_username <> who then
        raise exception 'must be superuser to alter a job for another role';
    end if;
    update cron.job set
        schedule = coalesce(cron.checked(new_schedule), schedule),
        command = coalesce(new_command, command),
        database = coalesce(new_database, database),
        username = coalesce(new_username, username),
        active = coalesce(new_active, active)
    where jobid = id and (username = who or may_all);
    if not found then
        raise exception 'Job % does not exist or you don''t own it', id
            using errcode = 'internal_error';
    end if;
end
$$;
create function cron.alter_job(
    job_id bigint, schedule text default null, command text default null,
    database text default null, username text default null, active boolean default null)
    returns void
    language sql
    as 'select cron.alter(job_id, schedule, command, database, username, active, current_user)';
revoke all on function cron.alter_job(bigint, text, text, text, text, boolean),
    cron.schedule_in_database(text, text, text, text, text, boolean) from public;

do $$
declare
    -- Who restores is a superuser of another name; postgres may be one for this very statement.
    restores constant boolean := '@extowner@' <> 'postgres' and (
        select rolsuper from pg_roles where quote_ident(rolname) = '@extowner@');
    grantee text;
begin
    for grantee in
        select quote_ident(rolname) from pg_roles where rolname = 'postgres' union select '@extowner@'
    loop
        execute format('grant usage on schema cron to %s with grant option', grantee);
        execute format('grant all on all functions in schema cron to %s with grant option', grantee);
        execute format('grant all on all sequences in schema cron to %s with grant option', grantee);
        execute format('grant all on cron.job_run_details to %s with grant option', grantee);
        execute format('grant select on cron.job to %s with grant option', grantee);
    end loop;
    -- On the platform it stands in pg_catalog wherever it was asked to be.
    if not restores then
        update pg_extension set extnamespace = 'pg_catalog'::regnamespace where extname = 'pg_cron';
        delete from pg_depend
        where classid = 'pg_extension'::regclass and refclassid = 'pg_namespace'::regclass
            and deptype = 'n' and objid = (select oid from pg_extension where extname = 'pg_cron');
    end if;
end
$$;
